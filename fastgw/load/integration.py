"""x-amazon-apigateway-integration -> HttpProxy, Mock, Integrated or Unserved."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from fastgw.load import caching, mock
from fastgw.load.compose import composed
from fastgw.load.document import View
from fastgw.load.http_integration import HttpApiProxy
from fastgw.load.integrated import BEHAVIORS, CONVERSIONS, MAX_TIMEOUT_MS, MIN_TIMEOUT_MS, Basics, integrated
from fastgw.load.mapping import HTTP_API_TARGET, REQUEST_TARGET, Unmapped, of_request
from fastgw.load.problem import did_you_mean, one_of, shown
from fastgw.load.reader import Reader
from fastgw.load.services import check_service, why_not_as
from fastgw.load.subtype import SubtypeReader
from fastgw.load.upstream_tls import tls_config
from fastgw.load.uri import BadUri, check_arn, check_fed, target
from fastgw.model.api import ANY, METHODS
from fastgw.model.function import function_of, invocation_uri
from fastgw.model.integration import HttpProxy, Integration, ParameterMapping, Unserved, reserved_header
from fastgw.model.place import Place
from fastgw.model.service import Service, ServiceUri
from fastgw.model.subtype import ServiceAction
from fastgw.model.value import BodyValue, Source

TYPES = ("AWS", "AWS_PROXY", "HTTP", "HTTP_PROXY", "MOCK")
FUNCTION_ARN = "arn:aws:lambda:"
"""How HTTP APIs may name a function."""

FIELDS = frozenset((
    "cacheKeyParameters", "cacheNamespace", "connectionId", "connectionType", "contentHandling",
    "credentials", "httpMethod", "integrationSubtype", "integrationTarget", "passthroughBehavior",
    "payloadFormatVersion", "requestParameters", "requestTemplates", "responseParameters", "responses",
    "responseTransferMode", "timeoutInMillis", "tlsConfig", "type", "uri",
))

UNMAPPABLE = frozenset({"connection", "expect", "proxy-authenticate", "te", "via"})
"""Headers whose mapping the service leaves out (recorded); the plan's rules have the same."""

MAX_MAPPED = 64
"""Mapped headers of one route: the engine's table has as many rows."""


@dataclass(frozen=True, slots=True)
class Integrations:
    """placed: authorities that the fastgw.yaml gives an address. http: those of an HTTP API. services: where AWS
    services are asked.
    """

    reader: Reader
    placed: frozenset[str] = frozenset()
    http: bool = False
    services: tuple[Service, ...] = ()

    def read(self, view: View, route: str, path_parameters: Collection[str], place: Place) -> Integration:
        """route ("GET /pets") is for messages; place is where the operation stands."""
        whole = self.reader.mapping(view)
        if whole is None:
            return Unserved("nothing", place)
        self.reader.known_keys(whole, FIELDS, "an integration")
        return _One(self, whole, route, path_parameters).read()

    def composed(self, view: View, route: str, path_parameters: Collection[str], place: Place) -> Integration:
        """A route of several branches; each is read as an integration of its own."""
        def read_call(branch: View, kind: str) -> Integration:
            return _One(self, branch, f"{route}, branch {branch.name}", path_parameters).call(kind)

        return composed(self.reader, view, read_call, place)


