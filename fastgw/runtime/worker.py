"""A worker process: one engine on one loop, fed with plans by the supervisor.

It goes on serving when the supervisor dies. SIGTERM, SIGINT or SIGQUIT drain it: no new
connection, the requests in flight are answered, then it exits; with status 1 and one line on
stderr when anything was left behind.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import Any

import uvloop

from fastgw._core.cells import Cells
from fastgw._core.engine import Engine
from fastgw._core.health import HealthTable
from fastgw._core.keys import KeyTable
from fastgw._core.tls_server import tickets as seal_tickets
from fastgw.addresses import networks
from fastgw.observe.counters import Region
from fastgw.plan.compiler import Identities, Issuers, compile_plan
from fastgw.runtime import log
from fastgw.runtime.handover import (
    COUNTERS,
    HEALTH,
    KEYS,
    LIMITS,
    LISTEN,
    LOG,
    Definition,
    Passage,
    WorkerStart,
    receive_descriptors,
)
from fastgw.runtime.heap import open_heap, put_by
from fastgw.runtime.logs import Ring
from fastgw.runtime.overload import OverloadLog, client_connections
from fastgw.runtime.peer import Peer, Refused
from fastgw.runtime.redis.leases import Leases
from fastgw.runtime.resolver import Resolver
from fastgw.runtime.threads import in_passing_thread
from fastgw.runtime.tickets import TicketSecrets
from fastgw.runtime.tls_log import TlsLog
from fastgw.settings import Settings, engine_settings, service_words

_TICK = 0.02
_CLOSE_SECONDS = 2.0
"""How long closed handles may take to come back from the loop."""

_LULL_MS = 1000
"""A connection that was used within it may have the next request on its way: it is told to close by its answer."""
_OF_THE_LOOP = ("connections", "exchanges", "upstreams", "writes", "timers", "streams")
"""Live counts that reach zero once the loop has closed what the engine let go of."""
_REAP_SECONDS = 1.0

_log = logging.getLogger("fastgw")


class Worker:
    """The verbs that the supervisor calls, and the way out."""

    def __init__(self, sock: socket.socket, passage: Passage, descriptors: list[int]):
        self._sock = sock
        self._passage = passage
        self._descriptors = descriptors
        self._stop = asyncio.Event()
        self._replaced = False
        """Another gateway serves on: there is time to let clients go one by one."""
        self._settings = Settings()
        self._engine: Engine | None = None
        self._region: Region | None = None
        self._ring: Ring | None = None
        self._resolver: Resolver | None = None
        self._leases: Leases | None = None
        self._tickets = TicketSecrets()
        self._chores: list[asyncio.Task[None]] = []
        self._prepared: Any = None
        self._identities = Identities(service_words())
        self._issuers = Issuers()

    async def run(self) -> list[str]:
        """Serves until a signal. Returns what was left behind, in words."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, self._stop.set)
        verbs = {
            "start": self._start,
            "prepare": self._prepare,
            "commit": self._commit,
            "discard": self._discard,
            "upstreams": self._upstreams,
            "live": self._live,
            "samples": self._samples,
            "flush": self._flush,
            "retire": self._retire,
        }
        peer = await Peer.open(self._sock, verbs)
        watch = asyncio.create_task(self._watch(peer))
        await self._stop.wait()
        watch.cancel()
        left = await self._finish()
        await peer.close()
        self._passage.close()
        return left

    async def _watch(self, peer: Peer) -> None:
        await peer.gone.wait()
        if self._engine is None:
            self._stop.set()
        else:
            _log.warning("the supervisor is gone; serving on with the plan in force")

    async def _start(self, start: WorkerStart) -> None:
        log.start(f"worker-{start.worker}", start.settings.log_level)
        self._settings = start.settings
        open_heap()
        handed = list(zip(start.roles, self._descriptors, strict=True))
        shared = {role: descriptor for role, descriptor in handed if role != LISTEN}
        self._region = Region(shared[COUNTERS], start.worker)
        self._ring = Ring(shared[LOG], start.worker, start.settings.log_buffer_bytes)
        self._issuers = Issuers(self._fetcher, start.settings.upstream_allow_private)
        cells, keys, health = Cells(shared[LIMITS]), KeyTable(shared[KEYS]), HealthTable(shared[HEALTH])
        for descriptor in shared.values():
            os.close(descriptor)
        plan = self._compile(start.definition, keys)    # here, while there is no traffic: a worker without names to
        # resolve stays a process of one thread, which makes its system calls cheaper
        loop = asyncio.get_running_loop()
        limits = {**engine_settings(start.settings), "memory_share": start.memory_share}
        limits["max_connections"] = client_connections(start.settings.max_connections)
        engine = self._engine = Engine(loop, limits, self._region.view, start.worker, cells, self._ring.view)
        self._tickets = start.tickets
        seal_tickets(self._tickets.now, self._tickets.before)
        engine.watch_health(health)
        engine.trust(networks(start.settings.trusted_proxies))
        engine.swap(plan)
        if start.settings.redis_url:
            self._leases = Leases(cells, start.settings)
            await self._leases.ready()
        self._resolver = Resolver(engine, start.settings)
        await self._resolver.adopt()
        self._chores = [asyncio.create_task(self._resolver.run()), asyncio.create_task(self._reap())]
        listening = [descriptor for role, descriptor in handed if role == LISTEN]
        for words, descriptor in zip(start.listens, listening, strict=True):
            with socket.socket(fileno=descriptor) as sock:
                engine.listen(sock, proxied="proxy_protocol" in words, http2="http2" in words, tls="tls" in words)

    def _compile(self, definition: Definition, keys: KeyTable) -> Any:
        try:
            logs = definition.logs
            plan = compile_plan(definition.gateway, self._settings, definition.rows, definition.cells, keys, logs,
                                self._identities, issuers=self._issuers)
        except ValueError as error:
            raise Refused(str(error)) from None
        put_by()
        return plan

    def _fetcher(self) -> Any:
        # Here: only those who verify tokens wait for the library, and hold it in memory.
        from fastgw.runtime.fetch import Fetcher

        return Fetcher(self._settings.dns_server)

    async def _prepare(self, definition: Definition) -> None:
        descriptor = self._passage.take(definition.generation)
        keys = KeyTable(descriptor)
        os.close(descriptor)
        # In a thread: the data plane does not need the interpreter and goes on meanwhile.
        self._prepared = await in_passing_thread(self._compile, definition, keys)

    async def _discard(self, _: None) -> None:
        self._prepared = None

    async def _commit(self, _: None) -> None:
        plan, self._prepared = self._prepared, None
        self._engine.swap(plan)
        await self._resolver.adopt()

    async def _reap(self) -> None:
        """Frees plans whose last exchange has ended, and targets that no plan names any more."""
        overload, insecure = OverloadLog(), TlsLog()
        while True:
            await asyncio.sleep(_REAP_SECONDS)
            self._engine.reap()
            if self._tickets.turn(time.monotonic()):
                seal_tickets(self._tickets.now, self._tickets.before)
            insecure.look(self._engine.insecure())
            overload.look(self._engine.overload())

    async def _upstreams(self, _: None) -> list[dict[str, Any]]:
        return self._engine.upstreams()

    async def _live(self, _: None) -> dict[str, int]:
        self._engine.reap()
        return self._engine.live()

    async def _samples(self, _: None) -> list[dict[str, Any]]:
        return self._engine.samples()

    async def _flush(self, stage: bytes) -> int:
        return self._engine.flush(stage)

    async def _retire(self, _: None) -> None:
        self._replaced = True
        self._stop.set()

    async def _finish(self) -> list[str]:
        engine = self._engine
        if engine is None:
            return []
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        engine.drain(0 if not self._replaced else _LULL_MS)
        deadline = time.monotonic() + self._settings.drain_timeout
        while engine.live()["connections"] and time.monotonic() < deadline:
            await asyncio.sleep(_TICK)
            if self._replaced:
                engine.drain(_LULL_MS)
        if cut := engine.live()["exchanges"]:
            _log.warning("drain_timeout is over: %d requests cut off", cut)
        engine.close()
        await self._issuers.close()
        if self._leases:
            await self._leases.close()
        deadline = time.monotonic() + _CLOSE_SECONDS
        while any(map(engine.live().get, _OF_THE_LOOP)) and time.monotonic() < deadline:
            await asyncio.sleep(_TICK)
        engine.finish()
        left = [f"{count} {name}" for name, count in engine.live().items() if count]
        if not left:
            # What is still alive may still count, and log.
            self._region.close()
            self._ring.close()
        return left


def open_descriptors() -> dict[int, str]:
    """Number -> what it is, of every descriptor open in this process."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
    return found


def main() -> int:
    """python -m fastgw.runtime.worker DESCRIPTOR DESCRIPTOR, the control socket's and the Passage's."""
    sock, way = (socket.socket(fileno=int(number)) for number in sys.argv[1:])
    descriptors = receive_descriptors(sock)
    if not descriptors:
        return 0
    # libuv opens a pair for signals with its first loop and keeps it: made here, it counts as ours.
    loop = uvloop.new_event_loop()
    handed = {sock.fileno(), way.fileno(), *descriptors}
    before = open_descriptors().keys() - handed
    sock.setblocking(False)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        left = runner.run(Worker(sock, Passage(way), descriptors).run())
    left += [what for number, what in open_descriptors().items() if number not in before]
    if left:
        print(f"fastgw worker {os.getpid()}: left behind: {', '.join(left)}", file=sys.stderr)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
