"""The dashboard and the alert rules: what they ask for is on /metrics."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from fastgw.observe.metrics import METRICS, Metric

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
DASHBOARD = json.loads((PACKAGING / "grafana" / "fastgw.json").read_text())
RULES = PACKAGING / "prometheus" / "fastgw.rules.yml"

SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}
SAMPLES = {m.name + suffix: m for m in METRICS for suffix in SUFFIXES.get(m.kind, ("",))}
SELECTOR = re.compile(r"\b((?:fastgw|aws_apigateway)_\w+)(?:\{([^}]*)\})?")
GROUPED = re.compile(r"\bby \(([^)]*)\)")


def queries() -> list[str]:
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    variables = [item["query"] for item in DASHBOARD["templating"]["list"] if item["type"] == "query"]
    rules = [rule["expr"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    return [*panels, *variables, *rules]


def labels_of(metric: Metric) -> set[str]:
    return {*metric.labels, "le"} if metric.kind == "histogram" else set(metric.labels)


@pytest.mark.parametrize("query", queries())
def test_every_name_is_on_metrics(query: str) -> None:
    found = SELECTOR.findall(query)
    assert found
    for name, chosen in found:
        assert name in SAMPLES, name
        assert set(re.findall(r"(\w+)=", chosen)) <= labels_of(SAMPLES[name]), query
    known = set().union(*(labels_of(SAMPLES[name]) for name, _ in found))
    for group in GROUPED.findall(query):
        assert {label.strip() for label in group.split(",")} <= known, query


def test_panels_do_not_overlap() -> None:
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in DASHBOARD["panels"]]
    assert len(set(places)) == len(places) == len({p["title"] for p in DASHBOARD["panels"]})


def test_promtool_reads_the_rules() -> None:
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("promtool is not installed (Debian package prometheus; make doubles)")
    told = subprocess.run([promtool, "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
