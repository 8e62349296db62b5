"""A child process and the control socket to it."""

import asyncio
import logging
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import fastgw
from fastgw.runtime.handover import hand_over, passage, send_descriptors
from fastgw.runtime.peer import Handler, Peer, PeerGone, Refused

_log = logging.getLogger("fastgw")

_HOME = Path(fastgw.__file__).parent.parent


class Child:
    """A fresh interpreter running one of our modules; it idles until start() tells it what to do."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, sock: socket.socket, way: socket.socket):
        self.name = name
        self.process = process
        self._sock = sock
        self._way = way
        self._end = asyncio.create_task(self._until_ended())
        self.peer: Peer | None = None
        """None until start() has been called."""

    @classmethod
    async def spawn(cls, name: str, module: str) -> "Child":
        """Its own process group: Ctrl-C reaches the supervisor only, which tells its children.

        The folder holding the package is the working directory because `python -m` looks there
        first: what lies in the operator's directory is never imported.
        """
        ours, theirs = socket.socketpair()
        our_way, their_way = passage()
        with theirs, their_way:
            given = theirs.fileno(), their_way.fileno()
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", module, *map(str, given),
                pass_fds=given, process_group=0, cwd=_HOME, stdin=asyncio.subprocess.DEVNULL,
            )
        return cls(name, process, ours, our_way)

    async def start(self, descriptors: list[int], message: Any, handlers: Mapping[str, Handler]) -> None:
        """Returns when the child is at work. Raises Refused or PeerGone."""
        try:
            send_descriptors(self._sock, descriptors)
        except OSError:
            raise PeerGone from None
        self._sock.setblocking(False)
        self.peer = await Peer.open(self._sock, handlers)
        await self.peer.call("start", message)

    def hand_over(self, number: int, descriptor: int) -> None:
        """Before a call that speaks of it; a child that has ended gets nothing, as its peer will tell."""
        with suppress(OSError):
            hand_over(self._way, number, descriptor)

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    def terminate(self) -> None:
        """Asks it to finish what it has in hand and exit."""
        if self.running:
            self.process.terminate()

    def kill(self) -> None:
        if self.running:
            self.process.kill()

    async def end(self, limit: float, replaced: bool = False) -> int:
        """Asks it to end and returns its status; after limit seconds it is killed.

        replaced: another gateway serves on, so a worker lets its clients go one by one.
        """
        if replaced and self.peer is not None:
            with suppress(PeerGone, Refused, TimeoutError):
                await self.peer.call("retire", timeout=limit)
        else:
            self.terminate()
        try:
            return await asyncio.wait_for(self.wait(), limit)
        except TimeoutError:
            _log.error("%s did not end in %g s; killed", self.name, limit)
            self.kill()
            return await self.wait()

    async def wait(self) -> int:
        """Its exit status, once it has ended and its socket is closed. Many may wait."""
        return await asyncio.shield(self._end)

    async def _until_ended(self) -> int:
        status = await self.process.wait()
        if self.peer is not None:
            await self.peer.close()
        self._sock.close()
        self._way.close()
        return status


def ending(status: int) -> str:
    """An exit status in words."""
    return f"killed by signal {-status}" if status < 0 else f"exit status {status}"
