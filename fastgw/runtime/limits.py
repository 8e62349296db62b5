"""Which cells belong to which limit, for the life of the gateway, and the table of keys of each definition."""

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from fastgw._core import keys
from fastgw._core.cells import FIRST, Cells, create
from fastgw.model import firewall, usage
from fastgw.model.gateway import Gateway
from fastgw.model.usage import KeyRing
from fastgw.runtime.store import Used


class TooMany(Exception):
    """The definition cannot be served with the cells or the keys it has; the text says why."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """What one definition's limits are called in the engine.

    numbers  id of fastgw.model.usage -> cell, or for plan_method_id the place in a key's row
    keys     descriptor of the key table; generation tells one table from another
    """

    numbers: Mapping[str, int]
    keys: int
    generation: int


class Limits:
    """Lives in the supervisor. Cells are found again by their ids, so that a deployment refills no bucket."""

    def __init__(self, capacity: int, workers: int) -> None:
        self.descriptor = create(capacity, workers)
        self._cells = Cells(self.descriptor)
        self._workers = workers
        self._rows = keys.Rows(self._cells, FIRST)
        self._singles: dict[str, int] = {}
        self._groups: dict[str, int] = {}
        self._firewalls: dict[str, int] = {}
        self._plan_methods: dict[str, dict[str, int]] = {}
        self._generation = 0
        self._tables: dict[int, keys.KeyTable] = {}
        self._switched: dict[str, bool] = {}
        self._switching = threading.Lock()

    def assign(self, gateway: Gateway) -> Assigned:
        """Cells and key table of a definition; it takes about a second for a million keys. Raises TooMany.

        The caller hands it to release() once it is no longer in force. May run in a thread, one at a time.
        """
        try:
            singles, groups = _ids(gateway)
            numbers = {name: self._cell(self._singles, name, 1) for name in singles}
            numbers |= {name: self._cell(self._groups, name, self._workers) for name in groups}
            numbers |= {name: self._cell(self._firewalls, name, count)
                        for name, count in self._firewall_cells(gateway)}
            rooms = self._assign_plan_methods(gateway, numbers)
            position = {plan.name: number for number, plan in enumerate(gateway.plans)}
            shared = {plan.name: plan.nodes is not None for plan in gateway.plans}
            plans = [(position[name], name, rooms[name], shared[name]) for name in gateway.keys.plans]
            descriptor = keys.build(memoryview(gateway.keys.packed), plans, self._rows)
        except keys.Full as full:
            raise TooMany(f"the limits need {full}: raise limit_cells, which is {full.capacity:,}") from None
        except keys.SameValue as same:
            raise TooMany(f"keys {same.names[0]} and {same.names[1]} have the same value") from None
        self._generation += 1
        table = keys.KeyTable(descriptor, writable=True)
        with self._switching:
            for name, enabled in self._switched.items():
                table.switch(name, enabled)
            self._tables[self._generation] = table
        return Assigned(numbers, descriptor, self._generation)

    def release(self, assigned: Assigned) -> None:
        """Forget a definition's key table; a worker that still serves with it has its own mapping."""
        del self._tables[assigned.generation]
        os.close(assigned.keys)

    def switch(self, name: str, enabled: bool) -> bool:
        """Enable or disable a key at once in every process, also in definitions to come; False: no such key."""
        with self._switching:
            found = [table.switch(name, enabled) for table in self._tables.values()]
            if any(found):
                self._switched[name] = enabled
        return any(found)

    def disable(self, names: Iterable[str]) -> None:
        """Keys that were disabled in an earlier life, for the definitions to come."""
        with self._switching:
            self._switched = dict.fromkeys(names, False) | self._switched

    def count(self, used: Iterable[Used], gateway: Gateway, assigned: Assigned) -> None:
        """What keys have used in an earlier life, or under another gateway."""
        rows = {(one.plan, one.key): one for one in used}
        for key, _, uses in self._tables[assigned.generation] if rows else ():
            for _, plan, base in uses:
                one = rows.get((gateway.plans[plan].name, key))
                if one is not None:
                    self._cells.add_usage(base + keys.USAGE, one.window, one.used)

    def worker_died(self, worker: int) -> None:
        """What it had in hand is no longer with an integration."""
        for first in self._groups.values():
            self._cells.store(first + worker, 0)

    def close(self) -> None:
        """Once, at the end."""
        os.close(self.descriptor)

    def _cell(self, known: dict[str, int], name: str, count: int) -> int:
        if name not in known:
            known[name] = self._rows.group(count)
        return known[name]

    def _firewall_cells(self, gateway: Gateway) -> Iterator[tuple[str, int]]:
        """Ids of the counters and tables of rules in use, and how many cells each has."""
        used = {stage.firewall for stage in gateway.stages}
        for own in gateway.firewalls:
            if own.name not in used:
                continue
            yield firewall.rule_count_id(own.name, firewall.DEFAULT_ACTION_NAME, own.default), self._workers
            for rule in own.rules:
                yield firewall.rule_count_id(own.name, rule.name, rule.action), self._workers
                for number, rate in enumerate(firewall.rates(rule.statement)):
                    yield firewall.rate_id(own.name, rule.name, number, rate), firewall.rate_words(rate)

    def _assign_plan_methods(self, gateway: Gateway, numbers: dict[str, int]) -> dict[str, int]:
        """Places of single methods in the rows of a plan's keys; how many places each plan has, by its name.

        A method keeps its place, so the places of methods that are away stay empty.
        """
        rooms: dict[str, int] = {}
        for plan in gateway.plans:
            known = self._plan_methods.setdefault(plan.name, {})
            for stage in plan.stages:
                for method, _ in stage.methods:
                    name = usage.plan_method_id(plan.name, stage.api, stage.stage, method)
                    numbers[name] = known.setdefault(name, len(known))
            rooms[plan.name] = len(known)
        return rooms


def without_keys(gateway: Gateway) -> Gateway:
    """What other processes are sent: the keys are theirs in the shared table."""
    return replace(gateway, keys=KeyRing())


def _ids(gateway: Gateway) -> tuple[list[str], list[str]]:
    """Ids of the limits of one cell, and of those with a cell for each worker."""
    singles = [usage.ACCOUNT] if gateway.account is not None else []
    groups = []
    routes = {api.name: api.routes for api in gateway.apis}
    for stage in gateway.stages:
        if stage.throttle is not None:
            singles.append(usage.stage_id(stage.api, stage.name))
        names = [route.name for route in routes[stage.api]]
        for name, settings in usage.by_method(stage.methods, names).items():
            if settings.throttle is not None:
                singles.append(usage.method_id(stage.api, stage.name, name))
            if settings.concurrency is not None:
                groups.append(usage.concurrency_id(stage.api, stage.name, name))
    return singles, groups
