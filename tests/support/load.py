"""Load on a running gateway: every answer looked at (Load), or as fast as wrk goes (wrk)."""

import re
import shutil
import subprocess
import threading
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType

import pytest

from tests.support.client import Closed, Hangs, Wire, get
from tests.support.message import Unclean

WRK = shutil.which("wrk")


class Load:
    """Keep-alive clients on threads that ask one thing after another and check each answer.

    clients   number of connections at a time
    request   the bytes asked, over and over; answered with 200 and `body`
    Failures are counted by what they were; a client reconnects after one.
    """

    def __init__(self, port: int, clients: int, request: bytes, body: bytes) -> None:
        self.port, self.request, self.body = port, request, body
        self.answered = 0
        self.failures: Counter[str] = Counter()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._client) for _ in range(clients)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _client(self) -> None:
        while not self._stop.is_set():
            try:
                with Wire(self.port) as wire:
                    self._ask(wire)
            except Closed:
                self._failed("closed before the answer")
            except (OSError, Hangs, Unclean) as problem:
                self._failed(type(problem).__name__)

    def _ask(self, wire: Wire) -> None:
        method = self.request.partition(b" ")[0].decode()
        while not self._stop.is_set():
            wire.send(self.request)
            answer = wire.answer(method)
            if (answer.status, answer.body, answer.complete) != (200, self.body, True):
                self._failed(f"status {answer.status}, whole {answer.complete}")
                return
            with self._lock:
                self.answered += 1
            if answer.closes:
                return

    def _failed(self, what: str) -> None:
        with self._lock:
            self.failures[what] += 1


def load_get(port: int, clients: int, path: str) -> Load:
    """Load on the stub's echo."""
    return Load(port, clients, get(path), path.encode())


@dataclass
class Wrk:
    """A running wrk; read the figures after stop()."""

    process: subprocess.Popen
    requests: int = 0
    non_2xx: int = 0
    socket_errors: dict[str, int] = field(default_factory=dict)
    text: str = ""

    def wait(self) -> "Wrk":
        self.text, _ = self.process.communicate(timeout=600)
        assert self.process.returncode == 0, self.text
        self.requests = int(re.search(r"(\d+) requests in", self.text)[1])  # type: ignore[index]
        refused = re.search(r"Non-2xx or 3xx responses: (\d+)", self.text)
        self.non_2xx = int(refused[1]) if refused else 0
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", self.text)
        names = ("connect", "read", "write", "timeout")
        self.socket_errors = dict(zip(names, map(int, errors.groups()), strict=True)) if errors else {}
        return self

    def failed(self) -> int:
        return self.non_2xx + sum(self.socket_errors.values())

    def p99_ms(self) -> float:
        value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)\n", self.text).groups()  # type: ignore[union-attr]
        return float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def wrk(url: str, seconds: float, connections: int = 64, script: str | None = None) -> Wrk:
    """Starts wrk with one thread; skips where it is not installed. script: path of a Lua file."""
    if not WRK:
        pytest.skip("wrk is not installed")
    command = [WRK, "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "10s", "--latency"]
    command += ["-s", script] if script else []
    return Wrk(subprocess.Popen([*command, url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
