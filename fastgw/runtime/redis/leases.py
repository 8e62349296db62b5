"""A worker's leases: what its requests lack is asked of Redis, all that one turn of the loop wants in one go.

Tokens that came are laid into cells that all workers of the node share. What lies there unused for LEASE_SECONDS goes
back. docs/nodes.md derives from the rules here how far several nodes may admit more, or less, than one would.
"""

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import hiredis

from fastgw._core import ask, lease
from fastgw._core.cells import Cells
from fastgw.addresses import RedisUrl
from fastgw.runtime.redis.client import CONNECT_SECONDS, Redis, RedisAway, Script
from fastgw.settings import Settings

_log = logging.getLogger("fastgw")

LEASE_SECONDS = 1.0
"""How long leased tokens are good, counted from the last that came."""
SWEEP_SECONDS = 0.25
"""How often unused tokens are looked for."""
SPENT_LONGEST = 1.0
"""Seconds after which an answer "nothing left" is asked for again, for another node may have given some back."""
SPENT_LEAST = 0.005
"""Seconds between questions for a bucket that refills faster than that; less where its burst would be lost."""
KEEP_USAGE = 40 * 86_400
"""Seconds for which Redis keeps the count of a window: longer than the longest window."""
MOST_KEYS = 256
"""Limits in one run of the script: Redis serves nobody else meanwhile."""
DAY = 86_400

BUCKET, QUOTA = 0, 1
"""AskKind of fastgw/_core/ask.pxd."""
_KINDS = ("bucket", "quota")
"""What the script calls them."""
_PLAIN = " /{}+$"
"""What stands unescaped in a name; not the colon between two."""

