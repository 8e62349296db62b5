"""Active health checks: each endpoint of the groups that ask for it, once for the node.

The verdict is a byte in shared memory that every worker looks at. A worker makes no check and waits for none.
"""

import asyncio
import logging
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from ssl import CERT_NONE, SSLContext, create_default_context
from typing import Any, NamedTuple

from fastgw._core.health import HealthTable
from fastgw.model.gateway import Gateway, Health
from fastgw.model.upstream_tls import ClientCertificate, UpstreamTls, Verify
from fastgw.plan.compiler import compile_plan
from fastgw.runtime.resolver import Member, Resolver
from fastgw.runtime.slots import route_keys
from fastgw.settings import Settings

_log = logging.getLogger("fastgw")


Group = dict[str, Any]
"""A target's spec, as fastgw.plan.targets makes it."""


class Unhealthy(Exception):
    """Why a check went wrong."""


def checked_groups(gateway: Gateway, settings: Settings) -> list[Group]:
    """The groups that ask for checks, as the workers have them: which TLS a group is spoken to with is the routes' to
    say. Raises ValueError where a worker's plan could not be compiled either.
    """
    if not any(upstream.health for upstream in gateway.upstreams):
        return []
    plan = compile_plan(gateway, settings, dict.fromkeys(route_keys(gateway), 0))
    return [group for group in plan.targets if group["upstream"].health]


class Checker:
    """Watches the endpoints of a gateway's checked groups. To the Resolver it is what an engine is."""

    def __init__(self, table: HealthTable, settings: Settings):
        self._table = table
        self._resolver = Resolver(self, settings)
        self._groups: dict[bytes, Group] = {}
        self._watches: dict[tuple[bytes, Member], asyncio.Task[None]] = {}
        self._chores: list[asyncio.Task[None]] = []

    def adopt(self, found: Iterable[Group]) -> None:
        """Check these and no others; watches of endpoints whose group is unchanged go on."""
        groups = {group["key"]: group for group in found}
        for ident, group in self._groups.items():
            if groups.get(ident) != group:
                self._keep(ident, ())
        self._groups = groups
        for ident, group in groups.items():
            found = group["sources"]
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
            {"id": ident, "sources": group["sources"], "allow_private": group["allow_private"]}
            for ident, group in self._groups.items()
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

    async def _watch(self, spec: Group, member: Member) -> None:
        """Checks begin interval after interval, however long one takes."""
        health, authority = spec["upstream"].health, spec["authority"].decode()
        group, key = spec["key"], endpoint_key(member)
        tls = client_side(spec["secured"].tls) if spec["secured"] is not None else None
        loop = asyncio.get_running_loop()
        down, streak = self._table.is_down(group, key), 0
        due = loop.time()
        while True:
            reason = await outcome(health, authority, member, tls)
            streak = streak + 1 if bool(reason) != down else 0
            if streak >= (health.rise if down else health.fall):
                down, streak = not down, 0
                self._table.set_down(group, key, down)
                level, told = (logging.WARNING, f"down: {reason}") if down else (logging.INFO, "up again")
                _log.log(level, "upstream %s: %s is %s", authority, key.decode(), told)
            due = max(due + health.interval_ms / 1000, loop.time())
            await asyncio.sleep(due - loop.time())


def endpoint_key(member: Member) -> bytes:
    """As the engine writes it."""
    host, port, *_ = member
    if host.startswith("unix:"):
        return host.encode()
    return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}").encode()


class ClientSide(NamedTuple):
    """What asyncio's connections are made with."""

    ssl: SSLContext
    server_hostname: str


def client_side(tls: UpstreamTls) -> ClientSide:
    """As the engine does it; but a certificate that need not be of a known issuer is not looked at here."""
    context = create_default_context(cadata=tls.authorities.decode() if tls.authorities is not None else None)
    if tls.verify is not Verify.FULL:
        context.check_hostname, context.verify_mode = False, CERT_NONE
    if tls.alpn:
        context.set_alpn_protocols(list(tls.alpn))
    if tls.certificate is not None:
        _show(context, tls.certificate)
    return ClientSide(context, tls.name)


def _show(context: SSLContext, certificate: ClientCertificate) -> None:
    """Python's ssl reads a key only from a file: this one is in memory and has no name."""
    with open(os.memfd_create("certificate", os.MFD_CLOEXEC), "wb", buffering=0) as file:
        file.write(certificate.key + b"\n" + certificate.chain)
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")


async def outcome(health: Health, authority: str, member: Member, tls: ClientSide | None = None) -> str:
    """What is wrong with an endpoint, or nothing."""
    try:
        async with asyncio.timeout(health.timeout_ms / 1000):
            await _check(health, authority, member, tls._asdict() if tls is not None else {})
    except TimeoutError:
        return "no answer in time"
    except (OSError, ValueError, Unhealthy) as error:
        return str(error) or type(error).__name__
    return ""


async def _check(health: Health, authority: str, member: Member, tls: Mapping[str, Any]) -> None:
    host, port, *_ = member
    if host.startswith("unix:"):
        reader, writer = await asyncio.open_unix_connection(host.removeprefix("unix:"), **tls)
    else:
        reader, writer = await asyncio.open_connection(host, port, **tls)
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
