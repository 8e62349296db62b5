"""Look-ups: names by the system's resolver or by a name server of the operator's, SRV records, files of addresses."""

import os
import socket
from typing import NamedTuple

from fastgw.model.gateway import UpstreamAddress
from fastgw.plan.targets import Source, address_source
from fastgw.runtime.threads import in_passing_thread

Address = tuple[str, int]
LIFETIME = 2.0
"""Seconds that a question to a name server may take, its repetitions included."""
MOST_WEIGHT = 1000


class NoAnswer(Exception):
    """A name has no such records, or nobody answers."""


class Service(NamedTuple):
    """One SRV record (RFC 2782)."""

    host: str
    port: int
    weight: int


class Names:
    """server: "address:port" of a name server, or "" for what the system does."""

    def __init__(self, server: str):
        self._server = server

    async def addresses(self, host: str, port: int) -> list[Address]:
        """Sorted, so that a round-robin name server's order is no change. Raises OSError, UnicodeError or NoAnswer."""
        if not self._server:
            answers = await in_passing_thread(socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM)
            return sorted({answer[4][:2] for answer in answers})
        found: set[str] = set()
        trouble: NoAnswer | None = None
        for kind in ("A", "AAAA"):
            try:
                found |= {record.address for record in await self._ask(host, kind)}
            except NoAnswer as error:
                trouble = error
        if not found and trouble:
            raise trouble
        return sorted((address, port) for address in found)

    async def services(self, name: str) -> list[Service]:
        """The records of the best priority: the others are spare, and a spare is not used beside them."""
        records = await self._ask(name, "SRV")
        best = min(record.priority for record in records)
        return sorted(
            Service(str(record.target).rstrip("."), record.port, min(max(record.weight, 1), MOST_WEIGHT))
            for record in records
            if record.priority == best
        )

    async def _ask(self, name: str, kind: str) -> list:
        # Here: most workers never ask, and the library would cost each of them 7 MB.
        import dns.asyncresolver
        import dns.exception
        import dns.resolver

        try:
            resolver = dns.asyncresolver.Resolver(configure=not self._server)
            if self._server:
                host, _, port = self._server.rpartition(":")
                resolver.nameservers, resolver.port = [host.strip("[]")], int(port)
            return list(await resolver.resolve(name, kind, lifetime=LIFETIME, search=False))
        except dns.exception.DNSException as error:
            told = {dns.resolver.NXDOMAIN: "no such name", dns.resolver.NoAnswer: f"it has no {kind} record"}
            raise NoAnswer(told.get(type(error), f"its name server does not answer ({type(error).__name__})")) from None


class AddressFile:
    """A file of addresses, read again when it has changed."""

    def __init__(self, path: str):
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._sources: list[Source] = []

    def sources(self) -> list[Source]:
        """Raises OSError or ValueError, naming file and line."""
        status = os.stat(self._path)
        seen = (status.st_mtime_ns, status.st_size, status.st_ino)
        if seen != self._seen:
            with open(self._path, encoding="utf-8") as file:
                self._sources = [
                    self._source(number, line) for number, line in enumerate(file, 1) if line.partition("#")[0].strip()
                ]
            self._seen = seen
        if not self._sources:
            raise ValueError(f"{self._path}: it holds no address")
        return self._sources

    def _source(self, number: int, line: str) -> Source:
        address, _, weight = line.partition("#")[0].strip().partition(" ")
        weight = weight.strip() or "1"
        if not (weight.isascii() and weight.isdigit() and 1 <= int(weight) <= MOST_WEIGHT):
            raise ValueError(f"{self._path}:{number}: weight {weight!r} is not a whole number from 1 to {MOST_WEIGHT}")
        if not address.startswith("unix:/") and not address.rpartition(":")[2].isdigit():
            raise ValueError(f"{self._path}:{number}: {address!r} is not host:port, [v6]:port or unix:/path")
        try:
            return address_source(UpstreamAddress(address, int(weight)))
        except ValueError as error:
            raise ValueError(f"{self._path}:{number}: {error}") from None


