"""JSON Schema -> the node list that fastgw._core.schema.Schema is built of.

Dialects: draft 4, draft 7 (draft 6 is a part of it) and the Schema Object of OpenAPI 3.0. Unknown keywords are
ignored, as every one of them asks. A `$ref` hides what stands beside it.
"""

import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Literal

from fastgw._core.pcre import pattern_check
from fastgw._core.schema import DEPTH, Schema
from fastgw.plan.pattern import translate
from fastgw.plan.schema_refs import Dialect, Documents, Json, Malformed, Resolve, Uncompiled, Where

Mode = Literal["aws", "strict"]

TYPES = {"null": 1, "boolean": 2, "string": 4, "array": 8, "object": 16, "integer": 32, "number": 64}
ANY = 127
MOST = 0xFFFFFFFF
FORMATS = {
    "date-time": 1, "date": 2, "time": 3, "email": 4, "uuid": 5, "ipv4": 6, "ipv6": 7, "uri": 8, "hostname": 9,
}  # fmt: skip
AWS_FORMATS = ("date-time", "email", "ipv4", "ipv6", "uri", "hostname")
INTEGER_FORMATS = {"int32": 31, "int64": 63}
AWS_IGNORES = frozenset(("exclusiveMinimum", "minItems", "maxItems"))
_DRAFT7_ONLY = frozenset(("const", "contains", "propertyNames", "if", "then", "else"))
_NOT_IN_OPENAPI = frozenset(
    (*_DRAFT7_ONLY, "patternProperties", "dependencies", "additionalItems", "$id", "id", "definitions")
)


def compile_schema(
    schema: Json,
    *,
    dialect: Dialect = Dialect.DRAFT4,
    mode: Mode = "strict",
    formats: bool = True,
    document: Json = None,
    at: Where = (),
    base: str = "",
    resolve: Resolve | None = None,
    depth: int = DEPTH,
) -> Schema:
    """The compiled schema. Raises Malformed, and Uncompiled where a part has no compiled form.

    mode      "aws" ignores what the hosted service ignores (AWS_IGNORES, formats beyond AWS_FORMATS)
    formats   assert them
    document  what `#/...` points into, where it is not the schema itself
    at        the schema's path in the document; errors name their place from the document's root
    base      the document's URI
    resolve   gives the document of a URI that is none of these; raises LookupError where there is none
    depth     how deep a body may be nested
    """
    documents = Documents(dialect, base, schema if document is None else document, resolve)
    compiler = _Compiler(dialect, mode, formats, documents)
    try:
        root = compiler.compile(schema, base, at)
    except RecursionError:
        raise Malformed("schema", at, "is nested too deep") from None
    compiler.check_loops()
    return Schema(compiler.nodes, root, depth)


def _text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


class _Compiler:
    def __init__(self, dialect: Dialect, mode: Mode, formats: bool, documents: Documents):
        self.dialect = dialect
        self.aws = mode == "aws"
        self.formats = formats
        self.nodes: list[dict] = []
        self._documents = documents
        self._numbers: dict[tuple[int, str], int] = {}  # by the schema's identity and base
        self._kept: list[Json] = []  # so that an identity stays one
        self._where: list[Where] = []
        self._in_place: dict[int, list[int]] = {}

    def compile(self, schema: Json, base: str, where: Where) -> int:
        """The node's number; a schema that is met again is the same node."""
        seen: set[int] = set()
        while isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
            if id(schema) in seen:
                raise Malformed("$ref", where, "refers to itself")
            seen.add(id(schema))
            base = self._documents.base_of(schema, base)
            schema, base, where = self._documents.target(schema["$ref"], base, where)
        if not isinstance(schema, dict | bool):
            raise Malformed("schema", where, "must be an object, true or false")
        base = self._documents.base_of(schema, base)
        key = (id(schema), base)
        if key in self._numbers:
            return self._numbers[key]
        number = self._numbers[key] = len(self.nodes)
        self._kept.append(schema)
        self._where.append(where)
        self.nodes.append({})
        self.nodes[number].update(_Node(self, schema, base, where, number).build())
        return number

    def in_place(self, number: int, others: list[int]) -> None:
        self._in_place.setdefault(number, []).extend(others)

    def check_loops(self) -> None:
        """A schema that holds a value against itself, without a step into the value, would never end."""
        state: dict[int, int] = {}
        for start in self._in_place:
            stack = [(start, iter(self._in_place[start]))]
            if state.get(start):
                continue
            state[start] = 1
            while stack:
                number, rest = stack[-1]
                following = next(rest, None)
                if following is None:
                    state[number] = 2
                    stack.pop()
                elif state.get(following) == 1:
                    raise Malformed("$ref", self._where[following], "holds a value against itself without end")
                elif not state.get(following):
                    state[following] = 1
                    stack.append((following, iter(self._in_place.get(following, ()))))


