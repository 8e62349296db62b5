"""Answers of steps that come in pieces, and answers of calls that are passed on as they come."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable

import pytest

from fastgw._core.call import fetch
from fastgw._core.step import Answer, Call, CallFailed, Reply, Request, Sent
from fastgw.observe import layout
from tests.support.calls import Origin, all_over, silent, whole
from tests.support.door import Client, Doors, eventually, group_spec, looped

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LARGE = bytes(range(256)) * 4000


class Source:
    """An iterator of pieces; it counts what was asked of it, and knows that it was closed."""

    def __init__(self, *pieces: bytes | Exception | asyncio.Event) -> None:
        self.pieces, self.asked, self.closed, self.cancelled = list(pieces), 0, 0, 0

    def __aiter__(self) -> "Source":
        return self

    async def __anext__(self) -> bytes:
        self.asked += 1
        try:
            while self.pieces and isinstance(self.pieces[0], asyncio.Event):
                await self.pieces[0].wait()
                self.pieces.pop(0)
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if not self.pieces:
            raise StopAsyncIteration
        piece = self.pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        return piece

    async def aclose(self) -> None:
        self.closed += 1


async def streamed(client: Client) -> bytes:
    """The body of one chunked answer."""
    await client.reader.readuntil(b"\r\n\r\n")
    return await chunks(client)


async def chunks(client: Client) -> bytes:
    body = b""
    while True:
        size = int(await client.reader.readuntil(b"\r\n"), 16)
        piece = await client.reader.readexactly(size + 2)
        body += piece[:-2]
        if not size:
            return body


async def generator() -> AsyncIterator[bytes]:
    for piece in (b"a", b"", b"bc", LARGE):
        yield piece


@looped
async def test_pieces_go_out_as_they_come() -> None:
    go = asyncio.Event()
    sources = [Source(b"one", go, b"two"), Source(), Source(b"", b"x")]
    async with Doors({"/s": lambda _: Answer(200, [(b"Content-Length", b"7")], sources.pop(0))}) as doors:
        client = await doors.client()
        client.send("/s")
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert b"\r\nTransfer-Encoding: chunked\r\n" in head
        assert b"Content-Length" not in head
        assert await client.reader.readexactly(8) == b"3\r\none\r\n"
        go.set()
        assert await chunks(client) == b"two"
        for body in (b"", b"x"):
            client.send("/s")
            assert await streamed(client) == body
        assert doors.row("/s", layout.R_1XX_2XX) == 3
        assert doors.row("/s", layout.R_BYTES_OUT) > 300


@looped
async def test_a_generator_and_what_is_large() -> None:
    async def later(_: Request) -> Answer:
        await asyncio.sleep(0)
        return Answer(200, body=generator())

    async with Doors({"/now": lambda _: Answer(200, body=generator()), "/later": later}) as doors:
        client = await doors.client()
        client.send("/now")
        client.send("/later")
        for _ in range(2):
            assert await streamed(client) == b"abc" + LARGE


@looped
async def test_without_a_body_the_iterator_is_closed_unread() -> None:
    source = Source(b"x")
    async with Doors({"/s": lambda _: Answer(200, body=source), "/304": lambda _: Answer(304, body=source)}) as doors:
        client = await doors.client()
        for method, path, status in (("HEAD", "/s", 200), ("GET", "/304", 304)):
            client.send(path, method=method)
            assert (await client.answer(method))[0] == status
        assert await eventually(lambda: source.closed == 2)
        assert source.asked == 0


@looped
async def test_an_older_client_reads_to_the_end() -> None:
    async with Doors({"/s": lambda _: Answer(200, body=Source(b"ab", b"c"))}) as doors:
        client = await doors.client()
        client.writer.write(b"GET /s HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n")
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert b"Connection: close" in head
        assert b"chunked" not in head
        assert await client.reader.read() == b"abc"


@looped
async def test_a_source_that_fails_cuts_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    sources = [Source(b"ab", LookupError("no more")), Source(b"ab", CallFailed(28)), Source(b"ab", "text"), Source(5)]  # type: ignore[arg-type]
    every = list(sources)
    async with Doors({"/s": lambda _: Answer(200, body=sources.pop(0))}) as doors:
        for source in every:
            client = await doors.client()
            client.send("/s")
            got = b""
            with contextlib.suppress(ConnectionError):
                while piece := await client.reader.read(1 << 16):
                    got += piece
            assert not got.endswith(b"0\r\n\r\n")
            assert await eventually(lambda source=source: source.closed == 1)
    assert "no more" in caplog.text


@looped
async def test_the_source_waits_for_a_slow_client() -> None:
    source = Source(*[b"x" * 100_000] * 100)
    async with Doors({"/s": lambda _: Answer(200, body=source)}, timeout_ms=600) as doors:
        client = await doors.client()
        client.writer.transport.pause_reading()
        client.send("/s")
        assert await eventually(lambda: doors.engine.live()["writes"] == 1)
        asked = source.asked
        await asyncio.sleep(0.8)        # longer than the step may take: this time is the client's
        assert source.asked == asked < 100
        client.writer.transport.resume_reading()
        assert len(await streamed(client)) == 10_000_000
        assert source.closed == 1


@looped
async def test_a_source_that_never_waits_leaves_others_their_turn() -> None:
    async def eager() -> AsyncIterator[bytes]:
        for _ in range(30_000):
            yield b"x"

    async with Doors({"/s": lambda _: Answer(200, body=eager()), "/now": lambda _: Answer(200)}) as doors:
        first, second = await doors.client(), await doors.client()
        first.send("/s")
        await first.reader.readuntil(b"\r\n\r\n")
        for _ in range(10):
            assert await second.ask("/now") == (200, b"")
        assert doors.row("/s", layout.R_REQUESTS) == 0      # it is counted when its last piece is out
        assert await chunks(first) == b"x" * 30_000


@looped
async def test_a_client_that_leaves_cancels_the_source() -> None:
    source = Source(b"ab", asyncio.Event())
    async with Doors({"/s": lambda _: Answer(200, body=source)}) as doors:
        client = await doors.client()
        client.send("/s")
        assert await eventually(lambda: source.asked == 2)
        await client.reset()
        assert await eventually(lambda: source.cancelled == source.closed == 1)
        assert await eventually(lambda: all_over(doors))


@looped
async def test_a_source_that_stops_meets_the_deadline() -> None:
    source = Source(b"ab", asyncio.Event())
    async with Doors({"/s": lambda _: Answer(200, body=source)}, timeout_ms=40) as doors:
        client = await doors.client()
        client.send("/s")
        with contextlib.suppress(ConnectionError):
            assert not (await client.reader.read(-1)).endswith(b"0\r\n\r\n")
        assert await eventually(lambda: source.cancelled == source.closed == 1)


# --- answers of calls


class Passing:
    """Steps that pass on what a call brings, by Sent and by fetch."""

    def __init__(self, port: int, **call: object) -> None:
        self.groups = [group_spec("up:1", [port])]
        self.call = {"method": b"GET", "path": b"/", "stream": True} | call
        self.steps = {"/sent": self.sent, "/fetch": self.fetched}
        self.gone_on: Callable[[Reply], Answer] = lambda reply: Answer(reply.status, reply.headers, reply.body)

    def made(self) -> Call:
        return Call(self.doors.handle(), **self.call)

    def sent(self, _: Request) -> Sent:
        return Sent(self.made(), self.then)

    def then(self, _: Request, outcome: Reply | CallFailed) -> Answer:
        if isinstance(outcome, CallFailed):
            raise outcome
        return self.gone_on(outcome)

    async def fetched(self, request: Request) -> Answer:
        return self.then(request, await fetch(self.made()))

    def open(self, **named: object) -> Doors:
        self.doors = Doors(self.steps, groups=self.groups, **named)  # type: ignore[arg-type]
        return self.doors


WAYS = pytest.mark.parametrize("way", ["/sent", "/fetch"])


@WAYS
@looped
async def test_a_stream_is_passed_on(way: str) -> None:
    go = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + b"3\r\none\r\n")
        await go.wait()
        writer.write(b"3\r\ntwo\r\n0\r\n\r\n")

    async with Origin(answer, whole(b""), whole(LARGE)) as origin, Passing(origin.port).open() as doors:
        client = await doors.client()
        client.send(way)
        await client.reader.readuntil(b"\r\n\r\n")
        assert await client.reader.readexactly(8) == b"3\r\none\r\n"
        go.set()
        assert await chunks(client) == b"two"
        for body in (b"", LARGE):
            client.send(way)
            assert await streamed(client) == body
        assert origin.connections == 1
        assert await eventually(lambda: all_over(doors))
        assert doors.row(way, layout.R_INTEGRATION_ANSWERS) == 3


@WAYS
@looped
async def test_the_upstream_waits_for_a_slow_client(way: str) -> None:
    body, written = b"x" * 10_000_000, 0

    async def answer(writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        for at in range(0, len(body), 100_000):
            writer.write(body[at : at + 100_000])
            await writer.drain()
            written = at

    async with Origin(answer) as origin, Passing(origin.port, max_bytes=1 << 40, timeout_ms=600).open() as doors:
        client = await doors.client()
        client.writer.transport.pause_reading()
        client.send(way)
        assert await eventually(lambda: doors.engine.live()["writes"] == 1 and written > 0)
        await asyncio.sleep(0.8)        # longer than the call may take: this time is the client's
        assert written < len(body) - 100_000
        assert doors.engine.live()["calls"] == 1
        client.writer.transport.resume_reading()
        assert len(await streamed(client)) == len(body)


def later(first: bytes, second: bytes) -> Callable:
    """An answer in two parts, of which the second comes when the first has been read."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        await asyncio.sleep(0.03)
        writer.write(second)

    return answer


