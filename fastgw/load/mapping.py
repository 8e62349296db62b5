"""Parameter mappings and the texts of gateway responses: the small expression grammar of the service."""

import re

from fastgw.load.names import CONTEXT, is_context
from fastgw.load.problem import did_you_mean, shown
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
from fastgw.parts.transform.jsonpath import PathError, compile_path

NAME = re.compile(r"[a-zA-Z0-9._$-]+")
"""What a mapping may name: of a header, the service takes fewer characters than RFC 9110 section 5.6.2."""

_NAME = NAME.pattern
_REQUEST = re.compile(
    rf"method\.request\.(path|querystring|header|multivaluequerystring|multivalueheader)\.({_NAME})")
_BODY = re.compile(r"(method\.request|integration\.response)\.body(?:\.?([$\[].*)|\.(.+))?", re.DOTALL)
_STAGE = re.compile(rf"stageVariables\.({_NAME})")
_CONTEXT = re.compile(rf"context\.({_NAME})")
_RESPONSE = re.compile(rf"integration\.response\.(header|multivalueheader)\.({_NAME})")

REQUEST_TARGET = re.compile(rf"integration\.request\.(path|querystring|header)\.({_NAME})")
HTTP_API_TARGET = re.compile(r"(?:append|overwrite|remove):", re.IGNORECASE)

_OF_REQUEST, _OF_RESPONSE = "method.request", "integration.response"

_LINE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Unmapped(Exception):
    """A mapping that cannot be taken as it stands."""


def of_request(expression: str) -> Mapped:
    """The right side of an integration request's mapping. Raises Unmapped."""
    if _RESPONSE.fullmatch(expression) or expression.startswith(_OF_RESPONSE):
        raise Unmapped(f"{shown(expression)} is a response; a request is mapped here")
    return _body(expression) or source(expression, "method.request.{path|querystring|header}.NAME, "
                                                   "method.request.body.JSONPATH, ")


def of_response(expression: str) -> Mapped:
    """The right side of an integration response's mapping. Raises Unmapped."""
    if expression.startswith(_OF_REQUEST):
        raise Unmapped("a request's values cannot be mapped to a response, as in the service")
    if found := _RESPONSE.fullmatch(expression):
        return ResponseHeader(found[2], found[1].startswith("multi"))
    return _body(expression) or source(expression, "integration.response.header.NAME, "
                                                   "integration.response.body.JSONPATH, ")


def _body(expression: str) -> BodyValue | None:
    found = _BODY.fullmatch(expression)
    if found is None:
        return None
    _, path, name = found.groups()
    text = f"$.{name}" if name else "$" if path is None else path if path[0] == "$" else f"${path}"
    try:
        compile_path(text)
    except PathError as error:
        raise Unmapped(f"{shown(expression)}: {error}") from None
    return BodyValue(text)


def source(expression: str, allowed: str = "method.request.{path|querystring|header}.NAME, ") -> Source:
    """A right side that needs no body and no backend. Raises Unmapped; allowed is for its message."""
    if len(expression) >= 2 and expression[0] == expression[-1] == "'":
        value = expression[1:-1]
        if _LINE.search(value):
            raise Unmapped("a static value must be one line without control characters")
        return Static(value)
    if found := _REQUEST.fullmatch(expression):
        location, name = found.groups()
        return RequestParameter(location.removeprefix("multivalue"), name, location.startswith("multi"))
    if found := _STAGE.fullmatch(expression):
        return StageVariable(found[1])
    if found := _CONTEXT.fullmatch(expression):
        return _context(found[1])
    raise Unmapped(f"{shown(expression)} is no mapping source; allowed are 'static' in single quotes, {allowed}"
                   "stageVariables.NAME, context.NAME")


def _context(name: str) -> Context:
    if not is_context(name):
        raise Unmapped(f"context.{name} is not known{did_you_mean(name, CONTEXT)}")
    return Context(name)


_HOLE = re.compile(
    r"\$(?P<brace>\{)?(?:"
    r"context\.(?P<context>[a-zA-Z0-9_-]+(?:\.[a-zA-Z0-9_-]+)*)"
    r"|stageVariables\.(?P<stage>[a-zA-Z0-9_]+)"
    r"|method\.request\.(?P<where>path|querystring|header|multivaluequerystring|multivalueheader)"
    r"\.(?P<name>[a-zA-Z0-9_-]+)"
    r")(?(brace)\})")


def text(template: str) -> Text:
    """A gateway response's template: values put in, everything else literal. Raises Unmapped."""
    parts: list[Source] = []
    end = 0
    for found in _HOLE.finditer(template):
        if found.start() > end:
            parts.append(Static(template[end:found.start()]))
        end = found.end()
        if found["context"]:
            parts.append(_context(found["context"]))
        elif found["stage"]:
            parts.append(StageVariable(found["stage"]))
        else:
            where = found["where"]
            parts.append(RequestParameter(where.removeprefix("multivalue"), found["name"],
                                          where.startswith("multi")))
    if end < len(template):
        parts.append(Static(template[end:]))
    return Text(tuple(parts))
