"""TRIALS D3 to D6 and E8: endpoints that die, hang, fail every request, are slow, or close after each answer."""

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from tests.support.client import Wire, eventually, get
from tests.support.definition import openapi, proxy
from tests.support.load import Load, wrk
from tests.support.nginx import Nginx
from tests.support.process import Gateway
from tests.support.upstream import Exchange, Upstream, pause
from tests.wire.test_balance import cut, group, grouped, states
from tests.wire.test_e_many import many_descriptors


def answered(load: Load, more: int) -> None:
    target = load.answered + more
    eventually(lambda: load.answered + sum(load.failures.values()) >= target, f"{more} answers", 60)


@contextmanager
def pair() -> Iterator[list[Nginx]]:
    with Nginx() as a, Nginx() as b:
        yield [a, b]


def files_of(servers: list[Nginx], **options: object) -> dict[str, object]:
    return grouped([f"127.0.0.1:{server.port}" for server in servers], **options)


def test_d3_kill_one_of_two() -> None:
    """No request fails when one dies, while it is dead, or when it is back."""
    with pair() as servers, Gateway(files_of(servers, ejection={"duration": 0.5})) as gateway:
        load = Load(gateway.port, 8, get("/d3"), b"ok")
        with load:
            answered(load, 500)
            servers[0].kill()
            answered(load, 1500)
            assert states(gateway)[f"127.0.0.1:{servers[0].port}"] in ("ejected", "on trial")
            servers[0].start()
            eventually(lambda: set(states(gateway).values()) == {"healthy"}, "back", 30)
            answered(load, 500)
        assert load.failures == {}


def test_d4_stop_one_of_two() -> None:
    """A stopped process still takes connections; its requests are sent to the other when their try is over."""
    with pair() as servers, Gateway(files_of(servers, try_timeout=1)) as gateway:
        load = Load(gateway.port, 8, get("/d4"), b"ok")
        with load:
            answered(load, 500)
            os.kill(servers[0].pid, signal.SIGSTOP)
            try:
                eventually(lambda: states(gateway)[f"127.0.0.1:{servers[0].port}"] == "ejected", "ejected")
                answered(load, 500)
            finally:
                os.kill(servers[0].pid, signal.SIGCONT)
        assert load.failures == {}


@pytest.mark.trial
@pytest.mark.parametrize("how,most_ms", (("kill", 50), ("stop", 1000)))
def test_d3_d4_full(how: str, most_ms: float) -> None:
    with pair() as servers, Gateway(files_of(servers, try_timeout=1)) as gateway:
        run = wrk(f"http://127.0.0.1:{gateway.port}/d", 10, script=None)
        time.sleep(2)
        began = time.monotonic()
        if how == "kill":
            servers[0].kill()
        else:
            os.kill(servers[0].pid, signal.SIGSTOP)
        eventually(lambda: states(gateway)[f"127.0.0.1:{servers[0].port}"] == "ejected", "ejected")
        assert time.monotonic() - began <= 2
        time.sleep(4 - (time.monotonic() - began))
        if how == "kill":
            servers[0].start()
        else:
            os.kill(servers[0].pid, signal.SIGCONT)
        result = run.wait()
    assert result.requests > 1000
    assert result.failed() == 0, result.text
    assert result.p99_ms() <= most_ms, result.text


def storm(gateway: Gateway, clients: int, each: int) -> Counter[int]:
    def client(_: int) -> Counter[int]:
        with ExitStack() as stack:
            found: Counter[int] = Counter()
            wire = stack.enter_context(Wire(gateway.port))
            for _ in range(each):
                answer = wire.request(get("/d5"))
                found[answer.status] += 1
                if answer.closes:
                    wire = stack.enter_context(Wire(gateway.port))
            return found

    with ThreadPoolExecutor(clients) as pool:
        return sum(pool.map(client, range(clients)), Counter())


async def broken(exchange: Exchange) -> None:
    await exchange.reply(500)


async def answers_once(exchange: Exchange) -> None:
    """Answer the first request of a connection and break off at the second."""
    if exchange.connection.requests > 1:
        await cut(exchange)
    else:
        await exchange.reply()


@pytest.mark.parametrize("behaviour", (broken, cut, answers_once), ids=("500", "cut", "answers-once"))
@pytest.mark.parametrize("endpoints", (1, 2))
def test_d5_no_retry_storm(behaviour: object, endpoints: int) -> None:
    """The budget is a fifth and 3; the 8 clients may have met the end of it together."""
    with ExitStack() as stack:
        stubs = [stack.enter_context(Upstream(behaviour)) for _ in range(endpoints)]    # type: ignore[arg-type]
        with Gateway(grouped([stub.authority for stub in stubs])) as gateway:
            asked = sum(storm(gateway, 8, 50).values())
            seen = sum(len(stub.requests) for stub in stubs)
    assert asked == 400
    assert seen <= 1.2 * asked + 3 + 8, (seen, asked)


