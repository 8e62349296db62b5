"""One process of a function: started, given invocations one by one, watched, ended."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from fastgw.functions.http import Connection, Request
from fastgw.functions.invocation import Invocation, exited, fault, timed_out
from fastgw.functions.launch import NoRuntime, command, environment
from fastgw.functions.peer import same_user
from fastgw.functions.runtime_api import serve, sink_of
from fastgw.model.function import Function

if TYPE_CHECKING:
    from fastgw.functions.pool import Pool

INIT_SECONDS = 30.0
"""Longest time from the start to the first request for an invocation; the service gives 10 s on machines of its own."""
_LAST_WORDS = 0.25
"""Seconds that a process has to write its log once it has reported that it cannot start."""
_READ = 65_536
_LONGEST_LINE = 262_144

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
_log = logging.getLogger("fastgw")


def _die_with_the_host() -> None:
    """In the child, before it becomes the program: a host that is killed must leave nobody behind."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """The pool is told when it is ready for an invocation (Pool.ready) and when it has ended (Pool.ended)."""

    def __init__(self, function: Function, pool: Pool) -> None:
        self.function = function
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._child: subprocess.Popen | None = None
        self._end = -1
        """Descriptor that becomes readable when the child ends."""
        self._pipe = -1
        self._line = b""
        self._next: Connection | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._error: bytes | None = None
        """Why it cannot run, as it said itself or as was seen."""
        self.invocation: Invocation | None = None
        self._killed = False
        self.stale = False
        """Its code or definition is not the newest: it gets no further invocation."""
        self.idle_since = 0.0

    @property
    def pid(self) -> int:
        return self._child.pid if self._child else 0

    async def start(self) -> None:
        """Always ends in Pool.ended, now or when the process ends."""
        try:
            self._server = await self._loop.create_server(
                lambda: Connection(self._serve, self._connections, self._sink_of, self._admits), "127.0.0.1", 0
            )
            port = self._server.sockets[0].getsockname()[1]
            self._spawn(port)
        except (OSError, NoRuntime) as error:
            self._error = fault("Runtime.InvalidEntrypoint", f"the process could not be started: {error}")
            self._ended(1)
            return
        self._timer = self._loop.call_later(INIT_SECONDS, self._init_timed_out)

    def _spawn(self, port: int) -> None:
        ours, theirs = os.pipe()
        try:
            # Its own group: what it starts itself ends with it.
            self._child = subprocess.Popen(
                command(self.function), env=environment(self.function, port), cwd=self.function.code,
                stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, start_new_session=True,
                preexec_fn=_die_with_the_host,
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        os.set_blocking(ours, False)
        self._pipe, self._end = ours, os.pidfd_open(self._child.pid)
        self._loop.add_reader(ours, self._read_log)
        self._loop.add_reader(self._end, self._reap)

    # What it asks for

    def _serve(self, request: Request, connection: Connection) -> None:
        serve(self, request, connection)

    def _admits(self, theirs: tuple[str, int], ours: tuple[str, int]) -> bool:
        ours_too = same_user(theirs, ours)
        if not ours_too:
            self._say("somebody else tried to connect to the Runtime API of this process: refused")
        return ours_too

    def _sink_of(
        self, target: bytes, headers: dict[bytes, bytes], connection: Connection
    ) -> Callable[[bytes], None] | None:
        return sink_of(self, target, headers, connection)

    def wants(self, connection: Connection) -> None:
        """It asks for an invocation."""
        if self._killed:
            connection.close()
            return
        if self._next is not None:
            connection.answer(400, fault("InvalidStateTransition", "another request for an invocation is waiting"))
            return
        if self.invocation is not None:
            self.finished(fault("Runtime.NoReply", f"RequestId: {self.invocation.id} Error: the runtime asked for the "
                                "next invocation without an answer to this one"), True)
        self._stop_timer()      # that of its start
        self._next = connection
        connection.when_gone = self._left
        self._pool.ready(self)

    def _left(self) -> None:
        self._next = None
        self._pool.not_ready(self)

    def finished(self, body: bytes, failed: bool) -> None:
        """It has answered its invocation. What it wrote to its log before belongs to it."""
        if self._pipe >= 0:
            self._read_log()
        invocation, self.invocation = self.invocation, None
        self._stop_timer()
        invocation.finish(body, failed)

    def init_failed(self, error: bytes) -> None:
        self._error = error
        self._loop.call_later(_LAST_WORDS, self.kill)

    # What it is given

    def give(self, invocation: Invocation) -> None:
        """Only when it is ready."""
        function = self.function
        self.invocation = invocation
        invocation.due(function.timeout_ms)
        self._timer = self._loop.call_later(function.timeout_ms / 1000, self._timed_out)
        connection, self._next = self._next, None
        headers = [
            (b"Lambda-Runtime-Aws-Request-Id", invocation.id.encode()),
            (b"Lambda-Runtime-Deadline-Ms", b"%d" % invocation.deadline_ms),
            (b"Lambda-Runtime-Invoked-Function-Arn", invocation.arn),
        ]
        if invocation.trace is not None:
            headers.append((b"Lambda-Runtime-Trace-Id", invocation.trace))
        if invocation.client_context is not None:
            headers.append((b"Lambda-Runtime-Client-Context", invocation.client_context))
        connection.answer(200, invocation.payload, headers)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _timed_out(self) -> None:
        self._timer = None
        invocation, self.invocation = self.invocation, None
        error = timed_out(invocation, self.function.timeout_ms)
        self._say(f"RequestId: {invocation.id} Task timed out after {self.function.timeout_ms / 1000:.2f} seconds")
        self.kill()
        invocation.finish(error, True)

    def _init_timed_out(self) -> None:
        self._timer = None
        self._error = fault("Sandbox.Timedout", f"the process asked for no invocation within {INIT_SECONDS:g} seconds")
        self.kill()

    # Its end

    def kill(self, why: str = "") -> None:
        """With all that it has started; nothing where it has ended. why is logged."""
        if self._child is not None and self._child.returncode is None:
            if why:
                self._say(why)
            self._killed = True
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)

    def _reap(self) -> None:
        self._loop.remove_reader(self._end)
        os.close(self._end)
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)      # what it had started and left; the number is still its own
        self._ended(self._child.wait())

    def _ended(self, status: int) -> None:
        self._stop_timer()
        if self._pipe >= 0:
            self._read_log()
        if self._pipe >= 0:
            self._close_log()
        if self._server is not None:
            self._server.close()
        self._next = None
        for connection in list(self._connections):
            connection.when_gone = None
            connection.close()
        invocation, self.invocation = self.invocation, None
        error = self._error or exited(invocation.id if invocation else "", status)
        if invocation is not None:
            invocation.finish(error, True)
        self._pool.ended(self, error)

    def resident_mb(self) -> float:
        """Of the process itself; 0 where it has ended."""
        try:
            with open(f"/proc/{self.pid}/statm", "rb") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1_048_576
        except (OSError, IndexError):
            return 0.0

    # Its log

    def _read_log(self) -> None:
        try:
            data = os.read(self._pipe, _READ)
        except BlockingIOError:
            return
        if not data:
            self._close_log()
            return
        *lines, self._line = (self._line + data).split(b"\n")
        if len(self._line) > _LONGEST_LINE:
            lines.append(self._line)
            self._line = b""
        for line in lines:
            self._say_line(line)

    def _close_log(self) -> None:
        self._loop.remove_reader(self._pipe)
        os.close(self._pipe)
        self._pipe = -1
        if self._line:
            self._say_line(self._line)
            self._line = b""

    def _say_line(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r")
        current = self.invocation
        self._say(f"RequestId: {current.id} {text}" if current is not None and current.id not in text else text)

    def _say(self, text: str) -> None:
        _log.info("%s[%d] %s", self.function.name, self.pid, text)
