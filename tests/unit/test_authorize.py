"""The phase AUTH in one process: identities, decisions and their cache, shared questions, and every way one can end."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from fastgw._core.step import Allowed, Answer, CallFailed, Denied, Failure, Request
from fastgw.errors import CODE
from fastgw.model.value import Context, RequestParameter, StageVariable
from fastgw.observe import layout
from fastgw.plan.access import auth_spec
from tests.support.door import Client, Doors, eventually, looped, plan_of

TOKEN = RequestParameter("header", "X-Token")
QUERY = RequestParameter("querystring", "who")
ZONE = b"z" * 16


def who(request: Request) -> Answer:
    caller = request.caller
    return Answer(200, body=caller.get("authorizer.principalId", "nobody").encode())


class Oracle:
    """An authorizer that tells everybody's name, and counts."""

    def __init__(self, **allowed: Any) -> None:
        self.asked: list[tuple[bytes, ...]] = []
        self.allowed = {"ttl_seconds": 60} | allowed

    def __call__(self, request: Request, identity: tuple[bytes, ...]) -> Allowed:
        self.asked.append(identity)
        return Allowed(b"+".join(identity).decode("latin-1"), **self.allowed)


class Gate(Oracle):
    """One that answers when it is let go."""

    def __init__(self, **allowed: Any) -> None:
        super().__init__(**allowed)
        self.go = asyncio.Event()
        self.cancelled = 0

    async def __call__(self, request: Request, identity: tuple[bytes, ...]) -> Allowed:
        found = super().__call__(request, identity)
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return found


def guarded(authorize: Callable[..., Any], *sources: Any, zone: bytes = ZONE, ttl: int = 300,
            variables: dict[str, str] | None = None, timeout_ms: int = 5_000, **named: Any) -> dict[str, Any]:
    return auth_spec(sources or (TOKEN,), variables or {}, authorize, zone, ttl_seconds=ttl, timeout_ms=timeout_ms,
                     **named)


def served(auth: dict[str, Any], **paths: Any) -> Doors:
    return Doors(plan_of((paths or {"/a": who}).items(), 10_000, auth=auth))


async def ask(client: Client, token: str | None = "me", path: str = "/a", *fields: str) -> tuple[int, bytes]:
    return await client.ask(path, *([f"X-Token: {token}"] if token is not None else []), *fields)


# --- decisions

@looped
async def test_a_decision_is_made_once_for_an_identity() -> None:
    oracle = Oracle()
    async with served(guarded(oracle)) as doors:
        client = await doors.client()
        for token in ("ann", "bob", "ann", "bob"):
            assert await ask(client, token) == (200, token.encode())
        assert oracle.asked == [(b"ann",), (b"bob",)]
        assert doors.cell(layout.H_DOOR_AUTHORIZE) == 2
        assert doors.cell(layout.H_DECISIONS_FOUND) == 2
        assert doors.engine.live()["decisions"] == 2


@pytest.mark.parametrize(("ttl", "said"), [(0, 60), (300, 0), (300, -1)])
def test_without_a_time_to_live_everybody_is_asked_about(ttl: int, said: float) -> None:
    @looped
    async def test() -> None:
        oracle = Oracle(ttl_seconds=said)
        async with served(guarded(oracle, ttl=ttl)) as doors:
            client = await doors.client()
            for _ in range(3):
                assert (await ask(client))[0] == 200
            assert len(oracle.asked) == 3
            assert doors.engine.live()["decisions"] == 0

    test()


@looped
async def test_a_decision_lapses() -> None:
    oracle = Oracle(ttl_seconds=0.02)
    async with served(guarded(oracle)) as doors:
        client = await doors.client()
        await ask(client)
        await asyncio.sleep(0.1)
        await ask(client)
        assert len(oracle.asked) == 2


