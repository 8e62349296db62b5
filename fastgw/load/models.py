"""JSON Schemas of a definition -> model.Schema: checked keyword by keyword, every $ref inside the schema itself.

Source of the keywords: JSON Schema draft 4 (validation, fge 2013), OpenAPI 3.0 "Schema Object", and for OpenAPI 3.1
JSON Schema 2020-12. What a later one says in other words is put into the words of draft 4 and draft 7.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from fastgw.load.document import View
from fastgw.load.guards import Guards
from fastgw.load.problem import did_you_mean, nearest, one_of, shown
from fastgw.load.reader import MAX_REFERENCES, Reader
from fastgw.model.place import Place
from fastgw.model.validation import Schema

_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_REMOTE = re.compile(r"https?://apigateway\.[a-z0-9.-]*amazonaws\.com(?:\.cn)?/restapis/[^/]+/models/([^/#?]+)")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")

ANNOTATIONS = frozenset((
    "$comment", "$id", "$schema", "contentEncoding", "contentMediaType", "default", "deprecated", "description",
    "discriminator", "example", "examples", "externalDocs", "id", "readOnly", "title", "writeOnly", "xml",
))
"""Keywords that no request fails."""

IGNORED = ("exclusiveMinimum", "maxItems", "minItems", "format", "default", "discriminator", "example", "readOnly")
"""Keywords that the service takes no notice of (SPEC, "Validators"), of format only the following."""

_IGNORED_FORMATS = ("date", "int32", "int64", "time", "uuid")
"""Known here and not to draft 4."""

MAX_SCHEMAS = 100_000
"""Schemas of an API's models, each model counted with all that it leads to: it bounds the time to compile them."""

_DRAFT4_ONLY = frozenset(("additionalItems", "dependencies", "patternProperties"))
"""Not in OpenAPI 3.0, but known to the service, for which models are of draft 4."""

_LATER = frozenset((
    "$defs", "const", "contains", "dependentRequired", "dependentSchemas", "else", "if", "maxContains", "minContains",
    "prefixItems", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
))
"""Neither in draft 4 nor in OpenAPI 3.0."""

_UNCHECKED = frozenset(("maxContains", "minContains", "unevaluatedItems", "unevaluatedProperties"))
"""Keywords of OpenAPI 3.1 that nothing here checks."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One schema with its references renamed. refs: names of the parts that it leads to; size in schemas."""

    value: object
    refs: tuple[str, ...]
    size: int


@dataclass(slots=True)
class _Note:
    view: View
    count: int = 0


@dataclass(slots=True)
class _Walk:
    """One part while it is read. home: the model it belongs to, where "#/definitions" may mean its own."""

    home: View
    refs: dict[str, None] = field(default_factory=dict)
    size: int = 0


