"""The function host's process: fastgw.functions on a loop of its own.

It ends when the supervisor does, and every function process with it.
"""

import asyncio
import os
import signal
import socket
import sys

import uvloop

from fastgw.functions.host import Host
from fastgw.model.function import Function
from fastgw.runtime import log
from fastgw.runtime.handover import FunctionsStart, Passage, receive_descriptors
from fastgw.runtime.peer import Peer
from fastgw.settings import Settings


class Process:
    """The life of the process."""

    def __init__(self, sock: socket.socket, descriptors: list[int]):
        self._sock = sock
        self._descriptors = descriptors
        self._settings = Settings()
        self._host: Host | None = None

    async def run(self) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        peer = await Peer.open(self._sock, {"start": self._start, "adopt": self._adopt})
        waits = [asyncio.create_task(stop.wait()), asyncio.create_task(peer.gone.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if self._host:
            await self._host.stop(0 if peer.gone.is_set() else self._settings.drain_timeout)
        await peer.close()

    async def _start(self, start: FunctionsStart) -> None:
        log.start("functions", start.settings.log_level)
        self._settings = start.settings
        self._host = Host(start.settings.functions_reload)
        self._host.adopt(start.functions)
        await self._host.start(socket.socket(fileno=self._descriptors[0]))

    async def _adopt(self, functions: tuple[Function, ...]) -> None:
        self._host.adopt(functions)


def main() -> int:
    """python -m fastgw.runtime.function_process DESCRIPTOR DESCRIPTOR, the control socket's and the Passage's."""
    sock, way = (socket.socket(fileno=int(number)) for number in sys.argv[1:])
    descriptors = receive_descriptors(sock)
    if descriptors:
        sock.setblocking(False)
        os.set_blocking(descriptors[0], False)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(Process(sock, descriptors).run())
    Passage(way).close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
