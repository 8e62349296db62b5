"""The public JSON Schema test suite: every schema of draft 4 and draft 7 compiles, every verdict is the suite's.

Its bodies are written as JSON text and checked as bytes. What differs is named here, group by group.
"""

import json

import pytest

from fastgw.plan.schema import compile_schema
from fastgw.plan.schema_refs import Dialect, Malformed, Uncompiled
from tests.support.shared import load

SUITE = load("conformance/jsonschema/draft4_draft7.json")

UNCOMPILED: dict[str, set[str]] = {"draft4": set(), "draft4_optional": set(), "draft7": set()}
"""Groups whose schema has no compiled form."""

OTHERWISE: dict[str, set[tuple[str, str]]] = {"draft4": set(), "draft4_optional": set(), "draft7": set()}
"""(group, test) whose verdict is deliberately not the suite's."""


@pytest.fixture(scope="module")
def resolve():
    """The suite's own remote documents, and the drafts' own schemas, which it refers to and does not carry."""
    specifications = pytest.importorskip(
        "jsonschema_specifications", reason="the drafts' own schemas come with jsonschema-specifications"
    )
    drafts = {uri.rstrip("#"): specifications.REGISTRY.contents(uri) for uri in specifications.REGISTRY}
    return (drafts | SUITE["remotes"]).__getitem__


@pytest.mark.parametrize(("part", "count"), [("draft4", 618), ("draft4_optional", 0), ("draft7", 927)])
def test_suite(part, count, resolve):
    dialect = Dialect.DRAFT4 if part.startswith("draft4") else Dialect.DRAFT7
    wrong, rows = [], 0
    for file, groups in SUITE[part].items():
        for group in groups:
            name = group["description"]
            rows += len(group["tests"])
            try:
                schema = compile_schema(
                    group["schema"], dialect=dialect, resolve=resolve, formats=part == "draft4_optional"
                )
            except (Malformed, Uncompiled) as gap:
                if name not in UNCOMPILED[part]:
                    wrong.append((file, name, str(gap)))
                continue
            assert name not in UNCOMPILED[part], name
            for test in group["tests"]:
                expected = test["valid"] != ((name, test["description"]) in OTHERWISE[part])
                escaped = json.dumps(test["data"]).encode()
                plain = json.dumps(test["data"], ensure_ascii=False, indent=1).encode()
                if (schema.holds(escaped), schema.holds(plain)) != (expected, expected):
                    wrong.append((file, name, test["description"], schema.check(plain)))
    assert not wrong, f"{len(wrong)} of {rows}: {wrong}"
    assert rows == count or not count
