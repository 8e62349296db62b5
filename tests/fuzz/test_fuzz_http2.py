"""Frames of HTTP/2 under a committed corpus and seeded mutations of it, against the whole engine in this process.

Whatever comes: what is sent back is frames, what reaches a step is a request that could have come in HTTP/1.1 alike,
and at the end nothing is alive. Under a sanitizer a stale pointer ends the process.
"""

import asyncio
import contextlib
import random
import re

import pytest
from hyperframe.frame import Frame

from fastgw._core.nghttp2 import nghttp2_missing
from fastgw._core.step import Answer, Request
from fastgw.observe import layout
from fastgw.settings import Settings, engine_settings
from tests.fuzz.mutation import Mutator, corpus
from tests.support.door import Client, Doors, eventually, run
from tests.support.http2 import PREFACE

if nghttp2_missing():
    pytest.skip(f"HTTP/2 is off: {nghttp2_missing()}", allow_module_level=True)

SETTINGS = Settings(
    head_bytes=4096, head_timeout=0.3, body_bytes=20_000, body_idle_timeout=0.2, send_timeout=0.3,
    keepalive_timeout=0.3, keepalive_requests=20, total_timeout=0.5,
)
CORPUS = corpus("http2")
TOKENS = [
    b"\0\0\0\4\0\0\0\0\0", b"\0\0\0\4\1\0\0\0\0", b"\0\0\0\0\0\0\0\0\1", b"\0\0\0\0\1\0\0\0\1", b"\0\0\0\1\5\0\0\0\3",
    b"\0\0\4\3\0\0\0\0\1\0\0\0\x08", b"\0\0\4\x08\0\0\0\0\0\0\0\xff\xff", b"\0\0\4\x08\0\0\0\0\1\0\0\0\0",
    b"\0\0\x08\6\0\0\0\0\0pingpong", b"\0\0\x08\7\0\0\0\0\0\0\0\0\0\0\0\0\0", b"\0\0\0\x09\4\0\0\0\1", b"\xff\xff\xff",
    b"\x82\x86\x84", b"\xbe", b"\xbf", b"\x41\1b", b"\0\1x\1y", b"\0\1X\1y", b"\0\4:foo\1y", b"\x3f\xe1\x1f", b"\x20",
    b"\r\n", b"\0", b"\x5c\1\x35",
]
CLEAN = re.compile(rb"[\t -~\x80-\xff]*")


def judged(request: Request) -> None:
    """What holds for every request, however it came."""
    assert re.fullmatch(rb"[!-~]+", request.path) and request.path.startswith(b"/")
    for name, value in request.headers:
        assert re.fullmatch(rb"[!#$%&'*+.^_`|~0-9a-z-]+", name), name
        assert CLEAN.fullmatch(value), value
    assert sum(name == b"host" for name, _ in request.headers) == 1
    assert not any(name == b"x-evil" for name, _ in request.headers)


def echo(request: Request) -> Answer:
    judged(request)
    return Answer(200, [(b"Content-Type", b"text/plain")], request.body or b"empty")


def large(request: Request) -> Answer:
    judged(request)
    return Answer(200, [], bytes(150_000))


async def slow(request: Request) -> Answer:
    judged(request)
    await asyncio.sleep(0.05)

    async def pieces():
        for _ in range(5):
            yield bytes(10_000)
            await asyncio.sleep(0.01)

    return Answer(200, [], pieces())


STEPS = {"/": echo, "/echo": echo, "/large": large, "/slow": slow}


def frames(data: bytes) -> int:
    """How many whole frames there are; every one that is known can be read."""
    count = at = 0
    while at + 9 <= len(data):
        frame, length = Frame.parse_frame_header(memoryview(data)[at : at + 9])
        if at + 9 + length > len(data):
            break
        frame.parse_body(memoryview(data)[at + 9 : at + 9 + length])
        at += 9 + length
        count += 1
    return count


async def client(chance: random.Random, mutator: Mutator, doors: Doors, raw: bytes) -> None:
    one: Client = await doors.client()
    whole = PREFACE + b"\0\0\0\4\0\0\0\0\0" + raw
    if chance.random() < 0.05:
        whole = whole[chance.randint(0, 40) :]
    got = b""
    with contextlib.suppress(OSError, RuntimeError):
        for piece in mutator.cut(whole)[:60] if chance.random() < 0.3 else [whole]:
            one.writer.write(piece)
            await asyncio.sleep(0)
        match chance.randrange(5):
            case 0:
                await one.reset()
            case 1:
                one.writer.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(chance.random() * 0.4):
                while data := await one.reader.read(65536):
                    got += data
    if not got.startswith(b"HTTP/1.1 "):
        assert frames(got) or len(got) < 9
    await one.close()


async def storm(seed: int, raws: list[bytes]) -> None:
    chance = random.Random(seed)
    mutator = Mutator(seed, CORPUS, TOKENS)
    async with Doors(STEPS, 500, prior_knowledge=True, **engine_settings(SETTINGS)) as doors:
        for start in range(0, len(raws), 50):
            async with asyncio.TaskGroup() as group:
                for raw in raws[start : start + 50]:
                    group.create_task(client(chance, mutator, doors, raw))
        assert doors.cell(layout.H_HTTP2_CONNECTIONS) > len(raws) // 2
        assert doors.cell(layout.H_REQUESTS) > len(raws) // 10
        if seed % 2:
            for name in ("connections", "exchanges", "streams", "sessions", "buffers"):
                assert await eventually(lambda name=name: not doors.engine.live()[name]), doors.engine.live()


def test_corpus() -> None:
    cut = [raw[:end] for raw in CORPUS for end in range(0, len(raw), max(len(raw) // 8, 1))]
    run(storm(1, [*CORPUS, *cut]))


@pytest.mark.parametrize("seed", range(2))
def test_mutations(seed: int) -> None:
    run(storm(seed, list(Mutator(seed, CORPUS, TOKENS).messages(250))))


@pytest.mark.trial
@pytest.mark.parametrize("seed", range(100, 110))
def test_many_mutations(seed: int) -> None:
    run(storm(seed, list(Mutator(seed, CORPUS, TOKENS).messages(5000))))
