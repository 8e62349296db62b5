"""The processes of one function, and the invocations that wait for them."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable

from fastgw.functions.invocation import Invocation
from fastgw.functions.process import Process
from fastgw.model.function import Function

STARTS_AT_ONCE = 2 * (os.cpu_count() or 1)
"""Processes of one function that start at a time: more would only make each other slower."""
FIRST_REST, LONGEST_REST = 0.1, 10.0
"""Seconds in which no process is started after one could not start; doubled each time."""


class Pool:
    """A function's invocations go to idle processes, the last used first; others wait, in order.

    gone  called when the last process has ended
    """

    def __init__(self, function: Function, gone: Callable[[], None]) -> None:
        self.function = function
        self.processes: set[Process] = set()
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._idle: list[Process] = []
        self._waiting: deque[Invocation] = deque()
        self._starting: set[Process] = set()
        self._starts: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._rest_until = 0.0
        self._last_error = b""
        self._leaving = False

    @property
    def busy(self) -> bool:
        return bool(self._waiting) or any(process.invocation for process in self.processes)

    def invoke(self, invocation: Invocation) -> bool:
        """Whether there is room for it."""
        if self._idle:
            self._idle.pop().give(invocation)
            return True
        if not self.processes and self._loop.time() < self._rest_until:
            invocation.finish(self._last_error, True)
            return True
        room = self.function.queue + len(self._starting) + (len(self.processes) < self.function.concurrency)
        if len(self._waiting) >= room:
            return False
        self._waiting.append(invocation)
        self._fill()
        return True

    def forget(self, invocation: Invocation) -> None:
        """Whoever waited for it has left. One that runs goes on, as in the service."""
        invocation.done = invocation.piece = None
        if invocation in self._waiting:
            self._waiting.remove(invocation)

    def _fill(self) -> None:
        """Starts processes for those that wait."""
        while (len(self._starting) < min(len(self._waiting), STARTS_AT_ONCE)
               and len(self.processes) < self.function.concurrency and self._loop.time() >= self._rest_until):
            process = Process(self.function, self)
            self.processes.add(process)
            self._starting.add(process)
            task = asyncio.ensure_future(process.start())
            self._starts.add(task)
            task.add_done_callback(self._starts.discard)

    # What a process tells

    def ready(self, process: Process) -> None:
        if process in self._starting:
            self._starting.discard(process)
            self._failures = 0
        if process.stale or (self._leaving and not self._waiting):
            process.kill()
        elif self._waiting:
            process.give(self._waiting.popleft())
            self._fill()
        else:
            process.idle_since = self._loop.time()
            self._idle.append(process)

    def not_ready(self, process: Process) -> None:
        if process in self._idle:
            self._idle.remove(process)

    def ended(self, process: Process, error: bytes) -> None:
        self.processes.discard(process)
        self.not_ready(process)
        if process in self._starting:
            self._starting.discard(process)
            if not process.stale:
                self._start_failed(error)
        self._fill()
        while self._waiting and not self.processes:     # nobody will serve them
            self._waiting.popleft().finish(self._last_error, True)
        if not self.processes:
            self._gone()

    def _start_failed(self, error: bytes) -> None:
        """The one it was started for learns why."""
        self._last_error = error
        self._rest_until = self._loop.time() + min(FIRST_REST * 2**self._failures, LONGEST_REST)
        self._failures += 1
        if self._waiting:
            self._waiting.popleft().finish(error, True)

    # What the host asks for

    def renew(self, function: Function | None = None) -> None:
        """Processes of the old code or definition end: at once, or after the invocation they are at."""
        self.function = function or self.function
        self._rest_until, self._failures = 0.0, 0
        for process in self.processes:
            process.stale = True
        idle, self._idle = self._idle, []
        for process in idle:
            process.kill()

    def leave(self) -> None:
        """The function is no more: its processes end with the invocations that have come."""
        self._leaving = True
        self.renew()

    def retire(self, now: float) -> None:
        """Ends those that were not needed for long, and those that use too much memory."""
        limit = now - self.function.idle_ms / 1000
        while self._idle and self._idle[0].idle_since < limit:
            self._idle.pop(0).kill()
        for process in self.processes:
            if not process.stale and (used := process.resident_mb()) > process.function.memory_mb:
                self.not_ready(process)
                process.kill(f"uses {used:.0f} MiB of memory, its limit is {process.function.memory_mb} MiB: killed")

    def kill(self) -> None:
        self._waiting.clear()
        self._idle.clear()
        for process in self.processes:
            process.kill()
