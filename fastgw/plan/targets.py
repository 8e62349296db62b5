"""Integration URIs -> upstream groups: who is connected to, by which policy, under which limits."""

import ipaddress
from typing import Any, NamedTuple

from fastgw._core.handle import Handle
from fastgw.model.gateway import Gateway, Upstream, UpstreamAddress
from fastgw.model.place import Place
from fastgw.model.upstream_tls import ClientCertificate, TlsConfig
from fastgw.parts.uri import AUTHORITY, Uri
from fastgw.plan.knobs import Knobs
from fastgw.plan.upstream_tls import Secured, Trust

HTTP_PORT, HTTPS_PORT = 80, 443


class Source(NamedTuple):
    """Where endpoints of a group come from: the sources of a target's spec.

    kind is "ip" (host is an IP address, or unix:/path), "name" (host is resolved), "srv" (a name with SRV records) or
    "file" (host is its path). max_connections 0: no limit of its own.
    """

    kind: str
    host: str
    port: int
    weight: int = 1
    max_connections: int = 0


class Targets:
    """Collects the groups of a plan: one for each authority in clear, one for each of its TLS identities."""

    def __init__(self, plan: Any, gateway: Gateway, settings: Knobs):
        self._plan = plan
        self._settings = settings
        self._trust = Trust(settings.upstream_ca_file)
        # The operator's own choice of where a service is: it may be a private address.
        self._upstreams = {authority: Upstream(authority, allow_private=True) for authority in _endpoints(gateway)}
        self._upstreams |= {upstream.authority.lower(): upstream for upstream in gateway.upstreams}
        self._numbers: dict[bytes, int] = {}

    def number(self, uri: Uri, place: Place, config: TlsConfig | None = None,
               certificate: ClientCertificate | None = None) -> int:
        """The plan's number for the group of a URI. config: what the integration says of TLS; certificate: what its
        stage shows. Raises ValueError with the place."""
        upstream = self._upstreams.get(uri.authority) or Upstream(uri.authority)
        try:
            secured = self._trust.secured(uri, authority_of(upstream), upstream, config, certificate)
        except ValueError as error:
            raise ValueError(f"{place}: error: {uri.authority}: {error}") from None
        key = (f"https://{uri.authority}#{secured.identity}" if secured is not None else uri.authority).encode()
        if key not in self._numbers:
            self._numbers[key] = self._plan.add_target(self._spec(key, upstream, secured))
        return self._numbers[key]

    def handle(self, uri: Uri, place: Place, config: TlsConfig | None = None,
               certificate: ClientCertificate | None = None) -> Handle:
        """The group of a URI for a step in Python, which makes its calls by it."""
        return self._plan.handle(self.number(uri, place, config, certificate))

    def _spec(self, key: bytes, upstream: Upstream, secured: Secured | None) -> dict[str, Any]:
        settings, ejection = self._settings, upstream.ejection
        policy, header = upstream.policy, ""
        if policy == "consistent_hash":
            kind, _, header = upstream.hash_on.partition(":")
            policy = f"hash {kind}"
        return {
            "key": key,
            "authority": authority_of(upstream).encode(),
            "sources": sources(upstream, HTTP_PORT if secured is None else HTTPS_PORT),
            "upstream": upstream,
            "secured": secured,
            "allow_private": upstream.allow_private,
            "policy": policy,
            "hash_header": header.encode(),
            "checked": upstream.health is not None,
            "max_connections": _first(upstream.max_connections, settings.upstream_connections),
            "max_pending": _first(upstream.max_pending, settings.upstream_pending),
            "connect_timeout_ms": _ms(upstream.connect_timeout_ms, settings.connect_timeout),
            "first_byte_timeout_ms": _ms(upstream.first_byte_timeout_ms, settings.first_byte_timeout),
            "idle_timeout_ms": _ms(upstream.idle_timeout_ms, settings.upstream_idle_timeout),
            "pool_idle_ms": _ms(upstream.pool_idle_ms, settings.upstream_pool_idle),
            "try_timeout_ms": upstream.try_timeout_ms or 0,
            "max_latency_us": (upstream.max_latency_ms or 0) * 1000,
            "eject_failures": ejection.failures,
            "eject_ms": ejection.duration_ms,
            "eject_percent": ejection.percent,
            "eject_5xx": ejection.status_5xx,
            "slow_start_ms": upstream.slow_start_ms,
        }


def authority_of(upstream: Upstream) -> str:
    """What Host says: the name in the URIs; where that is an ARN, which is no host, the first place it leads to."""
    if not upstream.authority.startswith("arn:"):
        return upstream.authority
    first = next((one.address for one in upstream.addresses if not one.address.startswith("unix:")), None)
    return first or upstream.srv or "localhost"


def _endpoints(gateway: Gateway) -> list[str]:
    return [service.endpoint.partition("://")[2].lower() for service in gateway.services if service.endpoint]


def sources(upstream: Upstream, port: int) -> list[Source]:
    """What the operator named; else the authority itself. port: where none is written."""
    found = [address_source(one, port) for one in upstream.addresses]
    if upstream.srv is not None:
        found.append(Source("srv", upstream.srv, 0))
    if upstream.file is not None:
        found.append(Source("file", upstream.file, 0))
    return found or [address_source(UpstreamAddress(upstream.authority), port)]


def address_source(one: UpstreamAddress, port: int = 0) -> Source:
    """port: where none is written. Raises ValueError for what is no address."""
    host, port = connect_to(one.address, port)
    kind = "ip" if host.startswith("unix:") or is_literal(host) else "name"
    return Source(kind, host, port, one.weight, one.max_connections or 0)


def _first(given: int | None, default: int) -> int:
    return default if given is None else given


def _ms(given: int | None, default_seconds: float) -> int:
    return round(default_seconds * 1000) if given is None else given


def connect_to(address: str, default_port: int) -> tuple[str, int]:
    """(host, port) of "host:port" or "[v6]:port"; ("unix:/path", 0) of that."""
    if address.startswith("unix:"):
        return address, 0
    parts = AUTHORITY.fullmatch(address)
    if parts is None:
        raise ValueError(f"{address!r} is not host:port, [v6]:port or unix:/path")
    return parts[1].strip("[]"), int(parts[2] or default_port)


def is_literal(host: str) -> bool:
    """Whether host is an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
