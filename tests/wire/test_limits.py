"""Size limits at their exact boundaries, and deadlines. Every figure is a setting."""

import socket
import time
from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import Wire, all_answers, eventually, get
from tests.support.definition import pass_through
from tests.support.message import Response
from tests.support.process import Gateway
from tests.support.upstream import Exchange, Upstream, pause

HEAD_BYTES, FIELDS, BODY = 2000, 10, 1000


@pytest.fixture(scope="module")
def small() -> Iterator[Served]:
    env = {
        "FASTGW_HEAD_BYTES": str(HEAD_BYTES),
        "FASTGW_HEAD_FIELDS": str(FIELDS),
        "FASTGW_BODY_BYTES": str(BODY),
    }
    with Upstream() as stub, Gateway({"api.json": pass_through(stub.url)}, env=env) as gateway:
        yield Served(gateway, stub)
        assert stub.unclean == []


def head_of(size: int, where: str) -> bytes:
    """A request whose head, with its empty line, is exactly so long."""
    target, value = "/x", ""
    empty = get(target, "X-Fill: ")
    fill = "y" * (size - len(empty))
    if where == "target":
        target += fill
    else:
        value = fill
    request = get(target, f"X-Fill: {value}")
    assert len(request) == size
    return request


def kept_or_closed(wire: Wire, answer: Response) -> bool:
    """A refused request may only keep its connection where the next request gets its own answer."""
    if answer.closes:
        return wire.ends()
    return wire.request(get("/next")).body == b"/next"


@pytest.mark.parametrize(("where", "status"), (("field", 431), ("target", 414)))
def test_head_bytes(small: Served, where: str, status: int) -> None:
    assert small.fetch(head_of(HEAD_BYTES, where)).status == 200
    with small.wire() as wire:
        answer = wire.request(head_of(HEAD_BYTES + 1, where))
        assert answer.status in {status, 431}
        assert wire.ends()


def test_a_target_longer_than_the_whole_limit_is_414(small: Served) -> None:
    assert small.fetch(get("/" + "x" * HEAD_BYTES)).status == 414


def test_head_fields(small: Served) -> None:
    exactly = [f"X-{number}: y" for number in range(FIELDS - 1)]
    assert small.fetch(get("/fields", *exactly)).status == 200
    with small.wire() as wire:
        assert wire.request(get("/fields", *exactly, "X-Last: y")).status == 431
        assert wire.ends()


def test_body_bytes_by_length(small: Served) -> None:
    assert small.fetch(get("/b", method="POST", body=b"x" * BODY)).status == 200
    with small.wire() as wire:
        answer = wire.request(get("/b", method="POST", body=b"x" * (BODY + 1)))
        assert answer.status == 413
        assert kept_or_closed(wire, answer)


def test_body_bytes_by_chunks(small: Served) -> None:
    def chunks(count: int) -> bytes:
        return (
            get("/c", "Transfer-Encoding: chunked", method="POST")
            + b"64\r\n"
            + b"\r\n64\r\n".join([b"x" * 100] * count)
            + b"\r\n0\r\n\r\n"
        )

    small.upstream.clear()
    assert small.fetch(chunks(10)).status == 200
    with small.wire() as wire:
        wire.deliver([chunks(11)])
        assert wire.answer("POST").status == 413
        assert wire.ends()
    assert len(small.upstream.to("/c")) == 1


def test_one_huge_chunk_is_refused(small: Served) -> None:
    """As soon as more has come than is allowed; the chunk need not end."""
    with small.wire() as wire:
        wire.send(get("/huge", "Transfer-Encoding: chunked", method="POST") + b"ffff\r\n" + b"x" * 1001)
        assert wire.answer("POST").status == 413
        assert wire.ends()


def test_trailers_are_limited(small: Served) -> None:
    with small.wire() as wire:
        wire.deliver(
            [
                get("/t", "Transfer-Encoding: chunked", method="POST"),
                b"1\r\nx\r\n0\r\n",
                *[b"X-Trailer: y\r\n" for _ in range(5000)],
                b"\r\n",
            ]
        )
        answers = list(all_answers(wire, ["POST"]))
    assert all(answer.status >= 400 for answer in answers)
    assert small.upstream.to("/t") == []


@pytest.fixture(scope="module")
def hasty() -> Iterator[Served]:
    env = {
        "FASTGW_HEAD_TIMEOUT": "1",
        "FASTGW_BODY_IDLE_TIMEOUT": "1",
        "FASTGW_KEEPALIVE_TIMEOUT": "30",
        "FASTGW_BODY_MIN_RATE": "500",
        "FASTGW_CONNECT_TIMEOUT": "1",
        "FASTGW_FIRST_BYTE_TIMEOUT": "1",
        "FASTGW_UPSTREAM_IDLE_TIMEOUT": "1",
    }
    with Upstream() as stub, Gateway({"api.json": pass_through(stub.url)}, env=env) as gateway:
        yield Served(gateway, stub)
        assert stub.unclean == []


