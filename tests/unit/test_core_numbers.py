"""Numbers that the engine's declarations and Python modules both hold must be the same numbers."""

import re
from pathlib import Path

import pytest

from fastgw._core.program import CONTEXTS
from fastgw.errors import CODE
from fastgw.model.api import METHODS
from fastgw.model.usage import AWAY
from fastgw.observe import layout
from fastgw.plan import accesslog, http_mapping, ops, rules
from fastgw.runtime.redis import leases

CORE = Path(__file__).resolve().parents[2] / "fastgw" / "_core"
MEMBER = re.compile(r"^    ([A-Z][A-Z0-9_]*) = (-?\d+)", re.MULTILINE)


def members(module: str, enum: str | None = None) -> dict[str, int]:
    """The members of one enum of a .pxd, or of all its nameless ones."""
    text = (CORE / f"{module}.pxd").read_text(encoding="utf-8")
    blocks = re.findall(r"^cdef enum( \w+)?:[^\n]*\n((?:(?:    [^\n]*)?\n)+)", text, re.MULTILINE)
    found = [block for name, block in blocks if name.strip() == (enum or "")]
    assert found, f"{module}.pxd has no enum {enum}"
    return {name: int(value) for block in found for name, value in MEMBER.findall(block)}


def test_failure_codes() -> None:
    declared = members("failure", "FailureCode")
    assert declared == {f"F_{name}": CODE[name] for name in (name[2:] for name in declared)}
    assert len(declared) > 15
    assert members("failure") == {"FAILURE_CODES": len(CODE)}


def test_cells_of_the_counters() -> None:
    declared = members("counters")
    cells = {name: getattr(layout, name) for name in dir(layout) if re.match(r"[HR]_[A-Z0-9_]+$", name)}
    assert {name: value for name, value in declared.items() if name in cells} == cells
    rest = {name: value for name, value in declared.items() if name not in cells}
    assert rest == {
        "HEADER_BYTES": layout.HEADER_BYTES,
        "ROW_BYTES": layout.SLOT_BYTES,
        "BUCKETS": layout.BUCKETS,
        "FAILURES_AT": layout.FAILURES_AT,
        "LEVELS_AT": layout.LEVELS_AT,
    }


def test_levels_of_limits() -> None:
    """The engine's numbers and names, and those of the metric, are the same."""
    declared = members("allowance", "Level")
    assert declared == {"LEVEL_NONE": 0, **{f"LEVEL_{name}": n for n, name in enumerate(layout.LEVELS, 1)}}
    body = (CORE / "program.pyx").read_text(encoding="utf-8")
    names = re.findall(r'b"(\w*)"', re.search(r"LEVELS\[:\] = \[(.*?)\]", body, re.DOTALL)[1])
    assert names == ["", *layout.LEVELS]


def test_the_latency_buckets_fit_a_row() -> None:
    assert layout.R_BUCKETS + layout.BUCKETS <= layout.SLOT_WORDS


@pytest.mark.parametrize(
    ("enum", "prefix", "names"),
    [
        (
            "OpKind",
            "OP_",
            {
                "TEXT": "TEXT",
                "PARAM": "PARAM",
                "QUERY": "QUERY",
                "QUERY_MULTI": "QUERY_MULTI",
                "HEADER": "HEADER",
                "HEADER_MULTI": "HEADER_MULTI",
                "CONTEXT": "CONTEXT",
                "ANSWER_MULTI": "ANSWER_MULTI",
                "BODY": "BODY",
                "ANSWER_BODY": "ANSWER_BODY",
                "CALLER": "CALLER",
            },
        ),
        (
            "Encode",
            "E_",
            {
                "RAW": "RAW",
                "PATH": "PATH",
                "QUERY": "IN_QUERY",
                "ESCAPED_QUERY": "ESCAPED_QUERY",
                "HEADER": "IN_HEADER",
                "JSON": "IN_JSON",
                "JSON_STRING": "JSON_STRING",
                "ESCAPED_PATH": "ESCAPED_PATH",
                "WHOLE_PATH": "WHOLE_PATH",
            },
        ),
    ],
)
def test_ops(enum: str, prefix: str, names: dict[str, str]) -> None:
    theirs = {prefix + name: getattr(ops, theirs) for name, theirs in names.items()}
    if enum == "Encode":
        theirs |= {f"E_{name}": getattr(accesslog, name) for name in LOG_MODES}
    assert members("ops", enum) == theirs


def test_actions() -> None:
    assert members("ops", "Action") == {f"MAP_{name.upper()}": number for name, number in http_mapping.ACTIONS.items()}


LOG_MODES = ("LOG_TEXT", "LOG_JSON", "LOG_JSON_VALUE", "LOG_XML")


def test_field_rules() -> None:
    names = ("DROP_REQUEST", "IDENTITY", "DROP_ANSWER", "REMAP_ANSWER", "CORS_ANSWER")
    assert members("fields", "Rule") == {f"R_{name}": getattr(rules, name) for name in names}


def test_field_names_fit_the_table() -> None:
    """Tokens are seen in a bit set of 128."""
    first = members("fields", "Token")["T_FIRST_OF_PLAN"]
    assert first + len(rules.names()) <= 128


def test_verbs() -> None:
    assert list(members("verbs", "Verb").items()) == [(name, number) for number, name in enumerate(METHODS)]
    router = members("router")
    assert router["VERBS"] == router["VERB_ANY"] == len(METHODS)


def test_context_variables() -> None:
    assert members("program", "Context") == {f"C_{name}": number for name, number in CONTEXTS.items()}
    assert len(set(CONTEXTS.values())) == len(CONTEXTS)


def test_away_modes_and_kinds_of_leases() -> None:
    assert members("ask", "Away") == {f"AWAY_{name.upper()}": number for number, name in enumerate(AWAY)}
    assert members("ask", "AskKind") == {"ASK_BUCKET": leases.BUCKET, "ASK_QUOTA": leases.QUOTA}


def test_phases_are_in_order() -> None:
    assert list(members("state", "Phase").values()) == list(range(14))