@looped
async def test_a_reload_with_another_authorizer_asks_anew() -> None:
    first, second = Oracle(), Oracle()
    async with served(guarded(first)) as doors:
        client = await doors.client()
        await ask(client)
        doors.swap(plan_of({"/a": who}.items(), 10_000, auth=guarded(second, zone=b"y" * 16)))
        await ask(client)
        doors.swap(plan_of({"/a": who}.items(), 10_000, auth=guarded(second)))
        await ask(client)
        assert (len(first.asked), len(second.asked)) == (1, 1)


@looped
async def test_the_table_is_bounded() -> None:
    for bounds in ({"authorizer_cache": 8}, {"authorizer_cache_bytes": 3_000}):
        oracle = Oracle()
        async with Doors(plan_of({"/a": who}.items(), 10_000, auth=guarded(oracle)), **bounds) as doors:
            client = await doors.client()
            for number in range(100):
                assert (await ask(client, f"token-{number}"))[0] == 200
            kept = doors.engine.live()["decisions"]
            assert 0 < kept <= 20
            assert (await ask(client, "token-99"))[0] == 200
            assert len(oracle.asked) == 100
            await ask(client, "token-0")
            assert len(oracle.asked) == 101


@looped
async def test_what_was_asked_for_last_stays() -> None:
    oracle = Oracle()
    async with Doors(plan_of({"/a": who}.items(), 10_000, auth=guarded(oracle)), authorizer_cache=2) as doors:
        client = await doors.client()
        for token in ("a", "b", "a", "c", "a"):
            await ask(client, token)
        assert [one for [one] in oracle.asked] == [b"a", b"b", b"c"]


@looped
async def test_a_table_without_room_keeps_nothing() -> None:
    for bounds in ({"authorizer_cache": 0}, {"authorizer_cache_bytes": 0}):
        oracle = Oracle()
        async with Doors(plan_of({"/a": who}.items(), 10_000, auth=guarded(oracle)), **bounds) as doors:
            client = await doors.client()
            assert [await ask(client) for _ in range(2)] == [(200, b"me")] * 2
            assert len(oracle.asked) == 2


# --- identities

@pytest.mark.parametrize("fields", [
    (), ("X-Token:",), ("X-Token:   ",), ("X-Token: a", "X-Token: b"), ("X-Token: a", "x-token: a"), ("X_Token: a",),
], ids=repr)
def test_no_identity_is_401_without_a_question(fields: tuple[str, ...]) -> None:
    @looped
    async def test() -> None:
        oracle = Oracle()
        async with served(guarded(oracle)) as doors:
            client = await doors.client()
            assert await client.ask("/a", *fields) == (401, b'{"message":"Unauthorized"}')
            assert oracle.asked == []
            assert doors.cell(layout.H_DOOR_AUTHORIZE) == 0

    test()


@pytest.mark.parametrize(("query", "known"), [
    ("?who=a%20b", b"a b"), ("?x=1&who=a+b", b"a b"), ("", None), ("?who", None), ("?who=", None),
    ("?who=a&who=a", None),
    ("?Who=a", None), ("?w%68o=a", b"a"),
])
def test_an_identity_in_the_query(query: str, known: bytes | None) -> None:
    @looped
    async def test() -> None:
        oracle = Oracle()
        async with served(guarded(oracle, QUERY)) as doors:
            status, _ = await (await doors.client()).ask("/a" + query)
            assert (status, oracle.asked) == ((200, [(known,)]) if known is not None else (401, []))

    test()


@looped
async def test_all_sources_count_and_none_runs_into_the_next() -> None:
    oracle = Oracle()
    sources = (TOKEN, QUERY, Context("httpMethod"), StageVariable("color"))
    async with served(guarded(oracle, *sources, variables={"color": "red"})) as doors:
        client = await doors.client()
        for token, query in (("ab", "c"), ("a", "bc"), ("ab", "c")):
            assert (await ask(client, token, f"/a?who={query}"))[0] == 200
        assert oracle.asked == [(b"ab", b"c", b"GET", b"red"), (b"a", b"bc", b"GET", b"red")]
        assert (await ask(client, None, "/a?who=c"))[0] == 401
        assert (await ask(client, "ab", "/a"))[0] == 401


