"""TRIALS R1 and R2: Redis stopped, paused, killed and started again under load."""

import re
import time

import pytest

from tests.support.client import Hangs, eventually
from tests.support.nodes import ASK, Flood, nodes
from tests.support.redis import RedisServer

LAG = 0.2
"""Seconds by which a client on a loaded machine may see things later than they were."""
SYNCED = 1.2
"""Seconds after which Redis has written what it put off while its file was synced."""
DURABLE = ("--appendonly", "yes", "--appendfsync", "everysec")


def lines(gateway, word):
    return [line for line in gateway.stderr().splitlines() if f" {word} Redis is " in line]


def stop(redis, way):
    redis.pause() if way == "paused" else redis.kill()


def back(redis, way):
    redis.resume() if way == "paused" else redis.start()


def outage(redis, gateway, way, seconds, clients, pause):
    """A flood before, in and after an outage. Returns it, and the times of the outage's begin, end and notice."""
    with Flood([gateway.port] * clients, pause) as flood:
        time.sleep(seconds)
        said = len(lines(gateway, "WARNING")), len(lines(gateway, "INFO"))
        began = time.monotonic()
        stop(redis, way)
        eventually(lambda: gateway.metric("^fastgw_redis_down") > 0, "the outage is noticed")
        time.sleep(seconds)
        assert gateway.metric("^fastgw_redis_down") > 0
        back(redis, way)
        ended = time.monotonic()
        eventually(lambda: gateway.metric("^fastgw_redis_down") == 0, "Redis is in use again")
        noticed = time.monotonic()
        # Of this outage: on a loaded machine an answer may have been overdue before it.
        assert (len(lines(gateway, "WARNING")), len(lines(gateway, "INFO"))) == (said[0] + 1, said[1] + 1)
        time.sleep(seconds)
    assert not flood.broken
    return flood, began, ended, noticed


@pytest.mark.parametrize("way", ["paused", "killed"])
@pytest.mark.parametrize("away", ["local", "open", "closed"])
def test_r1_the_plans_mode_holds_while_redis_is_away(away, way):
    rate, burst = 30, 30
    plan = {"throttle": {"rate": rate, "burst": burst}, "nodes": {"share": True, "away": away}}
    with RedisServer() as redis, nodes(redis, plan, count=1, workers="2", redis_nodes="3") as [gateway]:
        flood, began, ended, noticed = outage(redis, gateway, way, 1.5, 6, 0.01)
        during = flood.statuses(began + LAG, ended)
        admitted, span = during[200], ended - began
        if away == "open":
            assert set(during) == {200}
        elif away == "closed":
            # A token that was leased before may lie at hand for its second.
            assert admitted <= burst // 10
        else:
            assert admitted <= burst // 10 + burst // 3 + rate / 3 * span + 1
            assert admitted >= rate / 3 * (span - 2 * LAG) - 1
        # From both sides of the outage: the bucket in Redis holds again, and is not refilled twice.
        after = flood.statuses(noticed + LAG)
        assert 0 < after[200] <= burst + rate * (flood.ended - noticed) + burst // 10
        assert noticed - ended < 1 + LAG


def test_r1_nobody_waits_for_a_redis_that_is_away():
    plan = {"throttle": {"rate": 100_000, "burst": 10}, "nodes": {"share": True, "away": "open"}}
    with RedisServer() as redis, nodes(redis, plan, count=1) as [gateway]:
        flood, began, ended, _ = outage(redis, gateway, "paused", 2, 4, 0.002)
        before = flood.latency(0.95, 0, began)
        assert flood.latency(0.95, began, ended) <= before + 0.030
        assert gateway.metric("^fastgw_redis_away_requests_total") > 0


@pytest.mark.trial
@pytest.mark.parametrize("away", ["local", "open", "closed"])
@pytest.mark.parametrize("way", ["paused", "killed"])
def test_r1_ten_seconds(away, way):
    """TRIALS R1 by its letter: added p99 at most 30 ms, back within a second."""
    plan = {
        "throttle": {"rate": 500, "burst": 100},
        "quota": {"limit": 1_000_000, "period": "MONTH"},
        "nodes": {"share": True, "away": away},
    }
    with RedisServer(*DURABLE) as redis, nodes(redis, plan, count=1, workers="2", redis_nodes="3") as [gateway]:
        flood, began, ended, noticed = outage(redis, gateway, way, 10, 16, 0.005)
        before = flood.latency(0.99, 0, began)
        assert flood.latency(0.99, began, noticed) <= before + 0.030
        assert noticed - ended <= 1.0


