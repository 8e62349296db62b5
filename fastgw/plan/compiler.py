"""Model -> compiled plan. Everything a request will need is worked out here."""

import re
from collections.abc import Mapping
from typing import Any

from fastgw._core.keys import KeyTable
from fastgw._core.plan import Plan
from fastgw._core.router import Router
from fastgw.errors import CODE
from fastgw.model.api import DEFAULT_ROUTE, METHODS, Api, ApiKind, Cors, Route
from fastgw.model.compose import Composed
from fastgw.model.firewall import Firewall
from fastgw.model.gateway import ANY_HOST, DEFAULT_STAGE, Domain, Gateway, Stage
from fastgw.model.integration import HttpProxy, Integrated, Integration, Mock
from fastgw.model.subtype import ServiceAction
from fastgw.model.usage import by_method
from fastgw.parts.auth.issuers import Issuers
from fastgw.parts.aws.client import Services
from fastgw.parts.aws.identities import Identities
from fastgw.parts.aws.subtypes import SubtypeStep
from fastgw.parts.env import Env
from fastgw.parts.integrate.build import build
from fastgw.parts.integrate.headers import answered_as
from fastgw.parts.story import Story, told
from fastgw.parts.uri import STAGE_VARIABLE, Uri, split_uri
from fastgw.plan.access import access_spec, arn_ops
from fastgw.plan.accesslog import compile_log
from fastgw.plan.caching import cache_spec
from fastgw.plan.checks import CompiledChecks
from fastgw.plan.firewall import firewall_spec
from fastgw.plan.http_mapping import answer_changes, request_changes
from fastgw.plan.knobs import Knobs
from fastgw.plan.limits import LimitCells, plans
from fastgw.plan.ops import IN_HEADER, IN_QUERY, Op, context, merged, of_source, of_uri_part, text
from fastgw.plan.permission import permission_spec
from fastgw.plan.replies import always, replies, status_line
from fastgw.plan.rules import KEY_HEADER, REMAP_PREFIX, UNMAPPABLE, names
from fastgw.plan.signatures import signatures
from fastgw.plan.targets import Targets
from fastgw.plan.tls import server_context

EXECUTE_API = "execute-api"
"""Second label of the hosts under which every API is reachable by its id."""
PATH_STYLE = "/_aws/execute-api"
"""Below it every API is reachable as /{api id}/{stage}/, on every host."""

MAX_MAPPED = 64
"""Mapped header fields of one route; fastgw/_core/forward.pyx keeps a table of this size."""

_STEP_SLACK_MS = 1000
"""A step's own deadline comes after its call's, which knows better what to answer."""

_VERB = {method: number for number, method in enumerate((*METHODS, "ANY"))}
_PARAMETER = re.compile(r"\{([^}+]+)\+?\}")

RouteKey = tuple[str, str, str, str]


def compile_plan(
    gateway: Gateway,
    settings: Knobs,
    rows: Mapping[RouteKey, int],
    cells: Mapping[str, int] | None = None,
    keys: KeyTable | None = None,
    logs: Mapping[str, int] | None = None,
    identities: Identities | None = None,
    story: Story | None = None,
    issuers: Issuers | None = None,
) -> Plan:
    """rows: the counter row of each route, by (API name, stage name, method, path). cells: the shared cell of each
    limit, by the ids of fastgw.model.usage; None for a plan that no request will meet. keys: the table of the
    definition's keys. logs: the number of each file of access logs, without which nothing is logged. identities: who
    the worker is to AWS services; None for a plan that no request will meet. story: what the steps tell of the one
    request of a test invocation. issuers: whose keys the worker has; None for a plan that no request will meet.

    Raises ValueError, with the place in the definition, for what only shows when stages are filled in.
    """
    return _Compiler(gateway, settings, rows, cells, keys, logs or {}, identities or Identities({}), story,
                     issuers or Issuers()).plan()


