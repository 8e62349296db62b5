"""What the logs and the counters tell of requests whose steps make calls."""

import json
import os
from collections.abc import Iterator

import pytest

from fastgw._core.call import fetch
from fastgw._core.step import Answer, CallFailed, Failure, Outcome, Reply, Request, Sent
from fastgw.errors import CODE
from fastgw.model.accesslog import AccessLog, LogStyle
from fastgw.model.place import Place
from fastgw.model.value import Context, Static
from fastgw.observe import layout
from fastgw.plan.accesslog import compile_log
from fastgw.runtime import logs
from fastgw.runtime.logs import Ring
from tests.support.calls import Calls, Origin, silent, whole
from tests.support.door import Doors, looped, written

BUFFER = 262_144
TOLD = (
    "status",
    "integrationStatus",
    "integration.integrationStatus",
    "integration.status",
    "integration.requestId",
    "integration.error",
    "integrationErrorMessage",
    "error.message",
    "error.responseType",
    "error.validationErrorString",
    "responseLength",
    "integrationLatency",
)


@pytest.fixture
def ring() -> Iterator[Ring]:
    fd = logs.create(1, BUFFER)
    ring = Ring(fd, 0, BUFFER)
    yield ring
    ring.close()
    os.close(fd)


def line() -> dict[str, object]:
    parts: list[Static | Context] = [Static("{")]
    for name in TOLD:
        parts += [Static(f'"{name}":'), Context(name), Static(",")]
    log = AccessLog("-", LogStyle.JSON, (*parts[:-1], Static("}")), Place("f", 1, 1))
    return compile_log(log, {"-": 0})


def last(ring: Ring) -> dict[str, object]:
    """The newest line, without what it does not know; its latency is replaced by whether it has one."""
    told = {name: value for name, value in json.loads(list(written(ring.view))[-1]).items() if value is not None}
    assert told.pop("integrationLatency", 0) >= 0
    return told


@looped
async def test_a_call_is_the_integration(ring: Ring) -> None:
    async with Origin(whole(b"abc", status=404)) as origin:
        calls = Calls(origin.port)
        calls.steps["/other"] = lambda request: Sent(calls.made(request), lambda _, reply: Answer(200, body=b"1"))
        async with calls.open(log=ring.view, line=line()) as doors:
            client = await doors.client()
            for way, status, length in (("/sent", 404, 3), ("/fetch", 404, 3), ("/both", 404, 3), ("/other", 200, 1)):
                await client.ask(way)
                assert last(ring) == {
                    "status": status,
                    "integrationStatus": 404,
                    "integration.integrationStatus": 404,
                    "integration.status": 404,
                    "responseLength": length,
                }
                assert doors.row(way, layout.R_INTEGRATION_ANSWERS) == 1
                assert doors.row(way, layout.R_INTEGRATION_US) > 0
                assert doors.row(way, layout.R_LATENCY_US) >= doors.row(way, layout.R_INTEGRATION_US)


@looped
async def test_what_a_step_notes(ring: Ring) -> None:
    """As a function's own status, inside of the answer of the service that ran it."""

    def noted(request: Request, reply: Reply | CallFailed) -> Answer:
        assert isinstance(reply, Reply)
        request.note(status=418, error="it is \"a\"\npot", id="first")
        request.note(id="id-1")
        return Answer(200)

    async with Origin(whole(b"")) as origin:
        calls = Calls(origin.port)
        calls.steps["/noted"] = lambda request: Sent(calls.made(request), noted)
        async with calls.open(log=ring.view, line=line()) as doors:
            client = await doors.client()
            for _ in range(2):
                await client.ask("/noted")
                assert last(ring) == {
                    "status": 200,
                    "integrationStatus": 200,
                    "integration.integrationStatus": 200,
                    "integration.status": 418,
                    "integration.requestId": "id-1",
                    "integration.error": 'it is "a"\npot',
                    "integrationErrorMessage": 'it is "a"\npot',
                    "responseLength": 0,
                }
            await client.ask("/sent")
            assert "integration.requestId" not in last(ring)    # the next request on this connection has none of it


@looped
async def test_failures(ring: Ring) -> None:
    failure = Failure(CODE["BAD_REQUEST_PARAMETERS"], "this is missing", "[that]")

    def fails(_: Request) -> Outcome:
        raise failure

    async with Origin(silent) as origin:
        calls = Calls(origin.port, call={"timeout_ms": 30})

        async def raises(request: Request) -> Answer:
            await fetch(calls.made(request))
            return Answer(200)

        calls.steps |= {"/fails": fails, "/raises": raises}
        async with calls.open(log=ring.view, line=line()) as doors:
            client = await doors.client()
            assert await client.ask("/fails") == (400, b'{"message":"this is missing"}')
            assert last(ring) == {
                "status": 400,
                "error.message": "this is missing",
                "error.responseType": "BAD_REQUEST_PARAMETERS",
                "error.validationErrorString": "[that]",
                "responseLength": 29,
            }
            assert doors.row("/fails", layout.R_INTEGRATION_ANSWERS) == 0
            assert (await client.ask("/raises"))[0] == 504
            assert last(ring) == {
                "status": 504,
                "integration.error": "Endpoint request timed out",
                "integrationErrorMessage": "Endpoint request timed out",
                "error.message": "Endpoint request timed out",
                "error.responseType": "INTEGRATION_TIMEOUT",
                "responseLength": 40,
            }
            assert doors.row("/raises", layout.R_INTEGRATION_ANSWERS) == 0
            assert doors.row("/raises", layout.R_UPSTREAM_US) >= 20_000


@looped
async def test_no_call_is_no_integration(ring: Ring) -> None:
    async with Doors({"/a": lambda _: Answer(200)}, log=ring.view, line=line()) as doors:
        await (await doors.client()).ask("/a")
        assert last(ring) == {"status": 200, "responseLength": 0}
        assert doors.row("/a", layout.R_INTEGRATION_ANSWERS) == 0


def test_notes_of_a_request_made_by_hand_go_nowhere() -> None:
    Request().note(status=200, error="x", id="y")
