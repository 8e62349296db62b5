"""TRIALS A5 and A6: pipelined requests are answered in order; half-closed clients still get their answer."""

import asyncio

import pytest

from tests.conftest import Served
from tests.support.client import all_answers, eventually, get
from tests.support.upstream import Exchange, echo, pause


def test_a5_100_pipelined_in_one_segment(served: Served) -> None:
    with served.wire() as wire:
        wire.send(b"".join(get(f"/a5/{n}") for n in range(100)))
        assert [wire.answer().body for _ in range(100)] == [b"/a5/%d" % n for n in range(100)]
        assert wire.quiet()


def test_a5_mixed_methods_bodies_and_speeds(served: Served) -> None:
    """A slow first answer holds back the ready ones behind it, and no order is lost."""
    served.upstream.on("/a5-slow", pause(0.3))
    requests = [
        ("GET", get("/a5-slow"), b"/a5-slow"),
        ("HEAD", get("/a5-head", method="HEAD"), b""),
        ("POST", get("/a5-post", method="POST", body=b"one"), b"one"),
        ("GET", get("/a5-plain"), b"/a5-plain"),
        (
            "PUT",
            get("/a5-put", "Transfer-Encoding: chunked", method="PUT") + b"3\r\ntwo\r\n0\r\n\r\n",
            b"two",
        ),
        ("GET", get("/a5-slow"), b"/a5-slow"),
        ("GET", get("/a5-last"), b"/a5-last"),
    ]
    with served.wire() as wire:
        wire.send(b"".join(request for _, request, _ in requests))
        answers = wire.answers(method for method, _, _ in requests)
    assert [answer.body for answer in answers] == [body for _, _, body in requests]


def test_a5_at_most_16_ahead(served: Served) -> None:
    """While the first waits, no more than 16 others of the connection are worked on."""
    gate: list[asyncio.Event] = []

    async def held(exchange: Exchange) -> None:
        if not gate:
            gate.append(asyncio.Event())
        await gate[0].wait()
        await echo(exchange)

    served.upstream.on("/a5-held", held)
    with served.wire() as wire:
        wire.send(get("/a5-held") * 100)
        eventually(lambda: gate, "the first request")
        assert served.fetch(get("/a5-beside")).status == 200
        assert len(served.upstream.to("/a5-held")) <= 17
        served.upstream.call(gate[0].set)
        assert [wire.answer().body for _ in range(100)] == [b"/a5-held"] * 100


def test_a5_a_refused_request_ends_the_pipeline(served: Served) -> None:
    with served.wire() as wire:
        wire.send(get("/a5-good") + b"GET /bad HTTP/1.1\r\n\r\n" + get("/a5-never"))
        assert [wire.answer().status, wire.answer().status] == [200, 400]
        assert wire.ends()
    assert served.upstream.to("/a5-never") == []


def test_a5_connection_close_ends_the_pipeline(served: Served) -> None:
    with served.wire() as wire:
        wire.send(get("/a5-closing", "Connection: close") + get("/a5-after-close"))
        assert wire.answer().closes
        assert wire.ends()
    assert served.upstream.to("/a5-after-close") == []


@pytest.mark.parametrize("path", ("/a6", "/a6-slow"))
def test_a6_half_close(served: Served, path: str) -> None:
    served.upstream.on("/a6-slow", pause(2))
    with served.wire() as wire:
        wire.send(get(path))
        wire.half_close()
        answer = wire.answer()
        assert (answer.status, answer.body) == (200, path.encode())
        assert wire.ends()


def test_a6_half_close_after_pipelined_requests(served: Served) -> None:
    with served.wire() as wire:
        wire.send(get("/a6/one") + get("/a6/two", method="POST", body=b"2") + get("/a6/three"))
        wire.half_close()
        assert [wire.answer().body for _ in range(3)] == [b"/a6/one", b"2", b"/a6/three"]
        assert wire.ends()


def test_a6_half_close_inside_a_body(served: Served) -> None:
    """The request can never become whole: it is not passed on as whole, and nothing waits for it."""
    with served.wire() as wire:
        wire.send(b"POST /a6-partial HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 10\r\n\r\nhello")
        wire.half_close()
        assert all(answer.status >= 400 for answer in all_answers(wire, ["POST"]))
    assert served.upstream.to("/a6-partial") == []


def test_a6_client_gone_frees_the_upstream(served: Served) -> None:
    """A client that resets while its request is upstream leaves nothing behind."""
    entered: list[int] = []

    async def wait_for_close(exchange: Exchange) -> None:
        entered.append(1)
        await exchange.body()
        await exchange.reader.read()
        entered.append(2)
        exchange.close()

    served.upstream.on("/a6-gone", wait_for_close)
    with served.wire() as wire:
        wire.send(get("/a6-gone"))
        eventually(lambda: entered, "the request upstream")
        wire.reset()
    eventually(lambda: len(entered) == 2, "the upstream connection closed")
