"""A request as the event of a Lambda function: of REST APIs, and in the formats 1.0 and 2.0 of HTTP APIs.

Source: developer guide, "Input format of a Lambda function for proxy integration" and "Working with AWS Lambda proxy
integrations for HTTP APIs"; field by field as recorded.
"""

import base64
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import unquote

import msgspec

from fastgw._core.step import Request
from fastgw.model.api import DEFAULT_ROUTE, ApiKind
from fastgw.parts.context import authorizer_kind, client_certificate, short_id
from fastgw.parts.env import Env
from fastgw.parts.integrate.binary import BinaryTypes
from fastgw.parts.integrate.headers import NOT_PROXIED, UNSEEN
from fastgw.parts.integrate.incoming import media_type, pairs

PATH_STYLE = "/_aws/execute-api/"
"""On paths below it the id of an API and a stage's name follow, which no function gets to see."""

Event = dict[str, object]
Many = dict[str, list[str]]

_SET_BY_US = NOT_PROXIED - UNSEEN - {b"host", b"content-encoding", b"via"}
"""Fields between the client and the gateway, and those in which the gateway says who is calling."""

_OWN_CASE = {b"host": "Host", b"user-agent": "User-Agent", b"authorization": "Authorization"}
"""Names that the service writes in its own way, whatever the client's is (recorded)."""

_TEXT = ("application/json", "application/javascript", "application/xml")
"""Media types, beside text/*, whose bodies an HTTP API hands on as text; all others come in base64."""

_IDENTITY = (
    "accessKey", "accountId", "caller", "cognitoAuthenticationProvider", "cognitoAuthenticationType",
    "cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId", "user", "userArn",
)

_SLASHES = re.compile("/+")

_encode = msgspec.json.Encoder().encode


def event_maker(payload: str, env: Env) -> Callable[[Request], bytes]:
    """payload counts for HTTP APIs only."""
    maker = event_of(payload, env)
    return lambda request: _encode(maker(request))


def event_of(payload: str, env: Env) -> Callable[[Request], Event]:
    """The same, as what is encoded."""
    maker = RestEvent if env.api.kind is ApiKind.REST else HttpEvent2 if payload == "2.0" else HttpEvent1
    return maker(env).event


class _Maker(ABC):
    """What the three have in common."""

    def __init__(self, env: Env) -> None:
        self._env = env
        self._stage_variables = dict(env.variables) or None
        self._resource = env.route.path
        self._kind = authorizer_kind(env.api, env.route)

    @abstractmethod
    def event(self, request: Request) -> Event:
        """The event's document."""

    def _fields(self, request: Request) -> Iterable[tuple[str, str]]:
        """(name, value) of what the client sent, and of what the gateway says itself."""
        for name, value in request.headers:
            lower = name.lower()
            if lower not in UNSEEN and lower.replace(b"_", b"-").replace(b".", b"-") not in _SET_BY_US:
                yield _OWN_CASE.get(lower) or _text(name), _text(value)
        for name in ("For", "Port", "Proto"):
            yield f"X-Forwarded-{name}", request.context(f"FORWARDED_{name.upper()}")
        yield "X-Amzn-Trace-Id", request.context("TRACE_ID")

    def _identity(self, request: Request) -> Event:
        caller = request.caller
        identity: Event = {name: caller.get(f"identity.{name}") for name in _IDENTITY}
        identity["sourceIp"] = request.context("SOURCE_IP")
        identity["userAgent"] = request.context("USER_AGENT") or None
        if self._env.route.key:
            identity["apiKey"], identity["apiKeyId"] = request.context("KEY"), request.context("KEY_NAME")
        if certificate := client_certificate(request):
            identity["clientCert"] = certificate
        return identity

    def _authorizer(self, request: Request) -> Event | None:
        """What the authorizer told, as REST APIs and format 1.0 have it."""
        told = request.told
        if told is None or self._kind == "iam":
            return None
        if self._kind == "lambda":
            return {**told, "integrationLatency": int(request.context("AUTHORIZER_LATENCY"))}
        return dict(told)

    def _context1(self, request: Request, path: str) -> Event:
        """requestContext of REST APIs and of format 1.0."""
        get, env = request.context, self._env
        authorizer = self._authorizer(request)
        return ({"authorizer": authorizer} if authorizer is not None else {}) | {
            "accountId": env.account,
            "apiId": get("API_ID"),
            "domainName": _domain(request),
            "domainPrefix": get("HOST_LABEL"),
            "extendedRequestId": get("EXTENDED_ID"),
            "httpMethod": get("METHOD"),
            "identity": self._identity(request),
            "path": path,
            "protocol": get("PROTOCOL"),
            "requestId": get("REQUEST_ID"),
            "requestTime": get("TIME_CLF"),
            "requestTimeEpoch": int(get("TIME_MS")),
            "resourcePath": self._resource,
            "stage": env.stage.name,
        }

    def _format1(self, request: Request, path: str, parameters: Event | None, fields: Many, context: Event) -> Event:
        """The fields of REST APIs and of format 1.0; of several values of a name the last stands alone."""
        query = _by_name((name, _text(value)) for name, value in pairs(request.query))
        return {
            "resource": self._resource,
            "path": path,
            "httpMethod": request.context("METHOD"),
            "headers": _last(fields),
            "multiValueHeaders": fields,
            "queryStringParameters": _last(query) or None,
            "multiValueQueryStringParameters": query or None,
            "pathParameters": parameters or None,
            "stageVariables": self._stage_variables,
            "requestContext": context,
        }


