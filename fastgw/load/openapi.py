"""An OpenAPI 3.0/3.1 or Swagger 2.0 document, with or without x-amazon-apigateway-*, -> model.Api."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fastgw.load import answers, compose, cors, responses
from fastgw.load.checks import RequestChecks
from fastgw.load.document import MAX_KEYS, View
from fastgw.load.extensions import (
    check_operation,
    check_path_item,
    check_root,
    execute_api_disabled,
    is_http_api,
    speaks_aws,
)
from fastgw.load.guards import Guards
from fastgw.load.integration import Integrations
from fastgw.load.names import ANY_METHOD, INTEGRATION, PREFIX, VERBS
from fastgw.load.paths import BadPath, ResourcePath, ResourceTree, read_path
from fastgw.load.plain import PlainUpstreams
from fastgw.load.policy import policy
from fastgw.load.problem import did_you_mean, shown
from fastgw.load.reader import Reader
from fastgw.load.security import Security
from fastgw.load.servers import base_path
from fastgw.load.tls import check_policy
from fastgw.model.api import ANY, DEFAULT_ROUTE, Api, ApiKind, Cors, Route
from fastgw.model.authorizer import Authorizer
from fastgw.model.integration import GatewayResponse, Integration, Unserved
from fastgw.model.place import Place
from fastgw.model.policy import Policy
from fastgw.model.service import Service
from fastgw.model.tls import DEFAULT_POLICY
from fastgw.model.validation import Mode

_DEFAULT_PATHS = (DEFAULT_ROUTE, "/" + DEFAULT_ROUTE)
"""How exports of the service write it, and how SAM does."""

MAX_COMPRESSION_SIZE = 10_485_760
"""Bytes; the service's."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the operator decides about one definition.

    placed   authorities that the fastgw.yaml gives an address
    upstream where operations without an integration go
    modes    how the API's stages check requests
    services where AWS services are asked
    compose  routes that the fastgw.yaml composes, by "GET /path"
    policy   that the fastgw.yaml gives the API, in place of the definition's own
    authorizers  of the fastgw.yaml, by the name of the security scheme that they stand for
    """

    kind: ApiKind | None = None
    basepath: str = "ignore"
    upstream: str | None = None
    allow_unenforced: frozenset[str] = frozenset()
    placed: frozenset[str] = frozenset()
    modes: frozenset[Mode] = frozenset({Mode.AWS})
    services: tuple[Service, ...] = ()
    compose: tuple[tuple[str, View], ...] = ()
    policy: View | None = None
    authorizers: Mapping[str, Authorizer] = field(default_factory=dict)


def read_api(reader: Reader, root: View, choices: Choices, name: str | None = None) -> Api | None:
    """name defaults to the title; the id is the caller's to give. None where the document is none."""
    if not _is_openapi(reader, root):
        return None
    return _ApiReader(reader, root, choices).read(name)


def _is_openapi(reader: Reader, root: View) -> bool:
    if reader.mapping(root) is None:
        return False
    version = root.get("openapi") or root.get("swagger")
    if version is None:
        reader.problems.error(root.place, "not-a-definition", "this is no definition: it has neither openapi "
                              "nor swagger, nor fastgw, nor Resources")
        return False
    text = reader.text(version)
    if text is None:
        return False
    wanted = ("3.0", "3.1") if version.name == "openapi" else ("2.0",)
    if not any(text == start or text.startswith(start + ".") for start in wanted):
        reader.problems.error(version.place, "unknown-value", f"{version.name} {shown(text)} is not read; "
                              "versions are openapi 3.0, openapi 3.1 and swagger 2.0")
        return False
    return True