def ends_with(wire: Wire, status: int, at_least: float, ceiling: float = 10) -> None:
    began = time.monotonic()
    answer = wire.answer("POST")
    took = time.monotonic() - began
    assert answer.status == status
    assert at_least <= took <= ceiling


def test_head_deadline(hasty: Served) -> None:
    with hasty.wire() as wire:
        wire.send("GET / HTTP/1.1\r\nHost:")
        ends_with(wire, 408, 0.5)
        assert wire.ends()


def test_head_deadline_is_not_moved_by_bytes(hasty: Served) -> None:
    with hasty.wire() as wire:
        began = time.monotonic()
        wire.send("GET / HTTP/1.1\r\n")
        while time.monotonic() - began < 10 and wire.quiet():
            wire.deliver([b"X: y\r\n"])
            time.sleep(0.1)
        assert wire.answer().status == 408
        assert time.monotonic() - began < 5


def test_head_deadline_of_a_second_request(hasty: Served) -> None:
    with hasty.wire() as wire:
        wire.request(get("/first"))
        wire.send("GET / HTTP/1.1\r\nHost:")
        ends_with(wire, 408, 0.5)


def test_a_connection_without_a_byte_is_closed(hasty: Served) -> None:
    """Silent from the start: closed at the deadline, with or without a 408."""
    with hasty.wire() as wire:
        assert [answer.status for answer in all_answers(wire, [])] in ([], [408])


def test_body_idle_deadline(hasty: Served) -> None:
    with hasty.wire() as wire:
        wire.send(get("/idle-body", "Content-Length: 10", method="POST") + b"12345")
        ends_with(wire, 408, 0.5)
        assert wire.ends()
    assert hasty.upstream.to("/idle-body") == []


def test_body_minimum_rate(hasty: Served) -> None:
    """A byte now and then keeps the idle deadline away, and not the rate."""
    with hasty.wire() as wire:
        wire.send(get("/slow-body", "Content-Length: 1000", method="POST"))
        began = time.monotonic()
        while time.monotonic() - began < 20 and wire.quiet():
            wire.deliver([b"x"])
            time.sleep(0.2)
        assert not wire.quiet()
        assert wire.answer("POST").status == 408
    assert hasty.upstream.to("/slow-body") == []


def test_first_byte_deadline(hasty: Served) -> None:
    hasty.upstream.on("/late", pause(20))
    with hasty.wire() as wire:
        wire.send(get("/late"))
        ends_with(wire, 504, 0.5)


def test_upstream_idle_deadline(hasty: Served) -> None:
    """The answer has begun: all that is left is to cut it in sight of the client."""

    async def stall(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await exchange.reader.read()

    hasty.upstream.on("/stall", stall)
    with hasty.wire() as wire:
        answer = wire.request(get("/stall"))
        assert answer.status == 504 or not answer.complete


def test_timeout_of_a_route() -> None:
    with (
        Upstream(pause(20)) as stub,
        Gateway({"api.json": pass_through(stub.url, timeout_ms=300)}) as gateway,
        gateway.wire() as wire,
    ):
        wire.send(get("/route-timeout"))
        ends_with(wire, 504, 0.2)
        assert wire.request(get("/again")).status == 504


def test_connection_refused_is_504() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # held, so that nobody else gets the port; not listening
        gone = f"http://127.0.0.1:{silent.getsockname()[1]}"
        refused_twice(gone)


def refused_twice(gone: str) -> None:
    with Gateway({"api.json": pass_through(gone)}) as gateway, gateway.wire() as wire:
        answer = wire.request(get("/x"))
        assert (answer.status, answer.body) == (
            504,
            b'{"message":"Network error communicating with endpoint"}',
        )
        assert wire.request(get("/x")).status == 504


def test_send_timeout() -> None:
    """A client that takes nothing at all is let go, and its upstream with it."""
    ended: list[bool] = []

    async def flood(exchange: Exchange) -> None:
        try:
            await exchange.write(f"HTTP/1.1 200 OK\r\nContent-Length: {1 << 30}\r\n\r\n")
            while True:
                await exchange.write(b"x" * 65536)
        finally:
            ended.append(True)

    with (
        Upstream(flood, record=False) as stub,
        Gateway({"api.json": pass_through(stub.url)}, env={"FASTGW_SEND_TIMEOUT": "1"}) as gateway,
        gateway.wire(receive_buffer=8192) as wire,
    ):
        wire.send(get("/flood"))
        eventually(lambda: ended, "the upstream let go")
        eventually(gateway.idle, "the client let go")
