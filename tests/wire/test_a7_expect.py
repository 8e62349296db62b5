"""TRIALS A7: Expect. 100 once the request may go on, 417 for anything else, close after an early answer."""

from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import get
from tests.support.definition import mock, openapi, proxy
from tests.support.process import Gateway
from tests.support.upstream import Upstream

CONTINUE = "Expect: 100-continue"


def post(path: str, *fields: str, version: str = "HTTP/1.1") -> bytes:
    return get(path, *fields, "Content-Length: 5", method="POST", version=version)


@pytest.fixture(scope="module")
def routes() -> Iterator[Served]:
    with Upstream() as stub:
        document = openapi(
            {
                "/up": {"post": proxy(f"{stub.url}/up"), "get": proxy(f"{stub.url}/up")},
                "/fixed": {"post": mock(200, "{}")},
            }
        )
        with Gateway({"api.json": document}, env={"FASTGW_BODY_BYTES": "100"}) as gateway:
            yield Served(gateway, stub)
            assert stub.unclean == []


def test_a7_100_then_the_answer(routes: Served) -> None:
    with routes.wire() as wire:
        wire.send(post("/up", CONTINUE))
        assert wire.interim().status == 100
        wire.send(b"hello")
        assert wire.answer().body == b"hello"
        assert wire.request(get("/up")).status == 200


def test_a7_expect_is_not_forwarded(routes: Served) -> None:
    routes.upstream.clear()
    with routes.wire() as wire:
        wire.send(post("/up", "EXPECT: 100-Continue") + b"hello")
        assert wire.answer().status == 200
    assert "expect" not in routes.upstream.only("/up").names()


def test_a7_body_sent_without_waiting(routes: Served) -> None:
    with routes.wire() as wire:
        wire.send(post("/up", CONTINUE) + b"hello" + get("/up"))
        assert [wire.answer().body, wire.answer().body] == [b"hello", b"/up"]


def test_a7_no_body_needs_no_100(routes: Served) -> None:
    with routes.wire() as wire:
        answer = wire.request(get("/up", CONTINUE))
        assert answer.status == 200


def test_a7_http_1_0_gets_no_interim(routes: Served) -> None:
    with routes.wire() as wire:
        wire.send(post("/up", CONTINUE, version="HTTP/1.0") + b"hello")
        answer = wire.answer()
        assert (answer.status, answer.interim, answer.body) == (200, (), b"hello")


@pytest.mark.parametrize("value", ("999", "200-ok", "100-continue, 999", "100-continue;q=1"))
def test_a7_other_expectations(routes: Served, value: str) -> None:
    routes.upstream.clear()
    with routes.wire() as wire:
        wire.send(post("/up", f"Expect: {value}") + b"hello")
        answer = wire.answer()
        assert (answer.status, answer.interim) == (417, ())
    assert routes.upstream.to("/up") == []


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    (
        ("/no-such-route", ("Content-Length: 5",), 403),
        ("/up", ("Content-Length: 101",), 413),
        ("/up", ("Content-Length: 5", "Transfer-Encoding: chunked"), 400),
    ),
)
def test_a7_early_refusal_without_the_body(
    routes: Served, path: str, fields: tuple[str, ...], status: int
) -> None:
    """No 100 for a request that will not be served, and the connection ends: its body may still come."""
    with routes.wire() as wire:
        wire.send(get(path, CONTINUE, *fields, method="POST"))
        answer = wire.answer()
        assert (answer.status, answer.interim) == (status, ())
        assert answer.closes and wire.ends()


def test_a7_mock_with_expect(routes: Served) -> None:
    """Answered by the gateway itself; the connection stays in step whether or not a 100 was sent."""
    with routes.wire() as wire:
        wire.send(post("/fixed", CONTINUE) + b"hello")
        answer = wire.answer()
        assert answer.status == 200
        if not answer.closes:
            assert wire.request(get("/up")).status == 200
