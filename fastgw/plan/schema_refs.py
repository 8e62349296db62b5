"""JSON Schema documents: their dialects, their names ($id) and what a `$ref` points at."""

from collections.abc import Callable, Iterator
from enum import Enum
from urllib.parse import unquote, urldefrag, urljoin

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Where = tuple[str | int, ...]
Resolve = Callable[[str], Json]


class Dialect(Enum):
    """How a schema is read."""

    DRAFT4 = "draft4"
    DRAFT7 = "draft7"
    OPENAPI30 = "openapi30"


class SchemaError(ValueError):
    """keyword and where: the path from the schema's root to it."""

    def __init__(self, keyword: str, where: Where, what: str):
        super().__init__(f"{keyword} at {pointer(where)}: {what}")
        self.keyword = keyword
        self.where = where
        self.what = what


class Malformed(SchemaError):
    """The keyword's value is not what the dialect allows: the schema is broken."""


class Uncompiled(SchemaError):
    """The schema may be right, but this part of it has no compiled form."""


def pointer(where: Where) -> str:
    """RFC 6901, as a URI fragment's text."""
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in where)


def _children(schema: Json) -> Iterator[Json]:
    """Schemas within a schema, where an `$id` may stand."""
    if not isinstance(schema, dict):
        return
    for key in ("additionalItems", "additionalProperties", "contains", "propertyNames", "not", "if", "then", "else"):
        if key in schema:
            yield schema[key]
    for key in ("properties", "patternProperties", "dependencies", "definitions"):
        if isinstance(schema.get(key), dict):
            yield from schema[key].values()
    for key in ("items", "allOf", "anyOf", "oneOf"):
        value = schema.get(key)
        if isinstance(value, list):
            yield from value
        elif key in schema:
            yield value


def _join(base: str, reference: str) -> str:
    """RFC 3986 section 5.2; a fragment alone stays in its document, also where that is a URN."""
    return urldefrag(base)[0] + reference if reference.startswith("#") else urljoin(base, reference)


class Documents:
    """What references can reach: the schema's own document, and those that resolve gives.

    resolve is given a URI without fragment and raises LookupError where it knows none.
    """

    def __init__(self, dialect: Dialect, base: str, document: Json, resolve: Resolve | None):
        self._id = {Dialect.DRAFT4: "id", Dialect.DRAFT7: "$id"}.get(dialect)
        self._own = urldefrag(base)[0]
        self._resolve = resolve
        self._roots: dict[str, Json] = {}  # documents and named schemas
        self._bases: dict[int, str] = {}  # by identity, of schemas
        self._kept: list[Json] = []  # so that an identity stays one
        self._add(base, document)

    def base_of(self, schema: Json, otherwise: str) -> str:
        """The URI that references within the schema are relative to."""
        return self._bases.get(id(schema), otherwise)

    def target(self, reference: str, base: str, where: Where) -> tuple[Json, str, Where]:
        """What a reference points at, the base around it, and where it stands."""
        full = _join(base, reference)
        uri, fragment = urldefrag(full)
        if uri not in self._roots:
            self._load(uri, where)
        if fragment and not fragment.startswith("/"):
            if full not in self._roots:
                raise Malformed("$ref", where, f"{reference} points nowhere")
            return self._roots[full], uri, where
        found, base = self._roots[uri], uri
        at: Where = () if uri == self._own else (uri,)
        for part in fragment.split("/")[1:]:
            part = unquote(part).replace("~1", "/").replace("~0", "~")
            base = self.base_of(found, base)
            try:
                step: str | int = int(part) if isinstance(found, list) else part
                found = found[step]  # type: ignore[index]
            except (KeyError, IndexError, ValueError, TypeError):
                raise Malformed("$ref", where, f"{reference} points nowhere") from None
            at = (*at, step)
        return found, base, at

    def _add(self, uri: str, document: Json) -> None:
        self._roots[urldefrag(uri)[0]] = document
        todo = [(document, uri)]
        while todo:
            schema, base = todo.pop()
            if not isinstance(schema, dict) or id(schema) in self._bases:
                continue
            base = self._bases[id(schema)] = self._name(schema, base)
            self._kept.append(schema)
            todo += [(child, base) for child in _children(schema)]

    def _name(self, schema: dict[str, Json], base: str) -> str:
        """Note the schema's own name, if it has one; the base within it."""
        name = schema.get(self._id) if self._id and "$ref" not in schema else None
        if not isinstance(name, str):
            return base
        full = _join(base, name)
        uri, fragment = urldefrag(full)
        self._roots.setdefault(full if fragment else uri, schema)
        return base if name.startswith("#") else uri

    def _load(self, uri: str, where: Where) -> None:
        if self._resolve is None:
            raise Uncompiled("$ref", where, f"{uri} is not in this document")
        try:
            document = self._resolve(uri)
        except LookupError:
            raise Uncompiled("$ref", where, f"{uri} is not known") from None
        self._add(uri, document)