@pytest.mark.parametrize("source", [StageVariable("unset"), Context("wafResponseCode"), Context("authorizer.x")])
def test_a_source_that_never_has_a_value(source: Any) -> None:
    @looped
    async def test() -> None:
        async with served(guarded(Oracle(), source)) as doors:
            assert (await (await doors.client()).ask("/a"))[0] == 401

    test()


@pytest.mark.parametrize(("token", "fits"), [
    ("Bearer abc", True), ("Bearer ab-", False), ("x Bearer abc", False), ("Bearer abc x", False), ("Bearer ", False),
    ("Bearer abc\xe9", False),
])
def test_the_validation_expression_is_for_the_whole(token: str, fits: bool) -> None:
    @looped
    async def test() -> None:
        oracle = Oracle()
        async with served(guarded(oracle, pattern=b"Bearer [a-z]+|never")) as doors:
            client = await doors.client()
            client.writer.write(b"GET /a HTTP/1.1\r\nHost: test\r\nX-Token: " + token.encode("latin-1") + b"\r\n\r\n")
            status, _, _ = await client.answer()
            assert (status, len(oracle.asked)) == ((200, 1) if fits else (401, 0))

    test()


@looped
async def test_a_validation_expression_has_bounds() -> None:
    oracle = Oracle()
    async with served(guarded(oracle, pattern=b"(a+)+")) as doors:
        assert (await ask(await doors.client(), "a" * 2_000 + "b"))[0] == 401
    with pytest.raises(ValueError, match="offset"):
        guarded(oracle, pattern=b"a)(?:b")


@looped
async def test_without_sources_each_request_is_asked_about() -> None:
    oracle = Oracle()
    spec = auth_spec((), {}, oracle, ZONE, ttl_seconds=0, timeout_ms=1_000)
    async with served(spec) as doors:
        client = await doors.client()
        assert [await ask(client, None) for _ in range(2)] == [(200, b"")] * 2
        assert oracle.asked == [(), ()]


# --- one question for many

@looped
async def test_equal_requests_share_a_question() -> None:
    gate = Gate()
    async with served(guarded(gate)) as doors:
        clients = [await doors.client() for _ in range(8)]
        for client in clients:
            client.send("/a", "X-Token: me")
        assert await eventually(lambda: doors.cell(layout.H_DECISIONS_ASKED) == 8)
        gate.go.set()
        assert [(await client.answer())[2] for client in clients] == [b"me"] * 8
        assert gate.asked == [(b"me",)]


@looped
async def test_without_a_time_to_live_nothing_is_shared() -> None:
    gate = Gate()
    async with served(guarded(gate, ttl=0)) as doors:
        clients = [await doors.client() for _ in range(4)]
        for client in clients:
            client.send("/a", "X-Token: me")
        assert await eventually(lambda: len(gate.asked) == 4)
        gate.go.set()
        assert [(await client.answer())[0] for client in clients] == [200] * 4


@looped
async def test_who_leaves_does_not_spoil_it_for_the_others() -> None:
    gate = Gate()
    async with served(guarded(gate)) as doors:
        first, second, third = [await doors.client() for _ in range(3)]
        for number, client in enumerate((first, second, third), 1):
            client.send("/a", "X-Token: me")
            assert await eventually(lambda number=number: doors.cell(layout.H_DECISIONS_ASKED) == number)
        await first.reset()
        await third.reset()
        assert await eventually(lambda: doors.engine.live()["exchanges"] == 1)
        gate.go.set()
        assert (await second.answer())[2] == b"me"
        assert (len(gate.asked), gate.cancelled) == (1, 0)


