"""The validator against tests/twin/oracle_schema.py: random schemas, random bodies, mutated bodies."""

import json
import random

import fastjsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastgw.plan.schema import compile_schema
from fastgw.plan.schema_refs import Dialect
from tests.fuzz.mutation import Mutator
from tests.twin import oracle_schema

# Few and overlapping names and values, so that keywords meet the values they are about.
NAMES = ["a", "b", "ab", "a.b", "é", "", "nine_letters", "x" * 70]
TEXTS = ["", "a", "b", "ab", "aab", "é", "😀", "a\nb", '"\\/', "\0", "long enough to be read by words, not bytes"]
PATTERNS = ["^a", "b$", "^a+b?$", "^[a-c]{2,3}$", "é", "^(a|b)*$", "\\d", "^.$", "^\\S+$", "^$"]
NUMBERS = [0, 1, -1, 2, 3, 10, 0.5, -0.5, 1.0, 2.5, 1e3, 123456789012345678901234567890, -(10**18), 999999999999999999]
TYPES = ["null", "boolean", "string", "array", "object", "integer", "number"]
TOKENS = [
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"null", b"true", b"false", b"0", b"-", b".", b"e", b"1e5", b" ",
    b"\n", b"\t", b"\0", b"\\u0061", b"\\ud800", b"\\ud83d\\ude00", b"\\n", b"\x7f", b"\x80", b"\xc3\xa9", b"\xf0\x9f",
    b'"a":1,', b"NaN", b"01", b"[[[[[[[[[[[[", b"//",
]  # fmt: skip

names = st.sampled_from(NAMES)
scalars = st.one_of(
    st.none(), st.booleans(), st.sampled_from(NUMBERS), st.sampled_from(TEXTS), st.integers(-3, 12),
    st.text(alphabet="ab\u00e9\\\"", max_size=4),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)
counts = st.integers(0, 3)
one_type = st.sampled_from(TYPES)
some_names = st.lists(names, min_size=1, max_size=2, unique=True)


def keywords(inner, draft: int):
    """One schema: some keywords, chosen together so that they are about the same type often enough."""
    bound = st.sampled_from([0, 1, -1, 2.5, 10, 10**20])
    common = {
        "type": st.one_of(one_type, st.lists(one_type, min_size=1, max_size=3, unique=True)),
        "enum": st.lists(values, min_size=1, max_size=3),
    }
    numeric = {"minimum": bound, "maximum": bound, "multipleOf": st.sampled_from([1, 2, 3, 0.5])}
    text = {"minLength": counts, "maxLength": counts, "pattern": st.sampled_from(PATTERNS)}
    array = {
        "items": st.one_of(inner, st.lists(inner, min_size=1, max_size=2)),
        "additionalItems": st.one_of(st.booleans(), inner),
        "minItems": counts, "maxItems": counts, "uniqueItems": st.booleans(),
    }  # fmt: skip
    obj = {
        "properties": st.dictionaries(names, inner, max_size=3),
        "patternProperties": st.dictionaries(st.sampled_from(PATTERNS), inner, max_size=2),
        "additionalProperties": st.one_of(st.booleans(), inner),
        "required": some_names,
        "minProperties": counts, "maxProperties": counts,
        "dependencies": st.dictionaries(names, st.one_of(inner, some_names), max_size=2),
    }  # fmt: skip
    combined = {key: st.lists(inner, min_size=1, max_size=3) for key in ("allOf", "anyOf", "oneOf")} | {"not": inner}
    if draft == 7:
        common["const"] = values
        numeric |= {"exclusiveMinimum": bound, "exclusiveMaximum": bound}
        array["contains"] = inner
        obj["propertyNames"] = inner
        combined |= {"if": inner, "then": inner, "else": inner}
    groups = [common, numeric, text, array, obj, combined]
    return st.one_of(*(st.fixed_dictionaries({}, optional=group) for group in groups), *(
        st.fixed_dictionaries({}, optional=common | group) for group in groups[1:]
    )).filter(lambda schema: not ("enum" in schema and "const" in schema))


def schemas(draft: int):
    leaf = keywords(st.just({}), draft)
    return st.recursive(leaf, lambda inner: keywords(inner, draft), max_leaves=6)


@pytest.mark.parametrize("draft", [4, 7])
def test_random_schemas(draft):
    verdicts = {True: 0, False: 0}

    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
    @given(schemas(draft), st.lists(values, min_size=1, max_size=12), st.integers(0, 2**32))
    def check(schema, bodies, seed):
        mine = compile_schema(schema, dialect=Dialect.DRAFT4 if draft == 4 else Dialect.DRAFT7)
        try:
            other = oracle_schema.compiled(schema, draft)
        except fastjsonschema.JsonSchemaDefinitionException:
            return  # it refuses schemas that nothing can hold, such as a required name that is not allowed
        texts = [json.dumps(body).encode() for body in bodies]
        texts += [json.dumps(body, ensure_ascii=False, indent=1).encode() for body in bodies]
        texts += Mutator(seed, texts, TOKENS).messages(10)
        for text in texts:
            try:
                expected = oracle_schema.holds(other, text)
            except oracle_schema.NoOpinion:
                continue
            assert mine.holds(text) == expected, (schema, text, mine.check(text))
            verdicts[expected] += 1

    check()
    assert min(verdicts.values()) > 1000, verdicts


def test_mutated_bodies_under_one_schema():
    """Thousands of mutations of one body that holds: what is refused, and what is still taken."""
    schema = {
        "type": "object",
        "required": ["id", "tags"],
        "properties": {
            "id": {"type": "integer", "minimum": 1}, "name": {"type": "string", "maxLength": 40},
            "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}, "uniqueItems": True},
            "size": {"oneOf": [{"type": "number"}, {"enum": ["small", "large"]}]},
        },
        "additionalProperties": {"type": ["null", "object"]},
    }  # fmt: skip
    body = {"id": 7, "name": "Zoë 😀\n", "tags": ["red", "blue"], "size": 1.5, "note": {"a": [1, {"b": None}]}}
    texts = [json.dumps(body).encode(), json.dumps(body, ensure_ascii=False, indent=2).encode()]
    mine, other = compile_schema(schema), oracle_schema.compiled(schema, 4)
    assert all(mine.holds(text) for text in texts)
    taken = 0
    for text in Mutator(random.Random(3).randrange(2**32), texts, TOKENS).messages(20_000):
        try:
            expected = oracle_schema.holds(other, text)
        except oracle_schema.NoOpinion:
            continue
        assert mine.holds(text) == expected, (text, mine.check(text))
        taken += expected
    assert taken > 1000
