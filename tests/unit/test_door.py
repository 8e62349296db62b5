"""Python steps behind the engine's doors: what they see, what they answer, and every way it can go wrong."""

import asyncio
from collections.abc import Callable

import pytest

from fastgw._core.step import Answer, CallFailed, Failure, Request
from fastgw.errors import CODE
from fastgw.observe import layout
from tests.support.door import Doors, eventually, looped


def echo(request: Request) -> Answer:
    return Answer(200, [(b"X-Method", request.method)], request.body)


async def slow_echo(request: Request) -> Answer:
    await asyncio.sleep(0.01)
    return echo(request)


class Waiting:
    """A step that waits until it is let go; it counts what became of its calls."""

    def __init__(self) -> None:
        self.started = self.cancelled = self.answered = 0
        self.go = asyncio.Event()

    async def __call__(self, request: Request) -> Answer:
        self.started += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.answered += 1
        return Answer(200, body=request.path)


SEEN = ("method", "path", "raw_path", "query", "headers", "parameters", "body")
BOTH = pytest.mark.parametrize("step", [echo, slow_echo])


@looped
async def test_what_a_step_sees() -> None:
    seen: list[dict[str, object]] = []

    def step(request: Request) -> Answer:
        seen.append({name: getattr(request, name) for name in SEEN})
        contexts = {name: request.context(name) for name in ("RESOURCE", "METHOD", "STAGE", "SOURCE_IP", "KEY")}
        seen.append(contexts)
        with pytest.raises(KeyError):
            request.context("NO_SUCH")
        return Answer(201)

    async with Doors({"/a/{b}/{c+}": step}) as doors:
        client = await doors.client()
        assert await client.ask("/a/%7Ex/y/z%20?q=1&q=%202", "X-One: 1", "x-one: 2", method="PUT", body=b"hi") == (
            201,
            b"",
        )
    request, contexts = seen
    assert request == {
        "method": b"PUT",
        "path": b"/a/~x/y/z%20",
        "raw_path": b"/a/%7Ex/y/z%20",
        "query": b"q=1&q=%202",
        "headers": [(b"Host", b"test"), (b"X-One", b"1"), (b"x-one", b"2"), (b"Content-Length", b"2")],
        "parameters": [b"~x", b"y/z%20"],
        "body": b"hi",
    }
    assert contexts == {
        "RESOURCE": "/a/{b}/{c+}",
        "METHOD": "PUT",
        "STAGE": "$default",
        "SOURCE_IP": "127.0.0.1",
        "KEY": "",
    }


def test_a_request_made_by_hand() -> None:
    request = Request(path=b"/a", parameters=[b"1"], context={"STAGE": "prod"})
    assert [getattr(request, name) for name in SEEN] == [b"GET", b"/a", b"/a", b"", [], [b"1"], b""]
    assert (request.context("STAGE"), request.context("KEY")) == ("prod", "")


@looped
async def test_a_request_is_read_until_its_answer() -> None:
    """What nobody has read by then is gone; a task that is given up keeps all of it."""
    seen: list[Request] = []

    def step(request: Request) -> Answer:
        assert request.method == b"GET"
        seen.append(request)
        return Answer(200)

    async def late(request: Request) -> Answer:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            seen.append(request)
            raise
        return Answer(200)

    async with Doors({"/now": step, "/late": late}, timeout_ms=20) as doors:
        client = await doors.client()
        assert await client.ask("/now") == (200, b"")
        assert (await client.ask("/late?q", method="PUT", body=b"x"))[0] == 504
        assert await eventually(lambda: len(seen) == 2)
        assert seen[0].method == b"GET"
        with pytest.raises(RuntimeError, match="is over"):
            _ = seen[0].path
        assert [getattr(seen[1], name) for name in SEEN[:4]] == [b"PUT", b"/late", b"/late", b"q"]
        assert seen[1].body == b"x"
        with pytest.raises(RuntimeError, match="is over"):
            seen[1].context("STAGE")


@BOTH
@looped
async def test_answers_and_the_connection_goes_on(step: Callable) -> None:
    async with Doors({"/s": step}) as doors:
        client = await doors.client()
        for body in (b"", b"one", b"x" * 200_000):
            client.send("/s", method="POST", body=body)
            status, fields, answer = await client.answer()
            assert (status, answer) == (200, body)
            named = dict(fields)
            assert named["x-method"] == "POST"
            assert named["content-length"] == str(len(body))
            assert named["connection"] == "keep-alive"
            assert "date" in named


