"""Answers of steps in the stage cache: kept, given out, waited for, as those that are relayed."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from fastgw._core.step import Answer, Failure, Request
from fastgw.errors import CODE
from fastgw.observe import layout
from tests.support.door import Client, Doors, eventually, looped

CACHE = {
    "verb": b"GET",
    "ttl_ms": 60_000,
    "invalidation": 0,
    "shown": True,
    "obeys": True,
    "warning": b"",
    "whole_query": True,
    "place": None,
    "parts": [],
}


class Step:
    """Counts its runs; each answers the number of its run in what it is given."""

    def __init__(self, *headers: tuple[bytes, bytes], status: int = 200, size: int = 0, pieces: bool = False) -> None:
        self.headers, self.status, self.size, self.pieces, self.runs = list(headers), status, size, pieces, 0
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, request: Request) -> Answer:
        self.runs += 1
        body = b"%d " % self.runs + b"x" * self.size
        await self.go.wait()
        return Answer(self.status, self.headers, self.poured(body) if self.pieces else body)

    async def poured(self, body: bytes) -> AsyncIterator[bytes]:
        for at in range(0, len(body), 7 + self.size // 50):
            yield body[at : at + 7 + self.size // 50]


async def ask(client: Client, path: str, *fields: str, method: str = "GET") -> tuple[dict[str, str], bytes]:
    """Fields and body of an answer, whichever its framing."""
    client.send(path, *fields, method=method)
    head = (await client.reader.readuntil(b"\r\n\r\n")).decode()
    named = {name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:])}
    if method == "HEAD":
        return named, b""
    if "content-length" in named:
        return named, await client.reader.readexactly(int(named["content-length"]))
    body = b""
    while size := int(await client.reader.readuntil(b"\r\n"), 16):
        body += (await client.reader.readexactly(size + 2))[:-2]
    await client.reader.readexactly(2)
    return named, body


@pytest.mark.parametrize("pieces", [False, True])
@looped
async def test_an_answer_is_kept(pieces: bool) -> None:
    step = Step((b"X-One", b"1"), (b"x-one", b"2"), (b"Age", b"7"), size=300, pieces=pieces)
    async with Doors({"/s": step}, cache=CACHE) as doors:
        client = await doors.client()
        first, body = await ask(client, "/s?q=1")
        assert (first["x-cache"], first["age"], body) == ("MISS", "7", b"1 " + b"x" * 300)
        for _ in range(3):
            named, again = await ask(client, "/s?q=1")
            assert (named["x-cache"], named["x-one"], again) == ("HIT", "2", body)
            assert named["content-length"] == str(len(body))
            assert int(named["age"]) >= 7
        assert (await ask(client, "/s?q=1", method="HEAD"))[0]["content-length"] == str(len(body))
        assert (await ask(client, "/s?q=2"))[1][:2] == b"2 "
        assert step.runs == 2
        assert doors.row("/s", layout.R_CACHE_HITS) == 4
        assert doors.row("/s", layout.R_DOORS) == 2


@pytest.mark.parametrize(
    "step",
    [
        Step((b"Set-Cookie", b"a=b")),
        Step((b"Cache-Control", b"private")),
        Step((b"Vary", b"X-Other")),
        Step(status=201),
        Step(size=1_100_000),
        Step(size=1_100_000, pieces=True),
        Step(*[(b"X-%d" % n, b"1") for n in range(300)]),
    ],
)
@looped
async def test_what_is_not_kept(step: Step) -> None:
    step.go = asyncio.Event()
    step.go.set()
    async with Doors({"/s": step}, cache=CACHE) as doors:
        client = await doors.client()
        for _ in range(3):
            assert (await ask(client, "/s"))[0]["x-cache"] == "MISS"
        assert step.runs == 3
        assert doors.engine.live()["fills"] == 0


@pytest.mark.parametrize("pieces", [False, True])
@looped
async def test_equal_requests_wait_for_one(pieces: bool) -> None:
    step = Step(size=50, pieces=pieces)
    step.go.clear()
    async with Doors({"/s": step}, cache=CACHE) as doors:
        clients = [await doors.client() for _ in range(5)]
        asked = [asyncio.create_task(ask(client, "/s")) for client in clients]
        assert await eventually(lambda: doors.engine.live()["exchanges"] == 5)
        assert step.runs == 1
        step.go.set()
        answers = await asyncio.gather(*asked)
        assert [body for _, body in answers] == [b"1 " + b"x" * 50] * 5
        assert step.runs == 1


@looped
async def test_the_first_client_leaves() -> None:
    step = Step()
    step.go.clear()
    async with Doors({"/s": step}, cache=CACHE) as doors:
        first, second = await doors.client(), await doors.client()
        first.send("/s")
        assert await eventually(lambda: step.runs == 1)
        waiting = asyncio.create_task(ask(second, "/s"))
        assert await eventually(lambda: doors.engine.live()["exchanges"] == 2)
        await first.reset()
        assert await eventually(lambda: step.runs == 2)
        step.go.set()
        assert (await waiting)[1] == b"2 "


@looped
async def test_failures_are_not_kept() -> None:
    runs = 0

    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise LookupError("no more")

    def step(request: Request) -> Answer:
        nonlocal runs
        runs += 1
        if request.query == b"cut":
            return Answer(200, body=broken())
        raise Failure(CODE["INTEGRATION_TIMEOUT"])

    async with Doors({"/s": step}, cache=CACHE) as doors:
        client = await doors.client()
        for _ in range(2):
            assert (await client.ask("/s"))[0] == 504
        for _ in range(2):
            cut = await doors.client()
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await ask(cut, "/s?cut")
        assert runs == 4
        assert doors.engine.live()["fills"] == 0
