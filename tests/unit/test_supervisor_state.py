"""Who owns the state directory, and that what it holds is counted once."""

import asyncio
import time
from pathlib import Path

import pytest

from fastgw.load import LoadOptions
from fastgw.runtime.peer import Refused
from fastgw.runtime.request import RunRequest
from fastgw.runtime.store import StoreError
from fastgw.runtime.supervisor import Supervisor


class SlowStore:
    """A directory that is free, and slow."""

    def lock(self) -> bool:
        time.sleep(0.02)
        return True

    def usage(self) -> list[str]:
        time.sleep(0.02)
        return ["used"]


class BrokenStore:
    def lock(self) -> bool:
        raise StoreError("cannot keep state there")


class Counted:
    def __init__(self) -> None:
        self.seen: list[object] = []

    def count(self, used: list[str], *_: object) -> None:
        self.seen += used


class Served:
    gateway = None


def supervisor(store: object, limits: Counted) -> Supervisor:
    found = Supervisor(RunRequest((str(Path("api.json")),), LoadOptions(), {}))
    found._store, found._limits, found._definition = store, limits, Served()
    return found


def test_what_was_used_before_counts_once_however_many_ask_at_once() -> None:
    async def ask() -> list[bool]:
        asked = supervisor(SlowStore(), limits)
        return await asyncio.gather(*(asked._own_state_of_control(None) for _ in range(5)))

    limits = Counted()
    assert asyncio.run(ask()) == [True] * 5
    assert limits.seen == ["used"]


def test_a_directory_that_cannot_be_used_refuses() -> None:
    async def ask() -> None:
        await supervisor(BrokenStore(), Counted())._own_state_of_control(None)

    with pytest.raises(Refused, match="cannot keep state there"):
        asyncio.run(ask())
