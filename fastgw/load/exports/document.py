"""The document: paths, what requests are checked for, gateway responses, settings of the whole API."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fastgw.load.exports import security, spelt
from fastgw.load.exports.integrations import extension, integration, statuses
from fastgw.load.exports.policy import policy_document
from fastgw.load.exports.schemas import Schemas
from fastgw.load.exports.spelt import Unspeakable
from fastgw.load.names import ANY_METHOD, PREFIX
from fastgw.model.api import ANY, DEFAULT_ROUTE, Api, ApiKind, Cors, Route
from fastgw.model.gateway import DEFAULT_STAGE
from fastgw.model.integration import GatewayResponse
from fastgw.model.validation import Body, Checks, Mode

FORMATS = ("oas30", "swagger")
EXTENSIONS = ("integrations", "authorizers", "apigateway")
"""Source: API reference, GetExport: apigateway is all of them."""

_KEY_SCHEME = "api_key"
_SIGNED_SCHEME = "sigv4"
_LOCATIONS = {"header": "header", "path": "path", "querystring": "query"}
_VARIABLE = re.compile(r"\{([^{}+]+)\+?\}")
_NOT_HEADERS = ("accept", "content-type", "authorization")


class ExportError(Exception):
    """What of the API cannot be said in the format; one line for each."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass(frozen=True, slots=True)
class Options:
    """stage and mode are of the stage that is exported."""

    format: str = "oas30"
    extensions: frozenset[str] = frozenset({"apigateway"})
    stage: str = DEFAULT_STAGE
    mode: Mode = Mode.AWS


def export(api: Api, options: Options) -> dict[str, object]:
    """Raises ExportError."""
    return _Export(api, options).document()