def test_d5_hanging_endpoints_get_no_storm() -> None:
    with Upstream(pause(60)) as a, Upstream(pause(60)) as b:
        files = grouped([a.authority, b.authority], try_timeout=0.1, first_byte_timeout=0.5)
        with Gateway(files) as gateway:
            found = storm(gateway, 20, 3)
            seen = len(a.requests) + len(b.requests)
    assert found == {504: 60}
    assert seen <= 1.2 * 60 + 3


def two_groups(slow: Upstream, fast: str, **limits: int) -> dict[str, object]:
    files = grouped([slow.authority], **limits)
    files["api.json"] = openapi({
        "/slow": {"get": proxy("http://group.test/slow", timeout_ms=29_000)},
        "/fast": {"get": proxy(f"{fast}/fast")},
    })
    return files


def test_d6_a_slow_group_refuses_what_it_cannot_take() -> None:
    """10 in hand, 20 waiting; the others are told at once, and other routes do not notice."""
    with (
        Upstream(pause(2)) as slow,
        Upstream() as fast,
        Gateway(two_groups(slow, fast.url, max_connections=10, max_pending=20)) as gateway,
        ExitStack() as stack,
    ):
        wires = [stack.enter_context(gateway.wire()) for _ in range(100)]
        for wire in wires:
            wire.send(get("/slow"))
        eventually(lambda: group_of(gateway, "group.test")["refused"] == 70, "70 refused")
        for _ in range(50):
            assert gateway.fetch(get("/fast")).body == b"/fast"
        answers = [wire.answer() for wire in wires]
    assert Counter(answer.status for answer in answers) == {200: 30, 503: 70}
    assert {answer.get("Retry-After") for answer in answers if answer.status == 503} == {"1"}


def took(gateway: Gateway, path: str, status: int, count: int) -> list[float]:
    """Seconds of each of count requests, one after the other on a connection of its own, in order of size."""
    seconds = []
    for _ in range(count):
        with gateway.wire() as wire:
            began = time.perf_counter()
            assert wire.request(get(path)).status == status
            seconds.append(time.perf_counter() - began)
    return sorted(seconds)


@pytest.mark.trial
def test_d6_full() -> None:
    """5,000 in hand and 1,024 waiting: the next ones hear 503 within 10 ms, other routes see p99 unmoved by 20 %."""
    with (
        many_descriptors(15_000),
        Upstream(pause(8), record=False) as slow,
        Nginx() as fast,
        ExitStack() as stack,
    ):
        files = two_groups(
            slow, f"http://127.0.0.1:{fast.port}", max_connections=5000, max_pending=1024, connect_timeout=20
        )
        gateway = stack.enter_context(Gateway(files))
        calm = took(gateway, "/fast", 200, 1000)
        clients = [stack.enter_context(gateway.wire(patience=60)) for _ in range(6025)]
        for client in clients:
            client.send(get("/slow"))
        eventually(lambda: group_of(gateway, "group.test")["refused"] == 1, "no room left", 30)
        time.sleep(1)       # until the stub, which is Python, has taken them all
        refused, busy = took(gateway, "/slow", 503, 300), took(gateway, "/fast", 200, 1000)
        assert Counter(client.answer().status for client in clients) == {200: 6024, 503: 1}
    assert refused[296] < 0.010
    assert busy[989] <= 1.2 * calm[989], (calm[989], busy[989])


def group_of(gateway: Gateway, authority: str) -> dict:
    (found,) = [g for g in json.loads(gateway.ops("/upstreams")[1])["workers"]["0"] if g["target"] == authority]
    return found


def test_e8_an_upstream_that_always_closes() -> None:
    """It is left to close first, so that its port stays busy and none of ours."""
    with (
        Nginx("keepalive_timeout 0; location / { return 200 ok; }") as server,
        Gateway(grouped([f"127.0.0.1:{server.port}"])) as gateway,
    ):
        load = Load(gateway.port, 8, get("/e8"), b"ok")
        with load:
            answered(load, 2000)
        assert load.failures == {}
        assert group(gateway)["endpoints"][0]["reuses"] == 0
        assert time_wait(server.port) < 100


def time_wait(port: int) -> int:
    """Connections to a port that their client closed first, and that keep its local port (RFC 9293, 3.6.1)."""
    suffix, state = f":{port:04X}", "06"
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table][1:]
    return sum(row[2].endswith(suffix) and row[3] == state for row in rows)


@pytest.mark.trial
def test_e8_full() -> None:
    """60 s as fast as it goes: more requests than there are ports."""
    with (
        Nginx("keepalive_timeout 0; location / { return 200 ok; }") as server,
        Gateway(grouped([f"127.0.0.1:{server.port}"])) as gateway,
    ):
        result = wrk(f"http://127.0.0.1:{gateway.port}/e8", 60).wait()
        assert result.requests > 60_000
        assert result.failed() <= 0.001 * result.requests, result.text
        assert gateway.fetch(get("/after")).status == 200