class _ApiReader:
    def __init__(self, reader: Reader, root: View, choices: Choices) -> None:
        self.reader = reader
        self.problems = reader.problems
        self.root = root
        self.kind = choices.kind or (ApiKind.HTTP if is_http_api(root) else ApiKind.REST)
        self.guards = Guards(reader, choices.allow_unenforced)
        self.security = Security(reader, root, self.kind, self.guards, choices.authorizers)
        self.checks = RequestChecks(reader, root, choices.modes, self.guards)
        self.integrations = Integrations(reader, choices.placed, self.kind is ApiKind.HTTP, choices.services)
        self.plain = PlainUpstreams(self.integrations, root, choices.upstream)
        strict = self.kind is ApiKind.REST and speaks_aws(root)
        self.tree = ResourceTree(self.problems, strict)
        self.prefix = self._prefix(choices.basepath)
        self.compose = dict(choices.compose)
        self.own_policy = choices.policy
        self.routes: list[Route] = []

    def read(self, name: str | None) -> Api | None:
        check_root(self.reader, self.root, self.kind)
        paths = self.reader.mapping(self.root.get("paths"))
        if paths is None:
            if self.root.get("paths") is None and self.root.get("webhooks") is None:
                self.problems.error(self.root.place, "missing-field", "the definition has no paths")
        elif len(paths.value) > MAX_KEYS:
            self.problems.error(paths.place, "too-large", f"the definition has {len(paths.value):,} paths; "
                                f"at most {MAX_KEYS:,} are served")
        else:
            for path, item in paths.items():
                if not path.startswith(("x-", "X-")):
                    self._path(path, item)
        self.guards.report()
        self.checks.report()
        self.plain.report()
        return Api(name or self._title(), "", self.kind, tuple(self.routes), self.root.place,
                   self._gateway_responses(), self._cors(), self._binary_types(), self._compress_from(),
                   self.security.authorizers, self._keys_of_callers(), policy=self._policy(),
                   execute_api=not execute_api_disabled(self.reader, self.root),
                   security_policy=self._security_policy())

    def _keys_of_callers(self) -> bool:
        source = self.root.get(PREFIX + "api-key-source")
        return self.reader.name(source, ("HEADER", "AUTHORIZER")) == "AUTHORIZER"

    def _policy(self) -> Policy | None:
        given = self.own_policy or self.root.get(PREFIX + "policy")
        if given is not None and given.value and self.kind is ApiKind.HTTP:
            self.problems.error(given.key_place, "no-effect", "an HTTP API has no policy of its own, as in the "
                                "service; remove it, or say that this is an API of kind REST")
            return None
        return policy(self.reader, given)

    def _security_policy(self) -> str | None:
        given = self.root.get(PREFIX + "security-policy")
        name = self.reader.text(given) if given is not None else None
        if name == "TLS_1_0":
            self.problems.warning(given.place, "stricter", f"{given.name} {name} is served as {DEFAULT_POLICY}: "
                                  "TLS 1.0 and 1.1 are not served")
            return DEFAULT_POLICY
        return name if name is not None and check_policy(name, given, self.problems) else None

    def _compress_from(self) -> int | None:
        given = self.root.get(PREFIX + "minimum-compression-size")
        if given is None or given.value is None:
            return None
        if self.kind is ApiKind.HTTP:
            self.problems.warning(given.key_place, "no-effect", "an HTTP API does not compress, as in the service; "
                                  f"{given.name} is ignored")
            return None
        return self.reader.integer(given, 0, MAX_COMPRESSION_SIZE)

    def _title(self) -> str:
        info = self.root.get("info")
        title = info.get("title") if info is not None else None
        return (self.reader.text(title) if title is not None else None) or "api"

    def _prefix(self, mode: str) -> ResourcePath | None:
        found = base_path(self.reader, self.root) if mode != "ignore" else None
        if found is None:
            return None
        path, view = found
        if mode == "split":
            path = path.partition("/")[2]
        if not path:
            return None
        try:
            prefix = read_path("/" + path)
        except BadPath as error:
            self.problems.error(view.place, "bad-path", f"base path: {error}")
            return None
        if prefix.parameters:
            self.problems.error(view.place, "bad-path", f"base path {shown(path)} must not have variables")
            return None
        return prefix

    def _path(self, path: str, item: View) -> None:
        followed = self.reader.follow(item)
        if followed is None or self.reader.mapping(followed) is None:
            return
        default = path in _DEFAULT_PATHS and self.kind is ApiKind.HTTP
        try:
            own = ResourcePath(DEFAULT_ROUTE, (), False, DEFAULT_ROUTE) if default else read_path(path)
            whole = self._under_prefix(own)
        except BadPath as error:
            self.problems.error(item.key_place, "bad-path", str(error))
            return
        if not default:
            self.tree.add_resource(whole, item.key_place)
        check_path_item(self.reader, followed)
        for key, operation in followed.items():
            method = VERBS.get(key) or (ANY if key == ANY_METHOD else None)
            if method is not None and self.reader.mapping(operation) is not None:
                self._operation(method, own, whole, followed, operation)

    def _under_prefix(self, path: ResourcePath) -> ResourcePath:
        if self.prefix is None or path.text == DEFAULT_ROUTE:
            return path
        return read_path(self.prefix.text + path.text)

    def _operation(self, method: str, own: ResourcePath, whole: ResourcePath, item: View,
                   operation: View) -> None:
        place = operation.key_place
        check_operation(self.reader, operation)
        asked = self.security.operation(operation)
        is_default = operation.get("isDefaultRoute")
        if self.kind is ApiKind.HTTP and is_default is not None and self.reader.flag(is_default):
            method = ANY
            whole = own = replace(own, text=DEFAULT_ROUTE, shape=DEFAULT_ROUTE)
        if not self.tree.add_route(method, whole, place):
            return
        integration = self._integration(f"{method} {whole.text}", own, item, operation, place)
        checks = self.checks.operation(own, item, operation)
        self.routes.append(Route(method, whole.text, integration, place, key=asked.key, checks=checks,
                                 access=asked.access))

    def _integration(self, route: str, own: ResourcePath, item: View, operation: View,
                     place: Place) -> Integration:
        composed = self.compose.get(route) or self._own_extension(operation)
        if composed is not None:
            return self.integrations.composed(composed, route, own.parameters, place)
        given = operation.get(INTEGRATION)
        if given is not None:
            found = self.reader.follow(given)
            if found is None:
                return Unserved("nothing", place)
            return self.integrations.read(found, route, own.parameters, place)
        if operation.get("$ref") is not None:
            return Unserved("nothing", place)
        return self.plain.proxy(own, item, operation, place)

    def _own_extension(self, operation: View) -> View | None:
        """An operation's x-fastgw-integration, which goes before the service's."""
        for key in operation.value:
            if key.lower().startswith("x-fastgw") and key != compose.EXTENSION:
                self.problems.error(operation.get(key).key_place, "unknown-extension", f"{shown(key)} is no extension"
                                    f"{did_you_mean(key, (compose.EXTENSION,))}")
        given = operation.get(compose.EXTENSION)
        return given if given is not None and compose.check_type(self.reader, given) else None

    def _gateway_responses(self) -> tuple[GatewayResponse, ...]:
        given = self.root.get(PREFIX + "gateway-responses")
        if given is not None and self.kind is ApiKind.HTTP:
            self.problems.warning(given.key_place, "no-effect",
                                  "gateway responses cannot be changed in an HTTP API; they are ignored")
            return ()
        return responses.gateway_responses(self.reader, given)

    def _binary_types(self) -> tuple[str, ...]:
        given = self.root.get(PREFIX + "binary-media-types")
        if given is not None and self.kind is ApiKind.HTTP:
            self.problems.warning(given.key_place, "no-effect", "binary media types have no effect on an HTTP API; "
                                  "they are ignored")
            return ()
        return answers.media_ranges(self.reader, given)

    def _cors(self) -> Cors | None:
        given = self.root.get(PREFIX + "cors")
        if given is not None and self.kind is ApiKind.REST:
            self.problems.warning(given.key_place, "no-effect", "x-amazon-apigateway-cors has no effect on a "
                                  "REST API; it is ignored")
            return None
        return cors.cors(self.reader, given)
