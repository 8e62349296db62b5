"""Which fields and extensions may stand where, which have no effect yet, and what they tell of an API."""

from collections.abc import Collection

from fastgw.load.document import View
from fastgw.load.mapping import HTTP_API_TARGET
from fastgw.load.names import (
    ANY_METHOD,
    AUTHORIZER,
    EXTENSIONS,
    INTEGRATION,
    INTEGRATIONS,
    OPERATION_EXTENSIONS,
    PREFIX,
    ROOT_EXTENSIONS,
    VERBS,
)
from fastgw.load.problem import did_you_mean, nearest, shown
from fastgw.load.reader import Reader
from fastgw.model.api import DEFAULT_ROUTE, ApiKind

_ROOT = frozenset((
    "openapi", "swagger", "info", "servers", "paths", "components", "security", "tags", "externalDocs",
    "webhooks", "jsonSchemaDialect", "host", "basePath", "schemes", "consumes", "produces", "definitions",
    "parameters", "responses", "securityDefinitions",
))
_PATH_ITEM = frozenset((*VERBS, "trace", "parameters", "summary", "description", "servers", "$ref"))
_OPERATION = frozenset((
    "tags", "summary", "description", "externalDocs", "operationId", "parameters", "requestBody", "responses",
    "callbacks", "deprecated", "security", "servers", "consumes", "produces", "schemes", "isDefaultRoute",
    "$ref",
))
_COMPONENTS = frozenset((
    "schemas", "responses", "parameters", "examples", "requestBodies", "headers", "securitySchemes", "links",
    "callbacks", "pathItems",
))
_HTTP_AUTHORIZER = ("authorizerPayloadFormatVersion", "enableSimpleResponses")
"""Fields of authorizers that REST APIs do not have."""
_NOT_SERVED = {
    "endpoint-access-mode": "every endpoint may be called",
}


def check_root(reader: Reader, root: View, kind: ApiKind) -> None:
    """Fields and extensions of the whole document."""
    reader.known_keys(root, _ROOT, "a definition")
    _extensions(reader, root, (*ROOT_EXTENSIONS, "auth"), "the whole API")
    for name, effect in _NOT_SERVED.items():
        given = root.get(PREFIX + name)
        if given is not None:
            reader.problems.warning(given.key_place, "unserved",
                                    f"{PREFIX}{name} is not served yet: {effect}")
    for endpoint in _endpoints(root):
        private = endpoint.get("vpcEndpointIds")
        if private is not None and private.value:
            reader.problems.warning(private.place, "unserved", "vpcEndpointIds is not served yet: "
                                    "callers from everywhere are answered")
    components = root.get("components")
    if components is not None and reader.mapping(components) is not None:
        reader.known_keys(components, _COMPONENTS, "components")
        _extensions(reader, components, ("integrations",), "components")


def check_path_item(reader: Reader, item: View) -> None:
    # A misspelt method would be a lost operation.
    reader.known_keys(item, _PATH_ITEM, "a path", strict=True)
    _extensions(reader, item, ("any-method",), "a path")
    trace = item.get("trace")
    if trace is not None:
        reader.problems.warning(trace.key_place, "unserved", "TRACE is never served; it answers 405")


def check_operation(reader: Reader, operation: View) -> None:
    reference = operation.get("$ref")
    if reference is not None:
        reader.problems.error(reference.key_place, "misplaced-reference", f"{operation.name} cannot be a $ref: "
                              "OpenAPI knows none for an operation; let the path be one, or write it out here")
    reader.known_keys(operation, _OPERATION, "an operation")
    _extensions(reader, operation, OPERATION_EXTENSIONS, "an operation")


def execute_api_disabled(reader: Reader, root: View) -> bool:
    """disableExecuteApiEndpoint: of the whole document (Swagger and HTTP APIs), or of one of its servers."""
    given = [endpoint.get("disableExecuteApiEndpoint") for endpoint in _endpoints(root)]
    return any([bool(reader.flag(one)) for one in given])


def _endpoints(root: View) -> list[View]:
    servers = root.get("servers")
    found = [root, *(servers.elements() if servers is not None else ())]
    given = [view.get(PREFIX + "endpoint-configuration") for view in found]
    return [view for view in given if view is not None]


def _extensions(reader: Reader, view: View, allowed: Collection[str], where: str) -> None:
    """Names that look like the service's but are none are errors: they were meant to do something."""
    for key in view.value:
        lowered = key.lower()
        if not lowered.startswith("x-a"):
            continue
        if key in EXTENSIONS:
            if key.removeprefix(PREFIX) not in allowed:
                reader.problems.warning(view.get(key).key_place, "no-effect",
                                        f"{key} has no effect on {where}")
        elif lowered.startswith("x-amazon-api") or nearest(key, EXTENSIONS, 0.8) is not None:
            reader.problems.error(view.get(key).key_place, "unknown-extension", f"{shown(key)} is no "
                                  f"extension of the service{did_you_mean(key, EXTENSIONS)}")


def speaks_aws(root: View) -> bool:
    """Whether the document was written for the service: then its rules for resources apply."""
    if any(key in EXTENSIONS for key, _ in root.items()):
        return True
    return any(ANY_METHOD in item or any(
        isinstance(operation, dict) and INTEGRATION in operation for operation in item.values()
    ) for item in _path_items(root))


def is_http_api(root: View) -> bool:
    """Signs of an HTTP API (v2): everything a REST API has not."""
    if root.get(PREFIX + "cors") is not None:
        return True
    paths = root.get("paths")
    if paths is not None and any(paths.get(name) is not None for name in (DEFAULT_ROUTE, "/" + DEFAULT_ROUTE)):
        return True
    components = root.get("components")
    shared = components.get(INTEGRATIONS) if components is not None else None
    schemes = components.get("securitySchemes") if components is not None else None
    for _, scheme in schemes.items() if schemes is not None else ():
        authorizer = scheme.get(AUTHORIZER)
        if authorizer is not None and (_lowered(authorizer.get("type")) == "jwt" or any(
                authorizer.get(field) is not None for field in _HTTP_AUTHORIZER)):
            return True
    found = [view.value for _, view in shared.items()] if shared is not None else []
    for item in _path_items(root):
        for operation in item.values():
            if isinstance(operation, dict):
                if operation.get("isDefaultRoute"):
                    return True
                found.append(operation.get(INTEGRATION))
    exported = root.get(PREFIX + "importexport-version") is not None
    return any(isinstance(value, dict) and _is_http_integration(value, exported) for value in found)


def _is_http_integration(integration: dict, exported: bool) -> bool:
    """exported: by the service, where only an HTTP API's integrations have a payload format."""
    version, parameters = integration.get("payloadFormatVersion"), integration.get("requestParameters")
    names = parameters if isinstance(parameters, dict) else ()
    return str(version) in ("2", "2.0") or (exported and version is not None) or "integrationSubtype" in integration \
        or bool(integration.get("responseParameters")) or any(HTTP_API_TARGET.match(str(name)) for name in names)


def _path_items(root: View) -> list[dict]:
    paths = root.value.get("paths")
    return [item for item in paths.values() if isinstance(item, dict)] if isinstance(paths, dict) else []


def _lowered(view: View | None) -> str:
    return str(view.value).lower() if view is not None else ""
