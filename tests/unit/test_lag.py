"""A worker that is late refuses, keeps its connections, and is well again once it keeps up."""

import asyncio
import contextlib
import time

from fastgw._core.step import Answer
from fastgw.observe import layout
from tests.support.door import Client, Doors, eventually, run

LAG = 0.02


@contextlib.asynccontextmanager
async def held_up(seconds: float):
    """Every turn of the loop takes so long."""

    async def hold() -> None:
        while True:
            time.sleep(seconds)
            await asyncio.sleep(0)

    holding = asyncio.create_task(hold())
    yield
    holding.cancel()


async def status(client: Client) -> tuple[int, dict[str, str]]:
    client.send("/")
    number, fields, _ = await client.answer()
    return number, dict(fields)


async def late() -> None:
    async with Doors({"/": lambda _: Answer(200)}, overload_lag_ms=round(LAG * 1000)) as doors:
        client = await doors.client()
        assert (await status(client))[0] == 200

        async with held_up(1.5 * LAG):
            assert await eventually(lambda: doors.cell(layout.H_OVERLOAD) == 2)
            assert doors.cell(layout.H_LOOP_LAG_US) >= 1e6 * LAG
            refused, fields = await status(client)
            assert refused == 503 and fields["retry-after"] == "1" and fields["connection"] == "keep-alive"
            assert doors.cell(layout.H_OVERLOAD_REFUSED) == 1
            assert (await status(await doors.client()))[0] == 503, "a new connection is still taken"

        async with held_up(6 * LAG):
            assert await eventually(lambda: doors.cell(layout.H_OVERLOAD) == 3)
            assert await (await doors.client()).ended(), "and now it is not"
            assert doors.engine.overload()["step"] == 3

        assert await eventually(lambda: doors.cell(layout.H_OVERLOAD) == 0)
        assert (await status(client))[0] == 200


def test_a_late_worker_refuses_and_recovers() -> None:
    run(late())


async def one_late_turn() -> None:
    async with Doors({"/": lambda _: Answer(200)}, overload_lag_ms=round(LAG * 1000)) as doors:
        client = await doors.client()
        for _ in range(3):
            time.sleep(10 * LAG)
            await asyncio.sleep(0.25)
            assert (await status(client))[0] == 200
        assert doors.cell(layout.H_OVERLOAD_REFUSED) == 0


def test_a_single_late_turn_is_no_overload() -> None:
    run(one_late_turn())
