"""Short ways to write firewalls."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from fastgw._core.probe_firewall import Judge
from fastgw.load import load
from fastgw.plan.compiler import compile_plan
from fastgw.settings import Settings
from tests.support.definition import mock, openapi

NOTHING = openapi({"/": {"get": mock()}})


def rule(name: str, priority: int, statement: Mapping, action: str = "block", **more: object) -> dict:
    return {"name": name, "priority": priority, "statement": dict(statement), "action": action, **more}


def looks(field: object, value: str, position: str = "contains", *transformations: str) -> dict:
    """A byte match."""
    return {"byte_match": {"field": field, "value": value, "position": position,
                           "transformations": list(transformations)}}


def under(path: str, *statements: Mapping) -> dict:
    """Statements for one path of stage prod alone, so that one gateway serves many rules."""
    return {"and": [looks("uri_path", f"/prod{path}", "starts_with"), *statements]}


def protected(rules: list[Mapping], *, sections: Mapping | None = None, stage: Mapping | None = None,
              **firewall: object) -> dict:
    """A fastgw.yaml of the API "pets" in api.json whose stage prod has these rules."""
    return {
        "fastgw": 1,
        "apis": {"pets": {"definition": "api.json", "stages": {"prod": {"firewall": "edge", **(stage or {})}}}},
        "firewalls": {"edge": {"rules": [dict(rule) for rule in rules], **firewall}},
        **(sections or {}),
    }


def judge(rules: list[Mapping], sections: Mapping | None = None, **firewall: object) -> Judge:
    """The engine's firewall of these rules, without a gateway around it."""
    with tempfile.TemporaryDirectory() as folder:
        documents = {"fastgw.yaml": protected(rules, sections=sections, **firewall), "api.json": NOTHING}
        for name, document in documents.items():
            (Path(folder) / name).write_text(json.dumps(document))
        loaded = load([f"{folder}/fastgw.yaml"])
    assert loaded.gateway is not None, [str(problem) for problem in loaded.problems]
    return Judge(compile_plan(loaded.gateway, Settings(), {("pets", "prod", "GET", "/"): 0}))
