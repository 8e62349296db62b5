"""Listening sockets that somebody else bound: the service manager, or the gateway that this one replaces.

An upgrade: on SIGUSR2 a supervisor starts its own command line again and sends the new one its sockets over a
socket pair (hand_over). The new one compiles, starts its workers on them, and says so (Inheritance.ready); then
the old one drains. Both accept from the same sockets meanwhile, so nobody is refused. When the new one ends before
it is ready the old one goes on.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from fastgw.addresses import Address
from fastgw.runtime import systemd
from fastgw.runtime.handover import receive_descriptors, send_descriptors
from fastgw.runtime.listen import Listening, address_of, adopt, listen
from fastgw.runtime.peer import Peer, PeerGone, Refused
from fastgw.settings import HANDOVER, successor_environ

READY_SECONDS = 120.0
"""Longest time that a successor may take."""
_END_SECONDS = 10.0
"""And to give up when told."""
_AT_ONCE = 200
"""Descriptors in one message; Linux takes 253."""
_TICK = 0.02


class Inheritance:
    """What a supervisor was given at birth. words: as fastgw.settings.manager_words gives them."""

    def __init__(self, words: Mapping[str, str]):
        self._words = words
        self._sockets: dict[str, list[socket.socket]] = {}
        """By the address that they are bound to, or that the predecessor's settings asked for."""
        self._predecessor: Peer | None = None
        self._activated = False
        self.is_shared = False
        """The predecessor serves on the sockets too."""

    async def take(self) -> None:
        """Raises Refused when the predecessor has died."""
        if HANDOVER in self._words:
            await self._take_over(*map(int, self._words[HANDOVER].split(",")))
            return
        try:
            sockets = systemd.activated(self._words)
        except OSError as error:
            raise Refused(f"LISTEN_FDS names what is no socket: {str(error.strerror).lower()}") from None
        self._activated = bool(sockets)
        self._sockets = _grouped([str(address_of(sock)) for sock in sockets], sockets)

    async def _take_over(self, number: int, count: int) -> None:
        sock = socket.socket(fileno=number)
        sock.set_inheritable(False)
        descriptors: list[int] = []
        while len(descriptors) < count and (some := receive_descriptors(sock)):
            descriptors += some
        sock.setblocking(False)
        self._predecessor = await Peer.open(sock, {})
        try:
            names = await self._predecessor.call("take")
        except PeerGone:
            raise Refused("the gateway that should be replaced is gone") from None
        self.is_shared = True
        self._sockets = _grouped(names, [socket.socket(fileno=each) for each in descriptors])

    def listen(self, address: Address, workers: int) -> Listening:
        """The listener of an address of the settings: inherited where it can be. Raises ListenError."""
        text = str(address)
        for name in (text, text.replace("localhost:", "127.0.0.1:")):     # a socket knows only addresses
            if name in self._sockets:
                return adopt(address, self._sockets.pop(name), removes_path=not self._activated)
        return listen(address, workers)

    def settle(self) -> None:
        """After every listen(): sockets that no address asked for. A service manager's are a mistake: Refused."""
        left, self._sockets = self._sockets, {}
        for sockets in left.values():
            for sock in sockets:
                sock.close()
        if left and self._activated:
            why = "the service manager listens there, and no listener of the settings does"
            raise Refused(*(f"{name}: {why}" for name in left))

    async def ready(self) -> None:
        """Tell the predecessor to drain. It may be dead by now: then nobody needs to be told."""
        if self._predecessor is None:
            return
        with suppress(PeerGone):
            await self._predecessor.call("ready")
        await self._predecessor.close()
        self.is_shared = False


def _grouped(names: Sequence[str], sockets: Sequence[socket.socket]) -> dict[str, list[socket.socket]]:
    found: dict[str, list[socket.socket]] = {}
    for name, sock in zip(names, sockets, strict=True):
        found.setdefault(name, []).append(sock)
    return found


async def hand_over(
    listening: Sequence[Listening], words: Mapping[str, str], when_ready: Callable[[int], None]
) -> str:
    """Starts a successor and gives it the listeners. Returns why it failed, and "" where it serves now.

    words: what it should know of the service manager. when_ready is called with its process id, before it hears that
    it may go on. A successor that fails, or is no longer wanted because this task is cancelled, is ended.
    """
    names = [one.name for one in listening for _ in one.sockets]
    descriptors = [sock.fileno() for one in listening for sock in one.sockets]
    ours, theirs = socket.socketpair()
    with theirs:
        # Not asyncio's: that would kill the child with its own loop.
        process = subprocess.Popen(
            [sys.executable, *sys.orig_argv[1:]],
            pass_fds=(theirs.fileno(),),
            env=successor_environ({**words, HANDOVER: f"{theirs.fileno()},{len(descriptors)}"}),
        )
    serves = asyncio.Event()

    async def take(_: None) -> list[str]:
        return names

    async def ready(_: None) -> None:
        when_ready(process.pid)
        serves.set()

    peer = None
    try:
        with suppress(OSError):     # it has ended already: what follows tells
            for begin in range(0, len(descriptors), _AT_ONCE):
                send_descriptors(ours, descriptors[begin : begin + _AT_ONCE])
        ours.setblocking(False)
        peer = await Peer.open(ours, {"take": take, "ready": ready})
        deadline = time.monotonic() + READY_SECONDS
        while not serves.is_set():
            if process.poll() is not None:
                return f"it ended with status {process.returncode}"
            if time.monotonic() > deadline:
                return f"it was not ready in {READY_SECONDS:g} s"
            await asyncio.sleep(_TICK)
        return ""
    finally:
        if not serves.is_set():
            await _end(process)
        if peer is not None:
            await peer.close()


async def _end(process: subprocess.Popen[bytes]) -> None:
    """With its children: a worker serves on when its supervisor dies, and these serve on our sockets."""
    deadline = time.monotonic() + _END_SECONDS
    if process.poll() is None:
        process.terminate()
    while process.poll() is None and time.monotonic() < deadline:
        await asyncio.sleep(_TICK)
    if process.poll() is None:
        with suppress(OSError):
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            process.kill()
            for child in children:
                os.kill(int(child), signal.SIGKILL)