class _Compiler:
    def __init__(
        self,
        gateway: Gateway,
        settings: Knobs,
        rows: Mapping[RouteKey, int],
        cells: Mapping[str, int] | None,
        keys: KeyTable | None,
        logs: Mapping[str, int],
        identities: Identities,
        story: Story | None,
        issuers: Issuers,
    ):
        self._story = story
        self._gateway = gateway
        self._settings = settings
        self._rows = rows
        self._logs = logs
        self._plan = Plan(names(), REMAP_PREFIX.encode(), EXECUTE_API.encode(), keys)
        self._limits = LimitCells(cells)
        self._plan.limits(KEY_HEADER.encode(), self._limits.account(gateway), plans(gateway))
        if gateway.iam is not None or _signs(gateway):
            self._plan.sign(signatures(gateway, settings))
        self._targets = Targets(self._plan, gateway, settings)
        self._issuers = issuers
        self._services = Services(gateway.services, gateway.identity, identities, settings.upstream_ca_file)
        self._functions = frozenset(function.name for function in gateway.functions)
        self._checks = CompiledChecks(settings.validation_pointers)
        self._firewalls = {own.name: self._firewall(own, cells) for own in gateway.firewalls
                           if any(stage.firewall == own.name for stage in gateway.stages)}
        self._apis: dict[str, int] = {}
        self._stages: dict[tuple[str, str], int] = {}

    def plan(self) -> Plan:
        for api in self._gateway.apis:
            stages = [stage for stage in self._gateway.stages if stage.api == api.name]
            for stage in stages:
                self._stages[api.name, stage.name] = self._plan.add_stage(self._stage(api, stage))
            named = [(s.name.encode(), self._stages[api.name, s.name]) for s in stages if s.name != DEFAULT_STAGE]
            self._apis[api.name] = self._plan.add_api(named, self._stages.get((api.name, DEFAULT_STAGE), -1))
        labels = {api.id.encode(): [(b"", self._apis[api.name], -1)] if api.execute_api else []
                  for api in self._gateway.apis}
        by_id = [(PATH_STYLE.encode(), -1, -1)]
        if not self._settings.execute_api:
            labels, by_id = {}, []
        domains = {domain.host: self._paths(domain) for domain in self._gateway.domains}
        for paths in domains.values():
            paths.extend(by_id)
        any_host = domains.pop(ANY_HOST, by_id)
        hosts = {host.encode(): paths for host, paths in domains.items()}
        if self._gateway.tls:
            self._plan.secure(server_context(self._gateway.tls, self._settings.http2))
        self._plan.finish(hosts, any_host, labels, replies(None, {}), compile_log(self._gateway.log, self._logs))
        return self._plan

    def _paths(self, domain: Domain) -> list[tuple[bytes, int, int]]:
        paths = []
        for mapping in domain.mappings:
            stage = -1 if mapping.stage is None else self._stages[mapping.api, mapping.stage]
            prefix = f"/{mapping.base_path}" if mapping.base_path else ""
            paths.append((prefix.encode(), self._apis[mapping.api], stage))
        return paths

    def _stage(self, api: Api, stage: Stage) -> dict[str, Any]:
        variables = dict(stage.variables)
        settings = by_method(stage.methods, [route.name for route in api.routes])
        routes = [
            self._route(api, stage, variables, route)
            | self._limits.route(api, stage, route, settings.get(route.name))
            for route in api.routes
        ]
        table = [
            (_VERB[route.method], route.path.encode(), number)
            for number, route in enumerate(api.routes)
            if route.path != DEFAULT_ROUTE
        ]
        default = [number for number, route in enumerate(api.routes) if route.path == DEFAULT_ROUTE]
        http = api.kind is ApiKind.HTTP
        return {
            "api_id": api.id.encode(),
            "name": stage.name.encode(),
            "http_api": http,
            "missing": CODE["RESOURCE_NOT_FOUND" if http else "MISSING_ROUTE"],
            "router": Router(table),
            "routes": routes,
            "default_route": default[0] if default else -1,
            "replies": replies(api, variables),
            "cors": _cors(api.cors),
            "always": always(api.kind),
            "compress_from": api.compress_from,
            "forward": self._forward(api),
            "defaults": _defaults(api),
            "log": compile_log(stage.log, self._logs),
            "keys_of_callers": api.keys_of_callers,
            "arn": arn_ops(self._gateway, api, stage),
            "permission": permission_spec(self._gateway, api, stage),
            "firewall": -1 if stage.firewall is None else self._firewalls[stage.firewall],
            **self._limits.stage(self._gateway, api, stage),
        }

    def _firewall(self, firewall: Firewall, cells: Mapping[str, int] | None) -> int:
        spec = firewall_spec(self._gateway, firewall, cells)
        try:
            return self._plan.add_firewall(spec)
        except ValueError as error:
            raise ValueError(f"{firewall.place}: error: firewall {firewall.name}: {error}") from None

    def _forward(self, api: Api) -> list[Op]:
        """The fields that the gateway itself puts on every request to an upstream."""
        ops = [text("X-Amzn-Trace-Id: "), context("TRACE_ID"), text("\r\n")]
        if api.kind is ApiKind.REST:
            ops.append(text(f"X-Amzn-Apigateway-Api-Id: {api.id}\r\n"))
        if self._settings.x_forwarded:
            for name in ("For", "Port", "Proto"):
                ops += [text(f"X-Forwarded-{name}: "), context(f"FORWARDED_{name.upper()}"), text("\r\n")]
        return merged(ops)

    def _route(self, api: Api, stage: Stage, variables: Mapping[str, str], route: Route) -> dict[str, Any]:
        default = route.path == DEFAULT_ROUTE
        spec: dict[str, Any] = {
            "slot": self._rows[api.name, stage.name, route.method, route.path],
            "resource": b"" if default else route.path.encode(),
            "operation": DEFAULT_ROUTE.encode() if default else route.method.encode(),
            "signed": route.access is not None and route.access.iam,
            "checks": self._checks.of(route, stage.validation, _PARAMETER.findall(route.path)),
            "auth": access_spec(self._gateway, route, self._env(api, stage, route, variables),
                                self._issuers),
        }
        integration = route.integration
        if _lacks(integration, variables):
            return spec | {"kind": "fail", "failure": CODE["API_CONFIGURATION_ERROR"]}
        if isinstance(integration, HttpProxy):
            return spec | self._proxy(stage, route, integration, variables)
        if isinstance(integration, Mock):
            return spec | _fixed(api, integration, variables)
        if isinstance(integration, Integrated | Composed | ServiceAction):
            return spec | self._step(api, stage, route, integration, variables)
        return spec | {"kind": "fail", "failure": CODE["API_CONFIGURATION_ERROR"]}

    def _env(self, api: Api, stage: Stage, route: Route, variables: Mapping[str, str]) -> Env:
        return Env(api, stage, route, variables, tuple(_PARAMETER.findall(route.path)), self._settings, self._targets,
                   self._services, self._functions, self._gateway.account_id, self._gateway.region)

    def _step(
        self,
        api: Api,
        stage: Stage,
        route: Route,
        integration: Integrated | Composed | ServiceAction,
        variables: Mapping[str, str],
    ) -> dict[str, Any]:
        """A route that leaves the compiled path."""
        env = self._env(api, stage, route, variables)
        step = SubtypeStep(integration, env) if isinstance(integration, ServiceAction) else build(integration, env)
        return {
            "kind": "python",
            "step": step if self._story is None else told(step, self._story),
            "timeout_ms": (integration.timeout_ms or round(self._settings.total_timeout * 1000)) + _STEP_SLACK_MS,
            "cache": cache_spec(stage.cache, route, integration, variables, env.parameters)
            if isinstance(integration, Integrated) and integration.cached else None,
        }

    def _proxy(
        self, stage: Stage, route: Route, integration: HttpProxy, variables: Mapping[str, str]
    ) -> dict[str, Any]:
        parameters = _PARAMETER.findall(route.path)
        if integration.changes or integration.answers or integration.private is not None:
            return self._changed_proxy(stage, integration, variables, parameters)
        uri = split_uri(integration.uri, variables, integration.place)
        sources = {m.name: m.source for m in integration.mappings if m.location == "path"}
        queries, headers = [], []
        try:
            for mapping in integration.mappings:
                if mapping.location == "path":
                    continue
                if mapping.location == "header" and mapping.name.lower() in UNMAPPABLE:
                    continue
                encode = IN_QUERY if mapping.location == "querystring" else IN_HEADER
                op = of_source(mapping.source, variables, parameters, encode)
                if op is not None:
                    (queries if mapping.location == "querystring" else headers).append((mapping.name.encode(), [op]))
            path = of_uri_part(uri.path, sources, variables, parameters, query=False)
            query = of_uri_part(uri.query, sources, variables, parameters, query=True)
        except ValueError as error:
            raise ValueError(f"{integration.place}: error: {error}") from None
        if len(headers) > MAX_MAPPED:
            raise ValueError(f"{integration.place}: error: {len(headers)} mapped headers, at most {MAX_MAPPED}")
        return {
            **self._proxied(uri, stage, integration),
            "path": path,
            "query": query,
            "queries": queries,
            "headers": headers,
            "cache": cache_spec(stage.cache, route, integration, variables, parameters),
        }

    def _proxied(self, uri: Uri, stage: Stage, integration: HttpProxy) -> dict[str, Any]:
        """Where a request goes, and for how long."""
        return {
            "kind": "proxy",
            "target": self._targets.number(uri, integration.place, integration.tls, stage.certificate),
            "first_byte_ms": integration.timeout_ms or 0,
            "timeout_ms": integration.timeout_ms or round(self._settings.total_timeout * 1000),
            "verb": integration.method.encode() if integration.method else None,
        }

    def _changed_proxy(
        self, stage: Stage, integration: HttpProxy, variables: Mapping[str, str], parameters: list[str]
    ) -> dict[str, Any]:
        """With the mappings of an HTTP API. What they make of an answer is not kept: such a route has no cache."""
        if integration.private is None:
            uri = split_uri(integration.uri, variables, integration.place)
            path = of_uri_part(uri.path, {}, variables, parameters, query=False)
            query = of_uri_part(uri.query, {}, variables, parameters, query=True)
        else:
            uri = Uri("http" if integration.tls is None else "https", integration.private, "", "")
            own = "" if stage.name == DEFAULT_STAGE else f"/{stage.name}"
            path, query = merged([text(own), context("BELOW_STAGE")]), []
        try:
            changes = request_changes(integration.changes, variables, parameters)
            answers = answer_changes(integration.answers, variables, parameters)
        except ValueError as error:
            raise ValueError(f"{integration.place}: error: {error}") from None
        return {
            **self._proxied(uri, stage, integration),
            "path": path,
            "query": query,
            **changes,
            "answers": answers,
            "cache": None,
        }


