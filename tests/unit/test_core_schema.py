"""The JSON Schema validator, keyword by keyword: what it refuses, where, and in which words."""

import json

import pytest

from fastgw.plan.schema import compile_schema
from fastgw.plan.schema_refs import Dialect, Malformed, Uncompiled


def text_of(schema, body, **options) -> str:
    found = compile_schema(schema, **options).check(body if isinstance(body, bytes) else json.dumps(body).encode())
    return found[2] if found else ""


TEXTS = [
    ({"type": "string"}, 7, 'instance type (integer) does not match any allowed primitive type (allowed: ["string"])'),
    (
        {"type": ["number", "null"]},
        "x",
        'instance type (string) does not match any allowed primitive type (allowed: ["integer","null","number"])',
    ),
    ({"enum": ["a", 1]}, "b", 'instance value ("b") not found in enum (possible values: ["a",1])'),
    ({"enum": [[1]]}, [2], "instance value ([2]) not found in enum (possible values: [[1]])"),
    ({"minimum": 3}, 2, "numeric instance is lower than the required minimum (minimum: 3, found: 2)"),
    (
        {"minimum": 3, "exclusiveMinimum": True},
        3,
        "numeric instance is not strictly greater than the required minimum 3",
    ),
    ({"maximum": 3}, 3.5, "numeric instance is greater than the required maximum (maximum: 3, found: 3.5)"),
    (
        {"maximum": 3, "exclusiveMaximum": True},
        3,
        "numeric instance is not strictly lower than the required maximum 3",
    ),
    ({"multipleOf": 0.01}, 0.015, "remainder of division is not zero (0.015 / 0.01)"),
    ({"minLength": 2}, "é", 'string "\\u00e9" is too short (length: 1, required minimum: 2)'),
    ({"maxLength": 1}, "ab", 'string "ab" is too long (length: 2, maximum allowed: 1)'),
    ({"pattern": "^a$"}, "b", 'ECMA 262 regex "^a$" does not match input string "b"'),
    ({"format": "ipv4"}, "1.2.3", 'string "1.2.3" is not a valid IPv4 address'),
    ({"required": ["b", "a", "c"]}, {"b": 1}, 'object has missing required properties (["a","c"])'),
    (
        {"additionalProperties": False},
        {"z": 1, "a": 2},
        'object instance has properties which are not allowed by the schema: ["a","z"]',
    ),
    ({"minProperties": 1}, {}, "object has too few properties (found 0 but schema requires at least 1)"),
    ({"maxProperties": 0}, {"a": 1}, "object has too many properties (found 1 but schema requires at most 0)"),
    (
        {"dependencies": {"a": ["c", "b"]}},
        {"a": 1, "b": 1},
        'property "a" of object has missing property dependencies (schema requires ["b","c"]; missing: ["c"])',
    ),
    ({"minItems": 2}, [1], "array is too short: must have at least 2 elements but instance has 1 elements"),
    ({"maxItems": 0}, [1], "array is too long: must have at most 0 elements but instance has 1 elements"),
    ({"uniqueItems": True}, [1, 1.0], "array must not contain duplicate elements"),
    ({"allOf": [{}, {"type": "null"}]}, 1, "instance failed to match all required schemas (matched only 1 out of 2)"),
    (
        {"anyOf": [{"type": "null"}, {"type": "string"}]},
        1,
        "instance failed to match at least one required schema among 2",
    ),
    ({"oneOf": [{}, {}]}, 1, "instance failed to match exactly one schema (matched 2 out of 2)"),
    ({"not": {}}, 1, "instance matched a schema which it should not have"),
]


@pytest.mark.parametrize(("schema", "body", "text"), TEXTS)
def test_texts(schema, body, text):
    assert text_of(schema, body) == f"[{text}]"


def test_several_errors_and_their_pointers():
    schema = compile_schema({
        "required": ["name"],
        "properties": {"a/b": {"items": {"type": "integer"}}, "n": {"minimum": 3}},
    })  # fmt: skip
    keyword, pointer, text, at = schema.check(b'{"a/b": [1, "x"], "n": 2}', pointers=True)
    assert (keyword, pointer, at) == ("type", "/a~1b/1", 12)
    assert text == (
        '[#/a~1b/1: instance type (string) does not match any allowed primitive type (allowed: ["integer"]), '
        "#/n: numeric instance is lower than the required minimum (minimum: 3, found: 2), "
        '#: object has missing required properties (["name"])]'
    )


