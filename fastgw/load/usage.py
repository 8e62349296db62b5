"""The sections account, plans and keys of a fastgw.yaml, and what its stages limit."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from os.path import dirname, join
from pathlib import Path

import msgspec

from fastgw.load import schema
from fastgw.load.document import View
from fastgw.load.problem import Problems, did_you_mean, one_of, shown
from fastgw.model.api import Api
from fastgw.model.place import Place
from fastgw.model.usage import (
    EVERY_METHOD,
    MAX_NAME,
    MAX_PLANS_OF_KEY,
    MAX_VALUE,
    MIN_VALUE,
    KeyRing,
    MethodCache,
    MethodSettings,
    Nodes,
    PlanStage,
    Quota,
    Throttle,
    UsagePlan,
)

_OFFSETS = {"DAY": 0, "WEEK": 6, "MONTH": 27}
"""Highest offset of a period. Source: Amazon API Gateway's check of a usage plan's quota."""


def throttle(given: object) -> Throttle | None:
    """A ThrottleFile, or UNSET."""
    return None if given is msgspec.UNSET else Throttle(float(given.rate), given.burst)


class Methods:
    """Names of methods in stages and plans: "GET /pets/{id}", as the API's routes are called."""

    def __init__(self, apis: Iterable[Api], problems: Problems) -> None:
        self._names = {api.name: frozenset(route.name for route in api.routes) for api in apis}
        self._problems = problems

    def known(self, api: str, method: str, place: Place) -> bool:
        """Whether it has; told where not."""
        names = self._names.get(api)
        if names is None:       # its definition could not be read, which has been told
            return False
        if method in names:
            return True
        some = sorted(names)[:5]
        listed = f"; it has {one_of(some)}{' and more' if len(names) > len(some) else ''}" if some else ""
        self._problems.error(place, "unknown-value", f"{api} has no method {shown(method)}{listed}"
                             f"{did_you_mean(method, names)}")
        return False


def stage_methods(api: str, given: Mapping[str, schema.MethodFile], view: View | None,
                  methods: Methods) -> tuple[MethodSettings, ...]:
    """The methods of a stage; view is theirs. A method that the API has not is told."""
    found = []
    for name, settings in given.items():
        place = view.get(name).key_place
        if name == EVERY_METHOD or methods.known(api, name, place):
            found.append(MethodSettings(name, throttle(settings.throttle), _set(settings.concurrency), place,
                                        _method_cache(name, settings.cache, place)))
    return tuple(found)


def _method_cache(name: str, given: object, place: Place) -> MethodCache | None:
    """A MethodCacheFile, or UNSET."""
    if given is msgspec.UNSET:
        return None
    return MethodCache(name, _set(given.enabled), _set(given.ttl), _set(given.invalidation), _set(given.unauthorized),
                       place)


def _set(value: object) -> object:
    return None if value is msgspec.UNSET else value


def plans(given: Mapping[str, schema.PlanFile], view: View | None, stages: Mapping[str, Collection[str]],
          methods: Methods, problems: Problems) -> tuple[UsagePlan, ...]:
    """stages: API -> names of its stages."""
    reader = _Plans(stages, methods, problems)
    return tuple(reader.plan(name, plan, view.get(name)) for name, plan in given.items())


class _Plans:
    def __init__(self, stages: Mapping[str, Collection[str]], methods: Methods, problems: Problems) -> None:
        self._stages = stages
        self._methods = methods
        self._problems = problems

    def plan(self, name: str, given: schema.PlanFile, view: View) -> UsagePlan:
        opened: dict[tuple[str, str], PlanStage] = {}
        for stage, its in zip(given.stages, view.get("stages").elements(), strict=True):
            if not self._is_stage(stage, its):
                continue
            if (stage.api, stage.stage) in opened:
                self._problems.error(its.place, "conflict", f"plan {name} has stage {shown(stage.stage)} of "
                                     f"{stage.api} twice")
            methods = self._plan_methods(stage, its)
            opened[stage.api, stage.stage] = PlanStage(stage.api, stage.stage, methods, its.place)
        return UsagePlan(name, tuple(opened.values()), throttle(given.throttle), self._quota(given, view),
                         _nodes(given, view), view.key_place)

    def _is_stage(self, given: schema.PlanStageFile, view: View) -> bool:
        known = self._stages.get(given.api)
        if known is None:
            self._problems.error(view.get("api").place, "unknown-value", f"no API is named {shown(given.api)}"
                                 f"{did_you_mean(given.api, self._stages)}")
            return False
        if given.stage not in known:
            place = (view.get("stage") or view).place
            self._problems.error(place, "unknown-value", f"{given.api} has no stage {shown(given.stage)}; it has "
                                 f"{one_of(known)}{did_you_mean(given.stage, known)}")
            return False
        return True

    def _plan_methods(self, given: schema.PlanStageFile, view: View) -> tuple[tuple[str, Throttle], ...]:
        return tuple(
            (name, throttle(settings)) for name, settings in given.methods.items()
            if self._methods.known(given.api, name, view.get("methods").get(name).key_place)
        )

    def _quota(self, given: schema.PlanFile, view: View) -> Quota | None:
        quota = given.quota
        if quota is msgspec.UNSET:
            return None
        highest = _OFFSETS[quota.period]
        if quota.offset > highest:
            allowed = f"must be from 0 to {highest}" if highest else "must be 0"
            self._problems.error(view.get("quota").get("offset").place, "out-of-range", f"offset of a quota for each "
                                 f"{quota.period} {allowed}, found {quota.offset}")
        return Quota(quota.limit, quota.period, quota.offset)


