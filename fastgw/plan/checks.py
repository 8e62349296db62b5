"""What a definition lets requests be checked for -> the engine's Checks of a route."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastgw.model.api import Route
from fastgw.model.gateway import Gateway
from fastgw.model.place import Place
from fastgw.model.validation import Body, Mode, Parameter, Schema
from fastgw.plan.models import BadModel, Check, compile_model

MAX_NAMES = 8_192
"""Bytes of a route's required names together; fastgw/_core/validate.pyx has room for the message they make."""

_LOCATIONS = {"header": 0, "path": 1, "querystring": 2}
_ABSENT = 255


@dataclass(frozen=True, slots=True)
class Finding:
    """What shows of a model only when it is compiled; wrong: it cannot be served."""

    place: Place
    message: str
    wrong: bool


def examine(gateway: Gateway) -> list[Finding]:
    """Compile every model that some stage uses; names those that are wrong, and those that are checked in Python."""
    compiler = CompiledChecks(False)
    found: dict[Finding, None] = {}
    slow: dict[tuple[Place, str], list[Schema]] = {}
    for api, mode in dict.fromkeys((stage.api, stage.validation) for stage in gateway.stages):
        routes = next(one.routes for one in gateway.apis if one.name == api)
        bodies = [route.checks.body_for(mode) for route in routes if route.checks is not None]
        models = [model for body in bodies if body is not None for _, model in body.models_for(mode)]
        for schema in filter(None, models):
            try:
                check = compiler.model(schema, mode)
            except BadModel as wrong:
                found[Finding(wrong.place, wrong.message, True)] = None
                continue
            if check.step is not None:
                slow.setdefault((schema.place, check.why), []).append(schema)
    for (place, why), schemas in slow.items():
        uses = f" for {len(schemas)} operations" if len(schemas) > 1 else ""
        found[Finding(place, f"bodies of model {schemas[0].name} are checked in Python{uses}, not compiled: "
                      f"{why}", False)] = None
    return list(found)


class CompiledChecks:
    """One schema is compiled once for each mode, however many routes use it."""

    def __init__(self, pointers: bool) -> None:
        self._pointers = pointers
        self._compiled: dict[tuple[int, Mode], Check] = {}

    def of(self, route: Route, mode: Mode, names: Sequence[str]) -> dict[str, Any] | None:
        """Of one route in a stage; names are its path parameters in order. Raises ValueError with the place."""
        checks = route.checks
        parameters = checks.parameters_for(mode) if checks is not None else ()
        body = checks.body_for(mode) if checks is not None else None
        if not parameters and body is None:
            return None
        strict = mode is Mode.STRICT
        required = [_required(parameter, names) for parameter in parameters]
        if sum(len(name) + 2 for name, _, _ in required) > MAX_NAMES:
            raise ValueError(f"{parameters[0].place}: error: names of required parameters have more than "
                             f"{MAX_NAMES:,} bytes")
        return {
            "required": required,
            "models": self._models(body, mode) if body is not None else [],
            "any_case": strict,
            "empty_is_object": not strict,
            "body_required": strict and body is not None and body.required,
            "only_declared": strict and body is not None,
            "pointers": self._pointers,
        }

    def _models(self, body: Body, mode: Mode) -> list[tuple[bytes, bool, object, object]]:
        """(media type, whether it is a range, program, step) each, the narrowest first."""
        found = []
        for media, schema in body.models_for(mode):
            text, ranged = _range(media, mode)
            check = self.model(schema, mode) if schema is not None else None
            found.append((text.encode(), ranged, check and check.program, check and check.step))
        return sorted(found, key=lambda row: (row[1], -len(row[0])))

    def model(self, schema: Schema, mode: Mode) -> Check:
        """Raises BadModel."""
        key = (id(schema), mode)
        if key not in self._compiled:
            self._compiled[key] = compile_model(schema, mode)
        return self._compiled[key]


def _required(parameter: Parameter, names: Sequence[str]) -> tuple[bytes, int, int]:
    index = _ABSENT
    if parameter.location == "path" and parameter.name in names:
        index = names.index(parameter.name)
    return parameter.name.encode(), _LOCATIONS[parameter.location], index


def _range(media: str, mode: Mode) -> tuple[str, bool]:
    """What a Content-Type is compared with. The service knows no ranges but "$default"."""
    if media == "$default":
        return "", True
    if mode is Mode.STRICT and media.endswith("/*"):
        return media[:-1].removeprefix("*/"), True
    return media, False
