"""Who may ask how often: throttles, quotas, usage plans and API keys."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace

from fastgw.model.place import Place

PERIODS = ("DAY", "WEEK", "MONTH")
"""Their positions, from 1, are the engine's numbers."""

AWAY = ("local", "open", "closed")
"""Their positions are the engine's numbers."""

MAX_RATE = 1_000_000.0
MAX_BURST = 1_000_000
MAX_NAME, MIN_VALUE, MAX_VALUE = 1024, 20, 128
"""Of an API key. Source: Amazon API Gateway developer guide, "API keys"."""
MAX_PLANS_OF_KEY = 255
EVERY_METHOD = "*/*"
"""In a stage's methods: what holds for each method that has no entry of its own."""


@dataclass(frozen=True, slots=True)
class Throttle:
    """A token bucket: rate in requests per second, burst in requests. Rate 0 never refills it."""

    rate: float
    burst: int


@dataclass(frozen=True, slots=True)
class Quota:
    """limit requests in each period of UTC, which begins at 00:00.

    offset  the first day of the period: of a WEEK 0 is Sunday, of a MONTH 0 is the 1st; of a DAY always 0
    """

    limit: int
    period: str
    offset: int = 0


@dataclass(frozen=True, slots=True)
class PlanStage:
    """A stage that a plan opens to its keys. methods: "GET /pets/{id}" -> a throttle for each key."""

    api: str
    stage: str
    methods: tuple[tuple[str, Throttle], ...] = ()
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Nodes:
    """Several nodes share the plan's limits. away: one of AWAY, what holds while they cannot reach each other."""

    away: str = "local"
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class UsagePlan:
    """throttle and quota are those of each key of the plan, over all its stages; nodes: None for each node's own."""

    name: str
    stages: tuple[PlanStage, ...]
    throttle: Throttle | None = None
    quota: Quota | None = None
    nodes: Nodes | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class MethodCache:
    """What a stage says of the cache of one method, "GET /pets" or EVERY_METHOD. None: as the stage's."""

    method: str
    enabled: bool | None = None
    ttl: int | None = None
    invalidation: str | None = None
    unauthorized: str | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class MethodSettings:
    """What a stage says of one method; method is "GET /pets" or EVERY_METHOD.

    concurrency  requests that may be with the integration at one time
    cache        what differs for it from the stage's cache
    """

    method: str
    throttle: Throttle | None = None
    concurrency: int | None = None
    place: Place | None = None
    cache: MethodCache | None = None


def by_method(methods: Iterable[MethodSettings], names: Iterable[str]) -> dict[str, MethodSettings]:
    """What holds for each of the methods named: its own entry, filled up from EVERY_METHOD's; none where neither is."""
    given = {entry.method: entry for entry in methods}
    common = given.get(EVERY_METHOD)
    found = {name: _over(given.get(name), common) for name in names}
    return {name: settings for name, settings in found.items() if settings is not None}


def _over(own: MethodSettings | None, common: MethodSettings | None) -> MethodSettings | None:
    if own is None or common is None:
        return own or common
    unset = {f.name: getattr(common, f.name) for f in fields(own) if getattr(own, f.name) is None}
    return replace(own, **unset)


_HEAD = struct.Struct("=HHBB")


@dataclass(slots=True, eq=False)
class KeyRing:
    """API keys, packed: a million of them are no million objects.

    packed  one key after the other: bytes of the name, bytes of the value, enabled, number of plans (u16, u16,
            u8, u8), then for each plan its position in plans (u16), then the name and the value in UTF-8
    plans   names of plans
    """

    packed: bytearray = field(default_factory=bytearray)
    plans: list[str] = field(default_factory=list)
    count: int = 0
    _numbers: dict[str, bytes] = field(default_factory=dict)

    def add(self, name: str, value: str, enabled: bool, plans: tuple[str, ...]) -> None:
        """The caller has checked all of it."""
        numbers = b"".join([self._numbers.get(plan) or self._number(plan) for plan in plans])
        spelt, secret = name.encode(), value.encode()
        self.packed += _HEAD.pack(len(spelt), len(secret), enabled, len(plans)) + numbers + spelt + secret
        self.count += 1

    def __iter__(self) -> Iterator[tuple[str, str, bool, tuple[str, ...]]]:
        """(name, value, enabled, names of plans) of each key."""
        at = 0
        while at < len(self.packed):
            name_n, value_n, enabled, count = _HEAD.unpack_from(self.packed, at)
            start = at + _HEAD.size + 2 * count
            numbers = struct.unpack_from(f"={count}H", self.packed, at + _HEAD.size)
            at = start + name_n + value_n
            name, value = self.packed[start : start + name_n].decode(), self.packed[start + name_n : at].decode()
            yield name, value, bool(enabled), tuple(self.plans[number] for number in numbers)

    def _number(self, plan: str) -> bytes:
        number = self._numbers[plan] = struct.pack("=H", len(self.plans))
        self.plans.append(plan)
        return number

    def __repr__(self) -> str:
        return f"KeyRing({self.count} keys)"


# Ids of cells: what a deployment finds its buckets by.

ACCOUNT = "account"


def stage_id(api: str, stage: str) -> str:
    return f"stage/{api}/{stage}"


def method_id(api: str, stage: str, method: str) -> str:
    return f"method/{api}/{stage}/{method}"


def concurrency_id(api: str, stage: str, method: str) -> str:
    """The first of a group: one cell for each worker."""
    return f"concurrency/{api}/{stage}/{method}"


def plan_method_id(plan: str, api: str, stage: str, method: str) -> str:
    """Not a cell: the bucket's place among those that each key of the plan has for single methods."""
    return f"plan/{plan}/{api}/{stage}/{method}"
