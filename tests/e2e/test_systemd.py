"""The service manager: what the gateway tells it, the sockets that it opens, and the units of packaging/systemd."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_upgrade import Upgraded, answering
from tests.support.client import eventually, get
from tests.support.process import ROOT, Gateway, command

UNITS = ROOT / "packaging" / "systemd"

ACTIVATE = """
import os, socket, sys
for number, port in enumerate(sys.argv[1].split(",")):
    bound = socket.create_server(("127.0.0.1", int(port)), reuse_port=True)
    held = bound.detach()
    if held != 3 + number:
        os.dup2(held, 3 + number)
    os.set_inheritable(3 + number, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(1 + number))
os.execvp(sys.argv[2], sys.argv[2:])
"""
"""Opens sockets as a service manager does, and becomes the program that follows."""


class Manager:
    """The receiving end of sd_notify."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "notify.sock")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self.messages: list[dict[str, str]] = []
        self._reader = threading.Thread(target=self._read)      # the kernel keeps ten messages, no more
        self._reader.start()

    def _read(self) -> None:
        while text := self._socket.recv(4096).decode():
            self.messages.append(dict(line.split("=", 1) for line in text.splitlines()))

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RD)
        self._reader.join(10)
        self._socket.close()

    def heard(self, **words: str) -> list[dict[str, str]]:
        """Messages that say all of these words so far."""
        return [each for each in self.messages if words.items() <= each.items()]


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    listening = Manager(tmp_path)
    yield listening
    listening.close()


def test_it_tells_of_readiness_reload_and_stop(manager: Manager) -> None:
    with Gateway({"api.json": answering("one")}, env={"NOTIFY_SOCKET": manager.path}) as gateway:
        (ready,) = eventually(lambda: manager.heard(READY="1"), "readiness")
        assert ready["MAINPID"] == str(gateway.pid) and ready["STATUS"] == "1 API, 1 route, 1 worker"
        assert gateway.reload().returncode == 0
        eventually(lambda: len(manager.heard(READY="1")) == 2, "readiness again")
        (reloading,) = manager.heard(RELOADING="1")
        assert int(reloading["MONOTONIC_USEC"]) > 0
        assert [next(iter(message)) for message in manager.messages] == ["READY", "RELOADING", "READY"]
        gateway.write("api.json", "{")
        assert gateway.reload().returncode == 1
        eventually(lambda: len(manager.heard(READY="1")) == 3, "the end of a reload that was refused")
        assert not manager.heard(STOPPING="1") and not manager.heard(WATCHDOG="1")
        os.kill(gateway.pid, signal.SIGTERM)
        eventually(lambda: manager.heard(STOPPING="1"), "the stop")
        gateway.exited()


def test_it_gives_signs_of_life(manager: Manager) -> None:
    env = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "200000"}
    with Gateway({"api.json": answering("one")}, env=env):
        eventually(lambda: len(manager.heard(WATCHDOG="1")) > 5, "signs of life")


def test_an_upgrade_names_the_new_main_process_first(manager: Manager) -> None:
    env = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "500000"}
    with Upgraded({"api.json": answering("one")}, env=env) as gateway:
        old = gateway.pid
        gateway.upgrade()
        named, ready = eventually(lambda: (found := manager.heard(MAINPID=str(gateway.pid)))[1:] and found, "both")[:2]
        assert "READY" not in named and ready["READY"] == "1"
        assert manager.heard(MAINPID=str(old)) == [manager.messages[0]] and not manager.heard(STOPPING="1")
        before = len(manager.heard(WATCHDOG="1"))
        eventually(lambda: len(manager.heard(WATCHDOG="1")) > before + 2, "signs of life of the new one")


def activate(*ports: int) -> tuple[str, ...]:
    return (sys.executable, "-c", ACTIVATE, ",".join(map(str, ports)))


class Activated(Gateway):
    """Started with a socket of its own address already open."""

    def command(self) -> list[str]:
        return [*activate(self.port), *super().command()]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_serves_on_a_socket_that_was_there_before_it(workers: str) -> None:
    with Activated({"api.json": answering("one")}, env={"FASTGW_WORKERS": workers}) as gateway:
        for _ in range(20):
            assert json.loads(gateway.fetch(get("/")).body)["version"] == "one"
        for worker in gateway.workers():
            assert listening_inodes(worker) == listening_inodes(gateway.pid), "no socket of its own making"


def listening_inodes(pid: int) -> set[str]:
    """Sockets of a process that listen on TCP."""
    held = {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()}
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return {row[9] for row in rows if row[3] == "0A"} & {name[8:-1] for name in held if name.startswith("socket:[")}


def test_a_socket_that_no_listener_asks_for_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "api.json"
    file.write_text(json.dumps(answering("one")))
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as free:
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "fastgw", "run", str(file), "--listen", "127.0.0.1:0", "--ops", "off"]
    told = subprocess.run(
        [*activate(port), *words], capture_output=True, text=True, timeout=60, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert told.returncode == 1
    assert f"127.0.0.1:{port}: the service manager listens there, and no listener of the settings does" in told.stderr


def test_words_for_another_process_are_not_for_us() -> None:
    env = {"LISTEN_PID": "1", "LISTEN_FDS": "7"}
    with Gateway({"api.json": answering("one")}, env=env) as gateway:
        assert gateway.fetch(get("/")).status == 200


def test_children_do_not_see_the_managers_words(manager: Manager) -> None:
    with Gateway({"api.json": answering("one")}, env={"NOTIFY_SOCKET": manager.path}) as gateway:
        (worker,) = gateway.workers()
        assert b"NOTIFY_SOCKET" not in Path(f"/proc/{worker}/environ").read_bytes()


# The units


def test_the_unit_is_hardened() -> None:
    tool = shutil.which("systemd-analyze")
    if not tool:
        pytest.skip("systemd-analyze is not installed")
    unit = str(UNITS / "fastgw.service")
    told = subprocess.run(
        [tool, "security", "--offline=true", "--no-pager", "--threshold=25", unit],
        capture_output=True, text=True, timeout=60, check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "Overall exposure level" in told.stdout


def unit(name: str) -> list[tuple[str, str]]:
    lines = (UNITS / name).read_text().splitlines()
    return [tuple(line.split("=", 1)) for line in lines if "=" in line and not line.startswith("#")]


def test_the_units_name_what_exists() -> None:
    """The addresses of the socket are the service's; its settings are settings; there is time to drain."""
    service = unit("fastgw.service")
    given = dict(value.split("=", 1) for key, value in service if key == "Environment")
    told = command("environ", **given)
    assert told.returncode == 0, told.stderr
    bound = [value for key, value in unit("fastgw.socket") if key == "ListenStream"]
    assert bound == given["FASTGW_LISTEN"].split(",")
    words = dict(service)["ExecStart"].split()
    assert command(*words[1:2], "--help").returncode == 0
    assert float(dict(service)["TimeoutStopSec"]) > 30 + 5
