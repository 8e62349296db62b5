"""TRIALS B1 and B2: one canonical path, the same for the matcher and the upstream, in tables of any size."""

from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import get
from tests.support.definition import mock, openapi, proxy
from tests.support.judge import normal
from tests.support.process import Gateway
from tests.support.upstream import Upstream
from tests.wire.corpus_a1 import DENIED


@pytest.fixture(scope="module")
def guarded() -> Iterator[Served]:
    """/admin and everything below it is denied; the rest is passed on."""
    with Upstream() as stub:
        denied = {"any": mock(403, '{"denied": true}')}
        document = openapi(
            {
                "/admin": denied,
                "/admin/{proxy+}": denied,
                "/": {"any": proxy(f"{stub.url}/")},
                "/{proxy+}": {"any": proxy(f"{stub.url}/{{proxy}}")},
            }
        )
        with Gateway({"api.json": document}) as gateway:
            yield Served(gateway, stub)
            assert stub.unclean == []


def resolves_to_admin(target: str) -> bool:
    """What an upstream that decodes once, merges slashes and resolves dots would open."""
    path = normal(target).partition("?")[0]
    return path == "/admin" or path.startswith("/admin/")


@pytest.mark.parametrize(("name", "path", "expect"), DENIED, ids=[name for name, _, _ in DENIED])
@pytest.mark.parametrize("query", (b"", b"?x=/admin"))
def test_b1_denied_path(guarded: Served, name: str, path: bytes, expect: str, query: bytes) -> None:
    guarded.upstream.clear()
    answer = guarded.fetch(b"GET " + path + query + b" HTTP/1.1\r\nHost: gw.test\r\n\r\n")
    forwarded = [recorded.request for recorded in guarded.upstream.whole()]
    assert not any(resolves_to_admin(request.target) for request in forwarded)
    if expect == "refuse":
        assert (answer.status, forwarded) == (400, [])
    elif answer.status == 200:
        assert len(forwarded) == 1
        assert normal(forwarded[0].target) == normal((path + query).decode())
    else:
        assert answer.status in (400, 403) and forwarded == []


@pytest.mark.parametrize(
    ("sent", "seen"),
    (
        ("/a/b", "/a/b"),
        ("/a//b", "/a/b"),
        ("/a/./b", "/a/b"),
        ("/a/x/../b", "/a/b"),
        ("/%61/b", "/a/b"),
        ("/a%20b", "/a%20b"),
        ("/a+b", "/a+b"),
        ("/test%2Balias", "/test%2Balias"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/a;p=1/b", "/a;p=1/b"),
        ("/a:b@c,d=e", "/a:b@c,d=e"),
        ("/q?a=1&a=2&b=%2F+x", "/q?a=1&a=2&b=%2F+x"),
        ("/q?", "/q?"),
        ("/q?a=//..//b", "/q?a=//..//b"),
    ),
)
def test_b1_the_upstream_sees_the_canonical_path(guarded: Served, sent: str, seen: str) -> None:
    guarded.upstream.clear()
    assert guarded.fetch(get(sent)).status == 200
    (recorded,) = guarded.upstream.seen(1)
    target = recorded.request.target
    assert target.upper() == seen.upper() or (seen == "/q?" and target == "/q")
    assert target.partition("?")[2] == seen.partition("?")[2]


def test_b1_encoded_slash_can_be_let_through() -> None:
    with Upstream() as stub:
        document = openapi({"/{proxy+}": {"any": proxy(f"{stub.url}/{{proxy}}")}})
        with Gateway({"api.json": document}, env={"FASTGW_ENCODED_SLASHES": "pass"}) as gateway:
            assert gateway.fetch(get("/a%2Fb/c")).status == 200
            assert stub.seen(1)[0].request.target.upper() == "/A%2FB/C"
            assert gateway.fetch(get("/a%00b")).status == 400
        assert stub.unclean == []


@pytest.mark.parametrize("size", (1, 100, 101, 1000))
def test_b2_verdicts_do_not_depend_on_the_size_of_the_table(size: int) -> None:
    paths = {f"/table/entry{number}": {"get": mock(200, f'"{number}"')} for number in range(size)}
    document = openapi({**paths, "/Case": {"get": mock(200, '"case"')}, "/p/{x}": {"get": mock(200, '"p"')}})
    expected = {
        "/table/entry0": 200,
        f"/table/entry{size - 1}": 200,
        f"/table/entry{size}": 403,
        "/TABLE/entry0": 403,
        "/table/ENTRY0": 403,
        "/table/entry0/": 200,
        "/table//entry0": 200,
        "/table/entry0x": 403,
        "/table/entry": 403,
        "/table": 403,
        "/Case": 200,
        "/case": 403,
        "/CASE": 403,
        "/p/a": 200,
        "/P/a": 403,
        "/p/A": 200,
        "/p": 403,
        "/p/a/b": 403,
    }
    with Gateway({"api.json": document}) as gateway, gateway.wire() as wire:
        for host in ("gw.test", "GW.TEST", "gw.test:80", "Gw.Test"):
            seen = {path: wire.request(get(path, host=host)).status for path in expected}
            assert seen == expected
