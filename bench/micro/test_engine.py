"""What the engine itself spends on a request: head parse, head write, pool. Nanoseconds, each with a budget.

Run with: python -m pytest bench/micro
Budgets are for a machine on which the reference loop takes REFERENCE_NS, and scale with what it takes in
this run.
"""

import time
from collections.abc import Callable

import pytest

from bench.compare import definition
from fastgw.load import LoadOptions, load
from fastgw.plan.compiler import compile_plan
from fastgw.runtime.slots import Slots
from fastgw.settings import Settings

REFERENCE_NS = 1030
TIMES = 2000

BARE = b"GET /fixed HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
BROWSER = (
    b"GET /pets/7?page=1 HTTP/1.1\r\n"
    b"Host: api.example.com\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    b"Accept: text/html,application/json;q=0.9,*/*;q=0.8\r\n"
    b"Accept-Language: en-US,en;q=0.5\r\n"
    b"Accept-Encoding: gzip, deflate, br\r\n"
    b"Connection: keep-alive\r\n"
    b"Cookie: session=0123456789abcdef0123456789abcdef\r\n"
    b"Cache-Control: no-cache\r\n"
    b"\r\n"
)
ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.fixture(scope="module")
def engine(probe, tmp_path_factory):
    """One fixed answer and a greedy proxy route, as the comparison has them."""
    file = tmp_path_factory.mktemp("plan") / "openapi.json"
    file.write_text(definition.document(definition.plain(8080)))
    gateway = load([str(file)], LoadOptions()).gateway
    return probe.Probe(compile_plan(gateway, Settings(), Slots().assign(gateway)))


def best_ns(loop: Callable[[int], object], rounds: int = 40) -> float:
    """The fastest of some rounds, in ns for one turn of the loop."""
    best = 1 << 62
    for _ in range(rounds):
        start = time.perf_counter_ns()
        loop(TIMES)
        best = min(best, time.perf_counter_ns() - start)
    return best / TIMES


def hold(benchmark, probe, loop: Callable[[int], object], budget_ns: float) -> None:
    benchmark.extra_info["turns_per_round"] = TIMES
    benchmark(loop, TIMES)
    slowdown = best_ns(probe.reference) / REFERENCE_NS
    cost = best_ns(loop)
    assert cost <= budget_ns * slowdown, f"{cost:.1f} ns, budget {budget_ns} ns x {slowdown:.2f}"


@pytest.mark.parametrize(("head", "budget_ns"), [(BARE, 160), (BROWSER, 570)], ids=["bare", "browser"])
def test_head_parse(benchmark, probe, engine, head, budget_ns):
    """llhttp, the gateway's own rules, and the canonical path."""
    hold(benchmark, probe, lambda times: engine.parse(head, times), budget_ns)


@pytest.mark.parametrize(("head", "budget_ns"), [(BARE, 170), (BROWSER, 220)], ids=["bare", "browser"])
def test_request_head_write(benchmark, probe, engine, head, budget_ns):
    """The head that goes to the upstream: target, client's fields, the gateway's own."""
    engine.route(head.replace(b"/fixed", b"/proxied"))
    hold(benchmark, probe, engine.write_request, budget_ns)


def test_answer_head_write(benchmark, probe, engine):
    engine.route(BARE)
    hold(benchmark, probe, engine.write_answer, 120)


def test_pool_release_acquire(benchmark, probe, engine):
    """A complete answer gives the connection back; it is looked at (one recv) and taken again."""
    hold(benchmark, probe, lambda times: engine.pool(ANSWER, times), 600)
