"""A model -> its compiled check; where a part of it has no compiled form, a check in Python behind a door."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import fastjsonschema

from fastgw._core.schema import Schema as Compiled
from fastgw.model.validation import Mode, Schema
from fastgw.plan.schema import AWS_IGNORES, compile_schema
from fastgw.plan.schema_refs import Dialect, SchemaError, Uncompiled, pointer

Step = Callable[[bytes], str | None]

_DRAFT = {"draft7": "http://json-schema.org/draft-07/schema#"}
_DRAFT4 = "http://json-schema.org/draft-04/schema#"
_RUNS_PATTERNS = ("pattern", "patternProperties")


class BadModel(ValueError):
    """A model that nothing here can check; place is where it stands."""

    def __init__(self, schema: Schema, what: object, more: str = ""):
        name = schema.name
        if isinstance(what, SchemaError):
            name, at = _named(schema, what)
            what = f"{at}: {what.what}"
        self.place = schema.place
        self.message = f"model {name}: {what}{more}"
        super().__init__(f"{self.place}: error: {self.message}")


@dataclass(frozen=True, slots=True)
class Check:
    """program  checks the body's bytes: all of the model, or that they are JSON where there is a step
    step     takes the body and gives None, or what is wrong with it
    why      what of the model has no compiled form, for messages
    """

    program: Compiled
    step: Step | None = None
    why: str = ""


def compile_model(schema: Schema, mode: Mode) -> Check:
    """Raises BadModel."""
    try:
        return Check(compile_schema(schema.value, dialect=_dialect(schema, mode), mode=mode.value))
    except Uncompiled as lost:
        return _in_python(schema, mode, lost)
    except SchemaError as wrong:
        raise BadModel(schema, wrong) from None


def _dialect(schema: Schema, mode: Mode) -> Dialect:
    """For the service a model is one of draft 4, whatever the definition's version."""
    if schema.dialect == "draft7":
        return Dialect.DRAFT7
    return Dialect.OPENAPI30 if schema.dialect == "openapi3.0" and mode is Mode.STRICT else Dialect.DRAFT4


def _in_python(schema: Schema, mode: Mode, lost: Uncompiled) -> Check:
    """A pattern on the interpreter's engine can take for ever on a body of a few bytes: such a model is refused."""
    value = _without_ignored(schema.value) if mode is Mode.AWS else schema.value
    if _has_patterns(value):
        raise BadModel(schema, lost, ", and what has patterns is not checked in Python") from None
    try:
        held = fastjsonschema.compile({**value, "$schema": _DRAFT.get(schema.dialect, _DRAFT4)},
                                      use_default=False, use_formats=False)
    except (fastjsonschema.JsonSchemaDefinitionException, fastjsonschema.JsonSchemaException) as wrong:
        raise BadModel(schema, wrong) from None

    def step(body: bytes) -> str | None:
        try:
            held(json.loads(body))
        except fastjsonschema.JsonSchemaValueException as wrong:
            return f"[{wrong.message}]"
        return None

    return Check(compile_schema({}), step, "{} of model {}".format(*reversed(_named(schema, lost))))


def _named(schema: Schema, error: SchemaError) -> tuple[str, str]:
    """The model that an error is in, which may be one that this one refers to, and where in it."""
    where, name = error.where, schema.name
    if where[:1] == ("definitions",):
        name, where = str(where[1]), where[2:]
    return name, f"{error.keyword} at {pointer(where)}"


def _without_ignored(value: object) -> object:
    if isinstance(value, list):
        return [_without_ignored(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _without_ignored(item) for key, item in value.items()
            if key not in AWS_IGNORES or isinstance(item, dict)}


def _has_patterns(value: object) -> bool:
    if isinstance(value, list):
        return any(map(_has_patterns, value))
    if not isinstance(value, dict):
        return False
    return any(key in value for key in _RUNS_PATTERNS) or any(map(_has_patterns, value.values()))
