"""CORS: a MOCK OPTIONS method, and x-amazon-apigateway-cors, where the gateway answers and replaces."""

from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import get
from tests.support.definition import mock, openapi, proxy, several
from tests.support.process import Gateway
from tests.support.upstream import Upstream, scripted

ORIGIN, STRANGER = "https://app.test", "https://evil.test"
PREFLIGHT = ("Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: x-custom")

CORS = {
    "allowOrigins": [ORIGIN, "https://second.test"],
    "allowMethods": ["GET", "PUT"],
    "allowHeaders": ["x-custom", "content-type"],
    "exposeHeaders": ["x-seen"],
    "maxAge": 600,
    "allowCredentials": True,
}


def test_mock_options_method() -> None:
    document = openapi(
        {
            "/pets": {
                "get": mock(200, "{}"),
                "options": mock(
                    200,
                    None,
                    {
                        "Access-Control-Allow-Origin": "'*'",
                        "Access-Control-Allow-Methods": "'GET,OPTIONS'",
                        "Access-Control-Allow-Headers": "'Content-Type,X-Api-Key'",
                    },
                ),
            }
        }
    )
    with Gateway({"api.json": document}) as gateway:
        answer = gateway.fetch(get("/pets", f"Origin: {ORIGIN}", *PREFLIGHT, method="OPTIONS"))
    assert answer.status == 200
    assert answer.get("Access-Control-Allow-Origin") == "*"
    assert answer.get("Access-Control-Allow-Methods") == "GET,OPTIONS"
    assert answer.get("Access-Control-Allow-Headers") == "Content-Type,X-Api-Key"


@pytest.fixture(scope="module", params=("some", "all"))
def cors(request: pytest.FixtureRequest) -> Iterator[tuple[Served, str]]:
    settings = CORS if request.param == "some" else {"allowOrigins": ["*"], "allowMethods": ["*"]}
    with Upstream() as stub:
        stub.on(
            "/pets",
            scripted(
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nAccess-Control-Allow-Origin: http://backend.test\r\n"
                b"Access-Control-Allow-Credentials: maybe\r\nX-Seen: 1\r\n\r\n{}"
            ),
        )
        document = openapi(
            {"/pets": {"get": proxy(f"{stub.url}/pets"), "put": proxy(f"{stub.url}/pets")}}, cors=settings
        )
        files = {
            "fastgw.yaml": several({"shop": {"definition": "api.json", "kind": "HTTP"}}),
            "api.json": document,
        }
        with Gateway(files) as gateway:
            yield Served(gateway, stub), request.param


def test_preflight(cors: tuple[Served, str]) -> None:
    """Answered by the gateway, though no OPTIONS route exists."""
    served, which = cors
    served.upstream.clear()
    answer = served.fetch(get("/pets", f"Origin: {ORIGIN}", *PREFLIGHT, method="OPTIONS"))
    assert (answer.status, answer.body) == (204, b"")
    assert answer.get("Access-Control-Allow-Origin") == (ORIGIN if which == "some" else "*")
    if which == "some":
        assert answer.tokens("Access-Control-Allow-Methods") == [b"get", b"put"]
        assert answer.tokens("Access-Control-Allow-Headers") == [b"x-custom", b"content-type"]
        assert answer.get("Access-Control-Max-Age") == "600"
        assert answer.get("Access-Control-Allow-Credentials") == "true"
    assert served.upstream.whole() == []


def test_preflight_of_a_stranger(cors: tuple[Served, str]) -> None:
    served, which = cors
    answer = served.fetch(get("/pets", f"Origin: {STRANGER}", *PREFLIGHT, method="OPTIONS"))
    allowed = answer.get("Access-Control-Allow-Origin")
    assert allowed == (None if which == "some" else "*")


def test_backend_cors_headers_are_replaced(cors: tuple[Served, str]) -> None:
    served, which = cors
    answer = served.fetch(get("/pets", f"Origin: {ORIGIN}"))
    assert (answer.status, answer.body) == (200, b"{}")
    assert answer.get("Access-Control-Allow-Origin") == (ORIGIN if which == "some" else "*")
    assert answer.get("Access-Control-Allow-Credentials") == ("true" if which == "some" else None)
    if which == "some":
        assert answer.get("Access-Control-Expose-Headers") == "x-seen"
        assert b"origin" in answer.tokens("Vary")


def test_a_stranger_s_request_gets_no_permission(cors: tuple[Served, str]) -> None:
    served, which = cors
    answer = served.fetch(get("/pets", f"Origin: {STRANGER}"))
    assert answer.status == 200
    assert answer.get("Access-Control-Allow-Origin") == (None if which == "some" else "*")


def test_without_origin(cors: tuple[Served, str]) -> None:
    served, _ = cors
    answer = served.fetch(get("/pets"))
    assert answer.get("Access-Control-Allow-Origin") in (None, "*")
    assert b"backend.test" not in answer.raw


@pytest.fixture(scope="module")
def listed() -> Iterator[Served]:
    settings = {"allowOrigins": [ORIGIN, "http://local.test:3000", "https://*"], "allowMethods": ["*"],
                "allowHeaders": ["*"], "exposeHeaders": ["x-one", "x-two"], "maxAge": 0}
    with Upstream() as stub:
        document = openapi({"/pets": {"get": proxy(f"{stub.url}/pets")}}, cors=settings)
        files = {
            "fastgw.yaml": several({"shop": {"definition": "api.json", "kind": "HTTP"}}),
            "api.json": document,
        }
        with Gateway(files) as gateway:
            yield Served(gateway, stub)


@pytest.mark.parametrize(
    ("origin", "allowed"),
    (
        (ORIGIN, True),
        ("HTTPS://APP.TEST", True),
        ("https://anything.test:8443", True),
        ("http://local.test:3000", True),
        ("http://local.test", False),
        ("http://local.test:30000", False),
        ("http://local.test:3000.evil.test", False),
        ("http://app.test", False),
        ("http://evil.test", False),
        ("httpsx://evil.test", False),
        ("https://", False),
        ("null", False),
        ("", False),
        (f"{ORIGIN}, http://evil.test", True),      # no browser sends it, and it permits nothing but itself
    ),
)
@pytest.mark.parametrize("method", ("GET", "OPTIONS"))
def test_only_what_is_allowed_is_reflected(listed: Served, method: str, origin: str, allowed: bool) -> None:
    answer = listed.fetch(get("/pets", f"Origin: {origin}", *PREFLIGHT, method=method))
    assert answer.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    assert b"origin" in answer.tokens("Vary")       # a cache in between must not mix the two up
    assert answer.get("Access-Control-Allow-Credentials") is None
    if method == "OPTIONS":
        assert (answer.status, answer.get("Access-Control-Max-Age")) == (204, "0" if allowed else None)
        assert answer.get("Access-Control-Allow-Headers") == ("*" if allowed else None)
    else:
        assert answer.tokens("Access-Control-Expose-Headers") == ([b"x-one", b"x-two"] if allowed else [])


def test_two_origins_are_not_one(listed: Served) -> None:
    answer = listed.fetch(get("/pets", f"Origin: {ORIGIN}", "Origin: http://evil.test"))
    assert answer.get("Access-Control-Allow-Origin") is None
