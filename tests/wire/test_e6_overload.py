"""TRIALS E6: twice what the system can do, offered by clients that do not wait for each other."""

import asyncio
import time
from dataclasses import dataclass

import pytest

from tests.support.client import get
from tests.support.definition import pass_through
from tests.support.process import Gateway, memory
from tests.support.upstream import Upstream, pause

SERVICE, CONNECTIONS = 0.1, 16
CAPACITY = CONNECTIONS / SERVICE
"""Requests a second that the upstream can take: the bound of the system, so that refusing costs next to nothing."""
PENDING = 24
"""Requests that wait for a connection: with these an accepted one takes at most 1.5 + 1 times the service time."""
CAP = 512 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """seconds: since the request was due, whether or not the client could send it then."""

    status: int
    seconds: float
    retry_after: bool


class Open:
    """Clients of an open loop: request n is due at n / rate, whatever became of the others."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.answers: list[Answer] = []
        self.failures = 0

    async def offer(self, rate: float, seconds: float) -> None:
        begin, requests = time.monotonic(), []
        for number in range(round(rate * seconds)):
            due = begin + number / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            requests.append(asyncio.create_task(self._one(due)))
        await asyncio.gather(*requests)
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()

    async def _one(self, due: float) -> None:
        try:
            reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(get("/x"))
            async with asyncio.timeout(30):
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
                await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            self.failures += 1
            return
        took = time.monotonic() - due
        self.answers.append(Answer(int(head.split()[1]), took, b"\r\nretry-after: " in head))
        if b"\r\nconnection: close" in head:
            writer.close()
        else:
            self._idle.append((reader, writer))


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def twice_the_capacity(seconds: float) -> None:
    env = {
        "FASTGW_UPSTREAM_CONNECTIONS": str(CONNECTIONS),
        "FASTGW_UPSTREAM_PENDING": str(PENDING),
        "FASTGW_MEMORY_LIMIT": str(CAP),
    }
    with (
        Upstream(pause(SERVICE), keep_bodies=False, record=False) as stub,
        Gateway({"api.json": pass_through(stub.url)}, env=env) as gateway,
    ):
        calm, full = Open(gateway.port), Open(gateway.port)
        asyncio.run(calm.offer(CAPACITY * 0.5, 3))
        assert [answer.status for answer in calm.answers] == [200] * len(calm.answers) and not calm.failures
        asyncio.run(full.offer(CAPACITY * 2, seconds))
        (worker,) = gateway.workers()
        assert memory(worker)["Rss"] < CAP
    accepted = [answer.seconds for answer in full.answers if answer.status == 200]
    refused = [answer for answer in full.answers if answer.status == 503]
    assert full.failures == 0 and len(accepted) + len(refused) == round(CAPACITY * 2 * seconds)
    assert all(answer.retry_after for answer in refused)
    assert len(accepted) >= 0.9 * CAPACITY * seconds
    normal = percentile([answer.seconds for answer in calm.answers], 0.99)
    assert percentile(accepted, 0.99) <= 5 * normal


def test_e6_short() -> None:
    twice_the_capacity(5)


@pytest.mark.trial
def test_e6_full() -> None:
    twice_the_capacity(60)
