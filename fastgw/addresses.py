"""Addresses as people write them: where to listen, whom to believe, where Redis is."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Address:
    """A listening address: path for a unix socket, else host and port. str() is what is written."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Reachable from this machine only."""
        if self.path or self.host == "localhost":
            return True
        return ipaddress.ip_address(self.host).is_loopback

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Raises ValueError naming what is allowed.

        The host must be an address, "localhost", or "*" or nothing for every IPv4 address.
        """
        if text.startswith("unix:"):
            if len(text) == len("unix:"):
                raise ValueError("unix: needs a path")
            return cls(path=text.removeprefix("unix:"))
        host, colon, port = text.rpartition(":")
        if not colon or not (port.isascii() and port.isdigit() and int(port) <= 65_535):
            raise ValueError("expected host:port, [v6]:port or unix:/path, port 0 to 65535")
        if host in ("", "*"):
            return cls("0.0.0.0", int(port))
        if host == "localhost":
            return cls(host, int(port))
        try:
            if host.startswith("[") and host.endswith("]"):
                return cls(str(ipaddress.IPv6Address(host[1:-1])), int(port))
            return cls(str(ipaddress.IPv4Address(host)), int(port))
        except ValueError:
            raise ValueError(f"{host!r} is not an IP address or localhost") from None


LISTEN_WORDS = ("proxy_protocol", "http2", "tls")
"""What may stand behind a listening address."""


@dataclass(frozen=True, slots=True)
class Listen:
    """An address of the setting listen, with what is asked of the connections that come there."""

    address: Address
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join((str(self.address), *self.words))

    @classmethod
    def parse(cls, text: str) -> "Listen":
        """Raises ValueError naming what is allowed."""
        address, *words = text.split() or [""]
        for word in words:
            if word not in LISTEN_WORDS or words.count(word) > 1:
                *some, last = LISTEN_WORDS
                raise ValueError(f"{word!r} behind an address: expected {', '.join(some)} or {last}, once")
        return cls(Address.parse(address), tuple(words))


def networks(texts: Iterable[str]) -> list[tuple[int, bytes, int]]:
    """(4 or 6, address in network order, bits that count) each; (0, b"", 0) is every unix socket.

    Raises ValueError naming what is allowed.
    """
    found = []
    for text in texts:
        if text == "unix":
            found.append((0, b"", 0))
            continue
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            raise ValueError(f"{text!r} is no address, no network like 10.0.0.0/8 or 2001:db8::/32 "
                             "without bits behind its prefix, and not unix") from None
        found.append((network.version, network.network_address.packed, network.prefixlen))
    return found


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """Where Redis is: path for a unix socket, else host and port."""

    host: str = ""
    port: int = 6379
    path: str = ""
    tls: bool = False
    ca_file: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    database: int = 0

    @classmethod
    def parse(cls, text: str) -> "RedisUrl":
        """Raises ValueError naming what is allowed, and nothing of the text, which holds a password."""
        try:
            parts = urlsplit(text)
            host, port = parts.hostname or "", parts.port or 6379
        except ValueError:
            raise ValueError("expected a port from 1 to 65535 and an IPv6 address in [ ]") from None
        schemes = {"redis": (), "rediss": ("ca_file",), "unix": ("database",)}
        if parts.scheme not in schemes or parts.fragment:
            raise ValueError("expected redis://host:port/database, rediss:// with the same, or unix:///path")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if query.keys() - set(schemes[parts.scheme]):
            raise ValueError("expected no ?query but rediss://...?ca_file=FILE and unix:///path?database=N")
        unix = parts.scheme == "unix"
        database = query.get("database", "0") if unix else parts.path.strip("/") or "0"
        if not (database.isascii() and database.isdigit() and len(database) < 6):
            raise ValueError("expected a whole number as database")
        if bool(host) == unix or (unix and not parts.path):
            raise ValueError("expected unix:///path" if unix else "expected a host")
        return cls(host, port, unquote(parts.path) if unix else "", parts.scheme == "rediss", query.get("ca_file", ""),
                   unquote(parts.username or ""), unquote(parts.password or ""), int(database))
