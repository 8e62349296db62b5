"""TRIALS L3 to L5: a killed or hanging worker is replaced, and a stop answers what is in hand."""

import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.client import Closed, Wire, eventually, get
from tests.support.definition import mock, openapi, pass_through
from tests.support.load import Load
from tests.support.message import Response
from tests.support.process import Gateway, alive
from tests.support.upstream import Upstream, pause

DOCUMENT = openapi({"/fixed": {"get": mock(200, "{}")}})


def kill_workers_under_load(kills: int) -> None:
    """Each kill costs at most the connections that worker held; the count of requests never falls."""
    clients = 16
    with Gateway({"api.json": DOCUMENT}, env={"FASTGW_WORKERS": "2"}) as gateway:
        load = Load(gateway.port, clients, get("/fixed"), b"{}")
        with load:
            for _ in range(kills):
                answered, counted = load.answered, gateway.metric("^fastgw_requests_total")
                eventually(lambda before=answered: load.answered > before + 500, "traffic between kills")
                victim = gateway.workers()[0]
                os.kill(victim, signal.SIGKILL)
                eventually(
                    lambda gone=victim: gone not in gateway.workers() and len(gateway.workers()) == 2,
                    "the worker replaced",
                    10,
                )
                eventually(lambda: gateway.ops("/readyz")[0] == 200, "readiness", 10)
                assert gateway.metric("^fastgw_requests_total") >= counted + 500
        assert sum(load.failures.values()) <= clients * kills, load.failures
        assert "ConnectionRefusedError" not in load.failures


def test_l3_kill_a_worker_under_load() -> None:
    kill_workers_under_load(2)


@pytest.mark.trial
def test_l3_full() -> None:
    kill_workers_under_load(5)


@pytest.mark.trial
def test_l4_full() -> None:
    """A worker stopped for 10 s is replaced within 4 s; requests on other connections never fail."""
    with Gateway({"api.json": DOCUMENT}, env={"FASTGW_WORKERS": "2"}) as gateway:
        victim = gateway.workers()[0]
        with Load(gateway.port, 16, get("/fixed"), b"{}") as load:
            eventually(lambda: load.answered > 500, "traffic")
            os.kill(victim, signal.SIGSTOP)
            eventually(lambda: victim not in gateway.workers(), "its end", 4)
            eventually(lambda: len(gateway.workers()) == 2, "its successor", 4)
            answered = load.answered
            time.sleep(6)
            assert load.answered > answered + 500
        assert sum(load.failures.values()) <= 16 and "ConnectionRefusedError" not in load.failures, load.failures


def test_l4_workers_serve_on_without_their_supervisor() -> None:
    """kill -9 the supervisor under load: nobody notices until somebody tells the workers to end."""
    gateway = Gateway({"api.json": DOCUMENT}, env={"FASTGW_WORKERS": "2"})
    gateway.start()
    workers = gateway.workers()
    try:
        with Load(gateway.port, 8, get("/fixed"), b"{}") as load:
            eventually(lambda: load.answered > 200, "traffic")
            os.kill(gateway.pid, signal.SIGKILL)
            assert gateway.exited() == -signal.SIGKILL
            answered = load.answered
            eventually(lambda: load.answered > answered + 500, "traffic without it")
        assert load.failures == {}
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGTERM)
        eventually(lambda: not any(alive(pid) for pid in workers), "the workers' end", 20)
        gateway._abandon()


def test_l3_the_supervisor_survives_a_worker_that_dies_at_once() -> None:
    """Respawning backs off, and a worker that lives again serves."""
    with Gateway({"api.json": DOCUMENT}) as gateway:
        for _ in range(3):
            (victim,) = eventually(gateway.workers, "a worker", 20)  # type: ignore[misc]
            os.kill(victim, signal.SIGKILL)
            eventually(lambda gone=victim: gateway.workers() and gone not in gateway.workers(), "another", 20)
        eventually(lambda: gateway.ops("/readyz")[0] == 200, "readiness", 20)
        assert gateway.fetch(get("/fixed")).status == 200


