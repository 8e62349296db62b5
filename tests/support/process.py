"""Runs the gateway as a user would, and asks at its end that nothing was left behind."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.support.client import Hangs, Wire, eventually, fetch
from tests.support.message import Response

ROOT = Path(__file__).resolve().parents[2]
START_CEILING = 60.0
STOP_CEILING = 60.0
FAULT = re.compile(r"Traceback|Sanitizer|runtime error:|Segmentation fault|double free|Fatal Python error")
DEFAULTS = {
    "FASTGW_WORKERS": "1",
    "FASTGW_UPSTREAM_ALLOW_PRIVATE": "true",
    "FASTGW_DRAIN_TIMEOUT": "15",
}
NOBODY = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
MUST_BE_ZERO = ("connections", "exchanges")
"""Live counters that are zero in a running gateway without clients; its pools may hold the others."""


def environment(given: Mapping[str, str | None]) -> dict[str, str]:
    """This process's environment with only the given FASTGW_* and AWS_* settings: nobody's credentials are used."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("FASTGW_", "AWS_"))}
    settings = {key: value for key, value in given.items() if value is not None}
    return {**kept, "PYTHONPATH": str(ROOT), **NOBODY, **settings}


def command(*arguments: str, **env: str) -> subprocess.CompletedProcess:
    """Runs `fastgw ARGUMENTS` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "fastgw", *arguments],
        env=environment(env),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )


class UnixHTTP(http.client.HTTPConnection):
    """http.client over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def reserve_port() -> socket.socket:
    """Holds a free port without listening: the gateway, which sets SO_REUSEPORT too, can bind it."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    held.bind(("127.0.0.1", 0))
    return held


class Gateway:
    """One `fastgw run`; use as a context manager.

    files   name -> bytes, text or JSON-able document, written side by side into a temporary folder
    main    the file given to `fastgw run`; the first of `files` where not said
    env     FASTGW_* settings on top of DEFAULTS; None takes a default away
    wrap    words before the command: ["prlimit", "--nofile=300"]
    tls     listen at tls_port too, where clients speak TLS
    listen  words behind the listener's address; None: the file says where it listens
    """

    def __init__(
        self,
        files: Mapping[str, object],
        *,
        main: str | None = None,
        arguments: tuple[str, ...] = (),
        env: Mapping[str, str | None] | None = None,
        wrap: tuple[str, ...] = (),
        listen: str | None = "",
        tls: bool = False,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="fastgw-test-")
        self.folder = Path(self._folder.name)
        for name, content in files.items():
            self.write(name, content)
        self.main = main or next(iter(files))
        self._held = reserve_port()
        self.port: int = self._held.getsockname()[1]
        self._held_tls = reserve_port() if tls else None
        self.tls_port: int = self._held_tls.getsockname()[1] if self._held_tls else 0
        self.ops_path = str(self.folder / "ops.sock")
        self._arguments, self._wrap, self._listen = arguments, wrap, listen
        self._env = {**DEFAULTS, **(env or {})}
        self._process: subprocess.Popen | None = None
        self._stderr = self.folder / "stderr.txt"

    def write(self, name: str, content: object) -> None:
        if isinstance(content, bytes):
            (self.folder / name).write_bytes(content)
            return
        text = content if isinstance(content, str) else json.dumps(content, indent=1)
        (self.folder / name).write_text(text, encoding="utf-8")

    def __enter__(self) -> "Gateway":
        try:
            self.start()
        except BaseException:
            self._abandon()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.stop()
            else:
                error.add_note(f"gateway's stderr:\n{self.stderr()[-6000:]}")  # type: ignore[union-attr]
        finally:
            self._abandon()

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def command(self) -> list[str]:
        return [
            *self._wrap,
            sys.executable,
            "-m",
            "fastgw",
            "run",
            str(self.folder / self.main),
            *(["--listen", self._listeners()] if self._listen is not None else []),
            "--ops",
            f"unix:{self.ops_path}",
            *self._arguments,
        ]

    def _listeners(self) -> str:
        plain = f"127.0.0.1:{self.port} {self._listen}".strip()
        return f"{plain},127.0.0.1:{self.tls_port} tls" if self.tls_port else plain

    def start(self) -> None:
        with self._stderr.open("wb") as stderr:
            self._process = subprocess.Popen(
                self.command(),
                env=environment(self._env),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
            )
        eventually(self._ready, "the gateway's readiness", START_CEILING)

    def _ready(self) -> bool:
        assert self._process
        if self._process.poll() is not None:
            raise AssertionError(f"exit {self._process.returncode} at start:\n{self.stderr()}")
        try:
            return self.ops("/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def ops(self, path: str, method: str = "GET", body: object = None) -> tuple[int, str]:
        """Status and text from the operations listener; body is sent as JSON."""
        connection = UnixHTTP(self.ops_path)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def live(self) -> dict[str, int]:
        """Live objects by kind, all workers together."""
        status, text = self.ops("/live")
        assert status == 200, text
        return json.loads(text)["total"]

    def metrics(self) -> dict[str, float]:
        """Every sample of /metrics by its full name with labels."""
        status, text = self.ops("/metrics")
        assert status == 200, text
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in lines}

    def metric(self, pattern: str) -> float:
        """The sum of the samples whose full name matches; at least one must."""
        found = [value for name, value in self.metrics().items() if re.search(pattern, name)]
        assert found, f"no metric matches {pattern}: {sorted(self.metrics())}"
        return sum(found)

    def workers(self) -> list[int]:
        return [pid for pid in children(self.pid) if b"fastgw.runtime.worker" in command_line(pid)]

    def reload(self) -> subprocess.CompletedProcess:
        """`fastgw reload`, as an operator gives it."""
        return self.tell("reload")

    def tell(self, *words: str) -> subprocess.CompletedProcess:
        """`fastgw WORDS` to this gateway's ops listener."""
        given = {key: value for key, value in self._env.items() if value is not None}
        return command(*words, "--ops", f"unix:{self.ops_path}", **given)

    def wire(self, **options: object) -> Wire:
        return Wire(self.port, **options)  # type: ignore[arg-type]

    def fetch(self, request: str | bytes, **options: object) -> Response:
        return fetch(self.port, request, **options)

    def stderr(self) -> str:
        return self._stderr.read_text(errors="replace") if self._stderr.exists() else ""

    def idle(self) -> bool:
        live = self.live()
        return all(live.get(name, 0) == 0 for name in MUST_BE_ZERO)

    def wait_idle(self) -> None:
        """Waits until no client is connected and nothing is in hand."""
        try:
            eventually(self.idle, "no connection or exchange left")
        except Hangs as hangs:
            hangs.add_note(f"live: {self.live()}")
            raise

    def exited(self, ceiling: float = STOP_CEILING) -> int:
        """Waits for the end of a gateway that was told to end, and returns its status."""
        assert self._process
        return self._process.wait(ceiling)

    def stop(self) -> None:
        """Waits for zero live exchanges, then SIGTERM: status 0, no child left, no fault on stderr."""
        assert self._process
        family = [self.pid, *children(self.pid)]
        if self._process.poll() is None:
            self.wait_idle()
            self._process.send_signal(signal.SIGTERM)
        status = self.exited()
        assert status == 0, f"exit {status}:\n{self.stderr()}"
        assert not FAULT.search(self.stderr()), self.stderr()
        eventually(lambda: not any(alive(pid) for pid in family), "no child left", 10)

    def _abandon(self) -> None:
        """Makes sure that nothing of this gateway outlives the test, whatever happened."""
        process, self._process = self._process, None
        if process and process.poll() is None:
            family = children(process.pid)
            process.kill()
            process.wait(10)
            for pid in family:
                if alive(pid) and b"fastgw" in command_line(pid):
                    os.kill(pid, signal.SIGKILL)
        self._held.close()
        if self._held_tls:
            self._held_tls.close()
        self._folder.cleanup()


def children(pid: int) -> list[int]:
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(child) for child in found]


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def memory(pid: int) -> dict[str, int]:
    """Bytes from smaps_rollup: Rss, Pss, Private_Dirty ..."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    pairs = (line.split(":") for line in lines)
    return {key: int(value.split()[0]) * 1024 for key, value in pairs}


def cpu_seconds(pid: int) -> float:
    """User and system time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))
