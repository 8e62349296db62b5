"""What a step in Python costs a request, and what its calls cost: the whole engine on a loop of this process.

Run with: python -m pytest -s bench/micro/test_door.py

A client on the same loop pipelines requests; the origin is a process of its own. Counted is this process's CPU time
for a request, the client's small part included. The first row is what a path without Python takes; what the others
take beyond it is the door's. It is rough: system calls are part of it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from bench import origin
from bench.compare.process import Process
from bench.compare.site import free_port
from fastgw._core.call import fetch
from fastgw._core.step import Answer, Call, CallFailed, Outcome, Reply, Request, Sent
from tests.support.door import Client, Doors, group_spec

TIMES = 500
ROUNDS = 20
BUDGETS = {"none": 10.0, "answer": 15.0, "task": 45.0, "sent": 60.0, "fetch": 90.0, "two": 150.0}
"""Microseconds for a request, generous: a change of kind shows, a slow day does not."""


class Bench:
    def __init__(self, port: int) -> None:
        self._groups = [group_spec(f"127.0.0.1:{port}", [port])]
        self.steps: dict[str, Callable[[Request], Outcome]] = {
            "/answer": lambda _: Answer(200, [(b"Content-Type", b"text/plain")], b"hello"),
            "/task": self._task,
            "/sent": lambda _: Sent(self._call(), self._shown),
            "/fetch": self._fetched,
            "/two": self._two,
        }

    def _call(self) -> Call:
        return Call(self._doors.handle(), b"GET", b"/hello", [(b"Accept", b"*/*")])

    def _shown(self, _: Request, reply: Reply | CallFailed) -> Answer:
        if isinstance(reply, CallFailed):
            raise reply
        return Answer(reply.status, reply.headers, reply.body)

    async def _task(self, _: Request) -> Answer:
        return Answer(200, body=b"hello")

    async def _fetched(self, request: Request) -> Answer:
        return self._shown(request, await fetch(self._call()))

    async def _two(self, request: Request) -> Answer:
        replies = await asyncio.gather(fetch(self._call()), fetch(self._call()))
        return self._shown(request, replies[0])

    async def cheapest(self, path: str) -> float:
        """Microseconds of CPU for a request, of the best of some rounds."""
        async with Doors(self.steps, groups=self._groups, keepalive_requests=1 << 30) as self._doors:
            client = await self._doors.client()
            one = len(await whole(client, path, 1))
            best = float("inf")
            for _ in range(ROUNDS):
                start = time.process_time_ns()
                assert len(await whole(client, path, TIMES)) == one * TIMES
                best = min(best, time.process_time_ns() - start)
        return best / TIMES / 1000


async def whole(client: Client, path: str, times: int) -> bytes:
    """The answers to as many requests at once; each ends with its connection field's block and the same body."""
    for _ in range(times):
        client.send(path)
    head = await client.reader.readuntil(b"\r\n\r\n")
    size = next(int(line[16:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: "))
    first = head + await client.reader.readexactly(size)
    return first + await client.reader.readexactly((times - 1) * len(first))


def run(work: Awaitable[float]) -> float:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory):
    folder: Path = tmp_path_factory.mktemp("origin")
    port = free_port()
    with Process([str(origin.build(folder)), str(port)], None, folder / "log"):
        time.sleep(0.3)
        yield Bench(port)


@pytest.mark.parametrize("name", BUDGETS)
def test_a_request(bench: Bench, name: str) -> None:
    """none: no route has this path, which the engine answers itself."""
    took = run(bench.cheapest(f"/{name}"))
    print(f"\n{name:8} {took:7.1f} us")
    assert took <= BUDGETS[name]
