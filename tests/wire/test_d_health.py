"""TRIALS D7: active checks take an endpoint out before its requests fail, bring it back, and never give up a group."""

import json
import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.support.client import eventually, get
from tests.support.process import Gateway
from tests.support.upstream import Exchange, Upstream
from tests.wire.test_balance import dead, grouped, states

CHECK = {"path": "/health", "interval": 0.5, "fall": 2, "rise": 2}


class Health:
    """What /health of a stub says."""

    def __init__(self, stub: Upstream) -> None:
        self.good = True
        self.hosts: list[str | None] = []
        stub.on("/health", self)

    async def __call__(self, exchange: Exchange) -> None:
        self.hosts.append(exchange.request.get("Host"))
        await exchange.reply(200 if self.good else 503)
        exchange.close()


def asked(stub: Upstream) -> int:
    return len(stub.to("/x"))


@pytest.mark.parametrize("workers", (1, 2))
def test_d7_down_and_back(workers: int) -> None:
    with Upstream() as a, Upstream() as b:
        health = Health(a)
        Health(b)
        files = grouped([a.authority, b.authority], health=CHECK)
        with Gateway(files, env={"FASTGW_WORKERS": str(workers)}) as gateway:
            health.good = False
            eventually(lambda: states_of_all(gateway, a.authority) == {"down"}, "down")
            before = asked(a)
            for _ in range(10):
                assert gateway.fetch(get("/x")).body == b"/x"
            assert asked(a) == before, "no request while it is down"
            health.good = True
            eventually(lambda: states_of_all(gateway, a.authority) == {"healthy"}, "up again")
            for _ in range(10):
                assert gateway.fetch(get("/x")).status == 200
            assert asked(a) > before
            assert set(health.hosts) == {"group.test"}
            told = [line for line in gateway.stderr().splitlines() if "is down" in line or "is up again" in line]
            assert len(told) == 2, "told once for the node"


def states_of_all(gateway: Gateway, address: str) -> set[str]:
    workers = json.loads(gateway.ops("/upstreams")[1])["workers"]
    return {e["state"] for groups in workers.values() for e in groups[0]["endpoints"] if e["address"] == address}


def test_d7_all_bad_is_still_tried() -> None:
    with Upstream() as a, Upstream() as b:
        both = [Health(a), Health(b)]
        with Gateway(grouped([a.authority, b.authority], health=CHECK)) as gateway:
            for health in both:
                health.good = False
            eventually(lambda: set(states(gateway).values()) == {"down"}, "all down")
            assert [gateway.fetch(get("/x")).status for _ in range(6)] == [200] * 6
            assert asked(a) == asked(b) == 3


def test_a_check_that_only_connects() -> None:
    with dead() as nobody, Upstream() as stub:
        health = {"kind": "tcp", "interval": 0.2, "fall": 1}
        with Gateway(grouped([nobody, stub.authority], health=health)) as gateway:
            eventually(lambda: states(gateway)[nobody] == "down", "nobody listens")
            assert states(gateway)[stub.authority] == "healthy"
            assert gateway.fetch(get("/x")).status == 200


def test_statuses_and_a_hanging_check() -> None:
    async def hang(exchange: Exchange) -> None:
        await exchange.body()

    async def teapot(exchange: Exchange) -> None:
        await exchange.reply(418)
        exchange.close()

    with Upstream() as a, Upstream() as b:
        a.on("/health", hang)
        b.on("/health", teapot)
        health = {**CHECK, "statuses": [418], "timeout": 0.1, "interval": 0.2, "fall": 1}
        with Gateway(grouped([a.authority, b.authority], health=health)) as gateway:
            eventually(lambda: states(gateway) == {a.authority: "down", b.authority: "healthy"}, "as checked")


def test_a_reload_ends_the_checks() -> None:
    """What was down by a check is up where nobody checks any more."""
    with Upstream() as a, Upstream() as b:
        health = Health(a)
        Health(b)
        with Gateway(grouped([a.authority, b.authority], health=CHECK)) as gateway:
            health.good = False
            eventually(lambda: states(gateway)[a.authority] == "down", "down")
            gateway.write("fastgw.yaml", grouped([a.authority, b.authority])["fastgw.yaml"])
            assert gateway.reload().returncode == 0
            eventually(lambda: set(states(gateway).values()) == {"healthy"}, "as if never checked")


def test_a_worker_that_is_replaced_knows_the_verdict() -> None:
    with Upstream() as a, Upstream() as b:
        health = Health(a)
        Health(b)
        with Gateway(grouped([a.authority, b.authority], health=CHECK)) as gateway:
            health.good = False
            eventually(lambda: states(gateway)[a.authority] == "down", "down")
            (victim,) = gateway.workers()
            os.kill(victim, signal.SIGKILL)
            eventually(lambda: gateway.workers() and victim not in gateway.workers(), "another", 20)
            eventually(lambda: gateway.ops("/readyz")[0] == 200, "ready", 20)
            before = asked(a)
            assert [gateway.fetch(get("/x")).status for _ in range(6)] == [200] * 6
            assert asked(a) == before


@pytest.mark.trial
def test_d7_full() -> None:
    """A flapping endpoint: down and back within 1.1 s each, no request lost."""
    with Upstream() as a, Upstream() as b:
        health = Health(a)
        Health(b)
        with Gateway(grouped([a.authority, b.authority], health=CHECK)) as gateway, gateway.wire() as wire:
            for _ in range(5):
                for good, state in ((False, "down"), (True, "healthy")):
                    health.good = good
                    took = timed(lambda state=state: states(gateway)[a.authority] == state)
                    assert took <= 1.1, (state, took)
                    for _ in range(20):
                        assert wire.request(get("/x")).status == 200


def timed(ready: Callable[[], bool]) -> float:
    began = time.monotonic()
    eventually(ready, "the verdict")
    return time.monotonic() - began