class Models:
    """Each schema is read once, however many operations use it. strict: some stage enforces every keyword."""

    def __init__(self, reader: Reader, root: View, strict: bool, guards: Guards) -> None:
        self._reader = reader
        self._root = root
        self._strict = strict
        self._guards = guards
        self._dialect = _dialect(root)
        self._parts: dict[tuple, _Part] = {}
        self._names: dict[tuple, str] = {}
        self._targets: dict[str, tuple[View, View]] = {}
        self._read: dict[tuple, Schema] = {}
        self._notes: dict[str, _Note] = {}
        self._size = 0

    def read(self, view: View) -> Schema:
        """What is wrong with it is reported; then the result is not to be used."""
        named = self._target(view, view) if isinstance(view.value, dict) and list(view.value) == ["$ref"] else None
        stands = named[0] if named is not None else view
        if stands.path not in self._read:
            self._read[stands.path] = self._whole(view, stands.place)
        return self._read[stands.path]

    def report_ignored(self) -> None:
        """Say which keywords of what was read have no effect where requests are checked as the service does it."""
        for name in IGNORED:
            note = self._notes.get(name)
            if note is not None:
                places = f" ({note.count} places, the first of them here)" if note.count > 1 else ""
                self._reader.problems.warning(
                    note.view.key_place, "ignored-keyword", f"{name} is ignored by the service and so where "
                    f'validation is "aws"{places}; "strict" {_what_strict_does(name)}')

    def _whole(self, view: View, place: Place) -> Schema:
        first = self._part(view, view)
        found: dict[str, object] = {}
        open_names = list(first.refs)
        self._size += first.size
        while open_names and self._size <= MAX_SCHEMAS:
            name = open_names.pop()
            if name not in found:
                part = self._part(*self._targets[name])
                found[name] = part.value
                open_names += part.refs
                self._size += part.size
        if self._size > MAX_SCHEMAS:
            self._reader.problems.error(self._root.place, "too-large", f"models have more than {MAX_SCHEMAS:,} "
                                        "schemas, each counted with those it leads to")
        value = first.value if isinstance(first.value, dict) else {} if first.value else {"not": {}}
        whole = {**value, "definitions": dict(sorted(found.items()))} if found else value
        return Schema(_name_of(view, value), whole, self._dialect, place)

    def _part(self, view: View, home: View) -> _Part:
        if view.path not in self._parts:
            walk = _Walk(home)
            self._parts[view.path] = _Part(self._schema(view, walk), tuple(walk.refs), walk.size)
        return self._parts[view.path]

    def _schema(self, view: View, walk: _Walk) -> object:
        walk.size += 1
        if isinstance(view.value, bool) and self._dialect == "draft7":
            return view.value
        if self._reader.mapping(view) is None:
            return {}
        found: dict[str, object] = {}
        if view.get("$ref") is not None:
            found["$ref"] = self._reference(view, walk)
            if self._dialect != "draft7":
                return found
        for key, value in view.items():
            if key in _KEYWORDS:
                read = _KEYWORDS[key](self, value, walk)
                if self._counts(key, value):
                    found[key] = read
            elif key not in ANNOTATIONS and not key.startswith(("x-", "X-")) and key != "$ref":
                self._unknown(key, value)
            if key in IGNORED and (key != "format" or value.value in _IGNORED_FORMATS):
                self._notes.setdefault(key, _Note(value)).count += 1
        return _in_older_words(found, self._dialect)

    def _counts(self, key: str, value: View) -> bool:
        """Whether a keyword is one of the dialect; what is lost with one that is not is told."""
        if key in ("definitions", "$defs"):
            return False        # what a $ref leads to is part of the result
        if self._dialect == "draft7":
            if key in _UNCHECKED:
                self._guards.demand("validator", f"{key} in a schema", value.key_place, 1)
            return key not in _UNCHECKED
        if key in _LATER or (key in _DRAFT4_ONLY and self._dialect == "openapi3.0" and self._strict):
            where = ' where validation is "strict"' if key in _DRAFT4_ONLY else ""
            self._reader.problems.warning(value.key_place, "no-effect", f"{key} is no keyword of a schema in this "
                                          f"version of OpenAPI and is ignored{where}")
        return key not in _LATER

    def _unknown(self, key: str, value: View) -> None:
        meant = nearest(key, _KEYWORDS, 0.8) is not None
        report = self._reader.problems.error if meant else self._reader.problems.warning
        report(value.key_place, "unknown-field", f"{shown(key)} is no keyword of a schema"
               f"{'' if meant else ' and is ignored'}{did_you_mean(key, _KEYWORDS)}")

    # --- references

    def _reference(self, view: View, walk: _Walk) -> str:
        """The reference as it stands in the result."""
        target = self._target(view, walk.home)
        if target is None:
            return "#"
        found, home = target
        name = self._names.get(found.path)
        if name is None:
            name = self._names[found.path] = self._free_name(found)
            self._targets[name] = (found, home)
        walk.refs[name] = None
        return f"#/definitions/{name}"

    def _target(self, view: View, home: View) -> tuple[View, View] | None:
        """What a $ref leads to and the model that is part of; a $ref that leads to nothing else is followed."""
        for _ in range(MAX_REFERENCES):
            reference = view.get("$ref")
            text = self._reader.text(reference)
            if text is None:
                return None
            found = self._look_up(text, home)
            if found is None:
                self._lost(reference, text)
                return None
            if found.path[: len(home.path)] != home.path:
                home = found
            if found.get("$ref") is None or self._dialect == "draft7":
                return found, home
            view = found
        self._reader.problems.error(view.place, "reference-loop", "this $ref leads in a circle")
        return None

    def _look_up(self, text: str, home: View) -> View | None:
        remote = _REMOTE.fullmatch(text)
        if remote is not None:
            return next((view for view in self._components() if view.path[-1] == unquote(remote[1])), None)
        if not text.startswith("#"):
            return None
        if text == "#":
            return home
        return _at(self._root, text[1:]) or _at(home, text[1:])

    def _lost(self, reference: View, text: str) -> None:
        known = [view.path[-1] for view in self._components()]
        name = unquote(text.rpartition("/")[2])
        if not text.startswith("#") and _REMOTE.fullmatch(text) is None:
            self._reader.problems.error(reference.place, "outside-reference", f"$ref {shown(text)} leads out of this "
                                        "file; only references inside it (#/...) are followed")
            return
        self._reader.problems.error(reference.place, "broken-reference",
                                    f"$ref {shown(text)} finds no {shown(name)}{did_you_mean(name, known)}")

    def _components(self) -> Iterator[View]:
        components = self._root.get("components")
        for holder in (components.get("schemas") if components is not None else None, self._root.get("definitions")):
            for _, view in holder.items() if holder is not None else ():
                yield view

    def _free_name(self, view: View) -> str:
        name = str(view.path[-1]) if view.path else ""
        if _PLAIN_NAME.fullmatch(name) is None or name in self._targets:
            name = f"part.{len(self._targets) + 1}"
        return name

    # --- keywords: each gives the value as the result holds it

    def _wrong(self, view: View, wanted: str, hint: str = "") -> None:
        self._reader.problems.error(view.place, "bad-schema",
                                    f"{view.name} must be {wanted}, found {shown(view.value)}{hint}")

    def _any(self, view: View, walk: _Walk) -> object:
        return view.value

    def _text(self, view: View, walk: _Walk) -> object:
        if not isinstance(view.value, str):
            self._wrong(view, "a text")
        return view.value

    def _flag(self, view: View, walk: _Walk) -> object:
        if not isinstance(view.value, bool):
            self._wrong(view, "true or false")
        return view.value

    def _number(self, view: View, walk: _Walk) -> object:
        if isinstance(view.value, bool) or not isinstance(view.value, int | float):
            self._wrong(view, "a number")
        return view.value

    def _multiple(self, view: View, walk: _Walk) -> object:
        if isinstance(view.value, bool) or not isinstance(view.value, int | float) or view.value <= 0:
            self._wrong(view, "a number above 0")
        return view.value

    def _exclusive(self, view: View, walk: _Walk) -> object:
        """A flag beside minimum or maximum, and from draft 6 on a bound of its own."""
        return self._number(view, walk) if self._dialect == "draft7" else self._flag(view, walk)

    def _count(self, view: View, walk: _Walk) -> object:
        value = view.value
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self._wrong(view, "a whole number from 0")
        return value

    def _names_list(self, view: View, walk: _Walk) -> object:
        value = view.value
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            self._wrong(view, "a list of names")
        elif len(set(value)) < len(value):
            self._wrong(view, "a list of different names")
        return value

    def _type(self, view: View, walk: _Walk) -> object:
        names = view.value if isinstance(view.value, list) and view.value else [view.value]
        for name in names:
            if name not in _TYPES:
                hint = did_you_mean(name, _TYPES) if isinstance(name, str) else ""
                self._wrong(view, f"{one_of(_TYPES)}, or a list of them", hint)
        return view.value

    def _values(self, view: View, walk: _Walk) -> object:
        if not isinstance(view.value, list) or not view.value:
            self._wrong(view, "a list of at least one value")
        return view.value

    def _list(self, view: View, walk: _Walk) -> object:
        if not isinstance(view.value, list) or not view.value:
            self._wrong(view, "a list of at least one schema")
        return [self._schema(item, walk) for item in view.elements()]

    def _map(self, view: View, walk: _Walk) -> object:
        if not isinstance(view.value, dict):
            self._wrong(view, "a mapping of names to schemas")
        return {name: self._schema(value, walk) for name, value in view.items()}

    def _items(self, view: View, walk: _Walk) -> object:
        if isinstance(view.value, list):
            return [self._schema(item, walk) for item in view.elements()]
        return self._schema(view, walk)

    def _open(self, view: View, walk: _Walk) -> object:
        return view.value if isinstance(view.value, bool) else self._schema(view, walk)

    def _dependencies(self, view: View, walk: _Walk) -> object:
        if not isinstance(view.value, dict):
            self._wrong(view, "a mapping of names to schemas or lists of names")
        return {name: self._names_list(value, walk) if isinstance(value.value, list) else self._schema(value, walk)
                for name, value in view.items()}

    def _required_by(self, view: View, walk: _Walk) -> object:
        if not isinstance(view.value, dict):
            self._wrong(view, "a mapping of names to lists of names")
        return {name: self._names_list(value, walk) for name, value in view.items()}