def _nodes(given: schema.PlanFile, view: View) -> Nodes | None:
    if given.nodes is msgspec.UNSET or not given.nodes.share:
        return None
    return Nodes(given.nodes.away, view.get("nodes").place)


class Keys:
    """Collects API keys, from whichever files; every problem is told, and no message shows a value."""

    def __init__(self, plans: Iterable[UsagePlan], problems: Problems, ring: KeyRing | None = None) -> None:
        """ring: keys that are there already, and have been checked."""
        self._plans = {plan.name: plan for plan in plans}
        self._problems = problems
        self.ring = KeyRing() if ring is None else ring
        self._values = {value: name for name, value, _, _ in self.ring}
        self._names = set(self._values.values())
        self._good: set[tuple[str, ...]] = {()}

    def add(self, name: str, value: str, enabled: bool, plans: tuple[str, ...], place: Callable[[], Place]) -> None:
        """place is asked only where something is wrong."""
        faults = list(self._faults(name, value))
        if plans not in self._good:
            found = list(self._plan_faults(name, plans))
            faults += found
            if not found:
                self._good.add(plans)
        for code, fault in faults:
            self._problems.error(place(), code, fault)
        if not faults:
            self._names.add(name)
            self._values[value] = name
            self.ring.add(name, value, enabled, plans)

    def _faults(self, name: str, value: str) -> Iterator[tuple[str, str]]:
        if not 1 <= len(name) <= MAX_NAME:
            yield "bad-name", f"the name of a key must have 1 to {MAX_NAME:,} characters, found {len(name):,}"
        if not MIN_VALUE <= len(value) <= MAX_VALUE:
            yield "bad-value", (f"the value of key {shown(name)} must have {MIN_VALUE} to {MAX_VALUE} characters, "
                                f"found {len(value)}")
        elif not (value.isascii() and value.isprintable() and " " not in value):
            yield "bad-value", f"the value of key {shown(name)} must be of visible ASCII characters"
        if name in self._names:
            yield "conflict", f"key {shown(name)} is given twice"
        elif value in self._values:
            yield "conflict", f"keys {shown(self._values[value])} and {shown(name)} have the same value"

    def _plan_faults(self, name: str, plans: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        opened: dict[tuple[str, str], str] = {}
        if len(plans) > MAX_PLANS_OF_KEY:
            yield "too-large", f"key {shown(name)} has {len(plans)} plans, at most {MAX_PLANS_OF_KEY} are served"
            return
        for plan in plans:
            if plan not in self._plans:
                yield "unknown-value", f"no plan is named {shown(plan)}{did_you_mean(plan, self._plans)}"
                continue
            for stage in self._plans[plan].stages:
                other = opened.setdefault((stage.api, stage.stage), plan)
                if other != plan or plans.count(plan) > 1:
                    yield "conflict", (f"key {shown(name)} has plans {other} and {plan}, which both open stage "
                                       f"{shown(stage.stage)} of {stage.api}; one plan is allowed for each stage")
                    return


def read_keys(given: Mapping[str, schema.KeyFile], view: View | None, file: str, keys: Keys,
              problems: Problems) -> None:
    """The section keys; file is the fastgw.yaml, to whose folder value_file is relative."""
    for name, key in given.items():
        its = view.get(name)
        value = _value(key, its, file, problems)
        if value is not None:
            keys.add(name, value, key.enabled, tuple(key.plans), lambda its=its: its.key_place)


def _value(key: schema.KeyFile, view: View, file: str, problems: Problems) -> str | None:
    if (key.value is msgspec.UNSET) == (key.value_file is msgspec.UNSET):
        both = "both value and value_file" if key.value is not msgspec.UNSET else "neither value nor value_file"
        problems.error(view.key_place, "missing-field", f"key {shown(view.name)} has {both}; give one of them")
        return None
    if key.value is not msgspec.UNSET:
        return key.value
    place = view.get("value_file").place
    try:
        return Path(join(dirname(file), key.value_file)).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        problems.error(place, "unreadable", f"{shown(key.value_file)} cannot be read: {reason}")
        return None
