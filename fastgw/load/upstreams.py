"""The upstreams of a fastgw.yaml -> model.Upstream."""

from collections.abc import Mapping
from os.path import abspath, dirname, join

from msgspec import UNSET

from fastgw.load import schema
from fastgw.load.document import View
from fastgw.load.problem import Problems, shown
from fastgw.load.upstream_tls import read_tls
from fastgw.model.gateway import Ejection, Health, Upstream, UpstreamAddress


def read_upstreams(
    given: Mapping[str, schema.UpstreamFile], section: View | None, problems: Problems
) -> tuple[Upstream, ...]:
    """section is where given stands; problems are told at their places in it."""
    return tuple(_read(name, one, section.get(name), problems) for name, one in given.items())


def _read(authority: str, given: schema.UpstreamFile, view: View, problems: Problems) -> Upstream:
    ejection = given.ejection
    if given.hash_on is not UNSET and given.policy != "consistent_hash":
        problems.error(view.get("hash_on").place, "no-effect", "hash_on is for policy: consistent_hash; the policy is "
                       f"{given.policy}")
    return Upstream(
        authority.lower(),
        _addresses(given, view, problems),
        given.policy,
        "source_ip" if given.hash_on is UNSET else given.hash_on,
        _set(given.max_connections),
        _set(given.max_pending),
        _milliseconds(given.connect_timeout),
        _milliseconds(given.first_byte_timeout),
        _milliseconds(given.idle_timeout),
        _milliseconds(given.pool_idle),
        _milliseconds(given.try_timeout),
        _milliseconds(given.max_latency),
        _milliseconds(given.slow_start),
        Ejection(ejection.failures, _milliseconds(ejection.duration), ejection.percent, ejection.status_5xx),
        _health(given.health, view, problems),
        _set(given.srv),
        None if given.file is UNSET else abspath(join(dirname(view.place.file), given.file)),
        _set(given.allow_private),
        read_tls(given.tls, view.get("tls"), problems),
        clear=given.tls is False,
        place=view.place,
    )


def _health(given: schema.HealthFile | None, view: View, problems: Problems) -> Health | None:
    if given is UNSET:
        return None
    section = view.get("health")
    timeout = min(1.0, given.interval) if given.timeout is UNSET else given.timeout
    if timeout > given.interval:
        problems.error(section.get("timeout").place, "out-of-range", f"timeout must not be longer than the interval of "
                       f"{given.interval:g} s")
    for key in ("path", "host", "statuses"):
        if given.kind == "tcp" and section.get(key) is not None:
            problems.error(section.get(key).place, "no-effect", f"{key} is for kind: http; tcp only connects")
    return Health(
        given.path if given.kind == "http" else None,
        _set(given.host),
        () if given.statuses is UNSET else tuple(given.statuses),
        _milliseconds(given.interval),
        _milliseconds(timeout),
        given.fall,
        given.rise,
    )


def _addresses(given: schema.UpstreamFile, view: View, problems: Problems) -> tuple[UpstreamAddress, ...]:
    if given.address is not UNSET:
        if given.addresses is not UNSET:
            problems.error(view.get("addresses").place, "conflict", "address is given too; give one of them")
        return (UpstreamAddress(given.address),)
    found: dict[str, UpstreamAddress] = {}
    for index, one in enumerate(given.addresses or ()):
        read = one if isinstance(one, schema.AddressFile) else schema.AddressFile(one)
        if read.address in found:
            place = list(view.get("addresses").elements())[index].place
            problems.error(place, "conflict", f"{shown(read.address)} is given twice; give it a weight")
        found[read.address] = UpstreamAddress(read.address, read.weight, _set(read.max_connections))
    return tuple(found.values())


def _set(value: object) -> object:
    return None if value is UNSET else value


def _milliseconds(seconds: object) -> int | None:
    return None if seconds is UNSET else max(round(seconds * 1000), 1 if seconds > 0 else 0)
