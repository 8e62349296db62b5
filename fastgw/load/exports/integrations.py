"""model.Integration -> x-amazon-apigateway-integration, or our own x-fastgw-integration."""

import json
from collections.abc import Callable

from fastgw.load.compose import COMPOSE, EXTENSION
from fastgw.load.exports import spelt
from fastgw.load.exports.spelt import Unspeakable
from fastgw.load.names import INTEGRATION
from fastgw.model.api import ApiKind
from fastgw.model.compose import Branch, Composed
from fastgw.model.http_mapping import Change
from fastgw.model.integration import WHEN_NO_MATCH, HttpProxy, Integrated, IntegrationResponse, Mock, ParameterMapping
from fastgw.model.subtype import REGION, ServiceAction
from fastgw.model.upstream_tls import TlsConfig
from fastgw.model.value import RequestParameter, Source

_START = "integration.request."


def integration(found: object, kind: ApiKind) -> dict[str, object]:
    """Under the name that extension() gives. Raises Unspeakable for what a definition cannot say."""
    write = _WRITERS.get(type(found))
    if write is None:
        raise Unspeakable(str(getattr(found, "what", type(found).__name__)))
    whole = {name: value for name, value in write(found).items() if value not in (None, {}, ())}
    if kind is ApiKind.HTTP and not isinstance(found, Composed):
        # As the service writes it, though nothing else can be; it also tells that the API is an HTTP API.
        whole.setdefault("payloadFormatVersion", "1.0")
    return whole


def extension(found: object) -> str:
    return EXTENSION if isinstance(found, Composed) else INTEGRATION


def statuses(found: object) -> list[int]:
    """Those that the integration's answers may have, where it says so."""
    match found:
        case Mock(status):
            return [status]
        case Integrated():
            return sorted({one.status for one in found.responses})
    return []


def _http_proxy(proxy: HttpProxy) -> dict[str, object]:
    return {
        "type": "http_proxy",
        "httpMethod": proxy.method or "ANY",
        "uri": spelt.filled(proxy.private or proxy.uri),
        "connectionType": "VPC_LINK" if proxy.private is not None else None,
        "requestParameters": _mappings(proxy.mappings) | _changes(proxy.changes),
        "responseParameters": {str(one.status): _changes(one.changes) for one in proxy.answers},
        "timeoutInMillis": proxy.timeout_ms,
        **_cached(proxy),
        "tlsConfig": _tls(proxy.tls),
    }


def _cached(found: HttpProxy | Integrated) -> dict[str, object]:
    keys, namespace = found.cache_keys, found.cache_namespace
    return {
        "cacheKeyParameters": None if keys is None else [_cache_key(key, found.mappings) for key in keys],
        "cacheNamespace": None if namespace is None else spelt.filled(namespace),
    }


def _tls(config: TlsConfig | None) -> dict[str, object]:
    if config is None:
        return {}
    return {"insecureSkipVerification": True} if config.skip_issuer else {"serverNameToVerify": config.name}


def _mock(mock: Mock) -> dict[str, object]:
    headers = _answer_headers(mock.headers)
    return {
        "type": "mock",
        "requestTemplates": {"application/json": json.dumps({"statusCode": mock.status})},
        "responses": {"default": {
            "statusCode": str(mock.status),
            **({"responseParameters": headers} if headers else {}),
            "responseTemplates": {mock.content_type: spelt.template(mock.body.decode())},
        }},
    }


def _integrated(whole: Integrated) -> dict[str, object]:
    return {
        "type": whole.type.lower(),
        "httpMethod": whole.method or ("ANY" if whole.type != "MOCK" else None),
        "uri": spelt.filled(whole.uri),
        "credentials": None if whole.credentials is None else spelt.filled(whole.credentials),
        "requestParameters": _mappings(whole.mappings),
        "requestTemplates": _templates(whole.templates),
        "passthroughBehavior": None if whole.passthrough == WHEN_NO_MATCH else whole.passthrough.lower(),
        "contentHandling": whole.content_handling,
        "timeoutInMillis": whole.timeout_ms,
        **_cached(whole),
        "tlsConfig": _tls(whole.tls),
        "payloadFormatVersion": whole.payload if whole.payload != "1.0" else None,
        "responses": {"default" if one.pattern is None else one.pattern: _response(one) for one in whole.responses},
    }


def _service_action(action: ServiceAction) -> dict[str, object]:
    parameters = {name: spelt.filled(spelt.http_value(value)) for name, value in action.parameters}
    return {
        "type": "aws_proxy",
        "integrationSubtype": action.subtype,
        "credentials": None if action.credentials is None else spelt.filled(action.credentials),
        "requestParameters": parameters | {REGION: spelt.filled(spelt.http_value(action.region))},
        "timeoutInMillis": action.timeout_ms,
    }


def _composed(composed: Composed) -> dict[str, object]:
    return {
        "type": COMPOSE,
        "branches": {branch.name: _branch(branch) for branch in composed.branches},
        "template": None if composed.template is None else spelt.template(composed.template),
        "status": composed.status,
        "contentType": composed.content_type,
        "timeoutInMillis": composed.timeout_ms,
    }


def _branch(branch: Branch) -> dict[str, object]:
    call = {**_integrated(branch.integrated), "required": branch.required,
            "success": None if branch.success is None else spelt.filled(branch.success)}
    return {name: value for name, value in call.items() if value not in (None, {})}


def _response(response: IntegrationResponse) -> dict[str, object]:
    whole = {
        "statusCode": str(response.status),
        "responseParameters": _answer_headers(response.headers),
        "responseTemplates": _templates(response.templates),
        "contentHandling": response.content_handling,
    }
    return {name: value for name, value in whole.items() if value not in (None, {})}


def _answer_headers(headers: tuple) -> dict[str, str]:
    return {f"method.response.header.{name}": spelt.source(value, "integration.response") for name, value in headers}


def _templates(templates: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {media: spelt.template(text) for media, text in templates}


def _mappings(mappings: tuple[ParameterMapping, ...]) -> dict[str, str]:
    return {f"{_START}{one.location}.{one.name}": spelt.source(one.source) for one in mappings}


def _cache_key(key: Source, mappings: tuple[ParameterMapping, ...]) -> str:
    if isinstance(key, RequestParameter):
        return spelt.source(key)
    return next(f"{_START}{one.location}.{one.name}" for one in mappings if one.source == key)


def _changes(changes: tuple[Change, ...]) -> dict[str, str]:
    return {
        f"{one.action}:{one.location}{'.' * bool(one.name)}{one.name}":
            "''" if one.value is None else spelt.filled(spelt.http_value(one.value))
        for one in changes
    }


_WRITERS: dict[type, Callable[[object], dict[str, object]]] = {
    HttpProxy: _http_proxy, Mock: _mock, Integrated: _integrated, ServiceAction: _service_action,
    Composed: _composed,
}
