"""TRIALS C1 and C2: hop-by-hop fields end here, and nobody but the gateway writes identity fields."""

import itertools
from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import get
from tests.support.definition import pass_through
from tests.support.message import Request
from tests.support.process import Gateway
from tests.support.upstream import Upstream

FORGED = "forged-by-client"


@pytest.fixture(scope="module")
def forwarding() -> Iterator[Served]:
    """A gateway that writes X-Forwarded-*."""
    with (
        Upstream() as stub,
        Gateway({"api.json": pass_through(stub.url)}, env={"FASTGW_X_FORWARDED": "true"}) as gateway,
    ):
        yield Served(gateway, stub)
        assert stub.unclean == []


def forwarded(served: Served, path: str, *fields: str, **options: object) -> Request:
    assert served.fetch(get(path, *fields, **options)).status == 200  # type: ignore[arg-type]
    return served.upstream.only(path)


@pytest.mark.parametrize(
    ("case", "fields", "gone", "kept"),
    (
        ("connection", ("Connection: keep-alive",), (), ()),
        (
            "named",
            ("Connection: X-One, x-TWO", "X-One: 1", "X-Two: 2", "X-Three: 3"),
            ("x-one", "x-two"),
            ("x-three",),
        ),
        (
            "named-in-two-fields",
            ("Connection: X-One", "Connection: X-Two", "X-One: 1", "X-Two: 2"),
            ("x-one", "x-two"),
            (),
        ),
        (
            "keep-alive",
            ("Keep-Alive: timeout=5", "Proxy-Connection: keep-alive"),
            ("keep-alive", "proxy-connection"),
            (),
        ),
        (
            "proxy",
            ("Proxy-Authorization: Basic eA==", "Proxy-Authenticate: Basic"),
            ("proxy-authorization", "proxy-authenticate"),
            (),
        ),
        ("te", ("TE: trailers", "Trailer: X-T"), ("te", "trailer"), ()),
        (
            "upgrade-h2c",
            ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMA"),
            ("upgrade", "http2-settings"),
            (),
        ),
        (
            "upgrade-websocket",
            ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
            ("upgrade",),
            (),
        ),
        ("max-forwards", ("Max-Forwards: 3", "Content-MD5: x"), ("max-forwards", "content-md5"), ()),
        ("host-named", ("Connection: Host",), (), ("host",)),
        (
            "authorization-named",
            ("Connection: Authorization", "Authorization: Bearer x"),
            (),
            ("authorization",),
        ),
        (
            "cookie-and-others",
            ("Cookie: a=1", "X-Api-Key: k", "Accept-Encoding: br", "Range: bytes=0-1"),
            (),
            ("cookie", "x-api-key", "accept-encoding", "range"),
        ),
        ("empty-members", ("Connection: , ,X-One,,", "X-One: 1"), ("x-one",), ()),
    ),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_c1_hop_by_hop(
    served: Served, case: str, fields: tuple[str, ...], gone: tuple[str, ...], kept: tuple[str, ...]
) -> None:
    request = forwarded(served, f"/c1-{case}", *fields)
    assert not request.names() & set(gone), request.raw
    assert request.names() >= set(kept), request.raw
    assert request.values("connection") in ([], [b"keep-alive"])


def test_c1_content_length_named(served: Served) -> None:
    assert (
        served.fetch(get("/c1-length", "Connection: Content-Length", method="POST", body=b"hello")).body
        == b"hello"
    )
    assert served.upstream.only("/c1-length").get("Content-Length") == "5"


def test_c1_transfer_encoding_named(served: Served) -> None:
    answer = served.fetch(
        b"POST /c1-coding HTTP/1.1\r\nHost: gw.test\r\nConnection: Transfer-Encoding\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    )
    assert answer.body == b"hello"


def test_c1_identity_fields_named(forwarding: Served) -> None:
    """Connection cannot make the gateway drop what it says about the client."""
    request = forwarded(
        forwarding, "/c1-identity", "Connection: X-Forwarded-For, X-Amzn-Trace-Id, X-Amzn-Apigateway-Api-Id"
    )
    assert request.get("X-Forwarded-For") == "127.0.0.1"
    assert request.get("X-Amzn-Trace-Id") and request.get("X-Amzn-Apigateway-Api-Id")


def spellings(name: str) -> Iterator[str]:
    """A name with every mix of -, _ and . and in three cases."""
    parts = name.split("-")
    for marks in itertools.product("-_.", repeat=len(parts) - 1):
        spelt = "".join(itertools.chain(*zip(parts, (*marks, ""), strict=True)))
        yield from {spelt, spelt.lower(), spelt.upper()}


@pytest.mark.parametrize(
    "name",
    (
        "X-Amzn-Trace-Id",
        "X-Amzn-Apigateway-Api-Id",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
    ),
)
def test_c2_identity_fields_cannot_be_forged(forwarding: Served, name: str) -> None:
    every = [f"{spelling}: {FORGED}" for spelling in spellings(name)]
    for start in range(0, len(every), 40):
        path = f"/c2-{name}-{start}"
        request = forwarded(forwarding, path, *every[start : start + 40])
        alias = [
            (key, value)
            for key, value in request.headers
            if key.lower().replace(b"_", b"-").replace(b".", b"-") == name.lower().encode()
        ]
        assert len(alias) == 1, request.raw
        assert FORGED.encode() not in request.raw


def test_c2_gateway_values(forwarding: Served) -> None:
    request = forwarded(forwarding, "/c2-values", host="gw.test:8080")
    assert request.get("X-Forwarded-For") == "127.0.0.1"
    assert request.get("X-Forwarded-Proto") == "http"
    assert request.get("X-Forwarded-Port") == str(forwarding.gateway.port)
    assert (request.get("X-Amzn-Trace-Id") or "").startswith("Root=1-")


def test_c2_trace_ids_differ(served: Served) -> None:
    first, second = forwarded(served, "/c2-trace-1"), forwarded(served, "/c2-trace-2")
    assert first.get("X-Amzn-Trace-Id") != second.get("X-Amzn-Trace-Id")
