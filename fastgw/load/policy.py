"""The policy of an API -> model.Policy, and whether it speaks of that API."""

import json
import re
from dataclasses import replace

from fastgw.load import json_text
from fastgw.load.document import BadText, View
from fastgw.load.problem import Problems, did_you_mean, shown
from fastgw.load.reader import Reader
from fastgw.model.api import Api
from fastgw.model.arn import partition
from fastgw.model.gateway import Gateway
from fastgw.model.place import Place
from fastgw.model.policy import SHORT_RESOURCE, Policy, PolicyKind, key_of
from fastgw.model.policy_document import MAX_CHARACTERS, Fault, read_policy
from fastgw.model.policy_values import arn_parts, glob_fits

_HOLE = re.compile(r"\$\{[^{}]*\}")
MAX_DEPTH = 16
"""Levels of nesting; a policy has five."""


def policy(reader: Reader, view: View | None, kind: PolicyKind = PolicyKind.RESOURCE) -> Policy | None:
    """A policy, as a mapping or as the text of one in JSON. None where there is none, or where it is wrong."""
    if view is None or view.value in (None, "", {}):
        return None
    text = isinstance(view.value, str)
    document = _parsed(reader, view) if text else _plain(reader, view, 0)
    if document is None:
        return None
    size = len(json.dumps(document, separators=(",", ":"), ensure_ascii=False))
    if kind is PolicyKind.RESOURCE and size > MAX_CHARACTERS:
        reader.problems.warning(view.place, "too-large", f"the policy has {size:,} characters; the service takes "
                                f"{MAX_CHARACTERS:,}")
    found, faults = read_policy(document, kind)
    for fault in faults:
        place = view.place if text else _place(view, fault)
        message = fault.message + (did_you_mean(fault.found, fault.wanted) if fault.wanted else "")
        report = reader.problems.warning if fault.warning else reader.problems.error
        report(place, fault.code, message)
    if found is None:
        return None
    statements = (replace(one, place=view.place if text else _statement_place(view, one.number))
                  for one in found.statements)
    return replace(found, statements=tuple(statements), place=view.place)


def _parsed(reader: Reader, view: View) -> object:
    """A policy that stands as a text, without the places within it."""
    try:
        found = json_text.parse("", view.value).value
    except BadText as bad:
        reader.problems.error(view.place, "bad-text", f"{view.name} is neither a mapping nor JSON: {bad.found[0][1]}")
        return None
    return _filled(reader, view, found, 0)


def _filled(reader: Reader, view: View, value: object, depth: int) -> object:
    """A value with the parameters of its texts put in; view is where it stands."""
    if depth > MAX_DEPTH:
        return value
    if isinstance(value, dict):
        return {key: _filled(reader, view, item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(reader, view, item, depth + 1) for item in value]
    return _text(reader, view, value) if isinstance(value, str) else value


def _plain(reader: Reader, view: View, depth: int) -> object:
    """The value of a view with parameters and the functions of templates put in, variables of policies kept."""
    value = view.value
    if depth > MAX_DEPTH:
        reader.problems.error(view.place, "too-deep", f"{view.name} is nested more than {MAX_DEPTH} levels")
        return None
    if isinstance(value, dict):
        name = next(iter(value), "")
        if len(value) == 1 and (name == "Ref" or name.startswith("Fn::")):
            return _text(reader, view, value)
        return {key: _plain(reader, item, depth + 1) for key, item in view.items()}
    if isinstance(value, list):
        return [_plain(reader, item, depth + 1) for item in view.elements()]
    return _text(reader, view, value) if isinstance(value, str) else value


def _text(reader: Reader, view: View, value: object) -> str | None:
    filled = reader.params.fill_value(value)
    if filled.text is None:
        reader.problems.error(view.place, "wrong-type", f"{view.name} must be a text, found {shown(value)}: "
                              f"{filled.why}")
        return None
    missing = [name for name in filled.missing if not _is_variable(name)]
    if missing:
        reader.problems.error(view.place, "missing-parameter", f"{view.name} needs a value for {', '.join(missing)}; "
                              "give it with --param NAME=VALUE")
    return filled.text


def _is_variable(name: str) -> bool:
    """Whether ${name} stays for a request to fill; what begins so and is none is told by the policy's reading."""
    key = name.partition(",")[0].strip()
    return key in ("*", "?", "$") or key_of(key) is not None or key.lower().startswith(("aws:", "saml:", "cognito"))


def _place(view: View, fault: Fault) -> Place:
    """Of what is wrong; of the mapping around it where the value came out of a template's function."""
    path = fault.path
    found = view
    for step in path:
        value = found.value
        if not isinstance(value, dict | list) or (isinstance(value, dict) and step not in value):
            break
        found = found.get(step) if isinstance(value, dict) else list(found.elements())[step]
    return found.key_place if fault.key and found.path == (*view.path, *path) else _begins(found)


def _statement_place(view: View, number: int) -> Place:
    statements = view.get("Statement")
    return _begins(list(statements.elements())[number] if isinstance(statements.value, list) else statements)


def check_policies(gateway: Gateway, problems: Problems) -> None:
    """A resource of another API, account or region than its own never fits. Where that leaves nothing of a statement
    that keeps requests out, it is an error.
    """
    for api in gateway.apis:
        for statement in api.policy.statements if api.policy is not None else ():
            foreign = [text for text in statement.resources if not _reaches(text, gateway, api)]
            opens = len(foreign) == len(statement.resources) and statement.allow == statement.not_resources
            report = problems.error if opens else problems.warning
            for text in foreign:
                report(statement.place or api.place, "unreachable", f"{statement.name}: no request fits {shown(text)}, "
                       f"for this API is {api.id} in region {gateway.region} of account {gateway.account_id}; write "
                       "execute-api:/stage/METHOD/path, or give id, region and account_id in a fastgw.yaml")


def _reaches(text: str, gateway: Gateway, api: Api) -> bool:
    """Whether a resource may be one of an API's. What variables stand for is taken to fit."""
    if text == "*" or text.startswith(SHORT_RESOURCE):
        return True
    _, start, _, region, account, what = (_HOLE.sub("*", part) for part in arn_parts(text))
    own = what.partition("/")[0]
    if "*" in own:
        # It may stand for more than the API's id.
        own = own[:own.index("*") + 1]
    pairs = ((start, partition(gateway.region)), (region, gateway.region), (account, gateway.account_id), (own, api.id))
    return all(glob_fits(glob, text) for glob, text in pairs)


def _begins(view: View) -> Place:
    """Of an item of a list that is a mapping: its first key."""
    if isinstance(view.value, dict) and view.value and view.path and isinstance(view.path[-1], int):
        return next(view.items())[1].key_place
    return view.place
