"""API keys and what they have used, for operators; and the chore that keeps usage over a restart."""

import asyncio
import datetime
import logging
import secrets
from collections.abc import Iterator
from typing import Any

from fastgw._core import cells as cell
from fastgw._core import keys as row
from fastgw._core.cells import Cells
from fastgw._core.keys import KeyTable
from fastgw.model.gateway import Gateway
from fastgw.model.usage import PERIODS, Quota, UsagePlan
from fastgw.runtime.peer import Peer, PeerGone, Refused
from fastgw.runtime.store import Store, StoreError, Used

KEEP_SECONDS = 0.5
"""What a crash of the whole node may forget: the requests of this time."""
VALUE_BYTES = 30
"""Of randomness in a value made here: 40 characters."""
_log = logging.getLogger("fastgw")


class Usage:
    """What the control process knows of the keys in force."""

    def __init__(self, store: Store, supervisor: Peer, cells: Cells, gateway: Gateway, keys: KeyTable):
        self._store, self._supervisor = store, supervisor
        self._cells = cells
        self._gateway, self._keys = gateway, keys
        self._unsaved: dict[tuple[str, str], Used] = {}
        self._failing = False

    def adopt(self, gateway: Gateway, keys: KeyTable) -> None:
        """A new definition. What was used under the old one is read with the old one's table."""
        self._collect()
        self._gateway, self._keys = gateway, keys

    # Keeping

    async def keep(self) -> None:
        """Until cancelled; then close() writes the rest."""
        while True:
            await asyncio.sleep(KEEP_SECONDS)
            self._collect()
            await self._save()

    async def close(self) -> None:
        self._collect()
        await self._save()

    def _collect(self) -> None:
        for number in self._cells.changed():
            owner = self._keys.owner(number)
            if owner is not None:
                key, plan, _ = owner
                name = self._gateway.plans[plan].name
                self._unsaved[name, key] = Used(name, key, *self._cells.usage_word(number))

    async def _save(self) -> None:
        rows, self._unsaved = self._unsaved, {}
        try:
            if rows and await self._may_write():
                await asyncio.to_thread(self._store.save_usage, rows.values())
                rows, self._failing = {}, False
        except (StoreError, PeerGone) as error:
            if not self._failing:
                _log.error("%s; usage is counted, but would not survive a restart", error)
            self._failing = True
        self._unsaved = rows | self._unsaved

    async def _may_write(self) -> bool:
        """Whether the state directory is our gateway's. Raises StoreError."""
        try:
            return await self._supervisor.call("own_state")
        except Refused as refusal:
            raise StoreError(str(refusal)) from None

    # Telling

    def plans(self) -> list[dict[str, Any]]:
        return [
            {
                "name": plan.name,
                "throttle": plan.throttle and {"rate": plan.throttle.rate, "burst": plan.throttle.burst},
                "quota": plan.quota and {
                    "limit": plan.quota.limit, "period": plan.quota.period, "offset": plan.quota.offset
                },
                "stages": [
                    {"api": stage.api, "stage": stage.stage,
                     "methods": {name: {"rate": limit.rate, "burst": limit.burst} for name, limit in stage.methods}}
                    for stage in plan.stages
                ],
            }
            for plan in self._gateway.plans
        ]  # fmt: skip

    def keys(self, most: int, after: str | None) -> list[dict[str, Any]]:
        """At most so many keys, in the order of the definition, from behind the one of this name on."""
        found: list[dict[str, Any]] = []
        begun = after is None
        for name, enabled, uses in self._keys:
            if len(found) == most:
                break
            if begun:
                plans = [self._gateway.plans[plan].name for _, plan, _ in uses]
                found.append({"name": name, "enabled": enabled, "plans": plans})
            begun = begun or name == after
        return found

    def of(self, name: str) -> dict[str, Any] | None:
        """What a key has used, and has left, under each of its plans; None where there is no such key."""
        found = self._keys.get(name)
        if found is None:
            return None
        enabled, uses = found
        plans = [self._of_plan(self._gateway.plans[plan], base) for _, plan, base in uses]
        return {"name": name, "enabled": enabled, "plans": plans}

    def _of_plan(self, plan: UsagePlan, base: int) -> dict[str, Any]:
        told: dict[str, Any] = {"plan": plan.name}
        if plan.throttle is not None:
            left = self._cells.left(base + row.BUCKET, plan.throttle.rate, plan.throttle.burst)
            told["throttle"] = {"rate": plan.throttle.rate, "burst": plan.throttle.burst, "left": left}
        if plan.quota is not None:
            told["quota"] = self._of_quota(plan.quota, base + row.USAGE)
        return told

    def _of_quota(self, quota: Quota, number: int) -> dict[str, Any]:
        window = cell.window(PERIODS.index(quota.period) + 1, quota.offset)
        used = self._cells.usage(number, window)
        return {
            "limit": quota.limit, "period": quota.period, "offset": quota.offset, "used": used,
            "left": max(0, quota.limit - used), "resets": next_window(quota).isoformat(),
        }  # fmt: skip

    # Changing

    async def new_key(self, name: str, plans: tuple[str, ...], value: str | None) -> str:
        """Keep a key and put it in force; its value. Raises StoreError, ValueError, and what a reload raises."""
        if self._keys.get(name) is not None:
            raise ValueError(f"a key is named {name!r} already")
        known = [plan.name for plan in self._gateway.plans]
        for plan in plans:
            if plan not in known:
                raise ValueError(f"no plan is named {plan!r}; there are {', '.join(known) or 'none'}")
        if value is not None and self._keys.find(value.encode()) is not None:
            raise ValueError("a key has this value already")
        value = value or secrets.token_urlsafe(VALUE_BYTES)
        await self._own()
        await asyncio.to_thread(self._store.add_key, name, value, plans)
        try:
            warnings = await self._supervisor.call("reload")
        except Refused:
            await asyncio.to_thread(self._store.remove_key, name)
            raise
        if self._keys.get(name) is None:
            await asyncio.to_thread(self._store.remove_key, name)
            raise ValueError("\n".join(line for line in warnings if line.startswith(str(self._store.file))))
        return value

    async def switch(self, name: str, enabled: bool) -> bool:
        """Enable or disable a key at once and for good; False: no such key. Raises StoreError where only at once."""
        if not await self._supervisor.call("switch_key", (name, enabled)):
            return False
        await self._own()
        await asyncio.to_thread(self._store.set_enabled, name, enabled)
        return True

    async def _own(self) -> None:
        if not await self._may_write():
            raise StoreError("another gateway holds the state directory")


def next_window(quota: Quota, today: datetime.date | None = None) -> datetime.datetime:
    """When the quota begins anew, in UTC."""
    day = today or datetime.datetime.now(datetime.UTC).date()
    period = PERIODS.index(quota.period) + 1
    now = _window(period, quota.offset, day)
    return next(
        datetime.datetime.combine(later, datetime.time(), datetime.UTC)
        for later in _days_after(day)
        if _window(period, quota.offset, later) != now
    )


def _window(period: int, offset: int, day: datetime.date) -> int:
    return cell.window(period, offset, (day - datetime.date(1970, 1, 1)).days)


def _days_after(day: datetime.date) -> Iterator[datetime.date]:
    while True:
        day += datetime.timedelta(days=1)
        yield day