def test_l4_a_stopped_worker_is_replaced() -> None:
    """SIGSTOP one of two: it is killed and replaced, the other serves on, waiting connections are answered."""
    with Gateway({"api.json": DOCUMENT}, env={"FASTGW_WORKERS": "2", "FASTGW_WATCHDOG_TIMEOUT": "1"}) as gateway:
        victim, other = gateway.workers()
        os.kill(victim, signal.SIGSTOP)
        waiting = [gateway.wire() for _ in range(16)]       # the kernel gives some of them to the stopped one
        for wire in waiting:
            wire.send(get("/fixed"))
        assert [wire.answer().status for wire in waiting] == [200] * 16
        for wire in waiting:
            wire.close()
        assert victim not in gateway.workers() and other in gateway.workers()
        assert re.search(r"worker-\d made no progress for 1 s; it is killed", gateway.stderr())
        eventually(lambda: gateway.ops("/readyz")[0] == 200, "readiness", 10)


def test_l4_a_pause_of_all_processes_kills_nobody() -> None:
    """A machine that was suspended, or a stop of the whole group: nobody saw the workers hang."""
    with Gateway({"api.json": DOCUMENT}, env={"FASTGW_WATCHDOG_TIMEOUT": "1"}) as gateway:
        (worker,) = gateway.workers()
        family = (gateway.pid, worker)
        for pid in family:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(2.5)
        for pid in family:
            os.kill(pid, signal.SIGCONT)
        pulses = gateway.metric("^fastgw_worker_pulses_total")
        eventually(lambda: gateway.metric("^fastgw_worker_pulses_total") > pulses + 20, "two more seconds")
        assert gateway.workers() == [worker] and "no progress" not in gateway.stderr()


def test_l4_the_watchdog_can_be_switched_off() -> None:
    with Gateway({"api.json": DOCUMENT}, env={"FASTGW_WATCHDOG_TIMEOUT": "0"}) as gateway:
        (worker,) = gateway.workers()
        os.kill(worker, signal.SIGSTOP)
        time.sleep(3)
        os.kill(worker, signal.SIGCONT)
        assert gateway.fetch(get("/fixed")).status == 200 and gateway.workers() == [worker]


@pytest.mark.parametrize("how", (signal.SIGTERM, signal.SIGQUIT), ids=("TERM", "QUIT"))
def test_l5_drain_answers_50_of_50(how: signal.Signals) -> None:
    with Upstream(pause(2), record=True) as stub, Gateway({"api.json": pass_through(stub.url)}) as gateway:
        idle = gateway.wire()

        def one(number: int) -> Response:
            with Wire(gateway.port) as wire:
                return wire.request(get(f"/slow/{number}"))

        with ThreadPoolExecutor(50) as pool:
            running = [pool.submit(one, number) for number in range(50)]
            eventually(lambda: len(stub.requests) == 50, "50 requests upstream")
            os.kill(gateway.pid, how)
            assert idle.ends(), "an idle connection is closed when draining begins"
            eventually(lambda: refused(gateway.port), "the listener closed")
            answers = [future.result() for future in running]
        idle.close()
        assert [answer.body for answer in answers] == [f"/slow/{n}".encode() for n in range(50)]
        assert all(answer.closes for answer in answers)
        assert gateway.exited(30) == 0


def refused(port: int) -> bool:
    try:
        with Wire(port, patience=1) as wire:
            wire.send(get("/late"))
            wire.answer()
            return False
    except (ConnectionRefusedError, ConnectionResetError, Closed):
        return True


def test_l5_what_outlives_the_drain_is_cut() -> None:
    """A request longer than drain_timeout does not hold the stop for ever."""
    with (
        Upstream(pause(30)) as stub,
        Gateway({"api.json": pass_through(stub.url)}, env={"FASTGW_DRAIN_TIMEOUT": "1"}) as gateway,
        gateway.wire() as wire,
    ):
        wire.send(get("/too-slow"))
        eventually(lambda: stub.requests, "the request upstream")
        os.kill(gateway.pid, signal.SIGTERM)
        assert gateway.exited(15) == 0
        with pytest.raises(Closed):
            wire.answer()
