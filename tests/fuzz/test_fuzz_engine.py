"""The whole engine between clients and an upstream that both misbehave at random, on one loop in this process.

Every other plan answers by steps in Python, which make calls to the same upstream: their requests are under way while
the next plan comes.

What is looked for is memory: under a sanitizer a stale pointer ends the process, and without one the
counts of live objects must come back to zero.
"""

import asyncio
import contextlib
import json
import random
from pathlib import Path

import pytest

from fastgw._core.call import fetch
from fastgw._core.plan import Plan
from fastgw._core.step import Answer, Call, CallFailed, Failure, Outcome, Reply, Request, Sent, Step
from fastgw.load import LoadOptions, load
from fastgw.observe import layout
from fastgw.plan.compiler import compile_plan
from fastgw.runtime.slots import Slots
from fastgw.settings import Settings, engine_settings
from tests.fuzz.mutation import Mutator, corpus
from tests.support.definition import mock, openapi, proxy
from tests.support.door import Client, Doors, eventually, group_spec, run
from tests.support.door import plan_of as steps_plan

SETTINGS = Settings(
    head_timeout=0.3,
    body_bytes=60_000,
    body_idle_timeout=0.3,
    send_timeout=0.4,
    keepalive_timeout=0.3,
    keepalive_requests=7,
    first_byte_timeout=0.3,
    upstream_idle_timeout=0.2,
    total_timeout=0.5,
    upstream_connections=3,
    upstream_pending=4,
    upstream_pool_idle=0.05,
)
HEADS = corpus("request_head")
ANSWERS = corpus("answer_head")
BROKEN = (OSError, EOFError, RuntimeError, asyncio.LimitOverrunError)
"""What a stream gives whose peer has gone; a RuntimeError is uvloop's for a write to a closed transport."""


def plan_for(folder: Path, port: int) -> Plan:
    document = openapi(
        {
            "/": {"any": proxy(f"http://127.0.0.1:{port}/")},
            "/{p+}": {"any": proxy(f"http://127.0.0.1:{port}/{{p}}", parameters={"header.X-Q": "context.path"})},
            "/mock": {"any": mock(200, '"fixed"')},
            "/head": {"any": proxy(f"http://127.0.0.1:{port}/", method="HEAD")},
            "/gone": {"any": proxy("http://127.0.0.1:1/")},
        }
    )
    file = folder / "api.json"
    file.write_text(json.dumps(document))
    gateway = load([str(file)], LoadOptions()).gateway
    return compile_plan(gateway, SETTINGS, Slots().assign(gateway))


class Steps:
    """The same paths, by calls."""

    def __init__(self, chance: random.Random, port: int) -> None:
        limits = {
            "max_connections": 3,
            "max_pending": 4,
            "first_byte_timeout_ms": 300,
            "idle_timeout_ms": 200,
            "pool_idle_ms": 50,
        }
        groups = [group_spec(f"127.0.0.1:{port}", [port], **limits), group_spec("127.0.0.1:1", [1])]
        steps: dict[str, Step] = {
            "/": self.sent,
            "/{p+}": self.both,
            "/mock": lambda request: Answer(200, body=request.query or b"fixed"),
            "/head": self.streamed,
            "/gone": self.gone,
        }
        self._chance = chance
        self.plan = steps_plan(steps.items(), 500, groups)

    def _call(self, request: Request, **more: object) -> Call:
        """The body is sent as it came: a method without a meaning for one gets it too."""
        call = {"timeout_ms": self._chance.choice((100, 400)), "max_bytes": self._chance.choice((1000, 1 << 20))} | more
        return Call(self.plan.handle(0), request.method, request.path, body=request.body, **call)  # type: ignore[arg-type]

    def sent(self, request: Request) -> Sent:
        return Sent(self._call(request), self._shown)

    def _shown(self, request: Request, outcome: Reply | CallFailed) -> Outcome:
        if isinstance(outcome, CallFailed):
            raise Failure(outcome.code, "no answer", request.path.decode("latin-1"))
        if self._chance.random() < 0.1:
            return Sent(self._call(request), self._shown)
        return Answer(outcome.status, outcome.headers, outcome.body)

    async def both(self, request: Request) -> Answer:
        replies = await asyncio.gather(*(fetch(self._call(request)) for _ in range(2)), return_exceptions=True)
        found = [reply for reply in replies if isinstance(reply, Reply)]
        return Answer(200, body=b"".join(reply.body for reply in found))  # type: ignore[arg-type, misc]

    def streamed(self, request: Request) -> Sent:
        return Sent(self._call(request, stream=True), self._shown)

    async def gone(self, request: Request) -> Answer:
        await fetch(Call(self.plan.handle(1), b"GET", b"/"))
        raise AssertionError("nobody listens there")


