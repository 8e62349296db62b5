"""What the engine itself spends on a request: head parse, head write, pool, each within its budget of ns.

Run with: python -m pytest bench/micro
Budgets (parts.py) are for a machine on which the bare parser takes its own, and scale with what that takes
in this run.
"""

import time

import pytest

from bench.micro.parts import PARTS, REFERENCE, Loop, Part, built, probe

TIMES = 1000
ROUNDS = 60


@pytest.fixture(scope="module")
def engine():
    return probe(built())


def best_ns(*loops: Loop) -> list[float]:
    """For each loop the fastest of some rounds, in ns for one turn; they take turns in every round."""
    best = [float("inf")] * len(loops)
    for _ in range(ROUNDS):
        for number, loop in enumerate(loops):
            start = time.perf_counter_ns()
            loop(TIMES)
            best[number] = min(best[number], time.perf_counter_ns() - start)
    return [time / TIMES for time in best]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_part(benchmark, engine, part: Part):
    loop = part.loop(*engine)
    benchmark.extra_info["turns_per_round"] = TIMES
    benchmark(loop, TIMES)
    cost, reference = best_ns(loop, REFERENCE.loop(*engine))
    slowdown = reference / REFERENCE.nanoseconds
    budget = part.nanoseconds * slowdown
    assert cost <= budget, f"{cost:.1f} ns, budget {part.nanoseconds} ns x {slowdown:.2f}"
