"""What becomes of each part of an imported definition: served, served differently, ignored or refused.

The parts are listed here; what becomes of them is told by the problems that stand at their places, so that a report and
a start never say two things.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from fastgw.load.document import Document, View
from fastgw.load.names import ANY_METHOD, INTEGRATION, PREFIX, VERBS
from fastgw.load.problem import ERROR, Problem
from fastgw.model.api import ANY
from fastgw.model.gateway import Gateway
from fastgw.model.integration import Unserved
from fastgw.model.place import Place

SERVED, DIFFERS, IGNORED, REFUSED = "served", "differs", "ignored", "refused"
OUTCOMES = (SERVED, DIFFERS, IGNORED, REFUSED)

_IGNORED = ("documentation", "importexport-version", "tag-value")
_FAMILIES = ("AWS::ApiGateway::", "AWS::ApiGatewayV2::", "AWS::Serverless::", "AWS::Lambda::Function")
_LISTED = {
    "components": {"schemas": "model", "securitySchemes": "security scheme", PREFIX + "integrations": "integration"},
}
_ROOT_LISTED = {
    "definitions": "model", "securityDefinitions": "security scheme", PREFIX + "gateway-responses": "gateway response",
    PREFIX + "request-validators": "request validator",
}


@dataclass(frozen=True, slots=True)
class Construct:
    """kind is "route", "resource", "model" ...; how says what differs, or why it is refused."""

    kind: str
    name: str
    place: Place
    outcome: str = SERVED
    how: tuple[str, ...] = ()


def constructs(templates: Sequence[tuple[Document, Collection[str]]], definitions: Sequence[Document],
               gateway: Gateway | None, problems: Sequence[Problem]) -> tuple[Construct, ...]:
    """In the order of the files; what stands nowhere among the parts is told of the file.

    templates: each with the logical ids of what is in the stack, as its conditions have it
    """
    found = [part for document, present in templates for part in _resources(document.view(), present)]
    found += [part for document in definitions for part in _definition(document.view())]
    # A part that is put together from a resource stands where the resource does.
    listed = list({(one.kind, one.name, one.place): one for one in found}.values())
    told = _assigned(listed, problems)
    unserved = {route.place: route.integration.what for api in (gateway.apis if gateway is not None else ())
                for route in api.routes if isinstance(route.integration, Unserved)}
    judged = [_judged(one, told.get(one.place, ()), unserved) for one in listed]
    rest = [Construct("file", problem.place.file, problem.place, _worst([problem], SERVED), (problem.message,))
            for problem in told.get(None, ())]
    # A section is worth a line where something is told of it that no part tells.
    parts = {one.place for one in judged if one.kind != "section"}
    kept = [one for one in judged if one.kind != "section" or (one.how and one.place not in parts)]
    return tuple(sorted(kept + rest, key=lambda one: (one.place.file, one.place.line, one.place.column)))


def _resources(root: View, present: Collection[str]) -> Iterator[Construct]:
    for key, view in root.items():
        if key == "Resources":
            for name, resource in view.items():
                kind = resource.get("Type")
                known = kind is not None and str(kind.value).startswith(_FAMILIES)
                told = f"{kind.value} {name}" if known else name
                if known and name not in present:
                    yield Construct("resource", told, resource.key_place, IGNORED, ("its condition is not met",))
                else:
                    yield Construct("resource" if known else "section", told, resource.key_place)
        else:
            yield Construct("section", key, view.key_place)


def _definition(root: View) -> Iterator[Construct]:
    for key, view in root.items():
        if key == "paths":
            for path, item in view.items():
                yield Construct("section", path, item.key_place)
                for verb, operation in item.items():
                    if verb in VERBS or verb == ANY_METHOD:
                        yield _route(path, VERBS.get(verb, ANY), operation)
        elif key in _ROOT_LISTED:
            yield from _entries(view, _ROOT_LISTED[key])
        elif key in _LISTED:
            for section, its in view.items():
                yield Construct("section", section, its.key_place)
                if section in _LISTED[key]:
                    yield from _entries(its, _LISTED[key][section])
        elif key.startswith(PREFIX):
            outcome = IGNORED if key.removeprefix(PREFIX) in _IGNORED else SERVED
            yield Construct("extension", key, view.key_place, outcome)
        else:
            yield Construct("section", key, view.key_place)


def _route(path: str, verb: str, operation: View) -> Construct:
    integration = operation.get(INTEGRATION)
    kind = integration.get("type") if integration is not None else None
    told = f" ({str(kind.value).upper()})" if kind is not None else ""
    return Construct("route", f"{verb} {path}{told}", operation.key_place)


def _entries(view: View, kind: str) -> Iterator[Construct]:
    for name, entry in view.items():
        yield Construct(kind, name, entry.key_place)


def _assigned(listed: Sequence[Construct], problems: Sequence[Problem]) -> dict[Place | None, list[Problem]]:
    """Each problem to the last part that begins at or before it in its file."""
    starts: dict[str, list[tuple[int, int]]] = {}
    for one in listed:
        starts.setdefault(one.place.file, []).append((one.place.line, one.place.column))
    for places in starts.values():
        places.sort()
    found: dict[Place | None, list[Problem]] = {}
    for problem in problems:
        place = problem.place
        places = starts.get(place.file, [])
        index = bisect_right(places, (place.line, place.column))
        at = Place(place.file, *places[index - 1]) if index else None
        found.setdefault(at, []).append(problem)
    return found


def _judged(one: Construct, problems: Sequence[Problem], unserved: dict[Place, str]) -> Construct:
    how = (*one.how, *dict.fromkeys(problem.message for problem in problems))
    outcome = _worst(problems, one.outcome)
    if one.kind == "route" and one.place in unserved:
        outcome = REFUSED
        how = how or (f"{unserved[one.place]} is not served: it answers 500 Internal server error",)
    return Construct(one.kind, one.name, one.place, outcome, how)


def _worst(problems: Sequence[Problem], best: str) -> str:
    if any(problem.severity == ERROR for problem in problems):
        return REFUSED
    return DIFFERS if problems else best