@looped
async def test_a_question_that_nobody_waits_for_is_given_up() -> None:
    gate = Gate()
    async with served(guarded(gate)) as doors:
        clients = [await doors.client() for _ in range(2)]
        for client in clients:
            client.send("/a", "X-Token: me")
        assert await eventually(lambda: doors.cell(layout.H_DECISIONS_ASKED) == 2)
        for client in clients:
            await client.reset()
        assert await eventually(lambda: gate.cancelled == 1)
        gate.go.set()
        assert await ask(await doors.client()) == (200, b"me")
        assert len(gate.asked) == 2


@looped
async def test_a_shared_failure_is_everybodys() -> None:
    go = asyncio.Event()
    asked = []

    async def refuse(request: Request, identity: tuple[bytes, ...]) -> Allowed:
        asked.append(identity)
        await go.wait()
        raise Failure(CODE["UNAUTHORIZED"])

    async with served(guarded(refuse)) as doors:
        clients = [await doors.client() for _ in range(3)]
        for client in clients:
            client.send("/a", "X-Token: me")
        assert await eventually(lambda: doors.cell(layout.H_DECISIONS_ASKED) == 3)
        go.set()
        assert [(await client.answer())[0] for client in clients] == [401] * 3
        assert len(asked) == 1
        assert (await ask(clients[0]))[0] == 401
        assert len(asked) == 2, "a failure is not kept"


@looped
async def test_an_authorizer_that_takes_too_long() -> None:
    gate = Gate()
    async with served(guarded(gate, timeout_ms=-900)) as doors:
        assert await ask(await doors.client()) == (500, b'{"message":null}')
        assert await eventually(lambda: gate.cancelled == 1)


# --- how it can end

def failing(error: BaseException) -> Callable[..., Allowed]:
    def fail(request: Request, identity: tuple[bytes, ...]) -> Allowed:
        raise error

    return fail


OUTCOMES = {
    "unknown": (failing(Failure(CODE["UNAUTHORIZED"])), 401),
    "refused": (failing(Failure(CODE["ACCESS_DENIED"])), 403),
    "a fault": (failing(RuntimeError("secret token")), 500),
    "no row": (failing(Failure(999)), 500),
    "cannot be reached": (failing(CallFailed(CODE["INTEGRATION_FAILURE"])), 500),
    "too slow": (failing(CallFailed(CODE["INTEGRATION_TIMEOUT"])), 500),
    "nothing": (lambda request, identity: None, 500),
    "no decision": (lambda request, identity: Answer(200), 500),
    "no text": (lambda request, identity: Allowed("me", values={"a": 5}), 500),
    "denied": (lambda request, identity: Denied(), 403),
    "allowed": (lambda request, identity: Allowed("me"), 200),
}


def later(soon: Callable[..., Any]) -> Callable[..., Any]:
    async def decide(request: Request, identity: tuple[bytes, ...]) -> Any:
        await asyncio.sleep(0.001)
        return soon(request, identity)

    return decide


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("name", OUTCOMES)
def test_every_end(name: str, late: bool) -> None:
    authorize, status = OUTCOMES[name]

    @looped
    async def test() -> None:
        async with served(guarded(later(authorize) if late else authorize)) as doors:
            client = await doors.client()
            assert (await ask(client))[0] == status
            assert (await ask(client))[0] == status     # on the same connection

    test()


@looped
async def test_what_was_denied_is_kept() -> None:
    asked = []

    def deny(request: Request, identity: tuple[bytes, ...]) -> Denied:
        asked.append(identity)
        return Denied(60)

    async with served(guarded(deny)) as doors:
        client = await doors.client()
        assert [(await ask(client))[0] for _ in range(3)] == [403] * 3
        assert len(asked) == 1