@looped
async def test_doors_are_counted() -> None:
    async with Doors({"/plain": echo, "/task": slow_echo}) as doors:
        client = await doors.client()
        for path in ("/plain", "/task", "/task", "/nowhere", "/plain", "/plain"):
            await client.ask(path)
        await client.ask("/task", "Expect: 200-maybe")
        assert doors.cell(layout.H_DOOR_RUN_STEP) == 5
        assert doors.cell(layout.H_DOOR_START_TASK) == 2
        assert doors.cell(layout.H_REQUESTS) == 7
        assert doors.cell(layout.H_FAILURES) == 2
        assert doors.row("/plain", layout.R_DOORS) == doors.row("/plain", layout.R_REQUESTS) == 3
        assert doors.row("/task", layout.R_DOORS) == doors.row("/task", layout.R_1XX_2XX) == 2


@looped
async def test_head_and_statuses_without_a_body() -> None:
    async with Doors({"/s": echo, "/204": lambda _: Answer(204), "/304": lambda _: Answer(304, body=b"x")}) as doors:
        client = await doors.client()
        client.send("/s", method="HEAD", body=b"four")
        status, fields, _ = await client.answer("HEAD")
        assert (status, dict(fields)["content-length"]) == (200, "4")
        for status in (204, 304):
            client.send(f"/{status}")
            found, fields, _ = await client.answer()
            assert found == status
            assert "content-length" not in dict(fields)
        assert await client.ask("/s") == (200, b"")


# --- what goes wrong


def raises(_: Request) -> Answer:
    raise LookupError("no such thing")


async def raises_later(_: Request) -> Answer:
    await asyncio.sleep(0)
    raise LookupError("no such thing")


async def cancels_itself(_: Request) -> Answer:
    raise asyncio.CancelledError


async def answers_nothing(_: Request) -> None:
    return None


def bad_answer(*arguments: object) -> Callable[[Request], Answer]:
    return lambda _: Answer(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "step",
    [
        raises,
        raises_later,
        cancels_itself,
        answers_nothing,
        lambda _: "a string",
        bad_answer("200"),
        bad_answer(None),
        bad_answer(99),
        bad_answer(101),
        bad_answer(600),
        bad_answer(1 << 40),
        bad_answer(200, [(b"X", b"a\r\nY: b")]),
        bad_answer(200, [(b"X\r\nY", b"b")]),
        bad_answer(200, [(b"X", b"a\0")]),
        bad_answer(200, [(b"X:", b"a")]),
        bad_answer(200, [(b"", b"a")]),
        bad_answer(200, [("X", "a")]),
        bad_answer(200, [(b"X", b"y" * 70_000)]),
        bad_answer(200, [], "text"),
        bad_answer(200, [], 5),
        bad_answer(200, None),
    ],
)
@looped
async def test_a_step_that_fails_is_a_500(step: Callable, caplog: pytest.LogCaptureFixture) -> None:
    async with Doors({"/bad": step, "/good": echo}) as doors:
        client = await doors.client()
        assert await client.ask("/bad") == (500, b'{"message":"Internal server error"}')
        assert await client.ask("/bad", method="POST", body=b"x") == (500, b'{"message":"Internal server error"}')
        assert await client.ask("/good", method="POST", body=b"on") == (200, b"on")
        assert doors.cell(layout.H_FAILURES) == 2
    if step is not cancels_itself:
        assert "a step failed" in caplog.text


FAILURES = [
    (Failure(CODE["UNSUPPORTED_MEDIA_TYPE"]), 415, b'{"message":"Unsupported Media Type"}'),
    (Failure(CODE["INTEGRATION_TIMEOUT"]), 504, b'{"message":"Endpoint request timed out"}'),
    (Failure(CODE["BAD_REQUEST_BODY"], "so \"not\"", "because"), 400, b'{"message":"so \\"not\\""}'),
    (CallFailed(CODE["UPSTREAM_OVERLOADED"]), 503, b'{"message":"Service Unavailable"}'),
    (Failure(999), 500, b'{"message":"Internal server error"}'),
    (Failure(-1), 500, b'{"message":"Internal server error"}'),
]


@pytest.mark.parametrize(("failure", "status", "body"), FAILURES)
@looped
async def test_a_failure_of_choice_is_answered_by_the_stage(failure: Exception, status: int, body: bytes) -> None:
    def now(_: Request) -> Answer:
        raise failure

    async def later(_: Request) -> Answer:
        await asyncio.sleep(0)
        raise failure

    async with Doors({"/now": now, "/later": later}) as doors:
        client = await doors.client()
        assert await client.ask("/now") == (status, body)
        assert await client.ask("/later") == (status, body)
        assert doors.cell(layout.H_FAILURES) == 2


