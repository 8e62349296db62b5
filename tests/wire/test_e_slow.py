"""TRIALS E1, E3 and E4: slow clients and slow upstreams cost their deadline, never memory."""

import asyncio
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from tests.support.client import Wire, eventually, get
from tests.support.definition import mock, openapi, pass_through
from tests.support.message import Response
from tests.support.process import Gateway, memory
from tests.support.upstream import Exchange, Upstream

MIB = 1 << 20


def pss(gateway: Gateway) -> int:
    (worker,) = gateway.workers()
    return memory(worker)["Pss"]


def slowloris(count: int, deadline: float, margin: float, every: float) -> None:
    """Half-open heads that gain a line now and then: 408 and closed at the deadline; others are served."""
    document = openapi({"/fixed": {"get": mock(200, "{}")}})
    with Gateway({"api.json": document}, env={"FASTGW_HEAD_TIMEOUT": str(deadline)}) as gateway:
        with ExitStack() as stack:
            before, began = pss(gateway), time.monotonic()
            heads = [stack.enter_context(gateway.wire()) for _ in range(count)]
            for wire in heads:
                wire.send("GET /fixed HTTP/1.1\r\nHost: gw.test\r\n")
            opened = time.monotonic() - began
            probes = 0
            while time.monotonic() - began < deadline - opened - every:
                for wire in heads:
                    wire.send("X-Line: y\r\n")
                probe = time.monotonic()
                assert gateway.fetch(get("/fixed")).status == 200
                assert time.monotonic() - probe < 5
                probes += 1
                time.sleep(every)
            held = pss(gateway) - before
            assert {wire.answer().status for wire in heads} == {408}
            assert all(wire.ends() for wire in heads)
            took = time.monotonic() - began
        assert probes > 3
        assert deadline - 0.5 <= took <= deadline + opened + margin
        assert held <= count * 4096 + MIB
        assert gateway.fetch(get("/fixed")).status == 200


def test_e1_slowloris() -> None:
    slowloris(200, deadline=2.0, margin=3.0, every=0.2)


@pytest.mark.trial
def test_e1_slowloris_full() -> None:
    slowloris(3000, deadline=10.0, margin=1.0, every=1.0)


@contextmanager
def endless() -> Iterator[tuple[Upstream, list[int]]]:
    """An upstream that sends as fast as it is read; the list holds the bytes it got rid of."""
    sent = [0]

    async def flood(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.write(f"HTTP/1.1 200 OK\r\nContent-Length: {1 << 30}\r\n\r\n")
        piece = b"x" * (1 << 16)
        while True:
            await exchange.write(piece)
            sent[0] += len(piece)

    with Upstream(flood, record=False) as stub:
        yield stub, sent


def stalled(counter: list[int]) -> bool:
    """The counter has not moved for a good while."""
    before = counter[0]
    time.sleep(0.5)
    return counter[0] == before


def slow_readers(count: int) -> None:
    with (
        endless() as (stub, sent),
        Gateway(
            {"api.json": pass_through(stub.url)},
            env={"FASTGW_SEND_TIMEOUT": "60", "FASTGW_UPSTREAM_IDLE_TIMEOUT": "60"},
        ) as gateway,
        ExitStack() as stack,
    ):
        before = pss(gateway)
        readers = [stack.enter_context(gateway.wire(receive_buffer=8192)) for _ in range(count)]
        for wire in readers:
            wire.send(get("/flood"))
        eventually(lambda: sent[0] > 0 and stalled(sent), "the flood held back", 60)
        assert pss(gateway) - before <= count * 128 * 1024 + MIB
        for _ in range(5):
            for wire in readers:
                wire.socket.recv(4096)
        eventually(lambda: stalled(sent), "the flood held back again", 60)
        assert pss(gateway) - before <= count * 128 * 1024 + MIB
        assert all(wire.socket.recv(10) == b"x" * 10 for wire in readers)


def test_e3_slow_readers() -> None:
    slow_readers(25)


@pytest.mark.trial
def test_e3_slow_readers_full() -> None:
    slow_readers(200)


@contextmanager
def slow_sink(bytes_per_second: int) -> Iterator[Upstream]:
    """Reads all uploads together at a given pace, in pieces of 64 KiB."""
    ready = [0.0]

    async def drink(exchange: Exchange) -> None:
        while await exchange.read_some(1 << 16):
            now = asyncio.get_running_loop().time()
            ready[0] = max(ready[0], now) + (1 << 16) / bytes_per_second
            await asyncio.sleep(ready[0] - now)
        await exchange.reply(200, str(exchange.content.size).encode())

    with Upstream(drink, keep_bodies=False, record=False, receive_buffer=1 << 16) as stub:
        yield stub
        assert stub.unclean == []


def upload(wire: Wire, size: int, chunked: bool) -> None:
    """Sends a body of x's from now on, without blocking the caller: use with threads."""
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    wire.socket.settimeout(600)
    wire.send(get("/sink", framing, method="POST"))
    piece = b"x" * (1 << 18)
    for _ in range(size // len(piece)):
        wire.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
    if chunked:
        wire.send(b"0\r\n\r\n")


def uploads(count: int, size: int, pace: int) -> None:
    env = {"FASTGW_BODY_BYTES": str(size), "FASTGW_TOTAL_TIMEOUT": "900", "FASTGW_SEND_TIMEOUT": "60"}
    with slow_sink(pace) as stub, Gateway({"api.json": pass_through(stub.url)}, env=env) as gateway:
        before, peak = pss(gateway), 0

        def one(number: int) -> Response:
            with gateway.wire(patience=600) as wire:
                upload(wire, size, chunked=number % 2 == 1)
                return wire.answer("POST")

        with ThreadPoolExecutor(count) as pool:
            running = [pool.submit(one, number) for number in range(count)]
            while not all(future.done() for future in running):
                peak = max(peak, pss(gateway))
                time.sleep(0.1)
        answers = [future.result() for future in running]
        assert [(answer.status, answer.body) for answer in answers] == [(200, str(size).encode())] * count
        assert peak - before <= 8 * MIB


def test_e4_uploads_into_a_slow_sink() -> None:
    uploads(10, 2 * MIB, 8 * MIB)


@pytest.mark.trial
def test_e4_uploads_into_a_slow_sink_full() -> None:
    uploads(50, 40 * MIB, 8 * MIB)


def test_e4_the_gateway_s_own_pause_is_not_the_client_s() -> None:
    """While back-pressure stops the reading, the client's body deadlines stand still."""

    async def late(exchange: Exchange) -> None:
        await asyncio.sleep(3)
        await exchange.body()
        await exchange.reply(200, str(exchange.content.size).encode())

    env = {"FASTGW_BODY_IDLE_TIMEOUT": "1", "FASTGW_SEND_TIMEOUT": "30"}
    with (
        Upstream(late, keep_bodies=False, receive_buffer=1 << 14) as stub,
        Gateway({"api.json": pass_through(stub.url)}, env=env) as gateway,
        gateway.wire() as wire,
    ):
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 14)
        upload(wire, 8 * MIB, chunked=False)
        answer = wire.answer("POST")
        assert (answer.status, answer.body) == (200, str(8 * MIB).encode())