def test_errors_end_with_the_tenth():
    found = compile_schema({"items": {"type": "null"}}).check(json.dumps([1] * 1000).encode())
    assert found[2].count("instance type") == 10


def test_a_text_that_does_not_fit_says_so():
    schema = {"items": {"enum": ["y" * 900]}}
    found = compile_schema(schema).check(json.dumps(["x" * 900] * 10).encode())
    assert found[2].endswith("...]")
    assert len(found[2]) <= 4096


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "syntax"), (b" ", "syntax"), (b"{", "syntax"), (b"[1,]", "syntax"), (b'{"a":1,}', "syntax"),
        (b"{a:1}", "syntax"), (b"01", "syntax"), (b"+1", "syntax"), (b"1.", "syntax"), (b".5", "syntax"),
        (b"1e", "syntax"), (b"-", "syntax"), (b"NaN", "syntax"), (b"Infinity", "syntax"), (b"nul", "syntax"),
        (b"truex", "syntax"), (b"1 2", "syntax"), (b'"a', "syntax"), (b'"\\x41"', "syntax"), (b'"\\u12g4"', "syntax"),
        (b'"\x01"', "syntax"), (b'"tab\there"', "syntax"), (b"'a'", "syntax"), (b"{}\0", "syntax"),
        (b"\xef\xbb\xbf{}", "syntax"), (b"[1 2]", "syntax"), (b'{"a" 1}', "syntax"), (b"// x\n1", "syntax"),
        (b'"\xff"', "utf-8"), (b'"\xc0\xaf"', "utf-8"), (b'"\xed\xa0\x80"', "utf-8"), (b'"\xf4\x90\x80\x80"', "utf-8"),
        (b'"\xe2\x82"', "utf-8"), (b'"abcdefgh\x80"', "utf-8"), (b'"\xf0\x8f\xbf\xbf"', "utf-8"),
        (b'"\\ud800"', "surrogate"), (b'"\\udc00"', "surrogate"), (b'"\\ud800\\u0041"', "surrogate"),
        (b'"\\ud800\\ud800"', "surrogate"),
        (b'{"a":1,"a":1}', "duplicate"), (b'{"a":1,"\\u0061":1}', "duplicate"),
        (b'{"x":{"a":1,"b":2,"a":1}}', "duplicate"), (b'{"":1,"":1}', "duplicate"),
        (b"[" * 65 + b"]" * 65, "depth"), (b'{"a":' * 65 + b"1" + b"}" * 65, "depth"), (b"[" * 100_000, "depth"),
    ],
)  # fmt: skip
def test_strict_json(body, fault):
    """Whatever the schema: one that knows the names, one that knows nothing."""
    for schema in ({}, {"properties": {"a": {}, "x": {}, "": {}}}):
        assert compile_schema(schema).check(body)[0] == fault


@pytest.mark.parametrize(
    "body",
    [
        b" \t\r\n null \n", b"-0", b"-0.0e-0", b"1E+400", b"1" * 40, b'"\\ud83d\\ude00"', b'"\xf0\x9f\x98\x80"',
        b'"\\"\\\\\\/\\b\\f\\n\\r\\t"', b'{"a":{"a":{"a":1}}}', b'[{"a":1},{"a":1}]', b"[" * 64 + b"]" * 64,
        b'{"":0}', b'"\x7f"', b'"\\u0000"', b"[ ]", b"{ }",
    ],
)  # fmt: skip
def test_what_strict_json_takes(body):
    assert compile_schema({}).check(body) is None
    json.loads(body)