def _lacks(integration: Integration, variables: Mapping[str, str]) -> bool:
    """Whether a URI needs a stage variable that the stage does not have: the loader has told it."""
    composed = isinstance(integration, Composed)
    calls = [branch.integrated for branch in integration.branches] if composed else [integration]
    uris = [call.uri for call in calls if isinstance(call, HttpProxy | Integrated)]
    return any(name not in variables for uri in uris for name in STAGE_VARIABLE.findall(uri))


def _signs(gateway: Gateway) -> bool:
    """Some route asks for signatures."""
    return any(route.access is not None and route.access.iam for api in gateway.apis for route in api.routes)


def _fixed(api: Api, mock: Mock, variables: Mapping[str, str]) -> dict[str, Any]:
    """A MOCK answer, compiled but for ids, date, length and connection."""
    ops = [text(status_line(mock.status).decode() + "Date: "), context("DATE"), text("\r\n")]
    mapped = {name.lower() for name, _ in mock.headers}
    if mock.status not in (204, 304) and "content-type" not in mapped:
        ops.append(text(f"Content-Type: {mock.content_type}\r\n"))
    for name, source in mock.headers:
        sent = answered_as("MOCK", name.encode())
        op = of_source(source, variables, (), IN_HEADER)
        if op is not None and sent is not None:
            ops += [text(f"{sent.decode()}: "), op, text("\r\n")]
    return {
        "kind": "fixed",
        "status": mock.status,
        "head": merged(ops + always(api.kind)),
        "body": mock.body,
        "coded": "content-encoding" in mapped,
    }


def _defaults(api: Api) -> list[tuple[bytes, list[Op]]]:
    """Fields sent upstream where the client sent none."""
    if api.kind is ApiKind.HTTP:
        return [(b"User-Agent", [text(f"AmazonAPIGateway/{api.id}")])]
    return [
        (b"Accept", [text("application/json")]),
        (b"User-Agent", [text(f"AmazonAPIGateway_{api.id}")]),
    ]


def _cors(cors: Cors | None) -> dict[str, Any] | None:
    if cors is None:
        return None
    preflight = ""
    if cors.allow_methods:
        preflight += f"Access-Control-Allow-Methods: {','.join(cors.allow_methods)}\r\n"
    if cors.allow_headers:
        preflight += f"Access-Control-Allow-Headers: {','.join(cors.allow_headers)}\r\n"
    if cors.max_age is not None:
        preflight += f"Access-Control-Max-Age: {cors.max_age}\r\n"
    expose = f"Access-Control-Expose-Headers: {','.join(cors.expose_headers)}\r\n" if cors.expose_headers else ""
    return {
        "origins": [origin.encode() for origin in cors.allow_origins],
        "credentials": cors.allow_credentials,
        "preflight": preflight.encode(),
        "expose": expose.encode(),
    }
