"""Leases of several nodes from one real Redis: nothing is given out twice, and what is unused goes back."""

import asyncio
import os
import time

import pytest
import uvloop

from fastgw._core import lease
from fastgw._core.cells import FIRST, Cells, create
from fastgw.runtime.redis.leases import BUCKET, LEASE_SECONDS, QUOTA, Leases
from fastgw.settings import Settings
from tests.support.redis import RedisServer

HAS, NONE, SPENT = range(3)
CEILING = 20.0
CELL = FIRST + 1


def now():
    return time.monotonic_ns() // 1_000_000


class Asker:
    """Stands for a waiting exchange, which goes on as soon as it is told; left: its client has gone."""

    def __init__(self, cells, cell, left=False):
        self._cells, self._cell, self._left = cells, cell, left
        self.heard = asyncio.get_running_loop().create_future()

    def answered(self, nobody):
        self.heard.set_result(None if nobody else not self._left and lease.take(self._cells, self._cell, now()))


class Node:
    """Cells of a node with its one worker's leases; take() does what the engine does."""

    def __init__(self, url, timeout=1.0):
        descriptor = create(FIRST + 1000, 1)
        self.cells = Cells(descriptor)
        os.close(descriptor)
        self.leases = Leases(self.cells, Settings(redis_url=url, redis_timeout=timeout, redis_prefix="test:"))

    async def __aenter__(self):
        await self.leases.ready()
        return self

    async def __aexit__(self, *_):
        await self.leases.close()

    def ask(self, limit, waiting, *, cell=CELL):
        kind, interval, most, ahead = limit
        self.leases._ask(cell, kind, interval, most, 7, ahead, [b"plan", b"key %d" % cell], waiting)

    async def take(self, limit, *, cell=CELL):
        """True: admitted; False: refused; None: nobody answered."""
        for _ in range(3):
            if lease.take(self.cells, cell, now()):
                if lease.claim(self.cells, cell, limit[3] // 2, now(), now() + 50) and limit[3]:
                    self.ask(limit, None, cell=cell)
                return True
            if lease.state(self.cells, cell, now()) == SPENT:
                return False
            asker = Asker(self.cells, cell)
            self.ask(limit, asker, cell=cell)
            if (taken := await asker.heard) is not False:
                return taken
        return False


def bucket(rate, burst, ahead=0):
    return (BUCKET, int(1e9 / rate) if rate else 2**62 // burst, burst, ahead)


def quota(limit, ahead=0):
    return (QUOTA, 0, limit, ahead)


def run(body):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(asyncio.wait_for(body, 3 * CEILING))


@pytest.fixture
def server():
    with RedisServer() as redis:
        yield redis


@pytest.mark.parametrize("ahead", [0, 7])
@pytest.mark.parametrize("limit", [bucket(0, 500), quota(500)], ids=["bucket", "quota"])
def test_nodes_together_give_out_what_there_is_and_no_more(server, limit, ahead):
    limit = (*limit[:3], ahead)

    async def body():
        async with Node(server.url) as a, Node(server.url) as b, Node(server.url) as c:
            admitted = 0
            for _ in range(30):
                got = await asyncio.gather(*(node.take(limit) for node in (a, b, c) for _ in range(10)))
                admitted += got.count(True)
            assert 500 - 3 * ahead <= admitted <= 500
            # What lies at a node that no longer asks comes back to the others.
            deadline = time.monotonic() + CEILING
            while admitted < 500:
                assert time.monotonic() < deadline, f"only {admitted}"
                admitted += await a.take(limit) is True
                await asyncio.sleep(0.005)
            for _ in range(20):
                assert not any(await asyncio.gather(*(node.take(limit) for node in (a, b, c))))

    run(body())


def test_the_rate_is_that_of_one_bucket(server):
    rate, burst = 400, 40
    limit = bucket(rate, burst, 4)

    async def body():
        async with Node(server.url) as a, Node(server.url) as b, Node(server.url) as c:
            began, admitted = time.monotonic(), 0
            while time.monotonic() - began < 2:
                got = await asyncio.gather(*(node.take(limit) for node in (a, b, c) for _ in range(5)))
                admitted += got.count(True)
                await asyncio.sleep(0.001)
            most = burst + rate * (time.monotonic() - began)
            assert admitted <= most + 1
            assert admitted > 0.8 * most

    run(body())


def test_unused_tokens_go_back(server):
    limit = quota(100, 20)

    async def body():
        async with Node(server.url) as a, Node(server.url) as b:
            assert await a.take(limit)
            assert await a.take(limit)
            assert lease.held(a.cells, CELL, now()) == 19
            assert server.ask("GET", "test:quota:plan:key " + f"{CELL}:7") == b"$2\r\n21\r\n"
            deadline = time.monotonic() + LEASE_SECONDS + CEILING
            while b"\r\n2\r\n" not in server.ask("GET", "test:quota:plan:key " + f"{CELL}:7"):
                assert time.monotonic() < deadline, "the 20 do not go back"
                await asyncio.sleep(0.02)
            assert lease.held(a.cells, CELL, now()) == 0
            assert await b.take(limit)

    run(body())


def test_a_node_that_stops_gives_back(server):
    async def body():
        async with Node(server.url) as a:
            assert await a.take(quota(100, 20))
        assert server.ask("GET", "test:quota:plan:key " + f"{CELL}:7") == b"$1\r\n1\r\n"

    run(body())


def test_tokens_that_nobody_came_for_go_back(server):
    """Clients that leave before the answer must not fill the cell."""
    async def body():
        async with Node(server.url) as a:
            askers = [Asker(a.cells, CELL, left=True) for _ in range(50)]
            for asker in askers:
                a.ask(quota(100), asker)
            await asyncio.gather(*(asker.heard for asker in askers))
            deadline = time.monotonic() + CEILING
            while b"\r\n0\r\n" not in server.ask("GET", "test:quota:plan:key " + f"{CELL}:7"):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)

    run(body())


def test_many_limits_of_one_turn(server):
    async def body():
        async with Node(server.url) as a:
            cells = range(FIRST + 1, FIRST + 900, 2)
            got = await asyncio.gather(*(a.take(quota(1), cell=cell) for cell in cells for _ in range(2)))
            assert got.count(True) == len(cells) and got.count(False) == len(cells)

    run(body())


def test_a_refusal_is_remembered_and_ends(server):
    limit = bucket(20, 1)

    async def body():
        async with Node(server.url) as a:
            assert await a.take(limit)
            began = time.monotonic()
            assert not await a.take(limit)
            refused = 0
            while not await a.take(limit):
                refused += 1
                await asyncio.sleep(0.0005)
            assert refused > 1
            assert 0.02 < time.monotonic() - began < CEILING

    run(body())


def test_nobody_answers(server, caplog):
    caplog.set_level("INFO")

    async def body():
        async with Node(server.url, timeout=0.05) as a:
            assert await a.take(quota(5))
            server.pause()
            assert await asyncio.gather(*(a.take(quota(5)) for _ in range(20))) == [None] * 20
            server.resume()
            deadline = time.monotonic() + CEILING
            while not (got := await a.take(quota(100))):
                assert got is None and time.monotonic() < deadline
                await asyncio.sleep(0.01)

    run(body())
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "no answer within 50 ms" in caplog.messages[0] and "back" in caplog.messages[1]


def test_what_was_used_without_redis_is_told_with_the_next_question(server):
    async def body():
        async with Node(server.url) as a, Node(server.url) as b:
            lease.put_back_owed(a.cells, CELL, 3)
            assert await a.take(quota(5)) and await b.take(quota(5))
            assert not await a.take(quota(5)) and not await b.take(quota(5))
            assert lease.collect_owed(a.cells, CELL) == 0

    run(body())


def test_what_could_not_be_told_stays_owed(server):
    async def body():
        async with Node(server.url, timeout=0.05) as a:
            lease.put_back_owed(a.cells, CELL, 3)
            server.pause()
            assert await a.take(quota(5)) is None
            assert lease.collect_owed(a.cells, CELL) == 3
            server.resume()

    run(body())


def test_a_redis_that_may_not_write_is_away(server):
    async def body():
        async with Node(server.url) as a:
            server.ask("CONFIG", "SET", "maxmemory", "1")
            assert await a.take(quota(5)) is None
    run(body())
