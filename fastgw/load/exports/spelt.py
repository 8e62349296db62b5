"""Values of mappings and templates, written as a definition has them."""

import re

from fastgw.load.params import PSEUDO
from fastgw.model.http_mapping import Body, RequestPath, Value
from fastgw.model.http_mapping import ResponseHeader as AnswerHeader
from fastgw.model.value import (
    BodyValue,
    Context,
    Mapped,
    RequestParameter,
    ResponseHeader,
    Source,
    StageVariable,
    Static,
    Text,
)

_HOLE = re.compile(r"(?<!\$)\$\{([^{}]*)\}|\$\$\{[^{}]*\}")
_NAME_GOES_ON = re.compile(r"[A-Za-z0-9_.-]")


class Unspeakable(Exception):
    """A value that a definition has no words for; the message says which."""


def filled(text: str) -> str:
    """A text where ${NAME} stands for a parameter: what is meant as it stands has its dollar doubled."""
    return _HOLE.sub(lambda found: found[0] if (found[1] or "").startswith("stageVariables.") else "$" + found[0], text)


def template(text: str) -> str:
    """A template, in which only names that are known are parameters: references are left alone."""
    return _HOLE.sub(lambda found: "$" + found[0] if found[1] is None or found[1].strip() in PSEUDO else found[0], text)


def source(value: Mapped, side: str = "method.request") -> str:
    """The right side of a REST API's mapping; side is where a body is."""
    match value:
        case Static(text):
            return filled(f"'{text}'")
        case RequestParameter(location, name, multi):
            return f"method.request.{'multivalue' * multi}{location}.{name}"
        case StageVariable(name):
            return f"stageVariables.{name}"
        case Context(name):
            return f"context.{name}"
        case BodyValue(path):
            return f"{side}.body" + ("" if path == "$" else filled(path[1:]))
        case ResponseHeader(name, multi):
            return f"integration.response.{'multivalue' * multi}header.{name}"
    raise Unspeakable(f"{type(value).__name__} as the source of a mapping")


def text(value: Text) -> str:
    """A gateway response's template."""
    written = ""
    parts = value.parts
    for index, part in enumerate(parts):
        after = parts[index + 1] if index + 1 < len(parts) else None
        goes_on = isinstance(after, Static) and _NAME_GOES_ON.match(after.value) is not None
        written += part.value if isinstance(part, Static) else _hole(part, goes_on)
    return template(written)


def _hole(part: Source, braced: bool) -> str:
    name = source(part)
    return f"${{{name}}}" if braced else f"${name}"


def http_value(value: Value) -> str:
    """The right side of an HTTP API's mapping."""
    if len(value.parts) == 1 and not isinstance(value.parts[0], Static):
        return "$" + _variable(value.parts[0])
    return "".join(part.value if isinstance(part, Static) else f"${{{_variable(part)}}}" for part in value.parts)


def _variable(part: object) -> str:
    match part:
        case RequestParameter(location, name):
            return f"request.{location}.{name}"
        case StageVariable(name):
            return f"stageVariables.{name}"
        case Context(name):
            return f"context.{name}"
        case RequestPath():
            return "request.path"
        case Body(side, path):
            return f"{side}.body{path[1:]}"
        case AnswerHeader(name):
            return f"response.header.{name}"
    raise Unspeakable(f"{type(part).__name__} as a value")