@pytest.mark.parametrize(
    ("bound", "inside", "outside"),
    [
        ({"maximum": 10**40}, [b"1" + b"0" * 40, b"1e40", b"-1e999999999999999"], [b"1" + b"0" * 39 + b"1", b"1e400"]),
        ({"minimum": 0.1}, [b"0.1", b"0.10000000000000000000001", b"1e-1"], [b"0.0999999999999999999999999", b"-0"]),
        ({"minimum": 0}, [b"-0", b"-0.0", b"0e99", b"1e-400"], [b"-1e-400"]),
        ({"multipleOf": 0.0001}, [b"0.0075", b"1e400", b"0", b"12345678901234567890"], [b"0.00751", b"1e-5"]),
        ({"multipleOf": 7}, [b"7e30", b"-14", b"700000000000000000000"], [b"1e30", b"700000000000000000001"]),
        ({"type": "integer"}, [b"-0", b"9" * 400], [b"1.5", b"1.0", b"1e2"]),
    ],
)
def test_numbers_are_exact(bound, inside, outside):
    schema = compile_schema(bound)
    assert [body for body in inside if not schema.holds(body)] == []
    assert [body for body in outside if schema.holds(body)] == []


def test_an_integer_by_value_from_draft_6_on():
    schema = compile_schema({"type": "integer"}, dialect=Dialect.DRAFT7)
    assert [schema.holds(body) for body in (b"1.0", b"1e2", b"1.50e1", b"1.5", b"1e-1", b"0.0")] == [
        True, True, True, False, False, True
    ]  # fmt: skip


def test_aws_mode_ignores_what_the_service_ignores():
    schema = {
        "minimum": 1, "exclusiveMinimum": True, "minItems": 1, "maxItems": 1, "format": "uuid", "discriminator": "x",
    }  # fmt: skip
    for body in (b"1", b"[]", b"[1,2]", b'"x"'):
        assert compile_schema(schema, mode="aws").holds(body)
        assert not compile_schema(schema, mode="strict").holds(body)
    assert not compile_schema(schema, mode="aws").holds(b"0")


def test_openapi_dialect():
    options = {"dialect": Dialect.OPENAPI30}
    schema = compile_schema({"type": "string", "nullable": True}, **options)
    assert (schema.holds(b"null"), schema.holds(b"1")) == (True, False)
    schema = compile_schema({"type": "integer", "format": "int32"}, **options)
    assert [schema.holds(b"%d" % n) for n in (2**31 - 1, 2**31, -(2**31), -(2**31) - 1)] == [True, False, True, False]
    assert compile_schema({"type": "integer", "format": "int32"}, mode="aws", **options).holds(b"%d" % 2**31)
    document = {"components": {"schemas": {"Pet": {"properties": {"friend": {"$ref": "#/components/schemas/Pet"}},
                                                   "required": ["name"]}}}}
    schema = compile_schema({"$ref": "#/components/schemas/Pet"}, document=document, **options)
    assert schema.check(b'{"name":1,"friend":{"name":2,"friend":{}}}')[:2] == ("required", "/friend/friend")


@pytest.mark.parametrize(
    ("schema", "keyword", "where"),
    [
        ({"type": "strnig"}, "type", ("type",)),
        ({"properties": {"a": {"minLength": -1}}}, "minLength", ("properties", "a", "minLength")),
        ({"required": "a"}, "required", ("required",)),
        ({"enum": []}, "enum", ("enum",)),
        ({"items": {"anyOf": []}}, "anyOf", ("items", "anyOf")),
        ({"$ref": "#/nowhere"}, "$ref", ()),
        ({"$ref": "#"}, "$ref", ()),
        ({"allOf": [{"anyOf": [{"$ref": "#"}]}]}, "$ref", ("allOf", 0)),
        ({"multipleOf": 0}, "multipleOf", ("multipleOf",)),
        ({"properties": []}, "properties", ("properties",)),
        ({"additionalProperties": 3}, "schema", ("additionalProperties",)),
    ],
)
def test_broken_schemas(schema, keyword, where):
    with pytest.raises(Malformed) as found:
        compile_schema(schema)
    assert (found.value.keyword, found.value.where) == (keyword, where)


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"pattern": "(?>a)"}, "pattern"), ({"pattern": "a++"}, "pattern"), ({"pattern": "(*FAIL)"}, "pattern"),
        ({"pattern": "\\h"}, "pattern"), ({"pattern": "("}, "pattern"), ({"pattern": "(?i)a"}, "pattern"),
        ({"multipleOf": 1234567890123456789}, "multipleOf"), ({"$ref": "http://elsewhere/x.json"}, "$ref"),
    ],
)  # fmt: skip
def test_what_is_not_compiled(schema, keyword):
    with pytest.raises(Uncompiled) as found:
        compile_schema(schema)
    assert found.value.keyword == keyword


