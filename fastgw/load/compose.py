"""x-fastgw-integration: {type: compose, ...} of an operation, or compose: of an API in fastgw.yaml -> Composed."""

import re
from collections.abc import Callable
from dataclasses import replace

from fastgw.load.document import View
from fastgw.load.integrated import MAX_TEMPLATE, MAX_TIMEOUT_MS, MIN_TIMEOUT_MS
from fastgw.load.problem import one_of, shown
from fastgw.load.reader import Reader
from fastgw.model.compose import Branch, Composed
from fastgw.model.integration import Integrated, Integration, Unserved
from fastgw.model.place import Place
from fastgw.parts.transform.selection import SelectionPattern
from fastgw.parts.transform.vtl import TemplateError, compile_template

EXTENSION = "x-fastgw-integration"
COMPOSE = "compose"

FIELDS = ("type", "branches", "template", "status", "contentType", "timeoutInMillis")
CALL_FIELDS = ("type", "uri", "httpMethod", "credentials", "requestParameters", "requestTemplates",
               "passthroughBehavior", "timeoutInMillis")
BRANCH_FIELDS = (*CALL_FIELDS, "required", "success")
TYPES = ("HTTP", "AWS")

MAX_BRANCHES = 16
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:; ?[\w-]+=[\w.-]+)*")

_ReadCall = Callable[[View, str], Integration]
"""A branch's own call; its kind is HTTP or AWS."""


def composed(reader: Reader, view: View, read_call: _ReadCall, place: Place) -> Composed | Unserved:
    """The route; Unserved, with what is wrong told, where a branch cannot be served."""
    found = reader.mapping(view)
    if found is None:
        return Unserved(COMPOSE, place)
    reader.known_keys(found, FIELDS, f"a {EXTENSION}", strict=True)
    reader.name(found.get("type"), (COMPOSE,))
    timeout = reader.integer(found.get("timeoutInMillis"), MIN_TIMEOUT_MS, MAX_TIMEOUT_MS)
    branches = _branches(reader, found, read_call, timeout)
    template = _template(reader, found.get("template"))
    media = reader.text(found.get("contentType")) or "application/json"
    if not _MEDIA_TYPE.fullmatch(media):
        reader.problems.error(found.get("contentType").place, "bad-media-type", f"{shown(media)} is no media type")
    status = reader.integer(found.get("status"), 200, 599)
    if branches is None:
        return Unserved(COMPOSE, place)
    return Composed(branches, place, template, status or 200, media, timeout)


def _branches(
    reader: Reader, found: View, read_call: _ReadCall, timeout: int | None
) -> tuple[Branch, ...] | None:
    given = reader.mapping(found.get("branches"))
    if given is None or not given.value:
        if found.get("branches") is None or given is not None:
            reader.problems.error((given or found).place, "missing-field", f"a {COMPOSE} integration has no branches: "
                                  "name each, with its uri")
        return None
    if len(given.value) > MAX_BRANCHES:
        reader.problems.error(given.key_place, "too-many", f"{len(given.value)} branches; at most {MAX_BRANCHES} are "
                              "served")
        return None
    branches = [_branch(reader, name, view, read_call, timeout) for name, view in given.items()]
    kept = tuple(branch for branch in branches if branch is not None)
    return kept if len(kept) == len(branches) else None


def _branch(reader: Reader, name: str, view: View, read_call: _ReadCall, timeout: int | None) -> Branch | None:
    if not _NAME.fullmatch(name):
        reader.problems.error(view.key_place, "bad-name", f"{shown(name)} is no name of a branch: a letter, then "
                              "letters, digits and _, as a template can write it")
        return None
    if reader.mapping(view) is None:
        return None
    reader.known_keys(view, BRANCH_FIELDS, "a branch", strict=True)
    kind = reader.name(view.get("type"), TYPES) if view.get("type") is not None else TYPES[0]
    required = reader.flag(view.get("required"))
    success = _success(reader, view.get("success"))
    if kind is None:
        return None
    called = read_call(view, kind)
    if not isinstance(called, Integrated):
        return None
    bounds = [bound for bound in (called.timeout_ms, timeout) if bound is not None]
    called = replace(called, timeout_ms=min(bounds, default=None))
    return Branch(name, called, required is not False, success)


def _success(reader: Reader, view: View | None) -> str | None:
    pattern = reader.text(view)
    if pattern is None or view is None:
        return None
    try:
        SelectionPattern(pattern)
    except ValueError as error:
        reader.problems.error(view.place, "bad-pattern", f"success {shown(pattern)}: {error}")
        return None
    return pattern


def _template(reader: Reader, view: View | None) -> str | None:
    """A template of our own extension must be right: there is no service that would look at it later."""
    if view is None:
        return None
    if not isinstance(view.value, str):
        reader.problems.error(view.place, "wrong-type", f"template must be a text, found {shown(view.value)}")
        return None
    text = reader.params.put_known(view.value)
    if len(text.encode()) > MAX_TEMPLATE:
        reader.problems.error(view.place, "too-large", f"the template has {len(text.encode()):,} bytes; at most "
                              f"{MAX_TEMPLATE:,} are served")
        return None
    try:
        compile_template(text, "template")
    except TemplateError as error:
        reader.problems.error(view.place, "bad-template", f"the template is broken at {error}")
        return None
    return text


def check_type(reader: Reader, view: View) -> bool:
    """Whether an x-fastgw-integration is one."""
    given = view.get("type") if isinstance(view.value, dict) else None
    if given is None and reader.mapping(view) is not None:
        reader.problems.error(view.place, "missing-field", f"{EXTENSION} has no type; allowed is {one_of((COMPOSE,))}")
    return given is not None and reader.name(given, (COMPOSE,)) is not None