class Upstream:
    """Answers by rule half of the time."""

    def __init__(self, chance: random.Random, mutator: Mutator) -> None:
        self._chance, self._mutator = chance, mutator

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except BROKEN:
            pass
        finally:
            if self._chance.random() < 0.3:
                writer.transport.abort()
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        chance = self._chance
        kind = chance.randrange(12)
        if kind == 0:
            return False
        head = await reader.readuntil(b"\r\n\r\n")
        if kind == 1:
            return False
        if kind == 2:
            await asyncio.sleep(chance.choice((0.1, 0.4)))
        if kind < 6:
            return await self._wrong(writer)
        body = chance.randbytes(chance.choice((0, 1, 500, 5000, 300_000)))
        if kind == 6:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * chance.randint(1, 3))
        if kind < 10 and not head.startswith(b"HEAD"):
            await asyncio.wait_for(self._read_body(reader, head), 1)
        coded = kind % 2
        framing = b"Transfer-Encoding: chunked" if coded else b"Content-Length: %d" % len(body)
        whole = b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n"
        if not head.startswith(b"HEAD"):
            whole += b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if coded and body else b"0\r\n\r\n" if coded else body
        for piece in self._mutator.cut(whole)[:60] if chance.random() < 0.3 else [whole]:
            writer.write(piece)
            await asyncio.sleep(0)
        await writer.drain()
        return chance.random() < 0.8

    async def _wrong(self, writer: asyncio.StreamWriter) -> bool:
        """Some answer of the corpus, mutated, cut anywhere."""
        raw = next(self._mutator.messages(1)) if self._chance.random() < 0.5 else self._chance.choice(ANSWERS)
        for piece in self._mutator.cut(raw[: self._chance.randint(0, len(raw))]):
            writer.write(piece)
            await asyncio.sleep(0)
        return self._chance.random() < 0.5

    async def _read_body(self, reader: asyncio.StreamReader, head: bytes) -> None:
        lower = head.lower()
        if b"transfer-encoding: chunked" in lower:
            await reader.readuntil(b"0\r\n\r\n")
        elif b"content-length: " in lower:
            await reader.readexactly(int(lower.partition(b"content-length: ")[2].split(b"\r\n")[0]))


def message(chance: random.Random, mutator: Mutator) -> bytes:
    """One request of a client, mostly by rule."""
    if chance.random() < 0.25:
        return next(mutator.messages(1)) if chance.random() < 0.5 else chance.choice(HEADS)
    verb = chance.choice((b"GET", b"POST", b"PUT", b"HEAD", b"DELETE"))
    path = chance.choice((b"/", b"/a/b?c=d", b"/mock", b"/gone", b"/head", b"/x%2e%2e/..//y"))
    lines = [verb + b" " + path + b" HTTP/1.1", b"Host: a"]
    body = chance.randbytes(chance.choice((0, 3, 700, 40_000, 90_000)))
    match chance.randrange(5):
        case 0:
            return b"\r\n".join([*lines, b"", b""])
        case 1 | 2:
            coded = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in (body[:10], body[10:9000], body[9000:]) if p)
            return b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", coded + b"0\r\n\r\n"])
        case 3:
            lines.append(b"Expect: 100-continue")
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body])


async def client(chance: random.Random, mutator: Mutator, doors: Doors) -> None:
    one: Client = await doors.client()
    raw = b"".join(message(chance, mutator) for _ in range(chance.randint(1, 6)))
    if chance.random() < 0.2:
        raw = raw[: chance.randint(0, len(raw))]
    with contextlib.suppress(*BROKEN):
        for piece in mutator.cut(raw)[:80] if chance.random() < 0.4 else [raw]:
            one.writer.write(piece)
            await asyncio.sleep(chance.choice((0, 0, 0, 0.002)))
        match chance.randrange(6):
            case 0:
                await one.reset()
            case 1:
                one.writer.write_eof()
            case 2:
                await asyncio.sleep(chance.random() * 0.6)
        got = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(chance.random()):
                while data := await one.reader.read(65536):
                    got += data
                    if chance.random() < 0.02:
                        await one.reset()
        assert b"HTTP/1.1 ".startswith(got[:9])
    await one.close()


async def storm(folder: Path, seed: int, clients: int) -> None:
    chance = random.Random(seed)
    upstream = Upstream(chance, Mutator(seed, ANSWERS, [b"\r\n", b"\0", b"HTTP/1.1 100 a\r\n\r\n"]))
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    mutator = Mutator(seed + 1, HEADS, [b"\r\n", b"\0", b"Content-Length: 3\r\n"])
    steps = Steps(chance, port)
    async with Doors(steps.plan if seed % 2 else plan_for(folder, port), **engine_settings(SETTINGS)) as doors:
        for wave in range(clients // 20):
            async with asyncio.TaskGroup() as group:
                for _ in range(20):
                    group.create_task(client(chance, mutator, doors))
                if wave % 2 == 0:
                    doors.swap(plan_for(folder, port) if (wave // 2 + seed) % 2 else Steps(chance, port).plan)
                    doors.engine.reap()
        assert doors.cell(layout.H_REQUESTS) > clients
        assert doors.cell(layout.H_DOOR_RUN_STEP) > clients // 10
        if seed % 2:
            assert await eventually(lambda: not doors.engine.live()["connections"])
            assert await eventually(lambda: not doors.engine.live()["exchanges"])
            assert await eventually(lambda: not doors.engine.live()["calls"])
        server.close()


@pytest.mark.parametrize("seed", range(4))
def test_storm(tmp_path: Path, seed: int) -> None:
    run(storm(tmp_path, seed, 80))


@pytest.mark.trial
@pytest.mark.parametrize("seed", range(100, 110))
def test_long_storm(tmp_path: Path, seed: int) -> None:
    run(storm(tmp_path, seed, 600))
