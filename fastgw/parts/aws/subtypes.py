"""The step of an HTTP API's route that asks a service: integrationSubtype.

What is recorded of the service: a mapped parameter that a request leaves empty is 400, whether or not it is required;
a service that refuses is 500.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime

from fastgw._core.step import Answer, Failure, Fields, Outcome, Reply, Request
from fastgw.errors import CODE
from fastgw.model.http_mapping import Value
from fastgw.model.service import ServiceUri
from fastgw.model.subtype import ATTRIBUTES, LIST, NUMBER, SUBTYPES, TEXT, TIME, ServiceAction
from fastgw.model.value import StageVariable, Static
from fastgw.parts.ask import ask
from fastgw.parts.aws.backend import client
from fastgw.parts.aws.catalog import QUERY
from fastgw.parts.aws.services import FORM, shape
from fastgw.parts.aws.sigv4 import encoded_query, encoded_text
from fastgw.parts.env import Env
from fastgw.parts.http_values import value
from fastgw.parts.integrate.incoming import Incoming

NOT_PASSED = frozenset({b"date", b"server", b"connection", b"keep-alive"})
"""Fields of a service's answer that are its connection's."""

FLAT = {"MessageAttributes": "MessageAttribute", "MessageSystemAttributes": "MessageSystemAttribute",
        "AttributeName": "AttributeName", "MessageAttributeNames": "MessageAttributeName"}
"""Parameter -> what its members are called in a form."""

Values = dict[str, object]
Parts = tuple[bytes, bytes, Fields, Fields, bytes]
"""Method, path, query, headers, body."""


class SubtypeStep:
    """Raises ValueError with the place, when made, for a service that cannot be asked."""

    def __init__(self, action: ServiceAction, env: Env) -> None:
        self._subtype = SUBTYPES[action.subtype]
        self._finds = [(name, self._subtype.kind(name), value(found, env))
                       for name, found in action.parameters]
        self._parameters = env.parameters
        uri = ServiceUri("aws", _fixed(action.region, env), self._subtype.service, "action", self._subtype.action)
        self._client = client(uri, action.credentials, action.timeout_ms, env, action.place)
        self._build: Callable[[Values], Parts] = _configuration
        if self._subtype.service != "appconfig":
            form = shape(uri)
            self._build = self._in_a_form if form.kind == QUERY else self._in_json
            self._headers, self._fixed = form.headers, form.query

    def __call__(self, request: Request) -> Outcome:
        incoming = Incoming(request, self._parameters, request.body)
        values = {name: _typed(name, kind, find(incoming)) for name, kind, find in self._finds}
        return ask(self._client.call(*self._build(values)), self._then)

    def _then(self, request: Request, reply: Reply) -> Answer:
        if not 200 <= reply.status < 300:
            raise Failure(CODE["API_CONFIGURATION_ERROR"],
                          detail=f"{self._subtype.service} answers {self._subtype.action} with status {reply.status}")
        headers = [field for field in reply.headers if field[0].lower() not in NOT_PASSED]
        return Answer(reply.status, headers, reply.body)

    def _in_a_form(self, values: Values) -> Parts:
        """SQS: the older protocol, whose answers are XML, as those of the service's own integration are."""
        pairs = [(encoded_text(name), encoded_text(text)) for name, text in _flat(values)]
        return b"POST", b"/", [], [FORM], encoded_query([*self._fixed, *pairs])

    def _in_json(self, values: Values) -> Parts:
        if self._subtype.service == "events":
            values = {"Entries": [values]}
        elif self._subtype.service == "states":
            values = {name[0].lower() + name[1:]: found for name, found in values.items()}
        return b"POST", b"/", [], list(self._headers), json.dumps(values).encode()


def _fixed(found: Value, env: Env) -> str:
    """A value that no request has a part in; the loader takes no other for a region."""
    texts = [part.value if isinstance(part, Static) else env.variables.get(part.name, "")
             for part in found.parts if isinstance(part, Static | StageVariable)]
    return "".join(texts)


def _typed(name: str, kind: str, found: bytes | None) -> object:
    """Raises Failure: 400 for nothing, and for what is not of the kind."""
    if not found:
        raise Failure(CODE["BAD_REQUEST_PARAMETERS"], detail=f"parameter {name} has no value")
    text = found.decode("utf-8", "replace")
    try:
        return _READ[kind](text)
    except (ValueError, RecursionError):
        raise Failure(CODE["BAD_REQUEST_PARAMETERS"], detail=f"parameter {name} is no {kind}") from None


def _number(text: str) -> int:
    if len(text) > 20:
        raise ValueError
    return int(text)


def _time(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _list(text: str) -> list[str]:
    if not text.lstrip().startswith("["):
        return [text]
    found = json.loads(text)
    if not all(isinstance(one, str) for one in found):
        raise ValueError
    return found


def _attributes(text: str) -> dict[str, dict[str, str]]:
    found = json.loads(text)
    if not isinstance(found, dict) or not all(
        isinstance(one, dict) and all(isinstance(part, str) for part in one.values()) for one in found.values()
    ):
        raise ValueError
    return found


_READ: Mapping[str, Callable[[str], object]] = {
    TEXT: str, NUMBER: _number, TIME: _time, LIST: _list, ATTRIBUTES: _attributes,
}


def _flat(values: Values) -> list[tuple[str, str]]:
    """Names and values of a form: lists and maps counted from 1."""
    pairs = []
    for name, found in values.items():
        member = FLAT.get(name, name)
        if isinstance(found, list):
            pairs += [(f"{member}.{number}", one) for number, one in enumerate(found, 1)]
        elif isinstance(found, dict):
            for number, (key, parts) in enumerate(found.items(), 1):
                pairs.append((f"{member}.{number}.Name", key))
                pairs += [(f"{member}.{number}.Value.{part}", text) for part, text in parts.items()]
        else:
            pairs.append((member, str(found)))
    return pairs


def _configuration(values: Values) -> Parts:
    """AppConfig: a path for each configuration."""
    texts = {name: encoded_text(str(found)) for name, found in values.items()}
    parts = [texts[name] for name in ("Application", "Environment", "Configuration")]
    if not {b".", b".."}.isdisjoint(parts):
        raise Failure(CODE["BAD_REQUEST_PARAMETERS"], detail="a parameter of the path is a dot segment")
    query = [(b"client_id", texts["ClientId"])]
    if "ClientConfigurationVersion" in texts:
        query.append((b"client_configuration_version", texts["ClientConfigurationVersion"]))
    return b"GET", b"/applications/%b/environments/%b/configurations/%b" % tuple(parts), query, [], b""
