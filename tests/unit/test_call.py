"""Calls of Python steps on the engine's connections: what they bring, and every way in which they can end."""

import asyncio
import socket
from collections.abc import Awaitable

import pytest

from fastgw._core.call import fetch
from fastgw._core.step import Answer, Call, CallFailed, Reply, Request, Sent
from fastgw.observe import layout
from tests.support.calls import Calls, Origin, all_over, hangs_up, shown, silent, whole
from tests.support.door import eventually, looped

WAYS = pytest.mark.parametrize("way", ["/sent", "/fetch", "/both"])


# --- what is sent, what comes


@WAYS
@looped
async def test_a_call_and_its_reply(way: str) -> None:
    answer = whole(b"body", "One: 1", "one: 2", "Connection: x-hop", "X-Hop: 1", "Keep-Alive: timeout=1", status=201)
    async with Origin(answer) as origin:
        calls = Calls(
            origin.port,
            call={
                "method": b"PUT",
                "path": b"/p?q=%20",
                "headers": [(b"A", b"1"), (b"a", b"2"), (b"Content-Length", b"9"), (b"Transfer-Encoding", b"x")],
                "body": b"sent",
            },
        )
        async with calls.open() as doors:
            client = await doors.client()
            client.send(way)
            status, fields, body = await client.answer()
            assert (status, body) == (201, b"body")
            assert [field for field in fields if field[0].startswith("x-")] == [
                ("x-one", "1"),
                ("x-one", "2"),
                ("x-content-length", "4"),
            ]
            assert origin.requests[0] == (
                b"PUT /p?q=%20 HTTP/1.1\r\nHost: up:1\r\nA: 1\r\na: 2\r\nContent-Length: 4\r\n\r\nsent"
            )
            assert await eventually(lambda: all_over(doors))


