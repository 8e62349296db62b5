"""AWS::ApiGateway resources of one REST API -> an OpenAPI document with the service's extensions."""

from fastgw.load import json_text
from fastgw.load.assembly import Assembly
from fastgw.load.document import BadText, Document, View
from fastgw.load.names import ANY_METHOD, AUTHORIZER, AUTHTYPE, INTEGRATION, PREFIX, VERBS
from fastgw.load.paths import MAX_SEGMENTS
from fastgw.load.problem import shown
from fastgw.load.templates.stack import Resource, Stack
from fastgw.model.api import ANY

API = "AWS::ApiGateway::RestApi"
RESOURCE = "AWS::ApiGateway::Resource"
METHOD = "AWS::ApiGateway::Method"
MODEL = "AWS::ApiGateway::Model"
VALIDATOR = "AWS::ApiGateway::RequestValidator"
AUTHORIZERS = "AWS::ApiGateway::Authorizer"
RESPONSE = "AWS::ApiGateway::GatewayResponse"
PARTS = (RESOURCE, METHOD, MODEL, VALIDATOR, AUTHORIZERS, RESPONSE)

KEY_SCHEME = "api_key"
"""Name of the security scheme of a method with ApiKeyRequired."""

_ROOT = {
    "ApiKeySourceType": PREFIX + "api-key-source",
    "BinaryMediaTypes": PREFIX + "binary-media-types",
    "MinimumCompressionSize": PREFIX + "minimum-compression-size",
    "Policy": PREFIX + "policy",
    "SecurityPolicy": PREFIX + "security-policy",
    "EndpointAccessMode": PREFIX + "endpoint-access-mode",
}
INTEGRATION_FIELDS = {
    "CacheKeyParameters": "cacheKeyParameters",
    "CacheNamespace": "cacheNamespace",
    "ConnectionId": "connectionId",
    "ConnectionType": "connectionType",
    "ContentHandling": "contentHandling",
    "Credentials": "credentials",
    "IntegrationHttpMethod": "httpMethod",
    "IntegrationTarget": "integrationTarget",
    "PassthroughBehavior": "passthroughBehavior",
    "RequestParameters": "requestParameters",
    "RequestTemplates": "requestTemplates",
    "ResponseTransferMode": "responseTransferMode",
    "TimeoutInMillis": "timeoutInMillis",
    "Type": "type",
    "Uri": "uri",
}
_RESPONSE_FIELDS = {
    "ContentHandling": "contentHandling",
    "ResponseParameters": "responseParameters",
    "ResponseTemplates": "responseTemplates",
    "StatusCode": "statusCode",
}
_AUTHORIZER_FIELDS = {
    "AuthorizerCredentials": "authorizerCredentials",
    "AuthorizerResultTtlInSeconds": "authorizerResultTtlInSeconds",
    "AuthorizerUri": "authorizerUri",
    "IdentitySource": "identitySource",
    "IdentityValidationExpression": "identityValidationExpression",
    "ProviderARNs": "providerARNs",
}
_MODELS = {
    "Empty": {"title": "Empty Schema", "type": "object"},
    "Error": {"title": "Error Schema", "type": "object", "properties": {"message": {"type": "string"}}},
}
"""Models that every REST API has."""

_PLACES = {"path": "path", "querystring": "query", "header": "header"}


def api_settings(made: Assembly, api: Resource) -> None:
    """What a RestApi says of the whole API, as extensions."""
    made.take_all((), api.properties, _ROOT)
    made.take_all((PREFIX + "endpoint-configuration",), api.get("EndpointConfiguration"),
                  {"VpcEndpointIds": "vpcEndpointIds", "VPCEndpointIds": "vpcEndpointIds"})
    made.take_all((PREFIX + "endpoint-configuration",), api.properties,
                  {"DisableExecuteApiEndpoint": "disableExecuteApiEndpoint"})


def new_document(api: Resource, title: str) -> Assembly:
    made = Assembly(api.view)
    made.set(("openapi",), "3.0.1", api.view)
    made.set(("info", "title"), title, api.get("Name") or api.view)
    made.set(("info", "version"), "1", api.view)
    made.set(("paths",), {}, api.view)
    return made


