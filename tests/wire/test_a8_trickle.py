"""TRIALS A8: a head that comes one byte a segment costs little, and ends at the limit."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import get
from tests.support.definition import mock, openapi
from tests.support.process import Gateway, cpu_seconds
from tests.support.upstream import Upstream

START = b"GET /fixed HTTP/1.1\r\nHost: gw.test\r\nX-Long: "


@pytest.fixture(scope="module")
def fixed() -> Iterator[Served]:
    with (
        Upstream() as stub,
        Gateway(
            {"api.json": openapi({"/fixed": {"get": mock(200, "{}")}})}, env={"FASTGW_HEAD_TIMEOUT": "120"}
        ) as gateway,
    ):
        yield Served(gateway, stub)


def test_a8_431_at_the_limit(fixed: Served) -> None:
    """One value, byte by byte, past 16 KiB: refused once the limit is passed, not at its end."""
    with fixed.wire() as wire:
        wire.send(START)
        wire.deliver(b"x" for _ in range(20_000))
        assert wire.answer().status == 431
        assert wire.ends()
    assert fixed.fetch(get("/fixed")).status == 200


@pytest.mark.trial
def test_a8_500_connections(fixed: Served) -> None:
    """500 clients, a byte every 100 ms each, use less than a tenth of a core."""
    (worker,) = fixed.gateway.workers()
    clients = [socket.create_connection(("127.0.0.1", fixed.gateway.port)) for _ in range(500)]
    stop = threading.Event()

    def trickle() -> None:
        while not stop.wait(0.1):
            for client in clients:
                client.send(b"x")

    for client in clients:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(START)
    before, began = cpu_seconds(worker), time.monotonic()
    thread = threading.Thread(target=trickle)
    thread.start()
    time.sleep(20)
    used = (cpu_seconds(worker) - before) / (time.monotonic() - began)
    stop.set()
    thread.join()
    for client in clients:
        client.close()
    assert used < 0.10
