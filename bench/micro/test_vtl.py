"""What rendering a compiled mapping template costs, beside airspeed-ext on the same template and the same values.

Run with: python -m pytest bench/micro/test_vtl.py
The bar is 10 us for 1 KB of template with 20 references. airspeed-ext (PyPI) interprets its tree; where it is not
installed its rows are skipped.
"""

import time
from collections.abc import Callable

import pytest

from fastgw.parts.transform.inputs import UTIL, Input, overrides
from fastgw.parts.transform.vtl import compile_template
from fastgw.parts.transform.vtl.values import QuietMap

FIELDS = ("id", "customer", "currency", "placed", "note", "street", "city", "zip", "country", "phone")
PLAIN = "{\n" + "".join(
    f'    "{name}": "$order.{name}",\n    "{name}Again": "${{order.{name}}}",\n' for name in FIELDS
) + '    "comment": "' + "x" * 330 + '"\n}\n'
"""1 KB, 20 references to properties."""

SERVICE = "{\n" + "".join(f'    "p{n}": "$input.params(\'{name}\')",\n' for n, name in enumerate(FIELDS)) + "".join(
    f'    "c{n}": "$context.{name}",\n'
    for n, name in enumerate(("stage", "requestId", "apiId", "httpMethod", "identity.sourceIp") * 2)
) + '    "comment": "' + "x" * 330 + '"\n}\n'
"""1 KB, 10 parameters by $input.params() and 10 of $context."""

VARIABLES = {
    "order": {name: f"value of {name}" for name in FIELDS},
    "input": Input(b'{"a": 1}', {"id": "7"}, {name: f"v-{name}" for name in FIELDS}, {"H": "x"}),
    "util": UTIL,
    "context": QuietMap(stage="dev", requestId="r", apiId="a", httpMethod="GET", identity=QuietMap(sourceIp="::1"),
                        **overrides()),
}
REPEAT = 200
TEMPLATES = {"plain": PLAIN, "service": SERVICE}


def renders(name: str) -> Callable[[], object]:
    template = compile_template(TEMPLATES[name], name)

    def run() -> None:
        for _ in range(REPEAT):
            template.render(VARIABLES)

    return run


def test_the_templates_are_what_they_are_said_to_be() -> None:
    for text in TEMPLATES.values():
        assert 1000 <= len(text) <= 1100
        assert text.count("$") == 20
    assert "value of city" in compile_template(PLAIN).render(VARIABLES)
    assert '"p2": "v-currency"' in compile_template(SERVICE).render(VARIABLES)


@pytest.mark.parametrize("name", TEMPLATES)
def test_render(benchmark, name: str) -> None:
    benchmark.extra_info["turns_per_round"] = REPEAT
    benchmark(renders(name))


def test_compile(benchmark) -> None:
    benchmark(compile_template, SERVICE)


def test_beside_airspeed(benchmark) -> None:
    """The ratio of the best rounds, taken in turns in one run."""
    airspeed = pytest.importorskip("airspeed", reason="airspeed-ext is not installed (pip install airspeed-ext)")
    theirs = airspeed.Template(PLAIN)
    namespace = {"order": VARIABLES["order"]}
    assert theirs.merge(namespace) == compile_template(PLAIN).render(VARIABLES)
    ours = renders("plain")
    best = {"ours": float("inf"), "theirs": float("inf")}
    for _ in range(20):
        start = time.perf_counter()
        ours()
        middle = time.perf_counter()
        for _ in range(REPEAT // 10):
            theirs.merge(namespace)
        best["ours"] = min(best["ours"], (middle - start) / REPEAT)
        best["theirs"] = min(best["theirs"], (time.perf_counter() - middle) / (REPEAT // 10))
    benchmark.extra_info["turns_per_round"] = REPEAT
    benchmark.extra_info["airspeed_us"] = best["theirs"] * 1e6
    benchmark.extra_info["ratio"] = best["theirs"] / best["ours"]
    benchmark(ours)
