"""Integration URIs -> upstream targets: who is connected to, under which limits."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastgw.model.gateway import Gateway, Upstream
from fastgw.model.place import Place
from fastgw.plan.knobs import Knobs

_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")
_URI = re.compile(r"(https?)://([^/?#]+)([^?#]*)(?:\?([^#]*))?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::(\d{1,5}))?")
_DEFAULT_PORT = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Uri:
    """An integration URI with its stage variables put in; path and query may hold {name}."""

    scheme: str
    authority: str
    path: str
    query: str


def split_uri(uri: str, variables: Mapping[str, str], place: Place) -> Uri:
    """Raises ValueError with the place for a missing variable or what is no http URI."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in variables:
            raise ValueError(f"{place}: error: stage variable {found[1]!r} is used in {uri!r} but not set")
        return variables[found[1]]

    filled = _VARIABLE.sub(value, uri)
    parts = _URI.fullmatch(filled)
    if parts is None or _AUTHORITY.fullmatch(parts[2]) is None:
        raise ValueError(f"{place}: error: {filled!r} is not a URI of the form http://host[:port]/path")
    if {".", ".."} & set(parts[3].split("/")):
        raise ValueError(f"{place}: error: the path of {filled!r} holds a dot segment; write the path it leads to")
    return Uri(parts[1].lower(), parts[2].lower(), parts[3] or "/", parts[4] or "")


class Targets:
    """Collects the targets of a plan; the same authority with the same address is one target."""

    def __init__(self, plan: Any, gateway: Gateway, settings: Knobs):
        self._plan = plan
        self._settings = settings
        self._upstreams = {upstream.authority.lower(): upstream for upstream in gateway.upstreams}
        self._numbers: dict[bytes, int] = {}

    def number(self, uri: Uri, place: Place) -> int:
        """The plan's number for the target of a URI."""
        upstream = self._upstreams.get(uri.authority)
        address = upstream.address if upstream is not None else None
        if uri.scheme == "https" and address is None:
            raise ValueError(
                f"{place}: error: https:// upstreams are not served yet; give {uri.authority!r} an address"
            )
        key = f"{uri.authority} {address or ''}".strip().encode()
        if key not in self._numbers:
            self._numbers[key] = self._plan.add_target(self._spec(key, uri, upstream, address))
        return self._numbers[key]

    def _spec(self, key: bytes, uri: Uri, upstream: Upstream | None, address: str | None) -> dict[str, Any]:
        host, port, unix_path = connect_to(address or uri.authority, _DEFAULT_PORT[uri.scheme])
        settings = self._settings
        return {
            "key": key,
            "authority": uri.authority.encode(),
            "host": host,
            "port": port,
            "unix_path": unix_path.encode(),
            "literal": is_literal(host),
            "max_connections": _first(upstream and upstream.max_connections, settings.upstream_connections),
            "max_pending": _first(upstream and upstream.max_pending, settings.upstream_pending),
            "connect_timeout_ms": _ms(upstream and upstream.connect_timeout_ms, settings.connect_timeout),
            "first_byte_timeout_ms": _ms(upstream and upstream.first_byte_timeout_ms, settings.first_byte_timeout),
            "idle_timeout_ms": _ms(upstream and upstream.idle_timeout_ms, settings.upstream_idle_timeout),
            "pool_idle_ms": _ms(upstream and upstream.pool_idle_ms, settings.upstream_pool_idle),
        }


def _first(given: int | None, default: int) -> int:
    return default if given is None else given


def _ms(given: int | None, default_seconds: float) -> int:
    return round(default_seconds * 1000) if given is None else given


def connect_to(address: str, default_port: int) -> tuple[str, int, str]:
    """(host, port, unix path) of "host:port", "[v6]:port" or "unix:/path"."""
    if address.startswith("unix:"):
        return "", 0, address[5:]
    parts = _AUTHORITY.fullmatch(address)
    if parts is None:
        raise ValueError(f"{address!r} is not host:port, [v6]:port or unix:/path")
    return parts[1].strip("[]"), int(parts[2] or default_port), ""


def is_literal(host: str) -> bool:
    """Whether host is an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
