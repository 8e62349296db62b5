"""integrationSubtype of an HTTP API -> ServiceAction."""

from collections.abc import Iterable

from fastgw.load.document import View
from fastgw.load.http_mapping import value
from fastgw.load.mapping import Unmapped
from fastgw.load.problem import did_you_mean, one_of, shown
from fastgw.load.reader import Reader
from fastgw.load.services import check_service, why_not_as
from fastgw.model.http_mapping import Value
from fastgw.model.service import Service, ServiceUri
from fastgw.model.subtype import NUMBER, REGION, SUBTYPES, ServiceAction, Subtype
from fastgw.model.value import StageVariable, Static

MIN_TIMEOUT_MS, MAX_TIMEOUT_MS = 50, 900_000

IGNORED = ("uri", "httpMethod", "requestTemplates", "responses", "passthroughBehavior", "contentHandling",
           "cacheKeyParameters", "cacheNamespace")
"""Fields that say nothing of a subtype, as in the service."""

Why = tuple[str, str]
"""What is not served, and why."""


class SubtypeReader:
    """Reads one integration; what is wrong is reported."""

    def __init__(self, reader: Reader, view: View, route: str, services: Iterable[Service]) -> None:
        self._reader = reader
        self._problems = reader.problems
        self._view = view
        self._route = route
        self._services = services

    def read(self) -> ServiceAction | Why:
        view, reader = self._view, self._reader
        name = reader.name(view.get("integrationSubtype"), SUBTYPES)
        reader.name(view.get("type"), ("AWS_PROXY",))
        version = reader.text(view.get("payloadFormatVersion"))
        if version not in (None, "1.0", "1"):
            self._problems.warning(view.get("payloadFormatVersion").place, "no-effect",
                                   f"{self._route}: payloadFormatVersion of a subtype is 1.0 in the service")
        if view.get("responseParameters") is not None:
            self._problems.error(view.get("responseParameters").key_place, "unserved",
                                 f"{self._route}: responseParameters are not served with an integrationSubtype")
        for field in IGNORED:
            if view.get(field) is not None:
                self._problems.warning(view.get(field).key_place, "no-effect",
                                       f"{self._route}: {field} has no effect with an integrationSubtype")
        timeout = reader.integer(view.get("timeoutInMillis"), MIN_TIMEOUT_MS, MAX_TIMEOUT_MS)
        credentials = reader.text(view.get("credentials"))
        if name is None:
            return "this integrationSubtype", "is not known"
        parameters = self._parameters(name, SUBTYPES[name])
        region = parameters.pop(REGION, None) or Value((Static(reader.params.put_known("${AWS::Region}")),))
        self._check(SUBTYPES[name], region)
        why = why_not_as(credentials)
        if why:
            return name, why
        return ServiceAction(name, region, tuple(parameters.items()), view.place, credentials, timeout)

    def _check(self, subtype: Subtype, region: Value) -> None:
        """A stage variable in the region is taken as a region like others."""
        text = "".join(part.value if isinstance(part, Static) else "any-region-1" for part in region.parts)
        kind = "path" if subtype.service == "appconfig" else "action"
        try:
            check_service(ServiceUri("aws", text, subtype.service, kind, subtype.action), self._services)
        except ValueError as error:
            self._problems.error(self._view.place, "bad-value", f"{self._route}: {error}")

    def _parameters(self, name: str, subtype: Subtype) -> dict[str, Value]:
        given = self._reader.mapping(self._view.get("requestParameters"))
        found: dict[str, Value] = {}
        for key, view in given.items() if given is not None else ():
            if key not in subtype.names():
                self._problems.error(view.key_place, "unknown-field", f"{shown(key)} is no parameter of {name}; "
                                     f"allowed are {one_of(subtype.names())}{did_you_mean(key, subtype.names())}")
                continue
            read = self._value(key, view, subtype)
            if read is not None:
                found[key] = read
        told = given.value if given is not None else {}
        missing = [key for key in subtype.required if key not in told]
        if missing:
            self._problems.error(given.key_place if given is not None else self._view.place, "missing-field",
                                 f"{self._route}: {name} needs {one_of(missing)} in requestParameters")
        return found

    def _value(self, key: str, view: View, subtype: Subtype) -> Value | None:
        expression = self._reader.text(view)
        if expression is None:
            return None
        try:
            found = value(expression)
        except Unmapped as error:
            self._problems.error(view.place, "bad-mapping", f"{key}: {error}")
            return None
        if not found.parts:
            self._problems.error(view.place, "bad-mapping", f"{key} has no value")
            return None
        if key == REGION and not all(isinstance(part, Static | StageVariable) for part in found.parts):
            self._problems.error(view.place, "bad-mapping", "Region must be fixed: a request does not choose where "
                                 "it is sent")
            return None
        fixed = all(isinstance(part, Static) for part in found.parts)
        if key != REGION and subtype.kind(key) == NUMBER and fixed and not expression.isdigit():
            self._problems.error(view.place, "bad-mapping", f"{key} must be a whole number, found {shown(expression)}")
            return None
        return found
