"""JSON bodies under a committed corpus and seeded mutations of it, held against schemas of every keyword.

corpus: tests/fuzz/json/corpus.txt, one body a line in Python's byte escapes. Add the input of every bug. Bodies and
error buffers are of exact size: a sanitizer sees a read or write beyond them. Python's json is the second opinion on
what is JSON; what is told of an error is one line of UTF-8.
"""

import json

import pytest

from fastgw._core.probe import schema_verdict
from fastgw.plan.schema import compile_schema
from fastgw.plan.schema_refs import Dialect
from tests.fuzz.mutation import Mutator, corpus
from tests.twin.oracle_schema import NoOpinion, parse

CORPUS = corpus("json")
TOKENS = [
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"null", b"true", b"false", b"0", b"-", b".", b"e",
    b"1e99999999999",
    b" ", b"\n", b"\0", b"\\u0061", b"\\ud800", b"\\ud83d\\ude00", b"\x7f", b"\x80", b"\xc3\xa9", b"\xf0\x9f\x98\x80",
    b'"a":1,', b'"k7":', b"9" * 60, b"x" * 70, b"[" * 70, b'{"a":' * 20,
]  # fmt: skip
OK, INVALID, NOT_JSON, TOO_MUCH = range(4)
TREE = {
    "definitions": {"node": {"anyOf": [{"type": "null"}, {
        "properties": {"left": {"$ref": "#/definitions/node"}, "right": {"$ref": "#/definitions/node"}},
        "additionalProperties": {"type": "integer"},
    }]}},
    "additionalProperties": {"$ref": "#/definitions/node"},
}  # fmt: skip
EVERYTHING = {
    "type": ["object", "array", "string", "null"],
    "properties": {
        "id": {"type": "integer", "minimum": 1, "maximum": 10**30, "multipleOf": 0.5}, "name": {"maxLength": 3},
        "when": {"format": "date-time"}, "mail": {"format": "email"}, "where": {"format": "uri"},
        "host": {"format": "hostname"}, "ip": {"format": "ipv4"}, "a": {"const": 1}, **{f"k{n}": {} for n in range(99)},
    },
    "required": ["id", "k3", "k98"],
    "patternProperties": {"^(a+)+$": {"not": {"type": "array"}}, "e": {"minLength": 2}, "n|t": {"maxProperties": 2}},
    "additionalProperties": False,
    "propertyNames": {"maxLength": 5},
    "dependencies": {"a": ["b/~"], "name": {"required": ["tags"]}},
    "items": [{"enum": [False, [1], {"a": 1}]}, {"oneOf": [{"type": "number"}, {"minimum": 0}]}],
    "additionalItems": {"uniqueItems": True},
    "contains": {"type": "string"},
    "uniqueItems": True,
    "pattern": "^(a+)+$",
    "if": {"type": "array"},
    "then": {"minItems": 2, "allOf": [{"maxItems": 5}]},
    "else": {"minProperties": 1},
}  # fmt: skip
SCHEMAS = [
    compile_schema({}), compile_schema(TREE), compile_schema(EVERYTHING, dialect=Dialect.DRAFT7),
    compile_schema({"not": EVERYTHING}, dialect=Dialect.DRAFT7),
]  # fmt: skip


def check(body: bytes) -> bool:
    """Every schema's verdict obeys the rules; whether the body is JSON."""
    found = [schema_verdict(schema, body) for schema in SCHEMAS]
    verdicts = [verdict for verdict, *_ in found]
    for verdict, keyword, fault, text in found:
        assert (verdict == INVALID) == bool(keyword)
        assert (verdict in (NOT_JSON, TOO_MUCH)) == bool(fault)
        assert bool(text) == (verdict != OK)
        assert not text or (text[:1], text[-1:]) == (b"[", b"]")
        assert not any(byte < 32 for byte in text)
        if verdict == INVALID:
            text.decode("utf-8")
    if TOO_MUCH not in verdicts:
        if verdicts[0] == NOT_JSON:
            assert len({(verdict, fault) for verdict, _, fault, _ in found}) == 1
        else:
            assert set(verdicts[2:]) == {OK, INVALID}, "a schema and its opposite"
    try:
        parse(body)
    except NoOpinion:
        return verdicts[0] == OK
    except (ValueError, RecursionError):
        assert verdicts[0] in (NOT_JSON, TOO_MUCH)
        return False
    assert verdicts[0] == OK
    return True


@pytest.mark.parametrize("body", CORPUS)
def test_corpus(body):
    check(body)


@pytest.mark.parametrize("seed", range(4))
def test_mutations(seed):
    taken = sum(check(body) for body in Mutator(seed, CORPUS, TOKENS).messages(4000))
    assert taken > 200, "the mutations hardly ever make JSON"


def test_cut_bodies():
    """Every prefix: the end of the bytes may come at any place."""
    for body in CORPUS:
        for end in range(len(body)):
            check(body[:end])


@pytest.mark.parametrize("room", [*range(12), 40])
def test_small_error_buffers(room):
    """What does not fit is left out, and nothing is written beyond the buffers."""
    for body in CORPUS:
        for schema in SCHEMAS:
            verdict, _, _, text = schema_verdict(schema, body, room)
            assert len(text) <= room
            assert verdict != OK or not text


def test_every_body_that_is_taken_is_what_python_reads():
    taken = [body for body in CORPUS if check(body)]
    assert len(taken) > 8
    for body in taken:
        json.loads(body)