_Read = Callable[[Models, View, _Walk], object]

_KEYWORDS: dict[str, _Read] = {
    "type": Models._type, "enum": Models._values, "const": Models._any, "nullable": Models._flag,
    "multipleOf": Models._multiple, "minimum": Models._number, "maximum": Models._number,
    "exclusiveMinimum": Models._exclusive, "exclusiveMaximum": Models._exclusive,
    "minLength": Models._count, "maxLength": Models._count, "pattern": Models._text, "format": Models._text,
    "items": Models._items, "prefixItems": Models._list, "additionalItems": Models._open, "contains": Models._schema,
    "minContains": Models._count, "maxContains": Models._count,
    "minItems": Models._count, "maxItems": Models._count, "uniqueItems": Models._flag,
    "properties": Models._map, "patternProperties": Models._map, "additionalProperties": Models._open,
    "propertyNames": Models._schema, "required": Models._names_list,
    "minProperties": Models._count, "maxProperties": Models._count,
    "dependencies": Models._dependencies, "dependentRequired": Models._required_by, "dependentSchemas": Models._map,
    "unevaluatedItems": Models._open, "unevaluatedProperties": Models._open,
    "allOf": Models._list, "anyOf": Models._list, "oneOf": Models._list, "not": Models._schema,
    "if": Models._schema, "then": Models._schema, "else": Models._schema,
    "definitions": Models._map, "$defs": Models._map,
}
"""Keyword -> how its value is checked and read."""


