"""Templates at random, rendered here and by Apache Velocity 1.7: the same text, and the same ones refused.

Velocity runs as the service shows that it runs there (aws_rendered_vtl.json): a reference without value is the empty
string. vtl_grammar.py lists what is not generated, and why. One JVM renders all.
"""

import base64
import copy
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from fastgw.parts.transform.vtl import Limits, RenderError, TemplateError, compile_template
from fastgw.parts.transform.vtl.values import JavaList
from tests.twin.vtl_grammar import TEMPLATE

RUNNER = Path(__file__).parent / "velocity" / "Render.java"
JARS = [Path("/usr/share/java") / f"{name}.jar" for name in ("velocity", "commons-collections3", "commons-lang")]
COUNT = int(os.environ.get("FUZZ_ROUNDS", "560"))
"""Templates of one run; FUZZ_ROUNDS and FUZZ_SEED make a longer and another one."""

VALUES = {
    "a": "A", "s": "hello world", "i": 5, "n": -3, "big": 3_000_000_000, "d": 2.5, "t": True, "f": False, "e": "",
    "l": JavaList([1, 2, 3]), "w": JavaList(["x", "y"]),
    "m": {"b": "B", "k": 7, "m": {"x": "deep"}, "l": JavaList([4, 5])},
}
"""The same values as Render.java's context()."""

PATIENT = Limits(cpu=60, output=10_000_000)


def generated(count: int) -> list[str]:
    """Different templates, the same ones in every run."""
    found: dict[str, None] = {}

    @seed(int(os.environ.get("FUZZ_SEED", "1")))
    @settings(max_examples=count, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    @given(TEMPLATE)
    def collect(template: str) -> None:
        found[template] = None

    collect()
    return list(found)


def by_velocity(templates: list[str]) -> list[str | None]:
    """The texts; None for a template that was refused or whose rendering failed."""
    lines = "".join(base64.b64encode(one.encode()).decode() + "\n" for one in templates)
    run = subprocess.run(
        ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", ":".join(map(str, JARS)), str(RUNNER)],
        input=lines, capture_output=True, text=True, timeout=300,
    )
    assert run.returncode == 0, run.stderr
    answers = run.stdout.splitlines()
    assert len(answers) == len(templates)
    return [base64.b64decode(line[3:]).decode() if line.startswith("OK ") else None for line in answers]


def by_fastgw(template: str) -> str | None:
    try:
        return compile_template(template, "t", PATIENT).render(copy.deepcopy(VALUES))
    except (TemplateError, RenderError):
        return None


def test_same_as_velocity() -> None:
    if not shutil.which("java") or not shutil.which("javac") or not all(jar.is_file() for jar in JARS):
        pytest.skip("needs a JDK and Apache Velocity 1.7 (Debian: default-jdk-headless, velocity)")
    templates = generated(COUNT)
    assert len(templates) >= min(COUNT, 560) * 9 // 10
    theirs = by_velocity(templates)
    wrong = [
        (template, expected, found)
        for template, expected in zip(templates, theirs, strict=True)
        if (found := by_fastgw(template)) != expected
    ]
    wrong.sort(key=lambda row: len(row[0]))
    assert not wrong, f"{len(wrong)} of {len(templates)} differ, the shortest: {wrong[:3]}"
    rendered = sum(text is not None for text in theirs)
    assert rendered > len(templates) // 2, "most of the corpus is refused: it shows little"
