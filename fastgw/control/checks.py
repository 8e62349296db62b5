"""Active health checks: each endpoint of the groups that ask for it, once for the node.

The verdict is a byte in shared memory that every worker looks at. A worker makes no check and waits for none.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from fastgw._core.health import HealthTable
from fastgw.model.gateway import Gateway, Health, Upstream
from fastgw.plan.targets import sources
from fastgw.runtime.resolver import Member, Resolver
from fastgw.settings import Settings

_log = logging.getLogger("fastgw")


class Unhealthy(Exception):
    """Why a check went wrong."""


class Checker:
    """Watches the endpoints of a gateway's checked groups. To the Resolver it is what an engine is."""

    def __init__(self, table: HealthTable, settings: Settings):
        self._table = table
        self._resolver = Resolver(self, settings)
        self._groups: dict[bytes, Upstream] = {}
        self._watches: dict[tuple[bytes, Member], asyncio.Task[None]] = {}
        self._chores: list[asyncio.Task[None]] = []

    def adopt(self, gateway: Gateway) -> None:
        """Check what this gateway asks for; watches of endpoints whose group is unchanged go on."""
        groups = {upstream.authority.encode(): upstream for upstream in gateway.upstreams if upstream.health}
        for ident, upstream in self._groups.items():
            if groups.get(ident) != upstream:
                self._keep(ident, ())
        self._groups = groups
        for ident, upstream in groups.items():
            found = sources(upstream)
            if all(source.kind == "ip" for source in found):
                self.set_endpoints(ident, [(s.host, s.port, s.weight, s.max_connections) for s in found])
        if groups:
            self._chores = [chore for chore in self._chores if not chore.done()]
            self._chores.append(asyncio.create_task(self._resolver.adopt()))
            if len(self._chores) == 1:
                self._chores.append(asyncio.create_task(self._resolver.run()))

    async def close(self) -> None:
        tasks = [*self._chores, *self._watches.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # What a Resolver asks of an engine

    def targets(self) -> list[dict[str, Any]]:
        return [
            {"id": ident, "sources": sources(upstream), "allow_private": upstream.allow_private}
            for ident, upstream in self._groups.items()
        ]

    def set_endpoints(self, ident: bytes, members: list[Member]) -> None:
        if members and ident in self._groups:
            self._keep(ident, members)

    def _keep(self, ident: bytes, members: Iterable[Member]) -> None:
        """Watch these endpoints of a group and no others."""
        wanted = {(ident, member) for member in members}
        for key in [key for key in self._watches if key[0] == ident and key not in wanted]:
            self._watches.pop(key).cancel()
            self._table.set_down(ident, endpoint_key(key[1]), False)
        for key in wanted - self._watches.keys():
            watch = self._watch(self._groups[ident], key[1])
            self._watches[key] = asyncio.create_task(watch)

    async def _watch(self, upstream: Upstream, member: Member) -> None:
        """Checks begin interval after interval, however long one takes."""
        health, group, key = upstream.health, upstream.authority.encode(), endpoint_key(member)
        loop = asyncio.get_running_loop()
        down, streak = self._table.is_down(group, key), 0
        due = loop.time()
        while True:
            reason = await outcome(health, upstream.authority, member)
            streak = streak + 1 if bool(reason) != down else 0
            if streak >= (health.rise if down else health.fall):
                down, streak = not down, 0
                self._table.set_down(group, key, down)
                level, told = (logging.WARNING, f"down: {reason}") if down else (logging.INFO, "up again")
                _log.log(level, "upstream %s: %s is %s", upstream.authority, key.decode(), told)
            due = max(due + health.interval_ms / 1000, loop.time())
            await asyncio.sleep(due - loop.time())


def endpoint_key(member: Member) -> bytes:
    """As the engine writes it."""
    host, port, *_ = member
    if host.startswith("unix:"):
        return host.encode()
    return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}").encode()


async def outcome(health: Health, authority: str, member: Member) -> str:
    """What is wrong with an endpoint, or nothing."""
    try:
        async with asyncio.timeout(health.timeout_ms / 1000):
            await _check(health, authority, member)
    except TimeoutError:
        return "no answer in time"
    except (OSError, ValueError, Unhealthy) as error:
        return str(error) or type(error).__name__
    return ""


async def _check(health: Health, authority: str, member: Member) -> None:
    host, port, *_ = member
    if host.startswith("unix:"):
        reader, writer = await asyncio.open_unix_connection(host.removeprefix("unix:"))
    else:
        reader, writer = await asyncio.open_connection(host, port)
    try:
        if health.path is None:
            return
        writer.write(
            f"GET {health.path} HTTP/1.1\r\nHost: {health.host or authority}\r\nUser-Agent: fastgw\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        line = await reader.readline()
        version, _, rest = line.partition(b" ")
        if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
            raise Unhealthy("its answer is no HTTP" if line else "it closed without an answer")
        status = int(rest[:3])
        if status not in health.statuses if health.statuses else not 200 <= status < 400:
            raise Unhealthy(f"status {status}")
    finally:
        with suppress(OSError):
            writer.transport.abort()