@looped
async def test_framing_fields_of_a_step_are_dropped() -> None:
    names = (b"Content-Length", b"transfer-encoding", b"Connection", b"Keep-Alive", b"Date", b"Trailer", b"Upgrade")

    def step(_: Request) -> Answer:
        return Answer(200, [(name, b"7") for name in names] + [(b"X", b"1"), (b"X", b"2")], b"body")

    async with Doors({"/s": step}) as doors:
        client = await doors.client()
        client.send("/s")
        status, fields, body = await client.answer()
        assert (status, body) == (200, b"body")
        assert sorted(name for name, _ in fields) == ["connection", "content-length", "date", "x", "x"]
        assert "7" not in dict(fields).values()


# --- bodies


@BOTH
@looped
async def test_a_body_in_pieces(step: Callable) -> None:
    async with Doors({"/s": step}) as doors:
        client = await doors.client()
        client.send("/s", "Content-Length: 6", method="POST")
        for piece in (b"ab", b"cd", b"ef"):
            await asyncio.sleep(0.005)
            client.writer.write(piece)
        assert (await client.answer())[2] == b"abcdef"
        client.send("/s", "Transfer-Encoding: chunked", method="POST")
        for piece in (b"2", b"\r\na", b"b\r\n3;x=y\r\ncde\r", b"\n0\r\nT: v\r\n\r", b"\n"):
            await asyncio.sleep(0.005)
            client.writer.write(piece)
        assert (await client.answer())[2] == b"abcde"
        coded = b"".join(b"%x\r\n%b\r\n" % (n, b"y" * n) for n in range(1, 600)) + b"0\r\n\r\n"
        assert await client.ask("/s", "Transfer-Encoding: chunked", method="POST", body=coded) == (
            200,
            b"y" * sum(range(600)),
        )


@BOTH
@looped
async def test_expect_is_answered_before_the_body(step: Callable) -> None:
    async with Doors({"/s": step}) as doors:
        client = await doors.client()
        client.send("/s", "Expect: 100-continue", "Content-Length: 3", method="PUT")
        assert (await client.answer())[0] == 100
        client.writer.write(b"abc")
        assert (await client.answer())[2] == b"abc"
        assert await client.ask("/s", "Expect: 100-continue", method="PUT", body=b"now") == (200, b"now")


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        (("Content-Length: 11",), b""),
        (("Transfer-Encoding: chunked",), b"6\r\nabcdef\r\n5\r\nabcde\r\n"),
        (("Transfer-Encoding: chunked",), b"b\r\nabcdefghijk\r\n"),
    ],
)
@looped
async def test_a_body_over_the_limit_is_a_413(fields: tuple[str, ...], body: bytes) -> None:
    called = []
    async with Doors({"/s": lambda request: called.append(request.body) or Answer(200)}, body_bytes=10) as doors:
        client = await doors.client()
        client.send("/s", *fields, method="POST", body=body)
        status, head, _ = await client.answer()
        assert (status, dict(head)["connection"]) == (413, "close")
        assert await client.ended()
        fresh = await doors.client()
        assert await fresh.ask("/s", method="POST", body=b"x" * 10) == (200, b"")
    assert called == [b"x" * 10]


@looped
async def test_the_connection_survives_a_long_body_that_came_whole() -> None:
    async with Doors({"/s": echo}, body_bytes=10) as doors:
        client = await doors.client()
        coded = b"6\r\nabcdef\r\n5\r\nabcde\r\n0\r\n\r\n"
        assert (await client.ask("/s", "Transfer-Encoding: chunked", method="POST", body=coded))[0] == 413
        assert await client.ask("/s", method="POST", body=b"on") == (200, b"on")


@pytest.mark.parametrize("broken", [b"zz\r\n", b"2\r\nabc\r\n", b"0\r\nBad Trailer\r\n\r\n", b"1;" + b"e" * 9000])
@looped
async def test_a_broken_chunk_is_a_400(broken: bytes) -> None:
    called = []
    async with Doors({"/s": lambda request: called.append(request) or Answer(200)}) as doors:
        client = await doors.client()
        client.send("/s", "Transfer-Encoding: chunked", method="POST", body=b"1\r\na\r\n" + broken)
        assert (await client.answer())[0] == 400
        assert await client.ended()
    assert called == []


@looped
async def test_a_client_that_leaves_in_its_body() -> None:
    called = []
    async with Doors({"/s": lambda request: called.append(request) or Answer(200)}) as doors:
        for leave in ("close", "reset"):
            client = await doors.client()
            client.send("/s", "Content-Length: 10", method="POST", body=b"abc")
            assert await eventually(lambda: doors.engine.live()["buffers"] == 1)
            await getattr(client, leave)()
            assert await eventually(lambda: not any(doors.engine.live().values()))
    assert called == []


