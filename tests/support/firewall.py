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


TWENTY_SETS = {
    "ip_sets": {"office": ["192.0.2.128/25", "2001:db8::/32"],
                "known": [f"10.{a}.{b}.0/24" for a in range(16) for b in range(16)]},
    "regex_sets": {"scanners": ["(?i)sqlmap", "(?i)nikto", "(?i)masscan", "(?i)zgrab"]},
}
_AGENT, _PATH = {"header": "user-agent"}, "uri_path"
TWENTY = [
    rule("office", 1, {"ip_set": {"set": "office"}}, "allow"),
    rule("known", 2, {"ip_set": {"set": "known"}}),
    rule("scanners", 3, {"regex_match": {"field": _AGENT, "set": "scanners"}}),
    *(rule(f"tool-{name}", 4 + n, looks(_AGENT, name, "contains", "lowercase"))
      for n, name in enumerate(("acunetix", "dirbuster", "nessus", "havij"))),
    *(rule(f"path-{n}", 8 + n, looks(_PATH, name, "contains", "url_decode_uni", "lowercase"))
      for n, name in enumerate(("/.git/", "/.env", "/wp-admin", "/phpmyadmin", "/etc/passwd"))),
    rule("long-query", 13, {"size": {"field": "query_string", "comparison": "GT", "bytes": 2048}}),
    rule("long-agent", 14, {"size": {"field": _AGENT, "comparison": "GT", "bytes": 512}}),
    rule("no-agent", 15, {"not": {"size": {"field": _AGENT, "comparison": "GE", "bytes": 1}}}, "count", labels=["bot"]),
    rule("bots", 16, {"and": [{"label": "bot"}, looks("method", "POST", "exactly")]}),
    rule("sqli-query", 17, {"sqli": {"field": "query_arguments", "transformations": ["url_decode_uni"]}}),
    rule("xss-query", 18, {"xss": {"field": "query_arguments", "transformations": ["url_decode_uni"]}}),
    rule("sqli-body", 19, {"sqli": {"field": "body_arguments", "transformations": ["url_decode_uni"]}}),
    rule("xss-body", 20, {"xss": {"field": "body_arguments", "transformations": ["url_decode_uni"]}}),
]
"""A list as people have it, for benches: twenty rules, all of which a request that is let in meets."""


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
