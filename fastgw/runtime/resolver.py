"""Names of upstreams -> addresses, off the request path."""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Iterable
from typing import Any

from fastgw.model.gateway import Gateway
from fastgw.runtime.threads import in_passing_thread
from fastgw.settings import Settings

_log = logging.getLogger("fastgw")

Address = tuple[str, int]
_AT_ONCE = 16
_PATIENCE = 1.0


class Resolver:
    """Resolves the names of engine.targets() every dns_ttl seconds and hands changes to the engine.

    A failed look-up keeps the addresses that were good before, is told to the engine (an empty
    list) and logged once. An answer that is not a public address is refused unless the upstream
    allows it: whoever controls a name must not be able to point the gateway at this machine or
    its network.
    """

    def __init__(self, engine: Any, settings: Settings):
        self._engine = engine
        self._settings = settings
        self._private_allowed: dict[str, bool] = {}
        self._known: dict[bytes, list[Address]] = {}
        self._trouble: dict[bytes, str] = {}
        self._adopting: asyncio.Task[None] | None = None
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def adopt(self, gateway: Gateway) -> None:
        """Call after every swap: resolves the names of the new plan.

        Returns when each has been tried, or after a second: a dead name server holds up nothing,
        and requests wait for their own upstream only.
        """
        self._private_allowed = {
            upstream.address or upstream.authority: upstream.allow_private
            for upstream in gateway.upstreams
            if upstream.allow_private is not None
        }
        self._adopting = asyncio.create_task(self.refresh())
        await asyncio.wait([self._adopting], timeout=_PATIENCE)

    async def run(self) -> None:
        """Keeps the addresses fresh until cancelled."""
        while True:
            await asyncio.sleep(self._settings.dns_ttl)
            await self.refresh()

    async def refresh(self) -> None:
        targets = [target for target in self._engine.targets() if needs_resolving(target["host"])]
        ids = {target["id"] for target in targets}
        for table in (self._known, self._trouble):
            for gone in table.keys() - ids:
                del table[gone]
        await asyncio.gather(*map(self._resolve, targets))

    async def _resolve(self, target: dict[str, Any]) -> None:
        ident, host, port = target["id"], target["host"], target["port"]
        async with self._gate:
            try:
                addresses = await _look_up(host, port)
                if not self._may_be_private(host, port):
                    addresses = _public(host, addresses)
            except (OSError, UnicodeError, ValueError) as error:
                self._fail(ident, f"upstream {host}: {getattr(error, 'strerror', None) or error}")
                return
        if self._trouble.pop(ident, None) or addresses != self._known.get(ident):
            self._known[ident] = addresses
            self._engine.set_addresses(ident, addresses)

    def _may_be_private(self, host: str, port: int) -> bool:
        if host == "localhost":
            return True
        allowed = self._private_allowed
        return allowed.get(f"{host}:{port}", allowed.get(host, self._settings.upstream_allow_private))

    def _fail(self, ident: bytes, trouble: str) -> None:
        self._engine.set_addresses(ident, [])
        if self._trouble.get(ident) != trouble:
            self._trouble[ident] = trouble
            left = "its last addresses stay" if ident in self._known else "it has no address"
            _log.warning("%s; %s", trouble, left)


def needs_resolving(host: str) -> bool:
    """Whether host is a name; a unix socket has no host."""
    if not host:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


async def _look_up(host: str, port: int) -> list[Address]:
    """Sorted, so that a round-robin DNS server's order is no change."""
    answers = await in_passing_thread(socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM)
    return sorted({answer[4][:2] for answer in answers})


def _public(host: str, addresses: Iterable[Address]) -> list[Address]:
    """Those that are public. Raises ValueError when none is."""
    public = [address for address in addresses if is_public(address[0])]
    if not public:
        raise ValueError(
            "its name resolves to addresses that are not public "
            f"({', '.join(address[0] for address in addresses)}); allow_private permits them"
        )
    return public


def is_public(address: str) -> bool:
    """Neither loopback, link-local, private, shared (RFC 6598), multicast nor unspecified."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    return ip.is_global and not ip.is_multicast
