"""Several gateways and one Redis: together they admit what one would, within the bound of docs/nodes.md."""

import re
import threading
import time
from collections import Counter

import pytest

from tests.support.client import Wire, eventually, get
from tests.support.nodes import ASK, VALUE, Flood, files, nodes
from tests.support.process import Gateway
from tests.support.redis import RedisServer

TIMEOUT = "1"
"""Seconds of FASTGW_REDIS_TIMEOUT where a test is not about it: a loaded machine must not look like an outage."""
DOORS = "^fastgw_door_lease_total"


@pytest.fixture
def redis():
    with RedisServer() as server:
        yield server


def ask_all(gateways, each, request=ASK):
    """`each` requests to every gateway at once, over four connections; statuses and messages."""
    found, lock = Counter(), threading.Lock()

    def client(port, count):
        with Wire(port) as wire:
            wire.send(request * count)
            answers = wire.answers(["GET"] * count)
        with lock:
            found.update((answer.status, answer.body) for answer in answers)

    ports = [gateway.port for gateway in gateways] * 4
    threads = [threading.Thread(target=client, args=(port, each // 4)) for port in ports]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


TOO_MANY = b'{"message":"Too Many Requests"}'
EXCEEDED = b'{"message":"Limit Exceeded"}'


def test_a_burst_over_three_nodes_is_the_burst(redis):
    plan = {"throttle": {"rate": 0.01, "burst": 50}}
    with nodes(redis, plan, redis_timeout=TIMEOUT) as gateways:
        assert ask_all(gateways, 40) == {(200, b"{}"): 50, (429, TOO_MANY): 70}


def test_a_quota_over_three_nodes_is_the_quota(redis):
    with nodes(redis, {"quota": {"limit": 50, "period": "MONTH"}}, redis_timeout=TIMEOUT) as gateways:
        assert ask_all(gateways, 40) == {(200, b"{}"): 50, (429, EXCEEDED): 70}


def test_a_methods_throttle_is_shared_and_nothing_else_is_taken(redis):
    plan = {
        "throttle": {"rate": 0.01, "burst": 20},
        "stage": {"methods": {"GET /a": {"rate": 0.01, "burst": 8}}},
    }
    with nodes(redis, plan, count=2, redis_timeout=TIMEOUT) as gateways:
        assert ask_all(gateways, 8) == {(200, b"{}"): 8, (429, TOO_MANY): 8}
        post = get("/b", f"x-api-key: {VALUE}", method="POST", body=b"")
        # Tokens of the plan that were leased for refused requests are back within 1.25 s.
        admitted = 0

        def all_admitted():
            nonlocal admitted
            admitted += sum(gateway.fetch(post).status == 200 for gateway in gateways)
            return admitted == 12

        eventually(all_admitted, "the 12 tokens that the plan has left")
        assert {gateway.fetch(post).status for gateway in gateways} == {429}


def windows(admitted, span):
    """The most that was admitted within any time of that length."""
    start = most = 0
    for end, moment in enumerate(admitted):
        while moment - admitted[start] > span:
            start += 1
        most = max(most, end - start + 1)
    return most


def test_the_rate_over_three_nodes_is_within_the_bound(redis):
    rate, burst, timeout = 200, 100, 0.1
    at_hand = min(burst // 10, rate // 20)
    plan = {"throttle": {"rate": rate, "burst": burst}}
    with nodes(redis, plan, redis_timeout=str(timeout)) as gateways:
        with Flood([gateway.port for gateway in gateways] * 2) as flood:
            time.sleep(2)
        time.sleep(0.5)     # a hundred tokens again, and what lies at the nodes
        with Flood([gateway.port for gateway in gateways] * 2) as again:
            time.sleep(1)
    assert not flood.broken and not again.broken
    admitted = sorted(answered for _, answered, status in flood.answers + again.answers if status == 200)
    for span in (0.1, 0.5, 1.0, 2.0):
        # The client sees an answer later than it was decided, by its own thread's turn.
        assert windows(admitted, span) <= burst + rate * (span + timeout + 0.1) + 3 * at_hand
    assert flood.statuses()[200] <= burst + rate * (flood.ended - flood.began) + 1     # from a full bucket: exact
    assert flood.statuses()[200] >= 0.8 * (burst + rate * 1.9)


def test_tokens_at_hand_open_no_door(redis):
    plan = {"throttle": {"rate": 10_000, "burst": 5_000}, "quota": {"limit": 10**6, "period": "DAY"}}
    with nodes(redis, plan, count=1, redis_timeout=TIMEOUT) as [gateway]:
        for _ in range(4):
            assert ask_all([gateway], 40) == {(200, b"{}"): 40}
        # One question with the first request of each connection at most, then tokens lie there: 500 each.
        assert gateway.metric(DOORS) <= 6


def test_what_redis_refused_is_refused_without_it(redis):
    with nodes(redis, {"quota": {"limit": 1, "period": "DAY"}}, count=1, redis_timeout=TIMEOUT) as [gateway]:
        assert [gateway.fetch(ASK).status for _ in range(2)] == [200, 429]
        before, began = gateway.metric(DOORS), time.monotonic()
        assert set(ask_all([gateway], 400)) == {(429, EXCEEDED)}
        assert gateway.metric(DOORS) - before <= 8 * (1 + (time.monotonic() - began))


def test_workers_share_a_nodes_tokens(redis):
    plan = {"throttle": {"rate": 0.01, "burst": 60}, "quota": {"limit": 10_000, "period": "DAY"}}
    with nodes(redis, plan, count=2, redis_timeout=TIMEOUT, workers="2") as gateways:
        found = ask_all(gateways, 200)
        admitted = found[200, b"{}"]
        # Up to 6 tokens may lie at the other node, and come back.
        assert 60 - 2 * 6 <= admitted <= 60
        deadline = time.monotonic() + 15
        while admitted < 60:
            assert time.monotonic() < deadline, admitted
            admitted += gateways[0].fetch(ASK).status == 200
            time.sleep(0.02)
        assert set(ask_all(gateways, 40)) == {(429, TOO_MANY)}


def test_a_client_that_leaves_while_it_waits(redis):
    with nodes(redis, {"quota": {"limit": 100, "period": "DAY"}}, count=1, redis_timeout=TIMEOUT) as [gateway]:
        redis.pause()
        wires = [gateway.wire() for _ in range(20)]
        for wire in wires:
            wire.send(ASK)
        eventually(lambda: gateway.live()["exchanges"] == 20, "20 requests waiting")
        for wire in wires:
            wire.reset()
        eventually(lambda: gateway.live()["exchanges"] == 0, "no request left")
        redis.resume()
        eventually(lambda: gateway.fetch(ASK).status == 200, "the next client's answer")
        eventually(lambda: b"\r\n1\r\n" in redis.ask("GET", f"fastgw:quota:gold:acme:{window(redis)}"),
                   "what the others were leased is back")


def window(redis):
    [name] = re.findall(rb"fastgw:quota:gold:acme:(\d+)", redis.ask("KEYS", "*quota*"))
    return name.decode()


def test_a_body_that_comes_while_the_request_waits(redis):
    with nodes(redis, {"quota": {"limit": 100, "period": "DAY"}}, count=1, redis_timeout=TIMEOUT) as [gateway]:
        redis.pause()
        with gateway.wire() as wire:
            wire.send(f"POST /b HTTP/1.1\r\nHost: gw.test\r\nx-api-key: {VALUE}\r\nContent-Length: 200000\r\n\r\n")
            eventually(lambda: gateway.live()["exchanges"] == 1, "a request waiting")
            wire.send(b"x" * 100_000)
            redis.resume()
            wire.send(b"x" * 100_000)
            assert wire.answer("POST").status == 200
            assert wire.request(ASK).status == 200


def test_a_shared_plan_needs_a_redis():
    with pytest.raises(AssertionError, match=r"gateway\.json:\d+:\d+: error: plan gold is shared .* redis_url"):
        Gateway(files({"quota": {"limit": 1, "period": "DAY"}})).__enter__()