class RestEvent(_Maker):
    """The event of a REST API. Path parameters stay encoded, as do paths."""

    def __init__(self, env: Env) -> None:
        super().__init__(env)
        self._binary = BinaryTypes(env.api.binary_types)
        self._greedy = env.route.path.count("/") - 1 if env.route.path.endswith("+}") else None
        """Segments before a greedy parameter."""
        self._ids = {
            "resourceId": short_id(env.api.id, env.route.path),
            "deploymentId": short_id(env.api.id, env.stage.name, "deployment"),
        }

    def event(self, request: Request) -> Event:
        parameters = self._parameters(request)
        fields = _fields_by_name(self._fields(request))
        context = self._context1(request, _with_stage(request)) | self._ids
        body, encoded = _body(request.body, self._binary.holds(_kind(request)))
        made = self._format1(request, _below_stage(request, self._env.stage.name), parameters, fields, context)
        return made | {"body": body, "isBase64Encoded": encoded}


    def _parameters(self, request: Request) -> Event:
        """As they came. A greedy one is the rest of the path as the event shows it, without a slash at its end."""
        values = [_text(value) for value in request.parameters]
        if values and self._greedy is not None:
            values[-1] = _skipped(_below(request), self._greedy).strip("/")
        return dict(zip(self._env.parameters, values, strict=False))


class HttpEvent1(_Maker):
    """Format 1.0 of an HTTP API, which decodes paths."""

    def event(self, request: Request) -> Event:
        parameters = _decoded(self._env.parameters, request.parameters)
        fields = _fields_by_name(self._fields(request))
        fields["Content-Length"] = [str(len(request.body))]
        path = unquote(_with_stage(request))
        context = self._context1(request, path) | {"requestId": request.context("EXTENDED_ID"), "resourceId": None}
        body, encoded = _body(request.body, _is_binary(request))
        made = self._format1(request, path, parameters, fields, context)
        return {"version": "1.0", **made, "body": body, "isBase64Encoded": encoded}


class HttpEvent2(_Maker):
    """Format 2.0: what a request does not have is left out, several values of a name are one, names are lower-case."""

    def event(self, request: Request) -> Event:
        get = request.context
        path = unquote(_with_stage(request))
        fields = _by_name((name.lower(), value) for name, value in self._fields(request))
        fields["content-length"] = [str(len(request.body))]
        cookies = [cookie for line in fields.pop("cookie", ()) for cookie in line.split("; ")]
        query = _by_name((name, _text(value)) for name, value in pairs(request.query))
        parameters = _decoded(self._env.parameters, request.parameters)
        body, encoded = _body(request.body, _is_binary(request))
        key = DEFAULT_ROUTE if self._resource == DEFAULT_ROUTE else f"{self._env.route.method} {self._resource}"
        certificate = client_certificate(request)
        event: Event = {
            "version": "2.0",
            "routeKey": key,
            "rawPath": path,
            "rawQueryString": _text(request.query),
            "cookies": cookies,
            "headers": _joined(fields),
            "queryStringParameters": _joined(query),
            "requestContext": {
                "accountId": self._env.account,
                "apiId": get("API_ID"),
                **self._told(request),
                **({"authentication": {"clientCert": certificate}} if certificate else {}),
                "domainName": _domain(request),
                "domainPrefix": get("HOST_LABEL"),
                "http": {
                    "method": get("METHOD"),
                    "path": path,
                    "protocol": get("PROTOCOL"),
                    "sourceIp": get("SOURCE_IP"),
                    "userAgent": get("USER_AGENT"),
                },
                "requestId": get("EXTENDED_ID"),
                "routeKey": key,
                "stage": self._env.stage.name,
                "time": get("TIME_CLF"),
                "timeEpoch": int(get("TIME_MS")),
            },
            "body": body,
            "pathParameters": parameters,
            "isBase64Encoded": encoded,
            "stageVariables": self._stage_variables,
        }
        for name in ("cookies", "queryStringParameters", "body", "pathParameters", "stageVariables"):
            if not event[name]:
                del event[name]
        return event

    def _told(self, request: Request) -> Event:
        """authorizer, by what kind of authorizer told it; whose caller it is stands only in format 1.0."""
        if self._kind == "iam":
            return {"authorizer": {"iam": _signer(request.caller)}}
        told = request.told
        if told is None:
            return {}
        return {"authorizer": {self._kind: {name: value for name, value in told.items()
                                            if self._kind != "lambda" or name != "principalId"}}}