def admit(gateway, most):
    """Asks until the first refusal; how often it was admitted."""
    for admitted in range(most + 1):
        if gateway.fetch(ASK).status != 200:
            return admitted
    raise AssertionError(f"more than {most} were admitted")


def test_r2_a_killed_redis_forgets_no_quota():
    plan = {"quota": {"limit": 100, "period": "MONTH"}, "nodes": {"share": True, "away": "closed"}}
    with RedisServer(*DURABLE) as redis, nodes(redis, plan, count=2) as gateways:
        assert [gateway.fetch(ASK).status for gateway in gateways for _ in range(20)] == [200] * 40
        for _ in range(3):
            time.sleep(SYNCED)
            redis.kill()
            redis.start()
            for gateway in gateways:
                eventually(lambda gateway=gateway: gateway.metric("^fastgw_redis_down") == 0, "Redis is in use")
                assert [gateway.fetch(ASK).status for _ in range(5)] == [200] * 5
        assert admit(gateways[0], 30) == 30
        assert admit(gateways[1], 30) == 0


@pytest.mark.trial
def test_r2_under_load():
    """TRIALS R2: of what was admitted, at most the last second of traffic is not counted."""
    plan = {"quota": {"limit": 20_000, "period": "MONTH"}, "nodes": {"share": True, "away": "closed"}}
    with RedisServer(*DURABLE) as redis, nodes(redis, plan) as gateways:
        admitted, second = 0, 0.0
        for _ in range(5):
            with Flood([gateway.port for gateway in gateways] * 4, 0.002) as flood:
                time.sleep(3)
                redis.kill()
                redis.start()
                time.sleep(2)
            assert not flood.broken
            admitted += flood.statuses()[200]
            second = max(second, flood.statuses()[200] / 5)
        assert admitted <= counted(redis) + second * 5


def redis_key(redis):
    [name] = re.findall(rb"fastgw:quota:gold:acme:\d+", redis.ask("KEYS", "*quota*"))
    return name.decode()


def counted(redis):
    """Uses of the quota's window, as Redis has them."""
    return int(re.search(rb"\r\n(\d+)\r\n", redis.ask("GET", redis_key(redis)))[1])


def test_quota_used_without_redis_is_told_to_it():
    plan = {"quota": {"limit": 90, "period": "MONTH"}, "nodes": {"share": True, "away": "local"}}
    with RedisServer(*DURABLE) as redis, nodes(redis, plan, count=2, redis_nodes="3") as [one, other]:
        assert [one.fetch(ASK).status for _ in range(10)] == [200] * 10
        eventually(lambda: counted(redis) == 10, "what was leased and not used is given back")
        redis.kill()
        eventually(lambda: one.metric("^fastgw_redis_down") == 1, "the outage is noticed")
        assert admit(one, 90) == 20     # a third of the quota, of which 10 were used before
        redis.start()
        eventually(lambda: one.metric("^fastgw_redis_down") == 0, "Redis is in use")
        eventually(lambda: other.metric("^fastgw_redis_down") == 0, "Redis is in use")
        eventually(lambda: one.fetch(ASK).status == 200, "the first from Redis again")
        assert admit(other, 90) == 59


def test_a_node_starts_without_redis():
    plan = {"quota": {"limit": 90, "period": "MONTH"}, "nodes": {"share": True, "away": "closed"}}
    with RedisServer() as redis:
        redis.kill()
        with nodes(redis, plan, count=1) as [gateway]:
            assert gateway.fetch(ASK).status == 429
            assert len(lines(gateway, "WARNING")) == 1
            redis.start()
            try:
                eventually(lambda: gateway.fetch(ASK).status == 200, "Redis is in use", 5)
            except Hangs as hangs:
                hangs.add_note(gateway.stderr())
                raise