@looped
async def test_a_failure_says_its_challenge() -> None:
    failure = Failure(CODE["UNAUTHORIZED"], "No \"more\"", "why", 'Bearer error="invalid_token"')
    async with served(guarded(failing(failure))) as doors:
        client = await doors.client()
        client.send("/a", "X-Token: me")
        status, fields, body = await client.answer()
        assert (status, dict(fields)["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
        assert body == b'{"message":"No \\"more\\""}'
        client.send("/a")
        status, fields, _ = await client.answer()
        assert (status, "www-authenticate" in dict(fields)) == (401, False)


@looped
async def test_scopes() -> None:
    oracle = Oracle(scopes=("read", "write"))
    for wanted, status in (((), 200), (("write",), 200), (("admin", "read"), 200), (("admin",), 403), (("rea",), 403)):
        async with served(guarded(oracle, scopes=wanted, challenge="Bearer x")) as doors:
            client = await doors.client()
            client.send("/a", "X-Token: me")
            found, fields, _ = await client.answer()
            assert (found, dict(fields).get("www-authenticate")) == (status, "Bearer x" if status == 403 else None)


# --- what a step sees

@looped
async def test_what_is_known_of_the_caller() -> None:
    told = {"principalId": "ann", "age": "5"}
    seen: list[Any] = []

    def step(request: Request) -> Answer:
        seen.extend((request.caller, request.told, request.context("authorizer.age"), request.context("identity.user")))
        return Answer(200)

    def authorize(request: Request, identity: tuple[bytes, ...]) -> Allowed:
        return Allowed("ann", {"authorizer.age": "5", "identity.user": "ü"}, told, ttl_seconds=60)

    async with served(guarded(authorize), **{"/a": step}) as doors:
        client = await doors.client()
        assert [(await ask(client))[0] for _ in range(2)] == [200, 200]
    known = {"authorizer.principalId": "ann", "authorizer.age": "5", "identity.user": "ü"}
    assert seen == [known, told, "5", "ü"] * 2


@looped
async def test_an_authorizer_reads_the_request() -> None:
    seen: list[Any] = []

    def authorize(request: Request, identity: tuple[bytes, ...]) -> Allowed:
        seen.append((request.method, request.path, request.query, dict(request.headers)[b"X-Token"],
                     request.context("RESOURCE_PATH"), request.caller, request.told))
        return Allowed("ann")

    async with served(guarded(authorize), **{"/a": who}) as doors:
        assert (await ask(await doors.client(), "me", "/a/?q=1"))[0] == 200
    assert seen == [(b"GET", b"/a/", b"q=1", b"me", "/a", {}, None)]


@looped
async def test_continue_is_said_only_to_who_may() -> None:
    gate = Gate()

    def step(request: Request) -> Answer:
        return Answer(200, body=request.body)

    async with served(guarded(gate), **{"/a": step}) as doors:
        client = await doors.client()
        client.send("/a", "Expect: 100-continue", "Content-Length: 2", method="POST")
        assert (await client.answer())[0] == 401
        assert await client.ended()
        client = await doors.client()
        client.send("/a", "X-Token: me", "Expect: 100-continue", "Content-Length: 2", method="POST")
        assert await eventually(lambda: len(gate.asked) == 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.reader.read(1)
        gate.go.set()
        assert (await client.answer())[0] == 100
        client.writer.write(b"hi")
        assert (await client.answer())[::2] == (200, b"hi")


@looped
async def test_a_body_that_comes_meanwhile_is_kept() -> None:
    gate = Gate()

    def step(request: Request) -> Answer:
        return Answer(200, body=request.body)

    async with served(guarded(gate), **{"/a": step}) as doors:
        client = await doors.client()
        client.send("/a", "X-Token: me", method="POST", body=b"x" * 100_000)
        client.send("/a", "X-Token: me", method="POST", body=b"second")
        assert await eventually(lambda: len(gate.asked) == 1)
        await asyncio.sleep(0.01)
        gate.go.set()
        assert (await client.answer())[2] == b"x" * 100_000
        assert (await client.answer())[2] == b"second"


@looped
async def test_secrets_stay_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with served(guarded(failing(KeyError("the token me-secret")))) as doors:
        assert (await ask(await doors.client(), "me-secret"))[0] == 500
    assert "KeyError" in caplog.text
    assert "me-secret" not in caplog.text
