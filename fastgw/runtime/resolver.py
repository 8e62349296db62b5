"""Names of upstreams -> endpoints, off the request path."""

import asyncio
import ipaddress
import logging
from collections.abc import Iterable
from typing import Any

from fastgw.plan.targets import Source
from fastgw.runtime.names import Address, AddressFile, Names, NoAnswer
from fastgw.runtime.threads import in_passing_thread
from fastgw.settings import Settings

_log = logging.getLogger("fastgw")

Member = tuple[str, int, int, int]
"""IP address or unix:/path, port, weight, most connections: an endpoint as Engine.set_endpoints takes it."""
_AT_ONCE = 16
_PATIENCE = 1.0


class Resolver:
    """Finds the endpoints of engine.targets() every dns_ttl seconds and hands changes to the engine.

    A source that fails keeps the endpoints that were good before, is told to the engine (an empty
    list) and logged once. An answer that is not a public address is refused unless the upstream
    allows it: whoever controls a name must not be able to point the gateway at this machine or
    its network.
    """

    def __init__(self, engine: Any, settings: Settings):
        self._engine = engine
        self._settings = settings
        self._found: dict[bytes, dict[Source, list[Member]]] = {}
        """Group -> the latest good answer of each of its sources."""
        self._given: dict[bytes, list[Member]] = {}
        """Group -> what the engine was told last; nothing after a recovery, so that it hears of it."""
        self._trouble: dict[tuple[bytes, Source], str] = {}
        self._names = Names(settings.dns_server)
        self._files: dict[str, AddressFile] = {}
        self._adopting: asyncio.Task[None] | None = None
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def adopt(self) -> None:
        """Call after every swap: finds the endpoints of the new plan's groups.

        Returns when each has been tried, or after a second: a dead name server holds up nothing,
        and requests wait for their own upstream only.
        """
        self._given.clear()
        self._adopting = asyncio.create_task(self.refresh())
        await asyncio.wait([self._adopting], timeout=_PATIENCE)

    async def run(self) -> None:
        """Keeps the endpoints fresh until cancelled."""
        while True:
            await asyncio.sleep(self._settings.dns_ttl)
            await self.refresh()

    async def refresh(self) -> None:
        groups = {t["id"]: t for t in self._engine.targets() if any(s.kind != "ip" for s in t["sources"])}
        for gone in self._found.keys() - groups.keys():
            del self._found[gone]
            self._given.pop(gone, None)
        for ident, group in groups.items():
            before = self._found.get(ident, {})
            self._found[ident] = {source: before[source] for source in group["sources"] if source in before}
            for source in group["sources"]:
                if source.kind == "ip":
                    self._found[ident][source] = [_member(source, source.host, source.port)]
            self._give(ident, group["sources"])
        wanted = {(ident, source) for ident, group in groups.items() for source in group["sources"]}
        for gone in self._trouble.keys() - wanted:
            del self._trouble[gone]
        await asyncio.gather(*(self._find(groups[ident], source) for ident, source in wanted if source.kind != "ip"))

    async def _find(self, group: dict[str, Any], source: Source) -> None:
        ident = group["id"]
        async with self._gate:
            try:
                members = await self._members(group, source)
            except (OSError, UnicodeError, ValueError, NoAnswer) as error:
                trouble = f"upstream {source.host}: {getattr(error, 'strerror', None) or error}"
                self._fail(ident, source, trouble)
                return
        if ident in self._found:        # a reload may have taken it away meanwhile
            if self._trouble.pop((ident, source), None):
                self._given.pop(ident, None)
            self._found[ident][source] = members
            self._give(ident, group["sources"])

    async def _members(self, group: dict[str, Any], source: Source) -> list[Member]:
        """The endpoints that a source stands for."""
        if source.kind == "ip":
            return [_member(source, source.host, source.port)]
        if source.kind == "srv":
            services = await self._names.services(source.host)
            parts = [Source("name", host, port, weight) for host, port, weight in services]
        elif source.kind == "file":
            file = self._files.setdefault(source.host, AddressFile(source.host))
            parts = await in_passing_thread(file.sources)
        else:
            addresses = await self._names.addresses(source.host, source.port)
            if not self._may_be_private(group, source):
                addresses = _public(addresses)
            return [_member(source, *address) for address in addresses]
        return [member for part in parts for member in await self._members(group, part)]

    def _give(self, ident: bytes, sources: Iterable[Source]) -> None:
        """Tells the engine what has changed; an address that several sources have counts once, for the first."""
        members: dict[Address, Member] = {}
        for source in sources:
            for member in self._found[ident].get(source, ()):
                members.setdefault(member[:2], member)
        found = list(members.values())
        if found and found != self._given.get(ident):
            self._given[ident] = found
            self._engine.set_endpoints(ident, found)

    def _may_be_private(self, group: dict[str, Any], source: Source) -> bool:
        if source.host == "localhost":
            return True
        allowed = group["allow_private"]
        return self._settings.upstream_allow_private if allowed is None else allowed

    def _fail(self, ident: bytes, source: Source, trouble: str) -> None:
        self._engine.set_endpoints(ident, [])
        if self._trouble.get((ident, source)) != trouble:
            self._trouble[ident, source] = trouble
            left = "its last addresses stay" if source in self._found.get(ident, {}) else "it has no address"
            _log.warning("%s; %s", trouble, left)


def _member(source: Source, host: str, port: int) -> Member:
    return (host, port, source.weight, source.max_connections)


def _public(addresses: Iterable[Address]) -> list[Address]:
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