@looped
async def test_a_large_answer_to_a_slow_reader() -> None:
    body = bytes(range(256)) * 40_000
    async with Doors({"/s": lambda _: Answer(200, body=body)}) as doors:
        client = await doors.client()
        client.send("/s")
        client.send("/s")
        assert await eventually(lambda: doors.engine.live()["writes"] == 1)
        for _ in range(2):
            assert (await client.answer())[2] == body


# --- waiting


@looped
async def test_pipelined_requests_are_answered_in_order() -> None:
    waiting = Waiting()
    async with Doors({"/wait": waiting, "/now": echo}) as doors:
        client = await doors.client()
        client.send("/wait")
        client.send("/now", method="POST", body=b"2")
        client.send("/wait")
        assert await eventually(lambda: waiting.started == 1)
        assert doors.cell(layout.H_DOOR_RUN_STEP) == 1
        waiting.go.set()
        assert [(await client.answer())[2] for _ in range(3)] == [b"/wait", b"2", b"/wait"]


@looped
async def test_a_client_that_resets_cancels_its_task() -> None:
    waiting = Waiting()
    async with Doors({"/wait": waiting}) as doors:
        client = await doors.client()
        client.send("/wait")
        assert await eventually(lambda: waiting.started == 1)
        await client.reset()
        assert await eventually(lambda: waiting.cancelled == 1)
        assert await eventually(lambda: not any(doors.engine.live().values()))
        assert doors.row("/wait", layout.R_4XX) == 1


@looped
async def test_a_half_closed_client_gets_its_answer() -> None:
    waiting = Waiting()
    async with Doors({"/wait": waiting}) as doors:
        client = await doors.client()
        client.send("/wait")
        client.writer.write_eof()
        assert await eventually(lambda: waiting.started == 1)
        waiting.go.set()
        status, fields, body = await client.answer()
        assert (status, body, dict(fields)["connection"]) == (200, b"/wait", "close")
        assert await client.ended()
    assert waiting.cancelled == 0


@looped
async def test_a_deadline_is_a_504_and_cancels() -> None:
    waiting = Waiting()
    async with Doors({"/wait": waiting, "/now": echo}, timeout_ms=50) as doors:
        client = await doors.client()
        assert (await client.ask("/wait"))[0] == 504
        assert await eventually(lambda: waiting.cancelled == 1)
        assert await client.ask("/now", method="POST", body=b"on") == (200, b"on")
        assert waiting.answered == 0


async def stubborn(_: Request) -> Answer:
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        await asyncio.sleep(0.01)
    return Answer(200, body=b"too late")


@looped
async def test_a_task_that_outlives_its_request_is_not_heard() -> None:
    async with Doors({"/s": stubborn, "/now": echo}, timeout_ms=30) as doors:
        client = await doors.client()
        assert (await client.ask("/s"))[0] == 504
        client.send("/now", method="POST", body=b"on")
        assert (await client.answer())[2] == b"on"
        await asyncio.sleep(0.03)
        assert await client.ask("/now") == (200, b"")


@looped
async def test_an_awaitable_that_is_no_coroutine() -> None:
    def step(_: Request) -> asyncio.Future[Answer]:
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.01, future.set_result, Answer(200, body=b"future"))
        return future

    async with Doors({"/s": step}) as doors:
        client = await doors.client()
        assert await client.ask("/s") == (200, b"future")
        assert doors.cell(layout.H_DOOR_START_TASK) == 1


@looped
async def test_a_plan_lives_as_long_as_its_last_request() -> None:
    waiting = Waiting()
    async with Doors({"/s": waiting}) as doors:
        client = await doors.client()
        client.send("/s")
        assert await eventually(lambda: waiting.started == 1)
        doors.swap({"/s": lambda _: Answer(200, body=b"new")})
        assert doors.engine.live()["plans"] == 1
        assert await (await doors.client()).ask("/s") == (200, b"new")
        waiting.go.set()
        assert (await client.answer())[2] == b"/s"
        doors.engine.reap()
        assert doors.engine.live()["plans"] == 0
        assert await client.ask("/s") == (200, b"new")


@looped
async def test_close_cancels_what_is_under_way() -> None:
    waiting = Waiting()
    async with Doors({"/wait": waiting, "/s": echo}) as doors:
        for _ in range(3):
            (await doors.client()).send("/wait")
        (await doors.client()).send("/s", "Content-Length: 5", method="POST", body=b"x")
        assert await eventually(lambda: waiting.started == 3 and doors.engine.live()["buffers"] == 1)
        doors.engine.close()
        assert await eventually(lambda: waiting.cancelled == 3)
    assert waiting.answered == 0
