"""model.Schema -> schemas of a document, each shared part once."""

from collections.abc import Mapping

from fastgw.load.exports.spelt import Unspeakable
from fastgw.model.validation import Schema

_DATA = ("enum", "const", "default")
"""Keywords whose values are no schemas."""
_START = "#/definitions/"


class Schemas:
    """Collects what schemas lead to. start: where the document has its shared ones, "#/components/schemas/".

    nullable: the format has this word for what else is a list of types
    """

    def __init__(self, start: str, nullable: bool) -> None:
        self._start = start
        self._nullable = nullable
        self.shared: dict[str, object] = {}

    def write(self, schema: Schema) -> object:
        """Raises Unspeakable where two models of one name differ."""
        value = dict(schema.value)
        for name, part in value.pop("definitions", {}).items():
            written = self._written(part, schema.dialect)
            if self.shared.setdefault(name, written) != written:
                raise Unspeakable(f"two models named {name}")
        return self._written(value, schema.dialect)

    def _written(self, value: object, dialect: str) -> object:
        if isinstance(value, list):
            return [self._written(item, dialect) for item in value]
        if not isinstance(value, Mapping):
            return value
        reference = value.get("$ref")
        if isinstance(reference, str) and reference.startswith(_START):
            value = {**value, "$ref": self._start + reference.removeprefix(_START)}
        found = {key: part if key in _DATA else self._named(part, dialect) if key in _NAMED else
                 self._written(part, dialect) for key, part in value.items()}
        if self._nullable and dialect == "openapi3.0":
            match found.get("type"):
                case [kind, "null"]:
                    found |= {"type": kind, "nullable": True}
        return found

    def _named(self, value: object, dialect: str) -> object:
        """Names to schemas: a name may be that of a keyword."""
        if not isinstance(value, Mapping):
            return value
        return {name: self._written(part, dialect) for name, part in value.items()}


_NAMED = ("properties", "patternProperties", "dependencies")