def _signer(caller: Mapping[str, str]) -> Event:
    """Who signed, as HTTP APIs tell it."""
    return {
        "accessKey": caller.get("identity.accessKey"),
        "accountId": caller.get("identity.accountId"),
        "callerId": caller.get("identity.caller"),
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": caller.get("identity.userArn"),
        "userId": caller.get("identity.user"),
    }


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _domain(request: Request) -> str:
    """The Host field without its port."""
    host = request.context("HOST")
    return host if host.endswith("]") else host.rpartition(":")[0] if ":" in host else host


def _with_stage(request: Request) -> str:
    """The path as the client wrote it, base path and stage included; more than one slash before them is one."""
    path = "/" + request.context("PATH").lstrip("/")
    if path.startswith(PATH_STYLE):
        return "/" + path.removeprefix(PATH_STYLE).partition("/")[2]
    return path


def _below(request: Request) -> str:
    """The path below base path and stage: as the client wrote it where it differs only in slashes from the canonical
    path, by which the request was routed; else that path's.
    """
    canonical, below = _text(request.path), request.context("BELOW_STAGE")
    written = request.context("PATH")
    if "//" not in written or _SLASHES.sub("/", written) != canonical:
        return below
    before = canonical.removesuffix(below) if canonical.endswith(below) else canonical
    return "/" + _skipped(written, before.count("/")).lstrip("/")


def _skipped(path: str, segments: int) -> str:
    """What follows so many segments, with the slashes before it."""
    found = re.match(f"(?:/+[^/]+){{{segments}}}", path)
    return path[found.end():] if found is not None else path


def _below_stage(request: Request, stage: str) -> str:
    """The path with the base path of a domain, and without the stage."""
    canonical, below = _text(request.path), request.context("BELOW_STAGE")
    before = canonical.removesuffix(below) if canonical.endswith(below) else ""
    if before.startswith(PATH_STYLE):
        before = ""
    return before.removesuffix(f"/{stage}") + _below(request)


def _by_name(items: Iterable[tuple[str, str]]) -> Many:
    """Values by name, in the order they came."""
    found: Many = {}
    for name, value in items:
        found.setdefault(name, []).append(value)
    return found


def _fields_by_name(fields: Iterable[tuple[str, str]]) -> Many:
    """The same for header fields: of two spellings of a name the first counts."""
    names: dict[str, str] = {}
    return _by_name((names.setdefault(name.lower(), name), value) for name, value in fields)


def _last(many: Many) -> dict[str, str]:
    return {name: values[-1] for name, values in many.items()}


def _joined(many: Many) -> dict[str, str]:
    return {name: ",".join(values) for name, values in many.items()}


def _decoded(names: tuple[str, ...], values: list[bytes]) -> Event:
    return {name: unquote(_text(value)) for name, value in zip(names, values, strict=False)}


def _kind(request: Request) -> str:
    """The body's media type; "" where none is said."""
    for name, value in reversed(request.headers):
        if name.lower() == b"content-type":
            return media_type(value)
    return ""


def _is_binary(request: Request) -> bool:
    kind = _kind(request)
    return kind not in _TEXT and not kind.startswith("text/")


def _body(body: bytes, binary: bool) -> tuple[str | None, bool]:
    """(body, isBase64Encoded); what is no UTF-8 in a text becomes U+FFFD."""
    if not body:
        return None, False
    return (base64.b64encode(body).decode(), True) if binary else (body.decode("utf-8", "replace"), False)
