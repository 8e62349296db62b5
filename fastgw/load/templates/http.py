"""AWS::ApiGatewayV2 resources of one HTTP API -> an OpenAPI document with the service's extensions."""

from fastgw.load.assembly import Assembly
from fastgw.load.document import Document, View
from fastgw.load.names import ANY_METHOD, AUTHORIZER, INTEGRATION, PREFIX, VERBS
from fastgw.load.problem import shown
from fastgw.load.templates.rest import new_document
from fastgw.load.templates.stack import Resource, Stack
from fastgw.model.api import ANY, DEFAULT_ROUTE

API = "AWS::ApiGatewayV2::Api"
ROUTE = "AWS::ApiGatewayV2::Route"
INTEGRATIONS = "AWS::ApiGatewayV2::Integration"
AUTHORIZERS = "AWS::ApiGatewayV2::Authorizer"
ROUTE_RESPONSE = "AWS::ApiGatewayV2::RouteResponse"
INTEGRATION_RESPONSE = "AWS::ApiGatewayV2::IntegrationResponse"
MODEL = "AWS::ApiGatewayV2::Model"
PARTS = (ROUTE, INTEGRATIONS, AUTHORIZERS)

CORS_FIELDS = {
    "AllowCredentials": "allowCredentials", "AllowHeaders": "allowHeaders", "AllowMethods": "allowMethods",
    "AllowOrigins": "allowOrigins", "ExposeHeaders": "exposeHeaders", "MaxAge": "maxAge",
}
_INTEGRATION_FIELDS = {
    "ConnectionId": "connectionId",
    "ConnectionType": "connectionType",
    "CredentialsArn": "credentials",
    "IntegrationMethod": "httpMethod",
    "IntegrationSubtype": "integrationSubtype",
    "IntegrationType": "type",
    "IntegrationUri": "uri",
    "PayloadFormatVersion": "payloadFormatVersion",
    "RequestParameters": "requestParameters",
    "TimeoutInMillis": "timeoutInMillis",
}
_AUTHORIZER_FIELDS = {
    "AuthorizerCredentialsArn": "authorizerCredentials",
    "AuthorizerPayloadFormatVersion": "authorizerPayloadFormatVersion",
    "AuthorizerResultTtlInSeconds": "authorizerResultTtlInSeconds",
    "AuthorizerUri": "authorizerUri",
    "EnableSimpleResponses": "enableSimpleResponses",
}


def cors(made: Assembly, stack: Stack, given: View | None) -> None:
    """CorsConfiguration, written as the service's types or in the extension's own names (as SAM does)."""
    given = stack.reader.mapping(given)
    if given is None:
        return
    stack.reader.known_keys(given, (*CORS_FIELDS.values(), *CORS_FIELDS), "CorsConfiguration", strict=True)
    made.set((PREFIX + "cors",), {}, given)
    made.take_all((PREFIX + "cors",), given, {**CORS_FIELDS, **{name: name for name in CORS_FIELDS.values()}})