def _dialect(root: View) -> str:
    if root.get("swagger") is not None:
        return "draft4"
    return "draft7" if str((root.get("openapi") or root).value).startswith("3.1") else "openapi3.0"


def _in_older_words(found: dict[str, object], dialect: str) -> dict[str, object]:
    """The same in the keywords of draft 4 (of OpenAPI 3.0) and of draft 7 (of OpenAPI 3.1)."""
    if dialect == "openapi3.0" and found.pop("nullable", False) and "type" in found:
        found["type"] = [found["type"], "null"]
    if dialect != "draft7":
        return found
    if "$ref" in found and len(found) > 1:
        found["allOf"] = [{"$ref": found.pop("$ref")}, *found.get("allOf", ())]
    if "prefixItems" in found:
        found["additionalItems"] = found.pop("items", True)
        found["items"] = found.pop("prefixItems")
    needs = {**found.pop("dependentSchemas", {}), **found.get("dependencies", {})}
    for name, names in found.pop("dependentRequired", {}).items():
        needs[name] = {"allOf": [needs[name], {"required": names}]} if name in needs else names
    return {**found, "dependencies": needs} if needs else found


def _at(root: View, pointer: str) -> View | None:
    """RFC 6901, the pointer of a URI fragment."""
    found: View | None = root
    parts = unquote(pointer).split("/")
    for part in parts[1:]:
        if found is None:
            return None
        key = part.replace("~1", "/").replace("~0", "~")
        below = found.get(key)
        if below is None and key.isdecimal():
            below = next((item for item in found.elements() if item.path[-1] == int(key)), None)
        found = below
    return found if parts[0] == "" else None


def _name_of(view: View, value: dict) -> str:
    reference = value.get("$ref")
    if isinstance(reference, str) and reference != "#":
        return reference.rpartition("/")[2]
    return str(view.path[-1]) if view.path and view.path[-1] != "schema" else "the body's schema"


def _what_strict_does(name: str) -> str:
    return "has no use for it either" if name in ANNOTATIONS else "enforces it"