SCRIPT = Script((Path(__file__).parent / "lease.lua").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Limit:
    """What Redis must know of a limit: the key under which it lies there, and the script's a and b."""

    cell: int
    kind: int
    name: str
    a: float
    b: int
    ahead: int


@dataclass(slots=True)
class Wish:
    """What this turn of the loop wants of a limit."""

    limit: Limit
    waiting: list[Any] = field(default_factory=list)
    more: bool = False
    wanted: int = 0
    owed: int = 0
    """Uses that were admitted while Redis was away."""


class Leases:
    """Called on the loop's thread only. settings has a redis_url."""

    def __init__(self, cells: Cells, settings: Settings):
        self._cells = cells
        self._prefix = prefix = settings.redis_prefix
        self._loop = asyncio.get_running_loop()
        self._wishes: dict[int, Wish] = {}
        self._debts: dict[Limit, int] = {}
        """Tokens to give back (negative)."""
        self._held: dict[int, tuple[Limit, int]] = {}
        """Limits of which this worker laid tokens down, and until when they are good; the earliest first."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._flushing = False
        self._heard = asyncio.Event()
        # A server that answers but may not write is as good as none: the greeting runs the script too.
        probe = ("EVAL", SCRIPT.text, 1, f"{prefix}probe", "bucket", 1e6, 1, 1, 0)
        url = RedisUrl.parse(settings.redis_url)
        self._redis = Redis(url, settings.redis_timeout, self._changed, (SCRIPT,), (probe,))
        self._sweeper = asyncio.create_task(self._sweep())
        ask.open_asking(self._ask)

    async def ready(self) -> None:
        """Returns once it is known whether Redis answers, or it takes too long to tell."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._heard.wait(), CONNECT_SECONDS)

    async def close(self) -> None:
        """Give everything back, then close. Exchanges that still wait must be gone."""
        self._sweeper.cancel()
        self._give_back_all()
        self._flush()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._redis.close()
        with suppress(asyncio.CancelledError):
            await self._sweeper
        ask.open_asking(None)

    def _changed(self, up: bool, why: str) -> None:
        ask.set_away(not up)
        self._heard.set()
        if lease.outage(self._cells, not up):
            if up:
                _log.info("Redis is back")
            else:
                _log.warning("Redis is away: %s. Plans that nodes share go by their away mode", why)

    # Asking

    def _ask(self, cell: int, kind: int, interval: int, most: int, window: int, ahead: int, names: list[bytes],
             waiting: Any) -> None:
        wish = self._wishes.get(cell)
        if wish is None:
            wish = self._wishes[cell] = Wish(self._limit(cell, kind, interval, most, window, ahead, names))
        if waiting is None:
            wish.more = True
        else:
            wish.waiting.append(waiting)
        self._flush_soon()

    def _limit(self, cell: int, kind: int, interval: int, most: int, window: int, ahead: int,
               names: list[bytes]) -> Limit:
        place = ":".join(quote(name, safe=_PLAIN) for name in names)
        if kind == BUCKET:
            return Limit(cell, kind, f"{self._prefix}bucket:{place}", interval / 1000, most, ahead)
        return Limit(cell, kind, f"{self._prefix}quota:{place}:{window}", most, KEEP_USAGE, ahead)

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        wishes, self._wishes = list(self._wishes.values()), {}
        debts, self._debts = self._debts, {}
        asked = {wish.limit for wish in wishes}
        wishes += [Wish(limit) for limit in debts if limit not in asked]
        for start in range(0, len(wishes), MOST_KEYS):
            task = asyncio.ensure_future(self._lease(wishes[start : start + MOST_KEYS], debts))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _lease(self, wishes: list[Wish], debts: dict[Limit, int]) -> None:
        words: list[Any] = [len(wishes), *(wish.limit.name for wish in wishes)]
        for wish in wishes:
            limit, wish.wanted = wish.limit, self._wanted(wish)
            if limit.kind == QUOTA:
                wish.owed = lease.collect_owed(self._cells, limit.cell)
            words += (_KINDS[limit.kind], limit.a, limit.b, wish.wanted, wish.owed + debts.get(limit, 0))
        waiting = [one for wish in wishes for one in wish.waiting]
        try:
            answers = await self._redis.run(SCRIPT, *words)
        except (RedisAway, hiredis.ReplyError):
            # What was told may have arrived or not. What was given back is not sent again, and what is owed is:
            # better counted twice than not at all.
            for wish in wishes:
                if wish.owed:
                    lease.put_back_owed(self._cells, wish.limit.cell, wish.owed)
            for one in waiting:
                one.answered(True)
            return
        for wish, granted, wait in zip(wishes, answers[::2], answers[1::2], strict=True):
            self._lay_down(wish, granted, wait / 1e6)
        for one in waiting:
            one.answered(False)
        for wish in wishes:
            self._remember(wish.limit)

    def _wanted(self, wish: Wish) -> int:
        """One for each who waits, and up to `ahead` at hand."""
        if not (wish.waiting or wish.more):
            return 0
        return len(wish.waiting) + max(wish.limit.ahead - lease.held(self._cells, wish.limit.cell, _now()), 0)

    def _lay_down(self, wish: Wish, granted: int, wait: float) -> None:
        limit, now = wish.limit, _now()
        if granted:
            self._owe(limit, lease.grant(self._cells, limit.cell, granted, now, now + _milliseconds(_good_for(limit))))
        if granted < wish.wanted:
            lease.spent(self._cells, limit.cell, now + _milliseconds(_pause(limit, wait)))

    def _remember(self, limit: Limit) -> None:
        """Once those who waited have taken theirs: what is beyond `ahead` nobody came for, and the rest may lie."""
        now = _now()
        self._owe(limit, lease.surplus(self._cells, limit.cell, limit.ahead, now))
        self._held.pop(limit.cell, None)
        if lease.held(self._cells, limit.cell, now):
            self._held[limit.cell] = (limit, now + _milliseconds(_good_for(limit)))

    # Giving back

    def _owe(self, limit: Limit, unused: int) -> None:
        if unused:
            self._debts[limit] = self._debts.get(limit, 0) - unused
            self._flush_soon()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            while self._give_back_old():
                await asyncio.sleep(0)

    def _give_back_old(self) -> bool:
        """Of the limits whose tokens came first; True where there are more than one turn of the loop should take."""
        now = _now()
        for cell, (limit, until) in list(islice(self._held.items(), MOST_KEYS)):
            if until > now:
                return False
            del self._held[cell]
            self._owe(limit, lease.surplus(self._cells, cell, limit.ahead, now))
        return bool(self._held)

    def _give_back_all(self) -> None:
        for cell, (limit, _) in self._held.items():
            self._owe(limit, lease.surplus(self._cells, cell, 0, _now()))
        self._held.clear()


def _good_for(limit: Limit) -> float:
    return LEASE_SECONDS if limit.kind == BUCKET else min(LEASE_SECONDS, _until_midnight())


def _pause(limit: Limit, wait: float) -> float:
    """Seconds for which Redis, which will have a token after `wait`, is not asked again."""
    if limit.kind == QUOTA:
        return min(SPENT_LONGEST, _until_midnight())
    return min(max(wait, min(SPENT_LEAST, limit.a * limit.b / 2e6)), SPENT_LONGEST)


def _now() -> int:
    """ms, on the clock of the cells."""
    return time.monotonic_ns() // 1_000_000


def _milliseconds(seconds: float) -> int:
    return max(round(seconds * 1000), 1)


def _until_midnight() -> float:
    """Seconds; every window ends at 00:00 UTC."""
    return DAY - time.time() % DAY


