"""Who may ask the ops listener, and what it says of what it hears."""

import asyncio
import dataclasses
import os

import pytest
from aiohttp.test_utils import TestClient, TestServer

from fastgw.control.ops import Ops
from fastgw.model.gateway import Gateway
from fastgw.observe import counters
from fastgw.runtime.handover import ControlStart, Served
from fastgw.runtime.peer import PeerGone, Refused
from fastgw.settings import Resolved, Settings


class Supervisor:
    """Answers or raises what a test wants."""

    def __init__(self, **answers):
        state = {"draining": False, "workers": [{"worker": 0, "ready": True}]}
        self.answers = {"state": state, "upstreams": {}, **answers}

    async def call(self, verb):
        answer = self.answers[verb]
        if isinstance(answer, Exception):
            raise answer
        return answer


def ask(method, path, *, headers=None, supervisor=None, **changed):
    """(status, text) of one request."""

    async def run():
        fd = counters.create(1)
        resolved = Resolved(dataclasses.replace(Settings(), **changed), {n: "default" for n in NAMES})
        start = ControlStart((), 1, "/nowhere", resolved, Served(Gateway((), (), ()), {}, {}, 1), {})
        ops = Ops(start, counters.Reader(fd, 1), None, supervisor or Supervisor(), None)
        try:
            async with TestClient(TestServer(ops.application())) as client:
                answer = await client.request(method, path, headers=headers)
                return answer.status, await answer.text()
        finally:
            os.close(fd)

    return asyncio.run(run())


NAMES = [f.name for f in dataclasses.fields(Settings)]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/config", "/routes", "/metrics"])
def test_resources_answer(path):
    assert ask("GET", path)[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "rebound.example:9901"},
        {"Host": "localhost.evil.example"},
    ],
)
def test_a_web_page_cannot_reach_it(headers):
    assert ask("POST", "/drain", headers=headers, supervisor=Supervisor(drain=None))[0] == 403
    assert ask("GET", "/config", headers=headers)[0] == 403


@pytest.mark.parametrize("host", ["127.0.0.1:9901", "127.0.0.1", "[::1]:9901", "[::1]", "localhost:9901"])
def test_addresses_and_localhost_are_good_hosts(host):
    assert ask("GET", "/healthz", headers={"Host": host})[0] == 200


def test_any_host_reaches_a_public_listener():
    changed = {"ops_public": True, "ops_token": "t", "ops": "0.0.0.0:9901"}
    headers = {"Host": "gw.example", "Authorization": "Bearer t"}
    assert ask("GET", "/config", headers=headers, **changed)[0] == 200


@pytest.mark.parametrize(
    ("path", "authorization", "status"),
    [
        ("/config", None, 401),
        ("/config", "Bearer wrong", 401),
        ("/config", "Bearer ", 401),
        ("/config", "Bearer s3cret", 200),
        ("/healthz", None, 200),
        ("/readyz", None, 200),
    ],
)
def test_the_token(path, authorization, status):
    headers = {"Authorization": authorization} if authorization else {}
    assert ask("GET", path, headers=headers, ops_token="s3cret")[0] == status


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ({"draining": False, "workers": [{"ready": True}, {"ready": True}]}, 200),
        ({"draining": False, "workers": [{"ready": True}, {"ready": False}]}, 503),
        ({"draining": True, "workers": [{"ready": True}]}, 503),
    ],
)
def test_readiness(state, status):
    assert ask("GET", "/readyz", supervisor=Supervisor(state=state))[0] == status


def test_a_refused_reload_says_every_reason():
    supervisor = Supervisor(reload=Refused("a.yaml:1:1: error: one", "a.yaml:2:1: error: two"))
    assert ask("POST", "/reload", supervisor=supervisor) == (
        422, "a.yaml:1:1: error: one\na.yaml:2:1: error: two\n",
    )


def test_a_reload_passes_warnings_on():
    answer = ask("POST", "/reload", supervisor=Supervisor(reload=["a.yaml:1:1: warning: x"]))
    assert answer == (200, "a.yaml:1:1: warning: x\nreloaded\n")


def test_reload_and_drain_are_not_for_get():
    assert {ask("GET", path)[0] for path in ("/reload", "/drain")} == {405}


def test_without_a_supervisor_it_says_so():
    supervisor = Supervisor(state=PeerGone())
    assert ask("GET", "/healthz", supervisor=supervisor) == (503, "the supervisor is gone\n")


def test_live_counts_are_summed():
    live = {0: {"connections": 1, "buffers": 2}, 1: {"connections": 3, "buffers": 0}}
    text = ask("GET", "/live", supervisor=Supervisor(live=live))[1]
    assert '"connections": 4' in text and '"buffers": 2' in text