class _Export:
    def __init__(self, api: Api, options: Options) -> None:
        self._api = api
        self._options = options
        self._swagger = options.format == "swagger"
        self._schemas = Schemas("#/definitions/" if self._swagger else "#/components/schemas/", not self._swagger)
        self._validators: dict[str, dict[str, bool]] = {}
        self._faults: list[str] = []

    def document(self) -> dict[str, object]:
        api = self._api
        if self._swagger and api.kind is ApiKind.HTTP:
            raise ExportError([f"{api.name} is an HTTP API, exported as oas30 only, as by the service"])
        paths: dict[str, dict[str, object]] = {}
        for route in api.routes:
            path = "/" + DEFAULT_ROUTE if route.path == DEFAULT_ROUTE else route.path
            key = ANY_METHOD if route.method == ANY else route.method.lower()
            paths.setdefault(path, {})[key] = self._operation(route)
        info = {"title": spelt.filled(api.name), "version": "1"}
        head = {"swagger": "2.0"} if self._swagger else {"openapi": self._version()}
        whole = {**head, "info": info, **self._base(), "paths": paths, **self._shared()}
        if "apigateway" in self._options.extensions:
            whole |= self._settings()
        if self._faults:
            raise ExportError(self._faults)
        return whole

    def _version(self) -> str:
        dialects = {schema.dialect for route in self._api.routes if route.checks is not None
                    and route.checks.body is not None for _, schema in route.checks.body.models if schema is not None}
        if "draft7" not in dialects:
            return "3.0.1"
        if len(dialects) > 1:
            self._faults.append("models of OpenAPI 3.1 stand beside others, and no one version has the words of both")
        return "3.1.0"

    def _base(self) -> dict[str, object]:
        """The stage is the base path, as in the service's exports."""
        stage = self._options.stage
        base = "" if stage == DEFAULT_STAGE else f"/{stage}"
        if self._swagger:
            return ({"basePath": base} if base else {}) | self._endpoint()
        server = {"url": "/{basePath}", "variables": {"basePath": {"default": base}}} | self._endpoint()
        return {"servers": [server]} if base or self._endpoint() else {}

    def _endpoint(self) -> dict[str, object]:
        if self._api.execute_api or "apigateway" not in self._options.extensions:
            return {}
        return {PREFIX + "endpoint-configuration": {"disableExecuteApiEndpoint": True}}

    def _shared(self) -> dict[str, object]:
        """Models and security schemes."""
        schemes: dict[str, object] = {}
        if any(route.key for route in self._api.routes):
            schemes[_KEY_SCHEME] = {"type": "apiKey", "name": "x-api-key", "in": "header"}
        if any(route.access is not None and route.access.iam for route in self._api.routes):
            schemes[_SIGNED_SCHEME] = security.SIGNED
        used = {route.access.authorizer for route in self._api.routes if route.access is not None}
        whole = bool(self._options.extensions & {"apigateway", "authorizers"})
        for authorizer in self._api.authorizers:
            if authorizer.name in used:
                try:
                    schemes[authorizer.name] = security.scheme(authorizer, self._api.kind, whole)
                except Unspeakable as why:
                    self._faults.append(f"authorizer {authorizer.name} is {why}")
        if self._swagger:
            parts = {"definitions": self._schemas.shared, "securityDefinitions": schemes}
            return {name: part for name, part in parts.items() if part}
        parts = {"schemas": self._schemas.shared, "securitySchemes": schemes}
        found = {name: part for name, part in parts.items() if part}
        return {"components": found} if found else {}

    def _settings(self) -> dict[str, object]:
        api = self._api
        given = {
            "gateway-responses": {one.type: _gateway_response(one) for one in api.gateway_responses},
            "request-validators": self._validators,
            "binary-media-types": list(api.binary_types),
            "minimum-compression-size": api.compress_from,
            "policy": policy_document(api.policy) if api.policy is not None else None,
            "api-key-source": "AUTHORIZER" if api.keys_of_callers else None,
            "importexport-version": "1.0" if api.kind is ApiKind.HTTP else None,
        }
        found = {PREFIX + name: value for name, value in given.items() if value not in (None, {}, [])}
        return found | ({PREFIX + "cors": _cors(api.cors)} if api.cors is not None else {})

    # --- operations

    def _operation(self, route: Route) -> dict[str, object]:
        whole: dict[str, object] = {}
        parameters = list(self._parameters(route))
        if route.checks is not None:
            body = route.checks.body
            if body is not None and self._swagger:
                parameters += self._swagger_body(route, body, whole)
            elif body is not None:
                whole["requestBody"] = self._body(route, body)
        if parameters:
            whole["parameters"] = parameters
        needs = self._needs(route)
        if needs:
            whole["security"] = [needs]
        whole["responses"] = {str(status): {"description": f"{status} response"}
                              for status in statuses(route.integration)} or {
            "default": {"description": f"Default response for {route.name}"}}
        every = "apigateway" in self._options.extensions
        if every and route.checks is not None and route.checks.asked:
            whole[PREFIX + "request-validator"] = self._validator(route.checks)
        if every or "integrations" in self._options.extensions:
            try:
                whole[extension(route.integration)] = integration(route.integration, self._api.kind)
            except Unspeakable as why:
                self._faults.append(f"{route.name}: its integration ({why}) is not served, and so not known")
        return whole

    def _needs(self, route: Route) -> dict[str, list[str]]:
        access = route.access
        needs: dict[str, list[str]] = {}
        if access is not None and access.iam:
            needs = {_SIGNED_SCHEME: []}
        elif access is not None and access.authorizer:
            needs = {access.authorizer: list(access.scopes)}
        return needs | ({_KEY_SCHEME: []} if route.key else {})

    def _parameters(self, route: Route) -> Iterator[dict[str, object]]:
        """Those that are required; of the path all that are there, where no more is checked by it."""
        checks = route.checks
        found = {(one.location, one.name): None for one in checks.parameters} if checks is not None else {}
        if self._options.mode is Mode.AWS and (checks is None or not checks.asked_parameters):
            found |= {("path", name): None for name in _VARIABLE.findall(route.path)}
        typed = {"type": "string"} if self._swagger else {"schema": {"type": "string"}}
        for location, name in found:
            if location == "header" and not self._swagger and name.lower() in _NOT_HEADERS:
                self._faults.append(f"{route.name}: OpenAPI 3 has no header parameter {name}; export it as swagger")
            yield {"name": spelt.filled(name), "in": _LOCATIONS[location], "required": True, **typed}

    def _body(self, route: Route, body: Body) -> dict[str, object]:
        content = {media: {} if schema is None else {"schema": self._schema(route, schema)}
                   for media, schema in body.models}
        return {"content": content} | ({"required": True} if body.required else {})

    def _swagger_body(self, route: Route, body: Body, whole: dict[str, object]) -> Iterator[dict[str, object]]:
        """Swagger has one schema for every media type."""
        schemas = [schema for _, schema in body.models]
        if not schemas or any(schema != schemas[0] for schema in schemas):
            self._faults.append(f"{route.name}: swagger has one model for all media types; export it as oas30")
            return
        whole["consumes"] = [media for media, _ in body.models]
        given = {"schema": self._schema(route, schemas[0])} if schemas[0] is not None else {}
        yield {"in": "body", "name": "body", **({"required": True} if body.required else {}), **given}

    def _schema(self, route: Route, schema: object) -> object:
        if self._swagger and schema.dialect == "draft7":
            self._faults.append(f"{route.name}: its model is of OpenAPI 3.1, for whose words swagger has none")
        try:
            return self._schemas.write(schema)
        except Unspeakable as why:
            self._faults.append(f"{route.name}: {why} differ")
            return {}

    def _validator(self, checks: Checks) -> str:
        names = {(True, True): "all", (True, False): "body-only", (False, True): "params-only", (False, False): "none"}
        name = names[checks.asked_body, checks.asked_parameters]
        self._validators[name] = {"validateRequestBody": checks.asked_body,
                                  "validateRequestParameters": checks.asked_parameters}
        return name


def _gateway_response(response: GatewayResponse) -> dict[str, object]:
    whole = {
        "statusCode": response.status,
        "responseParameters": {f"gatewayresponse.header.{name}": spelt.source(value)
                               for name, value in response.headers},
        "responseTemplates": {media: spelt.text(value) for media, value in response.templates},
    }
    return {name: value for name, value in whole.items() if value not in (None, {})}


def _cors(cors: Cors) -> dict[str, object]:
    whole = {
        "allowOrigins": list(cors.allow_origins), "allowMethods": list(cors.allow_methods),
        "allowHeaders": list(cors.allow_headers), "exposeHeaders": list(cors.expose_headers), "maxAge": cors.max_age,
        "allowCredentials": cors.allow_credentials or None,
    }
    return {name: value for name, value in whole.items() if value not in (None, [])}
