"""What checking a body against its schema costs, beside fastjsonschema and jsonschema-rs on the same bodies.

Run with: python -m pytest bench/micro
The two others check Python objects: orjson reads the body for them, and that time is theirs. orjson alone is the
reference that budgets scale with.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import fastjsonschema
import jsonschema_rs
import orjson
import pytest

from fastgw.plan.schema import compile_schema
from fastgw.plan.schema_refs import Dialect

GITHUB = Path(__file__).parents[3] / "shared" / "openapi" / "github_request_bodies.json"
DRAFT4 = {"$schema": "http://json-schema.org/draft-04/schema#"}
ORDER = DRAFT4 | {
    "type": "object",
    "required": ["id", "customer", "items", "currency", "placed"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "minLength": 36, "maxLength": 36, "pattern": "^[0-9a-f-]+$"},
        "currency": {"type": "string", "enum": ["EUR", "USD", "GBP", "JPY"]},
        "placed": {"type": "string", "minLength": 20},
        "total": {"type": "number", "minimum": 0},
        "express": {"type": "boolean"},
        "note": {"type": ["string", "null"], "maxLength": 400},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 20}, "uniqueItems": True},
        "customer": {
            "type": "object",
            "required": ["name", "email", "address"],
            "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 80},
                "email": {"type": "string", "maxLength": 120},
                "address": {
                    "type": "object",
                    "required": ["street", "city", "country"],
                    "properties": {name: {"type": "string"} for name in ("street", "city", "zip", "country")},
                },
            },
        },
        "items": {
            "type": "array", "minItems": 1, "maxItems": 50,
            "items": {
                "type": "object",
                "required": ["sku", "count", "price"],
                "properties": {
                    "sku": {"type": "string", "minLength": 3, "maxLength": 20},
                    "count": {"type": "integer", "minimum": 1, "maximum": 1000},
                    "price": {"type": "number", "minimum": 0},
                },
            },
        },
    },
}  # fmt: skip
BODY = {
    "id": "0b9c1c1e-6a55-4e4e-9a31-2f7c0c1f5a77", "currency": "EUR", "placed": "2026-11-20T23:59:59Z",
    "total": 1234.5, "express": True, "note": "Please ring twice; the second bell is the one that works. " * 5,
    "tags": ["gift", "fragile", "repeat"],
    "customer": {
        "name": "Jérôme Müller", "email": "jerome@example.com",
        "address": {"street": "1 Long Road", "city": "Köln", "zip": "50667", "country": "DE"},
    },
    "items": [{"sku": f"SKU-{n:06}", "count": n + 1, "price": 9.95 + n} for n in range(5)],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """pairs: (schema, body) each. budget: of a body, as a share of what orjson takes to read it."""

    name: str
    pairs: list[tuple[dict, bytes]]
    budget: float


def github() -> list[tuple[dict, bytes]]:
    """The documented request bodies of a large public API that hold by every reading of their schemas."""
    if not GITHUB.is_file():
        return []
    pairs = []
    for operation in json.loads(GITHUB.read_text("utf-8"))["bodies"]:
        schema = DRAFT4 | operation["schema"]
        bodies = [orjson.dumps(example) for example in operation["examples"]]
        accepts = jsonschema_rs.validator_for(schema).is_valid
        mine = compile_schema(schema, dialect=Dialect.OPENAPI30)
        pairs += [(schema, b) for b in bodies if accepts(orjson.loads(b)) and mine.holds(b)]
    return pairs


CASES = [Case("order, 1 KB", [(ORDER, json.dumps(BODY, ensure_ascii=False).encode())], 0.9)]
if GITHUB.is_file():
    CASES.append(Case("GitHub's request bodies", github(), 1.3))


def best_ns(loops: list[Callable[[], object]], bodies: int) -> list[float]:
    """For each loop the fastest of some rounds, in ns a body; they take turns in every round."""
    best = [float("inf")] * len(loops)
    turns = max(1, 2000 // bodies)
    for _ in range(15):
        for number, loop in enumerate(loops):
            start = time.perf_counter_ns()
            for _ in range(turns):
                loop()
            best[number] = min(best[number], (time.perf_counter_ns() - start) / turns / bodies)
    return best


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_schema(benchmark, case: Case):
    bodies = [body for _, body in case.pairs]
    mine = [(compile_schema(schema, dialect=Dialect.OPENAPI30).holds, body) for schema, body in case.pairs]
    rust = [(jsonschema_rs.validator_for(schema).is_valid, body) for schema, body in case.pairs]
    python = [
        (fastjsonschema.compile(schema, use_default=False, use_formats=False), body) for schema, body in case.pairs
    ]

    def check() -> None:
        for holds, body in mine:
            assert holds(body)

    def check_rust() -> None:
        for accepts, body in rust:
            assert accepts(orjson.loads(body))

    def check_python() -> None:
        for validate, body in python:
            validate(orjson.loads(body))

    def read() -> None:
        for body in bodies:
            orjson.loads(body)

    benchmark.extra_info["bytes_per_body"] = sum(map(len, bodies)) // len(bodies)
    benchmark(check)
    ours, theirs, reference_python, reference = best_ns([check, check_rust, check_python, read], len(bodies))
    benchmark.extra_info |= {"ns": ours, "jsonschema_rs_ns": theirs, "fastjsonschema_ns": reference_python}
    assert ours <= case.budget * reference, f"{ours:.0f} ns, budget {case.budget} x {reference:.0f} ns"
    assert ours < theirs
    assert ours < reference_python
