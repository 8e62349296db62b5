"""Groups of endpoints on the wire: shares, retries elsewhere, ejection, and what a reload keeps."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.client import eventually, get
from tests.support.definition import pass_through, several
from tests.support.process import Gateway, reserve_port
from tests.support.upstream import Exchange, Upstream, echo, pause

AUTHORITY = "group.test"


def grouped(addresses: list, **options: object) -> dict[str, object]:
    """Everything to http://group.test, which is these addresses."""
    upstreams = {AUTHORITY: {"addresses": addresses, **options}}
    return {
        "fastgw.yaml": several({"shop": {"definition": "api.json"}}, upstreams=upstreams),
        "api.json": pass_through(f"http://{AUTHORITY}"),
    }


def group(gateway: Gateway) -> dict:
    """The only group, of the only worker."""
    (found,) = json.loads(gateway.ops("/upstreams")[1])["workers"]["0"]
    return found


def states(gateway: Gateway) -> dict[str, str]:
    return {endpoint["address"]: endpoint["state"] for endpoint in group(gateway)["endpoints"]}


@contextlib.contextmanager
def dead() -> Iterator[str]:
    """An address at which nobody listens."""
    held = reserve_port()
    try:
        yield f"127.0.0.1:{held.getsockname()[1]}"
    finally:
        held.close()


async def cut(exchange: Exchange) -> None:
    """Take the request and break off."""
    await exchange.body()
    exchange.reset()


@pytest.fixture
def two() -> Iterator[list[Upstream]]:
    with Upstream() as a, Upstream() as b:
        yield [a, b]
        assert a.unclean == b.unclean == []


def counts(stubs: list[Upstream]) -> list[int]:
    return [len(stub.whole()) for stub in stubs]


def test_round_robin_by_weight(two: list[Upstream]) -> None:
    files = grouped([two[0].authority, {"address": two[1].authority, "weight": 3}])
    with Gateway(files) as gateway, gateway.wire() as wire:
        for _ in range(40):
            assert wire.request(get("/x")).status == 200
    assert counts(two) == [10, 30]
    assert {recorded.request.get("Host") for recorded in two[0].whole()} == {AUTHORITY}


def test_least_connections(two: list[Upstream]) -> None:
    """While one endpoint holds its requests, the other gets the rest."""
    two[0].default = two[1].default = pause(0.5)
    files = grouped([stub.authority for stub in two], policy="least_connections")
    with Gateway(files) as gateway, ExitStack() as stack:
        wires = [stack.enter_context(gateway.wire()) for _ in range(10)]
        for number, wire in enumerate(wires):
            wire.send(get("/held"))
            eventually(lambda seen=number + 1: sum(len(s.requests) for s in two) == seen, "it is upstream")
        assert [len(stub.requests) for stub in two] == [5, 5]
        assert all(wire.answer().status == 200 for wire in wires)


@pytest.mark.parametrize("hash_on", ("header:X-User", "path"))
def test_consistent_hash(two: list[Upstream], hash_on: str) -> None:
    """The same key has the same endpoint; different keys have both."""
    with Upstream() as third:
        stubs = [*two, third]
        files = grouped([stub.authority for stub in stubs], policy="consistent_hash", hash_on=hash_on)
        chosen: dict[str, set[int]] = {}
        with Gateway(files) as gateway, gateway.wire() as wire:
            for _ in range(3):
                for user in range(24):
                    before = counts(stubs)
                    path = f"/{user}" if hash_on == "path" else "/x"
                    assert wire.request(get(path, f"x-user: u{user}")).status == 200
                    (index,) = [n for n in range(3) if counts(stubs)[n] != before[n]]
                    chosen.setdefault(f"u{user}", set()).add(index)
    assert all(len(indexes) == 1 for indexes in chosen.values())
    assert len({next(iter(indexes)) for indexes in chosen.values()}) == 3


def test_the_hash_of_an_address(two: list[Upstream]) -> None:
    files = grouped([stub.authority for stub in two], policy="consistent_hash")
    with Gateway(files) as gateway:
        for _ in range(10):
            assert gateway.fetch(get("/x")).status == 200
    assert sorted(counts(two)) == [0, 10]


@pytest.mark.parametrize("method", ("GET", "POST"))
def test_a_dead_endpoint_costs_no_request(two: list[Upstream], method: str) -> None:
    """Nothing had been sent: the next one is tried, whatever the method. Then the dead one is left alone."""
    with dead() as nobody, Gateway(grouped([nobody, two[0].authority])) as gateway, gateway.wire() as wire:
        for _ in range(30):
            assert wire.request(get("/x", method=method, body=b"hello" * (method == "POST"))).status == 200
        assert states(gateway) == {nobody: "ejected", two[0].authority: "healthy"}
        told = '^fastgw_upstream_endpoint_workers{.*endpoint="%s",state="%s"}'
        for endpoint, state in ((nobody, "ejected"), (two[0].authority, "healthy")):
            assert gateway.metric(told % (endpoint, state)) == 1
            assert gateway.metric(told % (endpoint, ".*")) == 1
        assert gateway.metric("^fastgw_upstream_target_retry_budget") >= 0
        failures = {e["address"]: e["failures"] for e in group(gateway)["endpoints"]}
        assert failures == {nobody: 5, two[0].authority: 0}