@WAYS
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"no HTTP\r\n\r\n", 502),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n", 502),
        (CHUNKED + b"2\r\nab\r\nzz\r\n", 502),
        (later(CHUNKED + b"2\r\nab\r\n", b"zz\r\n"), 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\nX: close\r\n\r\nab", 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nab", 200),
        (later(CHUNKED + b"2\r\nab\r\n", b"3e9\r\n" + b"x" * 1001), 200),
        (silent, 504),
    ],
)
@looped
async def test_what_goes_wrong_is_told_or_seen(way: str, answer: bytes, status: int) -> None:
    """It is a failure as long as the head has not been told, and cuts the answer after that."""
    async with Origin(answer) as origin, Passing(origin.port, max_bytes=1000, timeout_ms=60).open() as doors:
        client = await doors.client()
        client.send(way)
        got = b""
        with contextlib.suppress(ConnectionError):
            got = await client.reader.readuntil(b"\r\n\r\n")
            assert int(got[9:12]) == status
            if status == 200:
                got += await client.reader.read(-1)
        assert not got.endswith(b"0\r\n\r\n")
        assert await eventually(lambda: all_over(doors))


@WAYS
@looped
async def test_a_client_that_leaves_gives_the_stream_up(way: str) -> None:
    async with Origin(CHUNKED + b"2\r\nab\r\n") as origin, Passing(origin.port).open() as doors:
        client = await doors.client()
        client.send(way)
        assert await client.reader.readuntil(b"ab\r\n")
        assert doors.engine.live()["calls"] == 1
        await client.reset()
        assert await eventually(lambda: all_over(doors))


