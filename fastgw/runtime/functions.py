"""The function host's process, as the supervisor has it: there from the first definition with functions on."""

import asyncio
import os
import shutil
import socket
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from fastgw.model.function import HOST_AUTHORITY, Function
from fastgw.model.gateway import Ejection, Gateway, Upstream, UpstreamAddress
from fastgw.runtime.children import Child
from fastgw.runtime.handover import LISTEN, FunctionsStart
from fastgw.runtime.keep import keep
from fastgw.runtime.peer import PeerGone, Refused
from fastgw.settings import Settings

MODULE = "fastgw.runtime.function_process"
_BACKLOG = 4096


class FunctionHost:
    """Workers reach it as the upstream group HOST_AUTHORITY, over a socket that only this user may open.

    The socket is the supervisor's: while a host that died is replaced, invocations wait in it.
    """

    def __init__(self, stopping: asyncio.Event, changing: asyncio.Lock):
        self._stopping, self._changing = stopping, changing
        self._folder = ""
        self._listening: socket.socket | None = None
        self._child: Child | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._settings = Settings()
        self._functions: tuple[Function, ...] = ()

    def reachable(self, gateway: Gateway) -> Gateway:
        """The gateway with the host among its upstreams, where it has functions."""
        if not gateway.functions:
            return gateway
        room = sum(function.concurrency + function.queue for function in gateway.functions)
        host = Upstream(
            HOST_AUTHORITY,
            (UpstreamAddress(f"unix:{self._address()}"),),
            max_connections=min(room, 1_000_000),
            ejection=Ejection(failures=0),
        )
        return replace(gateway, upstreams=(*gateway.upstreams, host))

    def _address(self) -> str:
        """Where it listens. Raises Refused where no socket can be made there."""
        if self._listening is None:
            listening = socket.socket(socket.AF_UNIX)
            try:
                self._folder = tempfile.mkdtemp(prefix="fastgw-functions-")
                listening.bind(os.path.join(self._folder, "host"))
            except OSError as error:
                listening.close()
                self._remove_folder()
                raise Refused(f"the socket of the function host in {tempfile.gettempdir()}: {error}") from None
            listening.listen(_BACKLOG)
            self._listening = listening
        return os.path.join(self._folder, "host")

    async def serve(self, *gateways: Gateway, settings: Settings) -> None:
        """The functions of these, and no others; of one name the last counts. Raises Refused or PeerGone."""
        named = {function.name: function for gateway in gateways for function in gateway.functions}
        self._functions, self._settings = tuple(named.values()), settings
        if self._child is not None:
            if self._child.peer is not None:
                with suppress(PeerGone):    # its successor starts with them
                    await self._child.peer.call("adopt", self._functions)
        elif self._functions:
            await self._start()
            self._keeper = asyncio.create_task(
                keep(lambda: self._child, lambda: None, self._start, self._stopping, self._changing)
            )

    async def _start(self) -> None:
        self._child = await Child.spawn("functions", MODULE)
        self._address()
        message = FunctionsStart((LISTEN,), self._settings, self._functions)
        await self._child.start([self._listening.fileno()], message, {})

    async def end(self, limit: float) -> int:
        """Once the workers have ended: what runs without anybody waiting for it has limit seconds. Its status."""
        if self._keeper is not None:
            self._keeper.cancel()
        status = await self._child.end(limit) if self._child is not None else 0
        self._close()
        return status

    def children(self) -> Iterable[Child]:
        return [self._child] if self._child is not None else []

    def _close(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None
            self._remove_folder()

    def _remove_folder(self) -> None:
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
