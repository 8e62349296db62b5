"""TRIALS L6: SIGUSR2 replaces a running gateway by a new one without a refused connection."""

import asyncio
import json
import os
import signal
import threading

import pytest

from tests.support.client import eventually, get
from tests.support.definition import mock, openapi, pass_through
from tests.support.load import Load
from tests.support.process import Gateway, alive, children, command_line
from tests.support.upstream import Exchange, Upstream


def answering(text: str) -> dict:
    """A definition that shows which version of it is in force."""
    return openapi({"/": {"get": mock(200, json.dumps({"version": text}))}})


class Upgraded(Gateway):
    """Follows the gateway from one supervisor to the next; each one that was replaced must have ended cleanly."""

    _successor = 0

    @property
    def pid(self) -> int:
        return self._successor or super().pid

    def replace(self) -> list[int]:
        """SIGUSR2; returns the old processes, which drain now."""
        old = [self.pid, *children(self.pid)]
        os.kill(self.pid, signal.SIGUSR2)
        # Both answer for a moment: what is not the old one is the new one.
        self._successor = eventually(lambda: self.supervisor(old[0]), "a successor", 90)  # type: ignore[assignment]
        return old

    def upgrade(self) -> None:
        """SIGUSR2; returns when the old supervisor and its children have ended."""
        old = self.replace()
        assert self.exited(60) == 0
        eventually(lambda: not any(alive(pid) for pid in old), "the old processes' end", 30)

    def supervisor(self, old: int) -> int:
        """The process that answers, where it is another than the old one; else 0."""
        try:
            pid = json.loads(self.ops("/readyz")[1])["pid"]
        except (OSError, ValueError, KeyError):
            return 0
        return pid if pid != old else 0

    def stop(self) -> None:
        """As Gateway.stop; the exit status of a process that is not our child is in its last line."""
        family = [self.pid, *children(self.pid)]
        self.wait_idle()
        os.kill(self.pid, signal.SIGTERM)
        eventually(lambda: not any(alive(pid) for pid in family), "no process left", 30)
        assert self.stderr().rstrip().endswith("stopped") and "left behind" not in self.stderr(), self.stderr()

    def _abandon(self) -> None:
        """The successor is no child of ours, and may be one of the old supervisor's still."""
        family = {self._successor} - {0}
        if self._process:
            family |= {pid for pid in children(self._process.pid) if b"run" in command_line(pid).split(b"\0")}
        for supervisor in family:
            for pid in [supervisor, *children(supervisor)]:
                if alive(pid) and b"fastgw" in command_line(pid):
                    os.kill(pid, signal.SIGKILL)
        super()._abandon()


def upgrades_under_load(times: int, workers: str) -> None:
    load_body = b'{"version": "0"}'
    with Upgraded({"api.json": answering("0")}, env={"FASTGW_WORKERS": workers}) as gateway:
        with Load(gateway.port, 16, get("/"), load_body) as load:
            for _ in range(times):
                answered = load.answered
                eventually(lambda before=answered: load.answered > before + 300, "traffic between upgrades")
                gateway.upgrade()
                assert load.failures == {}
        assert load.failures == {}


@pytest.mark.parametrize("workers", ("1", "2"))
def test_l6_upgrades_under_load(workers: str) -> None:
    upgrades_under_load(2, workers)


@pytest.mark.trial
def test_l6_full() -> None:
    upgrades_under_load(5, "2")


def test_the_new_one_reads_everything_anew() -> None:
    """Files, and settings that a reload may not change: other workers, another listener of the file's."""
    with Upgraded({"api.json": answering("one")}, env={"FASTGW_WORKERS": "2"}) as gateway:
        gateway.write("api.json", answering("two"))
        gateway.upgrade()
        assert json.loads(gateway.fetch(get("/")).body)["version"] == "two"
        assert gateway.ops("/readyz")[0] == 200


def test_a_request_in_flight_is_answered_by_the_old_one() -> None:
    answers = threading.Event()

    async def wait(exchange: Exchange) -> None:
        while not answers.is_set():
            await asyncio.sleep(0.02)
        await exchange.reply(200, b"at last")

    with (
        Upstream(wait) as stub,
        Upgraded({"api.json": pass_through(stub.url)}) as gateway,
        gateway.wire() as wire,
        gateway.wire() as quiet,
    ):
        wire.send(get("/x"))
        eventually(lambda: stub.requests, "the request upstream")
        old = gateway.replace()
        assert quiet.ends(), "an idle connection is closed after a while"
        answers.set()
        answer = wire.answer()
        assert (answer.status, answer.body, answer.closes) == (200, b"at last", True)
        eventually(lambda: not any(alive(pid) for pid in old), "the old processes' end", 30)


def test_one_that_fails_changes_nothing() -> None:
    with Upgraded({"api.json": answering("one")}) as gateway:
        workers = gateway.workers()
        gateway.write("api.json", "{")
        os.kill(gateway.pid, signal.SIGUSR2)
        eventually(lambda: "this gateway serves on" in gateway.stderr(), "the failure told", 30)
        assert "api.json:1:" in gateway.stderr() and "it ended with status 1" in gateway.stderr()
        assert json.loads(gateway.fetch(get("/")).body)["version"] == "one"
        assert gateway.workers() == workers and gateway.ops("/readyz")[0] == 200
        gateway.write("api.json", answering("two"))
        gateway.upgrade()
        assert json.loads(gateway.fetch(get("/")).body)["version"] == "two"


def test_a_stop_meanwhile_ends_both() -> None:
    with Upgraded({"api.json": answering("one")}) as gateway:
        os.kill(gateway.pid, signal.SIGUSR2)
        eventually(lambda: "upgrading" in gateway.stderr(), "the upgrade begun", 30)