class HttpApi:
    """One API's resources. document() may be asked once."""

    def __init__(self, stack: Stack, api: Resource) -> None:
        self._stack = stack
        self._reader = stack.reader
        self._problems = stack.problems
        self._api = api
        self._made = new_document(api, stack.reader.text(api.get("Name")) or api.id)

    def is_served(self) -> bool:
        """False for a WebSocket API, which is told."""
        given = self._api.get("ProtocolType")
        if self._reader.name(given, ("HTTP", "WEBSOCKET")) == "WEBSOCKET":
            self._problems.error(given.place, "unserved", f"{self._api.id} is a WebSocket API, which is not served yet")
            return False
        return True

    def has_parts(self) -> bool:
        return self._api.get("Target") is not None or any(map(self._parts, PARTS))

    def document(self) -> Document:
        cors(self._made, self._stack, self._api.get("CorsConfiguration"))
        self._made.take_all((PREFIX + "endpoint-configuration",), self._api.properties,
                            {"DisableExecuteApiEndpoint": "disableExecuteApiEndpoint"})
        for authorizer in self._parts(AUTHORIZERS):
            self._authorizer(authorizer)
        if self._api.get("Target") is not None:
            self._quick(self._api.get("Target"))
        for route in self._parts(ROUTE):
            self._route(route)
        return self._made.document()

    def _parts(self, kind: str) -> list[Resource]:
        return self._stack.parts(self._api, kind, "ApiId")

    def _quick(self, target: View) -> None:
        """Target of the API itself: everything, or RouteKey, to one URL or function."""
        operation = self._operation(self._api.get("RouteKey"), self._api)
        if operation is None:
            return
        text = self._reader.params.fill(target).text or ""
        kind = "http_proxy" if text.startswith(("http:", "https:")) else "aws_proxy"
        whole = {"type": kind, "httpMethod": "ANY" if kind == "http_proxy" else "POST", "payloadFormatVersion":
                 "1.0" if kind == "http_proxy" else "2.0"}
        self._made.set((*operation, INTEGRATION), whole, target)
        self._made.take((*operation, INTEGRATION, "uri"), target)
        self._made.take((*operation, INTEGRATION, "credentials"), self._api.get("CredentialsArn"))

    def _operation(self, key: View | None, resource: Resource) -> tuple[str, ...] | None:
        """Where a route key's operation stands; it is made there."""
        text = self._reader.text(key) if key is not None else DEFAULT_ROUTE
        if text is None:
            return None
        if text == DEFAULT_ROUTE:
            verb, path = ANY, "/" + DEFAULT_ROUTE
        else:
            verb, _, path = text.partition(" ")
            verb, path = verb.upper(), path.strip()
        if verb not in (*VERBS.values(), ANY) or not path.startswith("/"):
            self._problems.error((key or resource.view).place, "bad-name", f"route key {shown(text)} must be a method "
                                 'and a path, such as "GET /pets/{id}", or "$default"')
            return None
        operation = ("paths", path, ANY_METHOD if verb == ANY else verb.lower())
        if operation[2] in self._made.at(operation[:2]):
            self._problems.error(resource.view.key_place, "same-route", f"{resource.id}: route {shown(text)} is there "
                                 "already")
            return None
        if not self._made.at(operation[:2]):
            self._made.set(operation[:2], {}, resource.view)
        self._made.set(operation, {"responses": {}}, resource.view)
        return operation

    def _route(self, route: Resource) -> None:
        if route.get("RouteKey") is None:
            self._problems.error(route.view.key_place, "missing-field", f"{ROUTE} {route.id} has no RouteKey")
            return
        operation = self._operation(route.get("RouteKey"), route)
        if operation is None:
            return
        self._made.take((*operation, "operationId"), route.get("OperationName"))
        self._security(operation, route)
        target = route.get("Target")
        text = self._reader.text(target)
        if target is None:
            self._problems.error(route.view.key_place, "missing-field", f"{ROUTE} {route.id} has no Target")
        if text is None:
            return
        name = text.removeprefix("integrations/")
        found = self._stack.resources.get(name)
        if found is None or found.type != INTEGRATIONS:
            self._problems.error(target.place, "unknown-value", f"Target {shown(text)} is no integration of this "
                                 "template; write integrations/ and a reference to one")
            return
        self._integration((*operation, INTEGRATION), found)

    def _integration(self, path: tuple[str, ...], integration: Resource) -> None:
        made = self._made
        made.set(path, {}, integration.view)
        made.take_all(path, integration.properties, _INTEGRATION_FIELDS)
        made.take_all((*path, "tlsConfig"), integration.get("TlsConfig"), {"ServerNameToVerify": "serverNameToVerify"})
        responses = self._reader.mapping(integration.get("ResponseParameters"))
        for status, given in responses.items() if responses is not None else ():
            made.set((*path, "responseParameters", status), {}, given)
            listed = given.get("ResponseParameters")
            for entry in listed.elements() if listed is not None else ():
                destination = self._reader.text(entry.get("Destination"))
                if destination is not None and entry.get("Source") is not None:
                    made.take((*path, "responseParameters", status, destination), entry.get("Source"))

    def _authorizer(self, authorizer: Resource) -> None:
        made, scheme = self._made, ("components", "securitySchemes", authorizer.id)
        kind = self._reader.name(authorizer.get("AuthorizerType"), ("JWT", "REQUEST")) or "REQUEST"
        own = (*scheme, AUTHORIZER)
        made.set(scheme, {"type": "oauth2"} if kind == "JWT" else
                 {"type": "apiKey", "name": "Authorization", "in": "header"}, authorizer.view)
        made.set((*own, "type"), kind.lower(), authorizer.get("AuthorizerType") or authorizer.view)
        made.take_all(own, authorizer.properties, _AUTHORIZER_FIELDS)
        made.take_all((*own, "jwtConfiguration"), authorizer.get("JwtConfiguration"),
                      {"Audience": "audience", "Issuer": "issuer"})
        sources = authorizer.get("IdentitySource")
        if sources is not None:
            made.set((*own, "identitySource"), ", ".join(self._reader.texts(sources)), sources)

    def _security(self, operation: tuple[str, ...], route: Resource) -> None:
        kind = self._reader.name(route.get("AuthorizationType"), ("NONE", "AWS_IAM", "JWT", "CUSTOM")) or "NONE"
        if kind == "AWS_IAM":
            self._made.set((*operation, PREFIX + "auth"), {"type": "AWS_IAM"}, route.get("AuthorizationType"))
        elif kind != "NONE":
            given = route.get("AuthorizerId")
            if given is None:
                self._problems.error(route.view.key_place, "missing-field", f"{ROUTE} {route.id} has no AuthorizerId")
                return
            authorizer = self._stack.named(given, AUTHORIZERS)
            scopes = list(self._reader.texts(route.get("AuthorizationScopes")))
            name = authorizer.id if authorizer is not None else "authorizer"
            self._made.set((*operation, "security"), [{name: scopes}], given)