def test_a_lost_get_is_sent_to_another_endpoint(two: list[Upstream]) -> None:
    two[0].default = cut
    with Gateway(grouped([stub.authority for stub in two])) as gateway, gateway.wire() as wire:
        for _ in range(3):
            assert wire.request(get("/x")).body == b"/x"
        assert len(two[0].whole()) >= 1
        assert group(gateway)["retries"] == len(two[0].whole())


def test_a_lost_post_is_sent_to_nobody_else(two: list[Upstream]) -> None:
    two[0].default = cut
    with Gateway(grouped([stub.authority for stub in two])) as gateway:
        answers = Counter(gateway.fetch(get("/x", method="POST", body=b"x")).status for _ in range(4))
    assert answers == {502: 2, 200: 2}
    assert counts(two) == [2, 2]


def test_a_status_is_passed_on_and_counts_where_it_is_told_to(two: list[Upstream]) -> None:
    async def broken(exchange: Exchange) -> None:
        await exchange.reply(500)

    two[0].default = broken
    for switch, seen in ((False, 10), (True, 5)):
        two[0].clear()
        files = grouped([stub.authority for stub in two], ejection={"status_5xx": switch})
        with Gateway(files) as gateway, gateway.wire() as wire:
            statuses = Counter(wire.request(get("/x")).status for _ in range(20))
        assert statuses == {500: seen, 200: 20 - seen}


def test_an_ejected_endpoint_comes_back(two: list[Upstream]) -> None:
    two[0].default = cut
    files = grouped([stub.authority for stub in two], ejection={"duration": 0.2, "failures": 1})
    with Gateway(files) as gateway, gateway.wire() as wire:
        wire.request(get("/x"))
        wire.request(get("/x"))
        assert states(gateway)[two[0].authority] in ("ejected", "on trial")
        two[0].default = echo

        def back() -> bool:
            assert wire.request(get("/x")).status == 200
            return states(gateway)[two[0].authority] == "healthy"

        eventually(back, "it has its requests again")


def test_all_bad_is_still_tried(two: list[Upstream]) -> None:
    """Each endpoint failed and one is ejected; the moment they are well again requests are answered."""
    for stub in two:
        stub.default = cut
    with Gateway(grouped([stub.authority for stub in two])) as gateway:
        for _ in range(20):
            assert gateway.fetch(get("/x", method="POST", body=b"x")).status == 502
        assert list(states(gateway).values()).count("ejected") == 1
        for stub in two:
            stub.default = echo
        assert gateway.fetch(get("/x", method="POST", body=b"x")).status == 200


def test_a_reload_keeps_the_pools_of_those_that_stay(two: list[Upstream]) -> None:
    with Gateway(grouped([two[0].authority])) as gateway, gateway.wire() as wire:
        assert wire.request(get("/x")).status == 200
        for addresses in ([stub.authority for stub in two], [two[0].authority]):
            gateway.write("fastgw.yaml", grouped(addresses)["fastgw.yaml"])
            assert gateway.reload().returncode == 0
            for _ in range(4):
                assert wire.request(get("/x")).status == 200
        assert len(two[0].connections) == 1
        assert len(two[1].connections) == 1
        eventually(lambda: two[1].open_connections() == 0, "the pool of the one that left is closed")
        eventually(lambda: list(states(gateway)) == [two[0].authority], "and it is forgotten")


def test_waiters_go_with_the_group(two: list[Upstream]) -> None:
    """Who waits for room at an endpoint that leaves is served by those that come."""
    two[0].default = pause(60)
    with Gateway(grouped([two[0].authority], max_connections=1)) as gateway, ExitStack() as stack:
        held, waits = (stack.enter_context(gateway.wire()) for _ in range(2))
        held.send(get("/held"))
        eventually(lambda: two[0].requests, "one in hand")
        waits.send(get("/waits"))
        eventually(lambda: group(gateway)["pending"] == 1, "one waits")
        gateway.write("fastgw.yaml", grouped([two[1].authority], max_connections=2)["fastgw.yaml"])
        assert gateway.reload().returncode == 0
        assert waits.answer().body == b"/waits"
        held.reset()


def test_a_group_over_its_latency_refuses_at_once(two: list[Upstream]) -> None:
    for stub in two:
        stub.default = pause(0.2)
    files = grouped([stub.authority for stub in two], max_latency=0.05)
    with Gateway(files) as gateway, ExitStack() as stack:
        wires = [stack.enter_context(gateway.wire()) for _ in range(16)]

        def limited() -> bool:
            answers = []
            for wire in wires:
                wire.send(get("/slow"))
            for wire in wires:
                answers.append(wire.answer())
            refused = [answer for answer in answers if answer.status == 503]
            assert all(answer.get("Retry-After") == "1" for answer in refused)
            return len(refused) >= 12

        eventually(limited, "few are let through")
        for stub in two:
            stub.default = echo
        eventually(lambda: gateway.fetch(get("/fast")).status == 200 and group(gateway)["admits"] > 100, "all again")