@looped
async def test_the_host_may_be_given() -> None:
    async with Origin(whole(b"")) as origin, Calls(origin.port, call={"headers": [(b"host", b"x")]}).open() as doors:
        assert await (await doors.client()).ask("/sent") == (200, b"")
    assert origin.requests == [b"GET /sent HTTP/1.1\r\nhost: x\r\n\r\n"]


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ANSWERS = [
    (CHUNKED + b"2\r\nab\r\n3;x=y\r\ncde\r\n0\r\nT: v\r\n\r\n", 200, b"abcde"),
    (b"HTTP/1.1 103 Hints\r\nA: 1\r\n\r\nHTTP/1.1 100 Go\r\n\r\n" + whole(b"after"), 200, b"after"),
    (b"HTTP/1.1 204 No\r\n\r\n", 204, b""),
    (b"HTTP/1.1 304 Not\r\nContent-Length: 7\r\n\r\n", 304, b""),
    (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end", 200, b"to the end"),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
    (whole(bytes(range(256)) * 4000), 200, bytes(range(256)) * 4000),
]


@WAYS
@pytest.mark.parametrize(("answer", "status", "body"), ANSWERS)
@looped
async def test_bodies_come_without_framing(way: str, answer: bytes, status: int, body: bytes) -> None:
    async with Origin(answer) as origin, Calls(origin.port).open() as doors:
        assert await (await doors.client()).ask(way) == (status, body)
        assert await eventually(lambda: all_over(doors))


@looped
async def test_an_answer_to_head_has_no_body() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 70\r\n\r\n"
    async with Origin(answer) as origin, Calls(origin.port, call={"method": b"HEAD"}).open() as doors:
        for _ in range(3):
            assert await (await doors.client()).ask("/sent") == (200, b"")
    assert origin.connections == 1


@WAYS
@looped
async def test_connections_are_kept(way: str) -> None:
    async with Origin(whole(b"x")) as origin, Calls(origin.port).open() as doors:
        client = await doors.client()
        for _ in range(20):
            assert await client.ask(way) == (200, b"x")
        assert origin.connections <= 2
        assert doors.cell(layout.H_UPSTREAM_REUSES) == len(origin.requests) - origin.connections


# --- what goes wrong

FAILS = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nclose", None),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nclose", "INTEGRATION_BAD_ANSWER"),
    (b"HTTP/1.1 200 OK\r\nX: close", "INTEGRATION_BAD_ANSWER"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nclose", "INTEGRATION_BAD_ANSWER"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "INTEGRATION_BAD_ANSWER"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "INTEGRATION_BAD_ANSWER"),
    (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", "INTEGRATION_BAD_ANSWER"),
    (b"no HTTP at all\r\n\r\n", "INTEGRATION_BAD_ANSWER"),
    (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", "INTEGRATION_BAD_ANSWER"),
    (whole(b"x" * 1001), "INTEGRATION_BAD_ANSWER"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001, "INTEGRATION_BAD_ANSWER"),
    (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 1001, "INTEGRATION_BAD_ANSWER"),
    (hangs_up, "INTEGRATION_BAD_ANSWER"),
]


@WAYS
@pytest.mark.parametrize(("answer", "code"), FAILS)
@looped
async def test_an_answer_that_is_none(way: str, answer: bytes, code: str | None) -> None:
    call = {"max_bytes": 1000, "method": b"POST"}
    async with Origin(answer) as origin, Calls(origin.port, call=call).open() as doors:
        client = await doors.client()
        for _ in range(2):
            assert await client.ask(way) == ((200, b"close") if code is None else (299, code.encode()))
            assert await eventually(lambda: all_over(doors))
        assert len(origin.requests) == (4 if way == "/both" else 2)      # none is sent again


@WAYS
@looped
async def test_nobody_listens(way: str) -> None:
    async with Origin(b"") as origin:
        port = origin.port
    async with Calls(port).open() as doors:
        client = await doors.client()
        for _ in range(3):
            assert await client.ask(way) == (299, b"INTEGRATION_FAILURE")
        assert await eventually(lambda: all_over(doors))


@WAYS
@looped
async def test_no_answer_in_time(way: str) -> None:
    async with Origin(silent) as origin, Calls(origin.port, call={"timeout_ms": 40}).open() as doors:
        client = await doors.client()
        assert await client.ask(way) == (299, b"INTEGRATION_TIMEOUT")
        assert await eventually(lambda: all_over(doors))


@WAYS
@looped
async def test_half_an_answer_in_time(way: str) -> None:
    started = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
    async with Origin(started) as origin, Calls(origin.port, call={"timeout_ms": 60}).open() as doors:
        assert await (await doors.client()).ask(way) == (299, b"INTEGRATION_TIMEOUT")
        assert await eventually(lambda: all_over(doors))


@WAYS
@looped
async def test_the_wait_for_a_connection_has_its_deadline(way: str) -> None:
    async with Origin(silent) as origin:
        calls = Calls(origin.port, max_connections=1)
        async with calls.open() as doors:
            first = await doors.client()
            first.send("/sent")
            assert await eventually(lambda: len(origin.requests) == 1)
            calls.call["timeout_ms"] = 40
            assert await (await doors.client()).ask(way) == (299, b"INTEGRATION_TIMEOUT")
            assert doors.engine.live()["calls"] == 1
            assert len(origin.requests) == 1


@looped
async def test_too_many_that_wait_are_refused() -> None:
    async with Origin(silent) as origin, Calls(origin.port, max_connections=1, max_pending=1).open() as doors:
        clients = [await doors.client() for _ in range(4)]
        for client in clients[:2]:
            client.send("/sent")
        assert await eventually(lambda: doors.engine.live()["calls"] == 2)
        for way in ("/sent", "/fetch"):
            assert await clients[2].ask(way) == (299, b"UPSTREAM_OVERLOADED")


def bad(**named: object) -> dict[str, object]:
    return named


@WAYS
@pytest.mark.parametrize(
    "call",
    [
        bad(path=b"p"),
        bad(path=b"/a b"),
        bad(path=b"/a\r\nX: y"),
        bad(path=b"/\xff"),
        bad(path=b"/a#b"),
        bad(path="/text"),
        bad(path=b"/" + b"x" * 70_000),
        bad(method=b"GET /x HTTP/1.1\r\n"),
        bad(method=b""),
        bad(headers=[(b"A", b"b\r\nC: d")]),
        bad(headers=[(b"A b", b"c")]),
        bad(headers=[("A", "b")]),
        bad(body="text"),
        bad(body=None),
        bad(target=None),
        bad(timeout_ms="1"),
        bad(timeout_ms=-1),
        bad(max_bytes=-1),
        bad(max_bytes=None),
    ],
)
@looped
async def test_what_is_no_call_is_a_fault_of_the_step(way: str, call: dict[str, object]) -> None:
    async with Origin(whole(b"")) as origin, Calls(origin.port, call=call).open() as doors:
        client = await doors.client()
        assert (await client.ask(way))[0] == 500
        assert origin.requests == []
        assert all_over(doors)
        doors.swap_groups([])
        doors.engine.reap()
        assert doors.engine.live()["plans"] == 0


# --- tries


@looped
async def test_a_stale_connection_is_tried_again_where_that_is_safe() -> None:
    """The origin closes each connection when the second request arrives on it, without an answer."""
    for method, outcome in ((b"GET", (200, b"x")), (b"POST", (299, b"INTEGRATION_BAD_ANSWER"))):
        answers = (whole(b"x"), hangs_up, whole(b"x"))
        async with Origin(*answers) as origin, Calls(origin.port, call={"method": method}).open() as doors:
            client = await doors.client()
            assert await client.ask("/sent") == (200, b"x")
            await asyncio.sleep(0.01)       # a request that cannot be repeated gets a connection that has rested
            assert await client.ask("/fetch") == outcome
            assert origin.connections == (2 if method == b"GET" else 1)
            assert await eventually(lambda: all_over(doors))


@looped
async def test_another_endpoint_is_tried() -> None:
    async with Origin(b"") as nobody:
        port = nobody.port
    async with Origin(whole(b"x")) as origin, Calls(port, origin.port).open() as doors:
        client = await doors.client()
        for way in ("/sent", "/fetch", "/sent", "/fetch"):
            assert await client.ask(way) == (200, b"x")


@WAYS
@looped
async def test_an_endpoint_that_fails_is_left_out(way: str) -> None:
    """The health of an endpoint hears of the answers to calls."""
    async with Origin(whole(b"bad", status=500)) as bad, Origin(whole(b"good")) as good:
        calls = Calls(bad.port, good.port, eject_failures=1, eject_5xx=True, eject_ms=60_000)
        async with calls.open() as doors:
            client = await doors.client()
            for _ in range(2):
                await client.ask(way)
            for _ in range(6):
                assert await client.ask(way) == (200, b"good")
            assert 1 <= len(bad.requests) <= 2
            states = {row["state"] for row in doors.engine.upstreams()[0]["endpoints"]}
            assert len(states) == 2


@looped
async def test_a_policy_that_hashes_goes_by_the_client() -> None:
    """Its field, though the call has none of that name; a call for nobody is given out in turn."""
    async with Origin(whole(b"1")) as one, Origin(whole(b"2")) as two:
        calls = Calls(one.port, two.port, policy="hash header", hash_header=b"X-User")
        async with calls.open() as doors:
            client = await doors.client()
            for way in ("/sent", "/fetch", "/both"):
                answers = {}
                for user in range(20):
                    found = {(await client.ask(way, f"X-User: {user}"))[1] for _ in range(3)}
                    assert len(found) == 1
                    answers[user] = found.pop()
                assert set(answers.values()) == {b"1", b"2"}
            found = {(await fetch(Call(doors.handle(), b"GET", b"/"))).body for _ in range(4)}
            assert found == {b"1", b"2"}


# --- what is given up

async def deaf(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Takes no more than the buffers of its side hold."""


def full() -> tuple[socket.socket, list[socket.socket]]:
    """A listener whose queue is full: one more connection waits for as long as it likes."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = []
    for _ in range(8):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(listener.getsockname())
        waiting.append(one)
    return listener, waiting


@pytest.mark.parametrize("stage", ["waits", "connects", "sends", "reads"])
@WAYS
@looped
async def test_a_client_that_leaves_gives_up_its_call(way: str, stage: str) -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
    listener, waiting = full()
    unread = await asyncio.start_server(deaf, "127.0.0.1", 0)
    async with Origin(half if stage == "reads" else silent) as origin:
        port = {"connects": listener.getsockname()[1], "sends": unread.sockets[0].getsockname()[1]}
        calls = Calls(
            port.get(stage, origin.port),
            call={"body": b"x" * (16 << 20) if stage == "sends" else b"", "method": b"POST"},
            max_connections=1 if stage == "waits" else 64,
        )
        async with calls.open() as doors:
            other = await doors.client()
            if stage == "waits":
                other.send("/sent")
                assert await eventually(lambda: len(origin.requests) == 1)
            client = await doors.client()
            before = doors.engine.live()["calls"]
            client.send(way)
            assert await eventually(lambda: doors.engine.live()["calls"] > before)
            if stage in ("sends", "reads"):
                busy = "writes" if stage == "sends" else "buffers"
                assert await eventually(lambda: doors.engine.live()[busy] >= 1)
            if stage == "connects":
                assert doors.engine.upstreams()[0]["endpoints"][0]["connecting"] >= 1
            await client.reset()
            assert await eventually(lambda: doors.engine.live()["calls"] == before)
            await other.reset()
            assert await eventually(lambda: all_over(doors) or stage == "connects")
            assert doors.row(way, layout.R_4XX) >= 1
    for one in (listener, *waiting):
        one.close()
    unread.close()


@WAYS
@looped
async def test_the_deadline_of_the_route_gives_up_the_call(way: str) -> None:
    async with Origin(silent) as origin, Calls(origin.port).open(timeout_ms=40) as doors:
        client = await doors.client()
        assert (await client.ask(way))[0] == 504
        assert await eventually(lambda: all_over(doors))


@WAYS
@looped
async def test_close_ends_what_is_under_way(way: str) -> None:
    async with Origin(silent) as origin, Calls(origin.port).open() as doors:
        for _ in range(3):
            (await doors.client()).send(way)
        assert await eventually(lambda: len(origin.requests) == (6 if way == "/both" else 3))
        doors.engine.close()
        assert await eventually(lambda: not any(doors.engine.live().values()))


@WAYS
@looped
async def test_drain_lets_calls_end(way: str) -> None:
    go = asyncio.Event()

    async def later(writer: asyncio.StreamWriter) -> None:
        await go.wait()
        writer.write(whole(b"late"))

    async with Origin(later) as origin, Calls(origin.port).open() as doors:
        client = await doors.client()
        client.send(way)
        assert await eventually(lambda: len(origin.requests) >= 1)
        doors.engine.drain()
        go.set()
        status, fields, body = await client.answer()
        assert (status, body, dict(fields)["connection"]) == (200, b"late", "close")


@WAYS
@looped
async def test_a_reload_leaves_calls_alone(way: str) -> None:
    """The old plan's group has gone from the new one; the exchange that holds the plan still calls by its handle."""
    go = asyncio.Event()

    async def later(writer: asyncio.StreamWriter) -> None:
        await go.wait()
        writer.write(whole(b"old"))

    async with Origin(later) as origin:
        calls = Calls(origin.port)
        async with calls.open() as doors:
            old = doors.handle()
            client = await doors.client()
            client.send(way)
            assert await eventually(lambda: len(origin.requests) >= 1)
            doors.swap_groups([])
            doors.engine.reap()
            assert doors.engine.live()["plans"] == 1
            go.set()
            assert (await client.answer())[2] == b"old"
            assert await eventually(lambda: all_over(doors))
            doors.engine.reap()
            assert doors.engine.live()["plans"] == 0
            with pytest.raises(CallFailed):
                await fetch(Call(old, b"GET", b"/"))
            assert doors.engine.live()["calls"] == 0


@looped
async def test_a_task_on_its_own_may_call() -> None:
    """Work that belongs to no request: it holds the plan while its call runs, and nothing after."""
    async with Origin(whole(b"x")) as origin, Calls(origin.port).open() as doors:
        reply = await fetch(Call(doors.handle(), b"GET", b"/"))
        assert (reply.status, reply.body, reply.headers) == (200, b"x", [(b"Content-Length", b"1")])
        assert 0 < reply.us < 60_000_000
        assert all_over(doors)


# --- chains


@looped
async def test_calls_one_after_the_other() -> None:
    async with Origin(whole(b"1"), whole(b"2"), whole(b"3")) as origin:
        calls = Calls(origin.port)

        def step(request: Request) -> Sent:
            found: list[bytes] = []

            def then(request: Request, outcome: Reply | CallFailed) -> Answer | Sent | Awaitable[Answer]:
                assert isinstance(outcome, Reply)
                found.append(outcome.body)
                if len(found) == 3:
                    return last(request, b"".join(found))
                return Sent(calls.made(request), then)

            return Sent(calls.made(request), then)

        async def last(request: Request, body: bytes) -> Sent:
            return Sent(calls.made(request), lambda request, outcome: Answer(200, body=body + outcome.body))

        calls.steps["/chain"] = step
        async with calls.open() as doors:
            client = await doors.client()
            assert await client.ask("/chain") == (200, b"1233")
            assert doors.cell(layout.H_DOOR_RUN_STEP) == 1
            assert doors.cell(layout.H_DOOR_START_TASK) == 1
            assert doors.cell(layout.H_CALLS) == len(origin.requests) == 4


@looped
async def test_what_goes_on_may_fail() -> None:
    def then(_: Request, outcome: Reply | CallFailed) -> Answer:
        raise LookupError("no such thing")

    async with Origin(whole(b"x")) as origin:
        calls = Calls(origin.port)
        calls.steps["/raises"] = lambda request: Sent(calls.made(request), then)
        calls.steps["/nothing"] = lambda request: Sent(calls.made(request), lambda *_: None)
        async with calls.open() as doors:
            client = await doors.client()
            for path in ("/raises", "/nothing", "/raises"):
                assert (await client.ask(path))[0] == 500
            assert await client.ask("/sent") == (200, b"x")
            assert all_over(doors)


@looped
async def test_a_chain_that_fails_at_once_needs_no_stack() -> None:
    """Calls that are refused before anything was tried go on in a loop."""
    async with Origin(silent) as origin:
        calls = Calls(origin.port, max_connections=1, max_pending=0)
        tries = 0

        def again(request: Request, outcome: Reply | CallFailed) -> Answer | Sent:
            nonlocal tries
            tries += 1
            return Sent(calls.made(request), again) if tries < 20_000 else shown(outcome)

        calls.steps["/again"] = lambda request: Sent(calls.made(request), again)
        async with calls.open() as doors:
            (await doors.client()).send("/sent")
            assert await eventually(lambda: len(origin.requests) == 1)
            assert await (await doors.client()).ask("/again") == (299, b"UPSTREAM_OVERLOADED")
            assert tries == 20_000
