"""The control process: the ops listener, and the chores that are off the data path.

It shares nothing with the data plane but memory, so it answers also when every worker is busy or out of
descriptors. It ends when the supervisor does, for its address must be free for the next one.
"""

import asyncio
import logging
import os
import signal
import socket
import sys

from aiohttp import web

from fastgw._core.cells import Cells
from fastgw._core.health import HealthTable
from fastgw._core.keys import KeyTable
from fastgw.control.checks import Checker, checked_groups
from fastgw.control.logwriter import LogWriter
from fastgw.control.ops import Ops
from fastgw.control.usage import Usage
from fastgw.observe.counters import Reader
from fastgw.runtime import log
from fastgw.runtime.handover import (
    COUNTERS,
    HEALTH,
    KEYS,
    LIMITS,
    LISTEN,
    LOG,
    ControlStart,
    Passage,
    Served,
    receive_descriptors,
)
from fastgw.runtime.peer import Peer, Refused
from fastgw.runtime.store import Store
from fastgw.settings import Settings

_log = logging.getLogger("fastgw")


class Process:
    """The life of the control process."""

    def __init__(self, sock: socket.socket, passage: Passage, descriptors: list[int]):
        self._sock = sock
        self._passage = passage
        self._descriptors = descriptors
        self._ops: Ops | None = None
        self._runner: web.AppRunner | None = None
        self._log_writer: LogWriter | None = None
        self._checker: Checker | None = None
        self._settings = Settings()
        self._usage: Usage | None = None
        self._keeping: asyncio.Task[None] | None = None

    async def run(self) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        verbs = {"start": self._start, "update": self._update, "logs": self._logs, "reopen": self._reopen}
        self._peer = await Peer.open(self._sock, verbs)
        waits = [asyncio.create_task(stop.wait()), asyncio.create_task(self._peer.gone.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if self._runner:
            await self._runner.cleanup()
        if self._log_writer:
            await asyncio.to_thread(self._log_writer.close)
        if self._checker:
            await self._checker.close()
        if self._keeping:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
            await self._usage.close()
        await self._peer.close()

    async def _start(self, start: ControlStart) -> None:
        log.start("control", start.resolved.settings.log_level)
        handed = dict(zip(start.roles, self._descriptors, strict=True))
        cells, keys = Cells(handed[LIMITS]), self._table(handed[KEYS])
        self._usage = Usage(Store(start.state_dir), self._peer, cells, start.served.gateway, keys)
        self._keeping = asyncio.create_task(self._usage.keep())
        self._log_writer = LogWriter(handed[LOG], start.workers, start.resolved.settings)
        os.close(handed[LOG])
        for file, reason in (await self._logs(start.logs)).items():
            _log.error("access log %s: %s", file, reason)
        self._settings = start.resolved.settings
        self._checker = Checker(HealthTable(handed[HEALTH]), self._settings)
        await self._check(start.served)
        self._ops = Ops(start, Reader(handed[COUNTERS], start.workers), self._usage, self._peer, cells)
        if LISTEN in handed:
            self._runner = web.AppRunner(self._ops.application(), access_log=None, shutdown_timeout=1.0)
            await self._runner.setup()
            await web.SockSite(self._runner, socket.socket(fileno=handed[LISTEN])).start()

    async def _update(self, served: Served) -> None:
        self._usage.adopt(served.gateway, self._table(self._passage.take(served.generation)))
        self._ops.served = served
        await self._check(served)

    async def _check(self, served: Served) -> None:
        """The endpoints of the groups that ask for it."""
        try:
            groups = await asyncio.to_thread(checked_groups, served.gateway, self._settings)
        except ValueError as error:
            _log.error("active checks stay as they were: %s", error)
        else:
            self._checker.adopt(groups)

    def _table(self, descriptor: int) -> KeyTable:
        table = KeyTable(descriptor)
        os.close(descriptor)
        return table

    async def _logs(self, files: dict[str, int]) -> dict[str, str]:
        """Those that could not be opened, and why."""
        return await asyncio.to_thread(self._log_writer.use, files)

    async def _reopen(self, _: None) -> None:
        problems = await asyncio.to_thread(self._log_writer.reopen)
        if problems:
            raise Refused(*(f"access log {file}: {reason}" for file, reason in problems.items()))


def main() -> int:
    """python -m fastgw.control.process DESCRIPTOR DESCRIPTOR, the control socket's and the Passage's."""
    sock, way = (socket.socket(fileno=int(number)) for number in sys.argv[1:])
    descriptors = receive_descriptors(sock)
    if descriptors:
        sock.setblocking(False)
        asyncio.run(Process(sock, Passage(way), descriptors).run())
        os.close(descriptors[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