class _Node:
    """One schema, keyword by keyword."""

    def __init__(self, compiler: _Compiler, schema: dict | bool, base: str, where: Where, number: int):
        self.compiler = compiler
        self.base = base
        self.where = where
        self.number = number
        self.never = schema is False
        self.schema: dict[str, Json] = {}
        if isinstance(schema, dict):
            dropped = AWS_IGNORES if compiler.aws else frozenset()
            if compiler.dialect is Dialect.DRAFT4:
                dropped |= _DRAFT7_ONLY
            elif compiler.dialect is Dialect.OPENAPI30:
                dropped |= _NOT_IN_OPENAPI
            self.schema = {key: value for key, value in schema.items() if key not in dropped}

    def build(self) -> dict:
        spec: dict = {"whole_by_value": self.compiler.dialect is Dialect.DRAFT7} | self._types()
        for name, build in (
            ("choices", self._choices), ("number", self._number), ("string", self._string), ("array", self._array),
            ("object", self._object), ("combined", self._combined),
        ):  # fmt: skip
            part = build()
            if part is not None:
                spec[name] = part
        return spec

    # --- readers of keyword values

    def _has(self, *keywords: str) -> bool:
        return any(keyword in self.schema for keyword in keywords)

    def _bad(self, keyword: str, what: str) -> Malformed:
        return Malformed(keyword, (*self.where, keyword), what)

    def _count(self, keyword: str, default: int) -> int:
        value = self.schema.get(keyword, default)
        if not _is_number(value) or value != int(value) or value < 0:  # type: ignore[arg-type,operator]
            raise self._bad(keyword, "must be a whole number of at least 0")
        return min(int(value), MOST)  # type: ignore[arg-type]

    def _flag(self, keyword: str) -> bool:
        value = self.schema.get(keyword, False)
        if not isinstance(value, bool):
            raise self._bad(keyword, "must be true or false")
        return value

    def _map(self, keyword: str) -> dict[str, Json]:
        value = self.schema.get(keyword, {})
        if not isinstance(value, dict):
            raise self._bad(keyword, "must be an object")
        return value

    def _names(self, keyword: str, value: Json) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise self._bad(keyword, "must be a list of names")
        return sorted(set(value))  # type: ignore[arg-type]

    def _one(self, keyword: str) -> int | None:
        return self._sub(self.schema[keyword], keyword) if keyword in self.schema else None

    def _sub(self, schema: Json, *where: str | int) -> int:
        return self.compiler.compile(schema, self.base, (*self.where, *where))

    def _list(self, keyword: str) -> list[int]:
        value = self.schema.get(keyword)
        if keyword not in self.schema:
            return []
        if not isinstance(value, list) or not value:
            raise self._bad(keyword, "must be a list of at least one schema")
        return [self._sub(one, keyword, at) for at, one in enumerate(value)]

    def _pattern(self, pattern: Json, keyword: str) -> bytes:
        if not isinstance(pattern, str):
            raise self._bad(keyword, "must be text")
        try:
            translated = translate(pattern)
            pattern_check(translated)
            return translated
        except ValueError as problem:
            raise Uncompiled("pattern", (*self.where, keyword), f"{pattern!r}: {problem}") from None

    # --- keywords

    def _types(self) -> dict:
        if self.never:
            return {"types": 0, "types_text": b"[]"}
        if "type" not in self.schema:
            return {"types": ANY, "types_text": b"[]"}
        value = self.schema["type"]
        names = value if isinstance(value, list) else [value]
        if not names or not all(isinstance(name, str) and name in TYPES for name in names):
            raise self._bad("type", f"must be one of {', '.join(TYPES)}, or a list of them")
        if self.compiler.dialect is Dialect.OPENAPI30 and self._flag("nullable"):
            names = [*names, "null"]
        told = set(names) | ({"integer"} if "number" in names else set())
        types = 0
        for name in names:
            types |= TYPES[name]  # type: ignore[index]
        return {"types": types, "types_text": _text(sorted(told)).encode()}  # type: ignore[type-var]

    def _choices(self) -> dict | None:
        if not self._has("enum", "const"):
            return None
        values = self.schema.get("enum")
        if "enum" in self.schema and (not isinstance(values, list) or not values):
            raise self._bad("enum", "must be a list of at least one value")
        if self._has("enum") and self._has("const"):
            raise Uncompiled("const", (*self.where, "const"), "beside enum")
        if "const" in self.schema:
            values = [self.schema["const"]]
        return {
            "const": "const" in self.schema,
            "null": any(value is None for value in values),
            "true": any(value is True for value in values),
            "false": any(value is False for value in values),
            "strings": sorted({value.encode() for value in values if isinstance(value, str)}),
            "values": [_text(v).encode() for v in values if _is_number(v) or isinstance(v, list | dict)],
            "text": _text(values).encode(),
        }

    def _number(self) -> dict | None:
        bits = INTEGER_FORMATS.get(str(self.schema.get("format"))) if self._asserts_integers() else None
        if not bits and not self._has("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"):
            return None
        least, most = self._bound("minimum", "exclusiveMinimum", max), self._bound("maximum", "exclusiveMaximum", min)
        if bits:
            lowest, highest = (Decimal(-(2**bits)), False), (Decimal(2**bits - 1), False)
            least = least if least and least[0] >= lowest[0] else lowest
            most = most if most and most[0] <= highest[0] else highest
        return {
            "least": least and (_digits(least[0]), least[1]),
            "most": most and (_digits(most[0]), most[1]),
            "multiple": self._multiple(),
        }

    def _asserts_integers(self) -> bool:
        return self.compiler.formats and not self.compiler.aws and self.compiler.dialect is Dialect.OPENAPI30

    def _bound(self, keyword: str, exclusive: str, narrower: Callable) -> tuple[Decimal, bool] | None:
        """The narrower of the two bounds and whether it is exclusive: a flag until draft 4, a bound from draft 6."""
        limit = self.schema.get(keyword)
        if limit is not None and not _is_number(limit):
            raise self._bad(keyword, "must be a number")
        other = self.schema.get(exclusive)
        if self.compiler.dialect is not Dialect.DRAFT7:
            return (Decimal(str(limit)), self._flag(exclusive)) if limit is not None else None
        if other is not None and not _is_number(other):
            raise self._bad(exclusive, "must be a number")
        bounds = [(Decimal(str(one)), flag) for one, flag in ((other, True), (limit, False)) if one is not None]
        return narrower(bounds, key=lambda bound: bound[0]) if bounds else None

    def _multiple(self) -> tuple[bytes, int, int] | None:
        value = self.schema.get("multipleOf")
        if "multipleOf" not in self.schema:
            return None
        if not _is_number(value) or value <= 0:  # type: ignore[operator]
            raise self._bad("multipleOf", "must be a number above 0")
        _, digits, exponent = Decimal(str(value)).as_tuple()
        text = "".join(map(str, digits)).lstrip("0")
        short = text.rstrip("0")
        if len(short) > 18:
            raise Uncompiled("multipleOf", (*self.where, "multipleOf"), "more than 18 digits")
        return _digits(Decimal(str(value))), int(short), int(exponent) + len(text) - len(short)

    def _format(self) -> int:
        name = self.schema.get("format")
        if not self.compiler.formats or not isinstance(name, str):
            return 0
        if self.compiler.aws and name not in AWS_FORMATS:
            return 0
        return FORMATS.get(name, 0)

    def _string(self) -> dict | None:
        form = self._format()
        if not form and not self._has("minLength", "maxLength", "pattern"):
            return None
        pattern = None
        if "pattern" in self.schema:
            pattern = (self._pattern(self.schema["pattern"], "pattern"), str(self.schema["pattern"]).encode())
        return {
            "least": self._count("minLength", 0),
            "most": self._count("maxLength", MOST),
            "format": form,
            "pattern": pattern,
        }

    def _array(self) -> dict | None:
        if not self._has("items", "additionalItems", "contains", "minItems", "maxItems", "uniqueItems"):
            return None
        items = self.schema.get("items", {})
        heads: list[int] = []
        if isinstance(items, list):
            heads = [self._sub(one, "items", at) for at, one in enumerate(items)]
            rest = self._sub(self.schema.get("additionalItems", True), "additionalItems")
        else:
            rest = self._sub(items, "items")
        return {
            "heads": heads,
            "items": rest,
            "contains": self._one("contains"),
            "least": self._count("minItems", 0),
            "most": self._count("maxItems", MOST),
            "unique": self._flag("uniqueItems"),
        }

    def _object(self) -> dict | None:
        if not self._has(
            "properties", "patternProperties", "additionalProperties", "required", "propertyNames", "dependencies",
            "minProperties", "maxProperties",
        ):  # fmt: skip
            return None
        properties = self._map("properties")
        required = self._names("required", self.schema.get("required", []))
        dependencies = self._map("dependencies")
        needs = {
            trigger: self._names("dependencies", asked)
            for trigger, asked in dependencies.items()
            if isinstance(asked, list)
        }
        names = sorted({*properties, *required, *dependencies, *(name for all in needs.values() for name in all)},
                       key=lambda name: name.encode())
        numbers = {name: at for at, name in enumerate(names)}
        spelling = self._one("propertyNames")
        built = []
        for trigger, asked in dependencies.items():
            node = None if trigger in needs else self._sub(asked, "dependencies", trigger)
            if node is not None:
                self.compiler.in_place(self.number, [node])
            listed = needs.get(trigger, [])
            built.append((numbers[trigger], [numbers[name] for name in listed], node, _text(listed).encode()))
        return {
            "names": [
                (
                    name.encode(),
                    _text(name).encode(),
                    self._sub(properties[name], "properties", name) if name in properties else None,
                )
                for name in names
            ],
            "required": [numbers[name] for name in required],
            "others": self._sub(self.schema.get("additionalProperties", True), "additionalProperties"),
            "patterns": [
                (self._pattern(pattern, "patternProperties"), self._sub(one, "patternProperties", pattern))
                for pattern, one in self._map("patternProperties").items()
            ],
            "spelling": spelling,
            "dependencies": built,
            "least": self._count("minProperties", 0),
            "most": self._count("maxProperties", MOST),
        }

    def _combined(self) -> dict | None:
        if not self._has("allOf", "anyOf", "oneOf", "not", "if"):
            return None
        condition = self._one("if")
        spec = {
            "all": self._list("allOf"),
            "any": self._list("anyOf"),
            "one": self._list("oneOf"),
            "not": self._one("not"),
            "if": condition,
            "then": self._one("then") if condition is not None else None,
            "else": self._one("else") if condition is not None else None,
        }
        for part in spec.values():
            self.compiler.in_place(self.number, part if isinstance(part, list) else [] if part is None else [part])
        return spec


def _digits(number: Decimal) -> bytes:
    """As it would be written: whole numbers in full where that is short."""
    if number == number.to_integral_value() and number.adjusted() < 40:
        return f"{int(number)}".encode()
    return re.sub(r"E\+?", "e", str(number)).encode()