@WAYS
@pytest.mark.parametrize("how", ["dropped", "kept by an answer that is no body", "closed", "held"])
@looped
async def test_a_stream_that_nobody_reads_is_given_up(way: str, how: str) -> None:
    held: list[Reply] = []

    def gone_on(reply: Reply) -> Answer:
        if how == "held":
            held.append(reply)
        return Answer(204, body=reply.body if how.startswith("kept") else b"")

    async with Origin(CHUNKED + b"2\r\nab\r\n") as origin:
        passing = Passing(origin.port)
        passing.gone_on = gone_on
        async with passing.open() as doors:
            client = await doors.client()
            assert await client.ask(way) == (204, b"")
            if how == "held":
                assert doors.engine.live()["calls"] == 1
                await held[0].body.aclose()  # type: ignore[union-attr]
                with pytest.raises(CallFailed):
                    while True:
                        await anext(held[0].body)  # type: ignore[arg-type]
            gc.collect()
            assert await eventually(lambda: all_over(doors))


@looped
async def test_close_ends_streams() -> None:
    async with Origin(CHUNKED + b"2\r\nab\r\n") as origin, Passing(origin.port).open() as doors:
        reply = await fetch(Call(doors.handle(), b"GET", b"/", stream=True))
        assert await anext(reply.body) == b"ab"  # type: ignore[arg-type]
        reading = asyncio.create_task(anext(reply.body))  # type: ignore[arg-type]
        client = await doors.client()
        client.send("/sent")
        assert await client.reader.readuntil(b"ab\r\n")
        doors.engine.close()
        with pytest.raises(CallFailed):
            await reading