class RestApi:
    """One API's resources. document() may be asked once."""

    def __init__(self, stack: Stack, api: Resource) -> None:
        self._stack = stack
        self._reader = stack.reader
        self._api = api
        self._made = new_document(api, stack.reader.text(api.get("Name")) or api.id)
        self._paths: dict[str, str | None] = {}
        self._open: list[str] = []

    def has_parts(self) -> bool:
        return any(self._parts(kind) for kind in PARTS)

    def document(self) -> Document:
        api_settings(self._made, self._api)
        reads = {MODEL: self._model, VALIDATOR: self._validator, AUTHORIZERS: self._authorizer,
                 RESPONSE: self._response}
        for kind, read in reads.items():
            for resource in self._parts(kind):
                read(resource)
        for resource in self._parts(RESOURCE):
            path = self._path(resource)
            if path is not None and path not in self._made.value["paths"]:
                self._made.set(("paths", path), {}, resource.view)
        for method in self._parts(METHOD):
            self._method(method)
        return self._made.document()

    def _parts(self, kind: str) -> list[Resource]:
        return self._stack.parts(self._api, kind, "RestApiId")

    # --- what methods refer to

    def _model(self, model: Resource) -> None:
        name = self._stack.name(model)
        schema = model.get("Schema")
        if schema is None:
            self._made.set(("components", "schemas", name), {}, model.view)
        elif isinstance(schema.value, str):
            self._made.set(("components", "schemas", name), self._parsed(schema), schema)
        else:
            self._made.take(("components", "schemas", name), schema)

    def _parsed(self, schema: View) -> object:
        """A schema written as a text."""
        try:
            return json_text.parse("", schema.value).value
        except BadText as error:
            self._stack.problems.error(schema.place, "bad-text", f"Schema: {error.found[0][1]}")
            return {}

    def _validator(self, validator: Resource) -> None:
        path = (PREFIX + "request-validators", validator.id)
        self._made.set(path, {}, validator.view)
        self._made.take_all(path, validator.properties, {
            "ValidateRequestBody": "validateRequestBody", "ValidateRequestParameters": "validateRequestParameters"})

    def _authorizer(self, authorizer: Resource) -> None:
        scheme = ("components", "securitySchemes", authorizer.id)
        kind = self._reader.name(authorizer.get("Type"), ("TOKEN", "REQUEST", "COGNITO_USER_POOLS")) or "TOKEN"
        for field, value in (("type", "apiKey"), ("name", "Authorization"), ("in", "header")):
            self._made.set((*scheme, field), value, authorizer.view)
        self._made.set((*scheme, AUTHTYPE), "cognito_user_pools" if kind == "COGNITO_USER_POOLS" else "custom",
                       authorizer.view)
        self._made.set((*scheme, AUTHORIZER, "type"), kind.lower(), authorizer.get("Type") or authorizer.view)
        self._made.take_all((*scheme, AUTHORIZER), authorizer.properties, _AUTHORIZER_FIELDS)

    def _response(self, response: Resource) -> None:
        kind = self._reader.text(response.get("ResponseType"))
        if kind is None:
            self._missing(response, "ResponseType")
            return
        path = (PREFIX + "gateway-responses", kind)
        self._made.set(path, {}, response.get("ResponseType"))
        self._made.take_all(path, response.properties, {
            "ResponseParameters": "responseParameters", "ResponseTemplates": "responseTemplates",
            "StatusCode": "statusCode"})

    # --- paths and methods

    def _path(self, resource: Resource) -> str | None:
        """The whole path of a resource; None where its parents lead nowhere, which is told once."""
        if resource.id in self._paths:
            return self._paths[resource.id]
        if resource.id in self._open or len(self._open) > MAX_SEGMENTS:
            told = "lead in a circle" if resource.id in self._open else f"are more than {MAX_SEGMENTS}"
            self._stack.problems.error(resource.view.key_place, "reference-loop",
                                       f"the parents of {resource.id} {told}")
            return None
        self._open.append(resource.id)
        found = self._paths[resource.id] = self._read_path(resource)
        self._open.pop()
        return found

    def _read_path(self, resource: Resource) -> str | None:
        part = self._reader.text(resource.get("PathPart"))
        if part is None:
            self._missing(resource, "PathPart")
            return None
        parent = self._at(resource.get("ParentId"), resource)
        return f"{parent.rstrip('/')}/{part}" if parent is not None else None

    def _at(self, view: View | None, resource: Resource) -> str | None:
        """The path that a ParentId or ResourceId stands for."""
        if view is None:
            self._missing(resource, "ResourceId" if resource.type == METHOD else "ParentId")
            return None
        if self._reader.params.fill(view).text == f"{self._api.id}.RootResourceId":
            return "/"
        parent = self._stack.named(view, RESOURCE)
        return self._path(parent) if parent is not None else None

    def _method(self, method: Resource) -> None:
        path = self._at(method.get("ResourceId"), method)
        verb = self._reader.name(method.get("HttpMethod"), (*VERBS.values(), ANY))
        if method.get("HttpMethod") is None:
            self._missing(method, "HttpMethod")
        if path is None or verb is None:
            return
        operation = ("paths", path, ANY_METHOD if verb == ANY else verb.lower())
        if operation[2] in self._made.value["paths"].setdefault(path, {}):
            self._stack.problems.error(method.view.key_place, "same-route", f"{method.id}: {path} has {verb} already")
            return
        made = self._made
        made.set(operation, {}, method.view)
        made.take((*operation, "operationId"), method.get("OperationName"))
        self._parameters(operation, method)
        self._body(operation, method)
        validator = method.get("RequestValidatorId")
        if validator is not None and (found := self._stack.named(validator, VALIDATOR)) is not None:
            made.set((*operation, PREFIX + "request-validator"), found.id, validator)
        self._security(operation, method)
        self._responses(operation, method)
        if method.get("Integration") is not None:
            integration(self._stack, made, (*operation, INTEGRATION), method.get("Integration"))

    def _parameters(self, operation: tuple, method: Resource) -> None:
        given = self._reader.mapping(method.get("RequestParameters"))
        found = []
        for name, required in given.items() if given is not None else ():
            start, _, rest = name.removeprefix("method.request.").partition(".")
            if start not in _PLACES or not name.startswith("method.request.") or not rest:
                self._stack.problems.error(required.key_place, "bad-name", f"{shown(name)} is no request parameter; "
                                           "write method.request.{path|querystring|header}.NAME")
                continue
            found.append({"name": rest, "in": _PLACES[start], "required": bool(self._reader.flag(required)),
                          "schema": {"type": "string"}})
        if found:
            self._made.set((*operation, "parameters"), found, given)

    def _body(self, operation: tuple, method: Resource) -> None:
        given = self._reader.mapping(method.get("RequestModels"))
        for media, view in given.items() if given is not None else ():
            name = self._reader.text(view)
            schema: object = _MODELS.get(name)
            if schema is None:
                model = self._stack.named(view, MODEL)
                if model is None:
                    continue
                schema = {"$ref": f"#/components/schemas/{self._stack.name(model)}"}
            self._made.set((*operation, "requestBody", "content", media, "schema"), schema, view)

    def _security(self, operation: tuple, method: Resource) -> None:
        kinds = ("NONE", "AWS_IAM", "CUSTOM", "COGNITO_USER_POOLS")
        kind = self._reader.name(method.get("AuthorizationType"), kinds) or "NONE"
        needs: dict[str, list] = {}
        if kind == "AWS_IAM":
            self._made.set((*operation, PREFIX + "auth"), {"type": "AWS_IAM"}, method.get("AuthorizationType"))
        elif kind != "NONE":
            given = method.get("AuthorizerId")
            authorizer = self._stack.named(given, AUTHORIZERS) if given is not None else None
            if given is None:
                self._missing(method, "AuthorizerId")
            scopes = list(self._reader.texts(method.get("AuthorizationScopes")))
            needs[authorizer.id if authorizer is not None else "authorizer"] = scopes
        if self._reader.flag(method.get("ApiKeyRequired")):
            key_scheme(self._made, method.get("ApiKeyRequired"))
            needs[KEY_SCHEME] = []
        if needs:
            at = method.get("AuthorizerId") or method.get("ApiKeyRequired")
            self._made.set((*operation, "security"), [needs], at or method.view)

    def _responses(self, operation: tuple, method: Resource) -> None:
        self._made.set((*operation, "responses"), {}, method.view)
        listed = self._reader.list(method.get("MethodResponses"))
        for response in listed.elements() if listed is not None else ():
            status = self._reader.text(response.get("StatusCode"))
            if status is None:
                continue
            whole: dict = {"description": ""}
            headers = self._reader.mapping(response.get("ResponseParameters"))
            if headers is not None:
                start = "method.response.header."
                whole["headers"] = {name.removeprefix(start): {"schema": {"type": "string"}} for name in headers.value}
            models = self._reader.mapping(response.get("ResponseModels"))
            if models is not None:
                whole["content"] = {media: {} for media in models.value}
            self._made.set((*operation, "responses", status), whole, response)

    def _missing(self, resource: Resource, name: str) -> None:
        self._stack.problems.error(resource.view.key_place, "missing-field", f"{resource.type} {resource.id} has no "
                                   f"{name}")


