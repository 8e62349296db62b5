"""The mapping grammar of HTTP APIs: $request.header.x, ${context.y} mixes, append:header.z.

Source: Amazon API Gateway developer guide, "Transforming API requests and responses".
"""

import re
from dataclasses import dataclass

from fastgw.load.document import View
from fastgw.load.mapping import Unmapped
from fastgw.load.names import CONTEXT, is_context
from fastgw.load.problem import did_you_mean, one_of, shown
from fastgw.load.reader import Reader
from fastgw.model.http_mapping import (
    APPEND,
    HEADER,
    OVERWRITE,
    PATH,
    QUERY,
    REMOVE,
    STATUS,
    Body,
    Change,
    Part,
    RequestPath,
    ResponseChanges,
    ResponseHeader,
    Value,
)
from fastgw.model.value import Context, RequestParameter, StageVariable, Static

REQUEST, RESPONSE = "request", "response"
MIN_STATUS, MAX_STATUS = 200, 599

_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_HOLE = re.compile(r"\$\{([^{}]*)\}")
_BARE = re.compile(r"\$(?:request|response|context|stageVariables)\b")
_TARGET = re.compile(
    rf"(append|overwrite|remove):(?:(header|querystring)\.({_NAME})|(path|statuscode))", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

_RESERVED = re.compile(
    r"access-control-.*|apigw-.*|authorization|connection|content-encoding|content-length|content-location|forwarded"
    r"|keep-alive|origin|proxy-.*|te|trailers?|transfer-encoding|upgrade|x-amz-.*|x-amzn-.*|x-forwarded-.*|via",
    re.IGNORECASE)
"""Fields that the service does not let be mapped, either way. Source: the page above, "Reserved headers"."""


@dataclass(frozen=True, slots=True)
class Side:
    """What mappings of one direction may name."""

    name: str
    locations: tuple[str, ...]
    noun: str
    values: str


_SIDES = {
    REQUEST: Side(REQUEST, (HEADER, QUERY, PATH), "request parameter",
                  "$request.{header|querystring|path|body}.NAME, $request.path"),
    RESPONSE: Side(RESPONSE, (HEADER, STATUS), "response parameter", "$response.{header|body}.NAME"),
}


def value(expression: str, side: str = REQUEST) -> Value:
    """A mapping's right side: one $variable, or a text with any number of ${variable}. Raises Unmapped."""
    if _CONTROL.search(expression):
        raise Unmapped("a value must be one line without control characters")
    if _BARE.match(expression):
        return Value((_part(expression[1:], side),))
    parts: list[Part] = []
    end = 0
    for hole in _HOLE.finditer(expression):
        parts += _literal(expression[end:hole.start()])
        parts.append(_part(hole[1].strip(), side))
        end = hole.end()
    return Value((*parts, *_literal(expression[end:])))


def _literal(text: str) -> list[Part]:
    if found := _BARE.search(text):
        raise Unmapped(f"{found[0]}... stands within a text; write it as ${{{found[0][1:]}...}}")
    if "${" in text:
        raise Unmapped(f"{shown(text)} opens a ${{ that it does not close")
    return [Static(text)] if text else []


def _part(variable: str, side: str) -> Part:
    root, _, rest = variable.partition(".")
    if root == "context" and is_context(rest):
        return Context(rest)
    if root == "context":
        raise Unmapped(f"context.{rest} is not known{did_you_mean(rest, CONTEXT)}")
    if root == "stageVariables" and re.fullmatch(r"[A-Za-z0-9_]+", rest):
        return StageVariable(rest)
    found = _of_message(root, rest) if root == side else None
    if found is None:
        raise Unmapped(f"{shown('$' + variable)} is no value here; allowed are {_SIDES[side].values}, "
                       "$context.NAME, $stageVariables.NAME and plain text")
    return found


def _of_message(side: str, rest: str) -> Part | None:
    """What follows "request." or "response."."""
    if rest == "body" or rest.startswith(("body.", "body[")):
        return _body(side, rest.removeprefix("body"))
    if side == REQUEST and rest == PATH:
        return RequestPath()
    location, _, name = rest.partition(".")
    if not re.fullmatch(_NAME, name):
        return None
    if side == RESPONSE:
        return ResponseHeader(name) if location == HEADER else None
    if location == PATH:
        return RequestParameter(PATH, name)
    return RequestParameter(location, name, multi=True) if location in (HEADER, QUERY) else None


def _body(side: str, path: str) -> Body:
    if ".." in path or "?(" in path:
        raise Unmapped(f"{shown('$' + side + '.body' + path)}: recursive descent and filters are not taken here, as by "
                       "the service")
    return Body(side, "$" + path)


class Changes:
    """Reads the mappings of one integration; what is wrong is reported and left out."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._problems = reader.problems

    def request(self, view: View | None) -> tuple[Change, ...]:
        """requestParameters of an HTTP_PROXY or AWS_PROXY integration."""
        return self._changes(view, _SIDES[REQUEST])

    def responses(self, view: View | None) -> tuple[ResponseChanges, ...]:
        """responseParameters: status -> mappings."""
        given = self._reader.mapping(view)
        found = []
        for key, below in given.items() if given is not None else ():
            if not re.fullmatch(r"[0-9]{3}", key) or not MIN_STATUS <= int(key) <= MAX_STATUS:
                self._problems.error(below.key_place, "out-of-range", f"{shown(key)} is no status; responseParameters "
                                     f"are given by status, {MIN_STATUS} to {MAX_STATUS}")
                continue
            found.append(ResponseChanges(int(key), self._changes(below, _SIDES[RESPONSE])))
        return tuple(found)

    def _changes(self, view: View | None, side: Side) -> tuple[Change, ...]:
        given = self._reader.mapping(view)
        found = [self._change(key, below, side) for key, below in given.items()] if given is not None else []
        return tuple(change for change in found if change is not None)

    def _change(self, key: str, view: View, side: Side) -> Change | None:
        target = _TARGET.fullmatch(key)
        action, location, name = _target(target) if target is not None else ("", "", "")
        if location not in side.locations or (location in (PATH, STATUS) and action != OVERWRITE):
            forms = [f"{{append|overwrite|remove}}:{place}.NAME" if place in (HEADER, QUERY) else f"overwrite:{place}"
                     for place in side.locations]
            self._problems.error(view.key_place, "bad-mapping", f"{shown(key)} is no {side.noun}; write "
                                 f"{one_of(forms)}")
            return None
        if location == HEADER and (why := _refused(action, name, side)):
            self._problems.error(view.key_place, "reserved-header", f"{key}: {name} cannot be mapped: {why}")
            return None
        if action == REMOVE:
            self._mention_value(key, view)
            return Change(action, location, name, None, view.key_place)
        expression = self._reader.text(view)
        return None if expression is None else self._with_value(key, view, Change(
            action, location, name, None, view.key_place), expression, side)

    def _mention_value(self, key: str, view: View) -> None:
        if view.value not in ("", "''", None):
            self._problems.warning(view.place, "no-effect", f"{key}: what is removed needs no value; write ''")

    def _with_value(self, key: str, view: View, change: Change, expression: str, side: Side) -> Change | None:
        try:
            found = value(expression, side.name)
        except Unmapped as error:
            self._problems.error(view.place, "bad-mapping", f"{key}: {error}")
            return None
        if not found.parts and change.location in (PATH, STATUS):
            self._problems.error(view.place, "bad-mapping", f"{key} needs a value")
            return None
        if change.location == STATUS and not _may_be_status(found):
            self._problems.error(view.place, "bad-mapping", f"{key}: {shown(expression)} is no status; allowed are "
                                 f"{MIN_STATUS} to {MAX_STATUS}")
            return None
        return Change(change.action, change.location, change.name, found, change.place)


def _target(found: re.Match[str]) -> tuple[str, str, str]:
    action, location, name, whole = found.groups()
    return {"append": APPEND, "overwrite": OVERWRITE, "remove": REMOVE}[action.lower()], \
        (location or whole).lower(), name or ""


def _refused(action: str, name: str, side: Side) -> str:
    """Why a field cannot be mapped; empty where it can."""
    lowered = name.lower()
    if _RESERVED.fullmatch(name):
        return "the service reserves it"
    if side.name == RESPONSE and lowered == "date":
        return "the gateway puts its own on every answer"
    if side.name == REQUEST and lowered == "expect":
        return "the gateway answers it itself"
    if side.name == REQUEST and lowered == "host" and action != OVERWRITE:
        return "a request has one; overwrite it"
    return ""


def _may_be_status(found: Value) -> bool:
    """A literal is judged now; what comes with a request is judged then."""
    if all(isinstance(part, Static) for part in found.parts):
        text = "".join(part.value for part in found.parts if isinstance(part, Static))
        return text.isascii() and text.isdigit() and len(text) == 3 and MIN_STATUS <= int(text) <= MAX_STATUS
    return True