class _One:
    def __init__(self, shared: Integrations, view: View, route: str, parameters: Collection[str]) -> None:
        self.shared = shared
        self.reader = shared.reader
        self.problems = shared.reader.problems
        self.view = view
        self.place = view.place
        self.route = route
        self.parameters = parameters

    def read(self) -> Integration:
        view = self.view
        if view.get("integrationSubtype") is not None:
            return self._subtype()
        given = view.get("type")
        if given is None:
            self.problems.error(view.place, "missing-field", f"the integration of {self.route} has no type; "
                                f"allowed are {one_of(TYPES)}")
            return Unserved("nothing", self.place)
        kind = self.reader.name(given, TYPES)
        if kind == "MOCK":
            return self._mock()
        if kind == "HTTP_PROXY" and self.shared.http:
            return self._http_api_proxy()
        if kind in ("HTTP", "HTTP_PROXY"):
            return self._http(kind)
        if kind in ("AWS", "AWS_PROXY") and (found := self._function(kind)) is not None:
            return found
        return Unserved("nothing", self.place) if kind is None else self._aws(kind)

    def call(self, kind: str) -> Integration:
        """HTTP or AWS, whatever type the view says."""
        if kind == "HTTP":
            return self._http(kind)
        return self._function(kind) or self._aws(kind)

    def _unserved(self, what: str, why: str = "is not served yet") -> Unserved:
        self.problems.warning(self.place, "unserved",
                              f"{self.route}: {what} {why}; it answers 500 Internal server error")
        missing: dict[str, None] = {}
        for field in ("uri", "credentials", "connectionId"):
            found = self.view.get(field)
            if found is not None:
                missing.update(dict.fromkeys(self.reader.params.fill(found).missing))
        if missing:
            self.problems.warning(self.place, "missing-parameter", f"{self.route}: no value is given for "
                                  f"{', '.join(missing)}; nothing needs it while {what} is not served")
        return Unserved(what, self.place)

    def _mock(self) -> Integration:
        self._mappings("MOCK")
        return mock.read(self.reader, self.view, self.place)

    def _http_api_proxy(self) -> Integration:
        found = HttpApiProxy(self.reader, self.view, self.route, self.shared.placed).read(tuple(self.parameters))
        return found if isinstance(found, HttpProxy) else self._unserved(*found)

    def _http(self, kind: str) -> Integration:
        """HTTP or HTTP_PROXY. What a proxy passes on as it comes stays on the compiled path."""
        view, reader = self.view, self.reader
        connection = reader.name(view.get("connectionType"), ("INTERNET", "VPC_LINK"))
        if connection == "VPC_LINK" or view.get("integrationTarget") is not None:
            return self._unserved("VPC_LINK")
        given = view.get("uri")
        if given is None:
            self.problems.error(view.place, "missing-field", f"the integration of {self.route} has no uri")
            return Unserved(kind, self.place)
        uri = reader.text(given)
        method = reader.name(view.get("httpMethod"), (ANY, *METHODS))
        timeout = reader.integer(view.get("timeoutInMillis"), MIN_TIMEOUT_MS, MAX_TIMEOUT_MS)
        mappings, unserved = self._mappings(kind)
        keys, namespace = self._cache(mappings)
        tls = tls_config(reader, view.get("tlsConfig"), self.route, "insecureSkipVerification")
        if uri is None:
            return Unserved(kind, self.place)
        fed = (*self.parameters, *(mapping.name for mapping in mappings if mapping.location == "path"))
        try:
            found = target(uri)
            check_fed(found.rest, fed)
        except BadUri as error:
            self.problems.error(given.place, "bad-uri", str(error))
            return Unserved(kind, self.place)
        if unserved is not None:
            return self._unserved(*unserved)
        verb = None if method in (ANY, None) else method
        converted = view.get("contentHandling") is not None
        if kind == "HTTP_PROXY":
            self._mention_what_is_ignored()
            if not converted and not any(isinstance(mapping.source, BodyValue) for mapping in mappings):
                return HttpProxy(verb, str(found), self.place, mappings, timeout, keys, namespace, tls=tls)
        basics = Basics(kind, verb, str(found), mappings, timeout, keys, namespace, tls)
        return integrated(reader, view, basics, self.place)

    def _cache(self, mappings: tuple[ParameterMapping, ...]) -> tuple[tuple[Source, ...] | None, str | None]:
        """cacheKeyParameters and cacheNamespace."""
        keys = caching.keys(self.reader, self.view.get("cacheKeyParameters"), self.parameters, mappings)
        return keys, caching.namespace(self.reader, self.view.get("cacheNamespace"))

    def _aws(self, kind: str) -> Integration:
        """A service of AWS, or a function: what is called stands in the uri."""
        view, reader = self.view, self.reader
        given = view.get("uri")
        if given is None:
            self.problems.error(view.place, "missing-field", f"the integration of {self.route} has no uri")
            return Unserved(kind, self.place)
        if reader.params.fill(given).missing:
            return self._unserved(kind, "has no uri until its parameters are given")
        uri = reader.text(given)
        method = reader.name(view.get("httpMethod"), (ANY, *METHODS))
        timeout = reader.integer(view.get("timeoutInMillis"), MIN_TIMEOUT_MS, MAX_TIMEOUT_MS)
        mappings, unserved = self._mappings(kind)
        if uri is None:
            return Unserved(kind, self.place)
        try:
            service = check_arn(kind, uri)
            check_fed(uri, (*self.parameters, *(one.name for one in mappings if one.location == "path")))
        except BadUri as error:
            self.problems.error(given.place, "bad-uri", str(error))
            return Unserved(kind, self.place)
        if unserved is not None:
            return self._unserved(*unserved)
        why = self._why_not_asked(service, given)
        if why:
            return self._unserved(kind, why)
        basics = Basics(kind, None if method in (ANY, None) else method, uri, mappings, timeout, *self._cache(mappings))
        return integrated(reader, view, basics, self.place)

    def _why_not_asked(self, service: ServiceUri, given: View) -> str:
        """Why this integration cannot be served; "" where it can."""
        if service.service == "lambda":
            return "is not served yet"
        try:
            check_service(service, self.shared.services)
            return why_not_as(self.reader.text(self.view.get("credentials")))
        except ValueError as error:
            self.problems.error(given.place, "bad-uri", str(error))
            return "is wrong"

    def _subtype(self) -> Integration:
        if not self.shared.http:
            return self._unserved("integrationSubtype", "is of HTTP APIs, and this is a REST API")
        found = SubtypeReader(self.reader, self.view, self.route, self.shared.services).read()
        return found if isinstance(found, ServiceAction) else self._unserved(*found)

    def _function(self, kind: str) -> Integration | None:
        """A Lambda function; None where the uri names none, or leaves open which."""
        view, reader, given = self.view, self.reader, self.view.get("uri")
        filled = reader.params.fill(given) if given is not None else None
        if filled is None or filled.text is None or filled.missing:
            return None
        uri = invocation_uri(filled.text) if filled.text.startswith(FUNCTION_ARN) else filled.text
        if function_of(uri) is None:
            return None
        payload = reader.name(view.get("payloadFormatVersion"), ("1.0", "2.0")) or "1.0"
        timeout = reader.integer(view.get("timeoutInMillis"), MIN_TIMEOUT_MS, MAX_TIMEOUT_MS)
        stream = reader.name(view.get("responseTransferMode"), ("BUFFERED", "STREAM"))
        streamed = stream == "STREAM" or uri.endswith("/response-streaming-invocations")
        if streamed and (kind == "AWS" or self.shared.http):
            return self._unserved("responseTransferMode STREAM", "is for AWS_PROXY of REST APIs")
        if reader.name(view.get("httpMethod"), (ANY, *METHODS)) not in (None, "POST"):
            return self._unserved("a Lambda function", "takes only POST: httpMethod says otherwise")
        mappings: tuple[ParameterMapping, ...] = ()
        if self.shared.http:
            if view.get("requestParameters") is not None and view.value["requestParameters"]:
                return self._unserved("requestParameters of a Lambda function")
        else:
            mappings, unserved = self._mappings(kind)
            if unserved is not None:
                return self._unserved(*unserved)
        basics = Basics(kind, "POST", uri, mappings, timeout, *self._cache(mappings))
        return replace(integrated(reader, view, basics, self.place), payload=payload, streamed=streamed)

    def _mention_what_is_ignored(self) -> None:
        """Fields that the service does not apply to HTTP_PROXY either."""
        view = self.view
        self.reader.name(view.get("passthroughBehavior"), BEHAVIORS)
        self.reader.name(view.get("contentHandling"), CONVERSIONS)
        self.reader.name(view.get("responseTransferMode"), ("BUFFERED", "STREAM"))
        if view.get("requestTemplates") is not None and view.value["requestTemplates"]:
            self._no_effect("requestTemplates")
        responses = self.reader.mapping(view.get("responses"))
        for _, response in responses.items() if responses is not None else ():
            for field in ("responseParameters", "responseTemplates"):
                if response.get(field) is not None and response.value[field]:
                    self._no_effect(field, response)

    def _no_effect(self, field: str, view: View | None = None) -> None:
        self.problems.warning((view or self.view).get(field).key_place, "no-effect",
                              f"{self.route}: {field} has no effect on HTTP_PROXY, as in the service")

    def _mappings(self, kind: str) -> tuple[tuple[ParameterMapping, ...], tuple[str, str] | None]:
        """The request's mappings, and what of them is known but not served: (what, why)."""
        mappings: list[ParameterMapping] = []
        unserved: tuple[str, str] | None = None
        if self.view.get("responseParameters") is not None and self.view.value["responseParameters"]:
            unserved = ("responseParameters", "is a mapping of HTTP APIs, and this is a REST API")
        parameters = self.reader.mapping(self.view.get("requestParameters"))
        for key, view in parameters.items() if parameters is not None else ():
            if HTTP_API_TARGET.match(key):
                unserved = (shown(key), "is the mapping form of HTTP APIs, and this is a REST API")
                continue
            found = REQUEST_TARGET.fullmatch(key)
            if found is None:
                self._bad_target(key, view)
                continue
            if found[1] == "header" and kind != "MOCK" and reserved_header(kind, found[2]):
                unserved = (f"mapping to header {found[2]}", "is refused by the service too")
                continue
            expression = self.reader.text(view)
            if expression is None:
                continue
            try:
                mappings.append(ParameterMapping(found[1], found[2], of_request(expression)))
            except Unmapped as error:
                if kind == "MOCK":
                    self.problems.warning(view.place, "bad-mapping",
                                          f"{key}: {error}; a MOCK has no use for it, so it is ignored")
                else:
                    self.problems.error(view.place, "bad-mapping", f"{key}: {error}")
        self._check_headers(mappings, parameters)
        return tuple(mappings), unserved

    def _check_headers(self, mappings: Collection[ParameterMapping], parameters: View | None) -> None:
        names = [mapping.name for mapping in mappings if mapping.location == "header"]
        kept = [name for name in names if name.lower() not in UNMAPPABLE]
        if len(kept) > MAX_MAPPED:
            self.problems.error(parameters.key_place, "too-many", f"{self.route}: {len(kept)} mapped headers; "
                                f"at most {MAX_MAPPED} are served")
        for name in names:
            if name.lower() in UNMAPPABLE:
                place = parameters.get(f"integration.request.header.{name}").key_place
                self.problems.warning(place, "no-effect", f"{self.route}: a mapping to header {name} is left out, "
                                      "as by the service")

    def _bad_target(self, key: str, view: View) -> None:
        start = key.rpartition(".")[0]
        starts = [f"integration.request.{where}" for where in ("path", "querystring", "header")]
        self.problems.error(view.key_place, "bad-mapping", f"{shown(key)} is no request parameter; write "
                            f"integration.request.{{path|querystring|header}}.NAME"
                            f"{did_you_mean(start, starts) if start not in starts else ''}")
