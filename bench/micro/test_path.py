"""What the canonical path costs: ns for one, against its budget.

Run with: python -m pytest bench/micro
The Python call around it is measured with "/" and taken off. Budgets are for a machine on which that call
takes REFERENCE_NS, and scale with what it takes in this run.
"""

import time

import pytest

from fastgw._core.path import canonical

REFERENCE_NS = 95


def best_ns(path: bytes, rounds: int = 40, calls: int = 2000) -> float:
    """The fastest of some rounds, in ns for one call."""
    best = 1 << 62
    for _ in range(rounds):
        start = time.perf_counter_ns()
        for _ in range(calls):
            canonical(path)
        best = min(best, time.perf_counter_ns() - start)
    return best / calls


@pytest.mark.parametrize(
    ("path", "budget_ns"),
    [
        (b"/api/v1/users/12345/items/987654", 50),
        (b"/repos/octocat/hello-world/issues/1347/comments", 60),
        (b"/caf%C3%A9/%E2%82%AC/menu", 60),
        (b"/a/%7euser/../x//y", 80),
        (b"/files/" + b"c" * 500, 600),
    ],
    ids=["same-32", "same-47", "same-escapes", "rewritten-18", "same-507"],
)
def test_canonical(benchmark, path, budget_ns):
    benchmark(canonical, path)
    call = best_ns(b"/")
    cost = best_ns(path) - call
    slowdown = call / REFERENCE_NS
    assert cost <= budget_ns * slowdown, f"{cost:.1f} ns, budget {budget_ns} ns x {slowdown:.2f}"
