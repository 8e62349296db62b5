"""What a match costs: ns for one path, by size and kind of table, each against its budget.

Run with: python -m pytest bench/micro
A loop in C calls the matcher; its own cost (about 2 ns a path) is included. Budgets are for a machine on
which matching "/" in a table of one route takes REFERENCE_NS, and scale with what that takes in this run.
"""

import json
import random
import re
import time
from pathlib import Path

import pytest

from fastgw._core.router import Router

GET, ANY = 0, 7
REFERENCE_NS = 4.5
PATHS = 10_000
GITHUB = Path(__file__).parents[3] / "shared" / "openapi" / "github_routes.json"


def best_ns(router: Router, paths: list[bytes], rounds: int = 25) -> float:
    """The fastest of some rounds over all paths, in ns for one."""
    best = 1 << 62
    for _ in range(rounds):
        start = time.perf_counter_ns()
        router.match_many(GET, paths)
        best = min(best, time.perf_counter_ns() - start)
    return best / len(paths)


def hold(benchmark, router: Router, paths: list[bytes], budget_ns: float) -> None:
    assert router.match_many(GET, paths) == len(paths)
    benchmark.extra_info["paths_per_round"] = len(paths)
    benchmark(router.match_many, GET, paths)
    smallest = Router([(GET, b"/", 0)])
    slowdown = best_ns(smallest, [b"/"] * PATHS) / REFERENCE_NS
    cost = best_ns(router, paths)
    assert cost <= budget_ns * slowdown, f"{cost:.1f} ns, budget {budget_ns} ns x {slowdown:.2f}"


@pytest.mark.parametrize(("size", "budget_ns"), [(10, 60), (100, 80), (1000, 110), (10_000, 200)])
def test_generated_table(benchmark, size, budget_ns):
    """Two variables, random routes: at 10,000 the cost is that of cold cache lines."""
    chance = random.Random(size)
    router = Router((ANY, b"/api/v1/res%05d/{id}/items/{item}" % i, i) for i in range(size))
    paths = [b"/api/v1/res%05d/%d/items/7" % (chance.randrange(size), i) for i in range(PATHS)]
    hold(benchmark, router, paths, budget_ns)


def test_github_table(benchmark):
    if not GITHUB.exists():
        pytest.skip("shared/openapi/github_routes.json is not beside this checkout")
    written = [route["path"] for route in json.loads(GITHUB.read_bytes())["routes"]]
    routes = sorted({re.sub(r"\{[^}]+\}", "{p}", path) for path in written})
    router = Router((ANY, path.encode(), i) for i, path in enumerate(routes))
    paths = [path.replace("{p}", "octocat").encode() for path in routes]
    hold(benchmark, router, random.Random(0).choices(paths, k=PATHS), 100)


def test_backtracking(benchmark):
    """All eight levels open before the greedy route at the top answers."""
    routes = [(ANY, b"/{p+}", 0)] + [(ANY, b"/a" * k + b"/{p}" * (8 - k) + b"/x", 1 + k) for k in range(9)]
    hold(benchmark, Router(routes), [b"/a" * 8 + b"/y"] * PATHS, 500)