def key_scheme(made: Assembly, at: View) -> None:
    """The security scheme of API keys in x-api-key."""
    made.set(("components", "securitySchemes", KEY_SCHEME), {"type": "apiKey", "name": "x-api-key", "in": "header"}, at)


def integration(stack: Stack, made: Assembly, path: tuple, view: View) -> None:
    """The Integration of a method as the extension has it."""
    made.set(path, {}, view)
    if stack.reader.mapping(view) is None:
        return
    made.take_all(path, view, INTEGRATION_FIELDS)
    stack.reader.known_keys(view, (*INTEGRATION_FIELDS, "IntegrationResponses"), "Integration", strict=True)
    listed = stack.reader.list(view.get("IntegrationResponses"))
    for response in listed.elements() if listed is not None else ():
        if stack.reader.mapping(response) is None:
            continue
        pattern = stack.reader.text(response.get("SelectionPattern")) or "default"
        its = (*path, "responses", pattern)
        if pattern in made.at((*path, "responses")):
            stack.problems.error(response.place, "conflict", f"two integration responses have the pattern "
                                 f"{shown(pattern)}")
            continue
        made.set(its, {}, response)
        made.take_all(its, response, _RESPONSE_FIELDS)
        stack.reader.known_keys(response, (*_RESPONSE_FIELDS, "SelectionPattern"), "an integration response",
                                strict=True)

