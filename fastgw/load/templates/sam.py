"""AWS::Serverless::Api, HttpApi and the events of AWS::Serverless::Function -> OpenAPI documents.

As SAM's own transform does it, settings are written into the definition that a template gives; where it gives none, one
is made of the events. Source: SAM specification; tests compare with its transform.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fastgw.load.assembly import Assembly
from fastgw.load.document import Document, View
from fastgw.load.names import ANY_METHOD, AUTHORIZER, AUTHTYPE, INTEGRATION, PREFIX, VERBS
from fastgw.load.problem import shown
from fastgw.load.templates import http, sam_policy
from fastgw.load.templates.globals import merged
from fastgw.load.templates.rest import KEY_SCHEME, api_settings
from fastgw.load.templates.stack import Resource, Stack
from fastgw.model.api import ANY, DEFAULT_ROUTE, ApiKind
from fastgw.model.policy_document import VERSION

API, HTTP_API, FUNCTION = "AWS::Serverless::Api", "AWS::Serverless::HttpApi", "AWS::Serverless::Function"
STATE_MACHINE = "AWS::Serverless::StateMachine"
IMPLICIT = {ApiKind.REST: "ServerlessRestApi", ApiKind.HTTP: "ServerlessHttpApi"}

_EVENTS = {"Api": (ApiKind.REST, "RestApiId"), "HttpApi": (ApiKind.HTTP, "ApiId")}
_VARIABLE = re.compile(r"\{[^{}]*\}")
_SECTIONS = {ApiKind.REST: "Api", ApiKind.HTTP: "HttpApi"}
_ALL = "DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT"
_REST_AUTHORIZER = {
    "FunctionInvokeRole": "authorizerCredentials", "ReauthorizeEvery": "authorizerResultTtlInSeconds",
    "ValidationExpression": "identityValidationExpression",
}
_HTTP_AUTHORIZER = {
    "AuthorizerPayloadFormatVersion": "authorizerPayloadFormatVersion",
    "EnableSimpleResponses": "enableSimpleResponses", "FunctionInvokeRole": "authorizerCredentials",
}


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """One event of a function that is a route; view is its Properties."""

    kind: ApiKind
    function: Resource
    view: View

    def get(self, name: str) -> View | None:
        return self.view.get(name)


def functions(stack: Stack) -> Iterator[Resource]:
    """With what Globals say."""
    common = stack.part("Globals", "Function")
    for resource in stack.of(FUNCTION):
        yield Resource(resource.id, resource.type, resource.view, merged(common, resource.properties, resource.view))


def events(stack: Stack) -> list[Event]:
    return stack.once("events", lambda: _events(stack))


def events_of(stack: Stack, api: Resource, kind: ApiKind) -> list[Event]:
    """Those that are an API's routes."""
    by_api = stack.once(("events", kind), lambda: _by_api(stack, kind))
    names = dict.fromkeys((api.id, stack.name(api) if api.id in stack.resources else api.id))
    return [event for name in names for event in by_api.get(name, ())]


def _by_api(stack: Stack, kind: ApiKind) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for event in events(stack):
        given = _api_of(event)
        text = stack.reader.params.fill(given).text if given is not None else IMPLICIT[kind]
        if event.kind is kind and text is not None:
            found.setdefault(text, []).append(event)
    return found


def _events(stack: Stack) -> list[Event]:
    found = []
    for function in functions(stack):
        listed = stack.reader.mapping(function.get("Events"))
        for _, event in listed.items() if listed is not None else ():
            kind = event.get("Type")
            if kind is not None and str(kind.value) in _EVENTS:
                found.append(Event(_EVENTS[str(kind.value)][0], function, event.get("Properties") or event))
    return found


def apis(stack: Stack) -> list[tuple[Resource, ApiKind]]:
    """Those of the template with what Globals say, and the implicit ones that events need."""
    found = []
    all_events = events(stack)
    for kind, section in _SECTIONS.items():
        common = stack.part("Globals", section)
        wanted = API if kind is ApiKind.REST else HTTP_API
        for resource in stack.of(wanted):
            properties = merged(common, resource.properties, resource.view)
            found.append((Resource(resource.id, wanted, resource.view, properties), kind))
        loose = next((event for event in all_events if event.kind is kind and _api_of(event) is None), None)
        if loose is not None:
            at = loose.function.view
            found.append((Resource(IMPLICIT[kind], wanted, at, merged(common, None, at)), kind))
    known = {id(event) for api, kind in found for event in events_of(stack, api, kind)}
    for event in all_events:
        given = _api_of(event)
        if given is not None and id(event) not in known:
            stack.problems.error(given.place, "unknown-value", f"{given.name} {shown(given.value)} is no "
                                 f"{API if event.kind is ApiKind.REST else HTTP_API} of this template")
    return found


def _api_of(event: Event) -> View | None:
    """What an event says of its API; None: the implicit one."""
    given = event.get("RestApiId" if event.kind is ApiKind.REST else "ApiId")
    return None if given is None or str(given.value) in IMPLICIT.values() else given


class SamApi:
    """One API. document() may be asked once."""

    def __init__(self, stack: Stack, api: Resource, kind: ApiKind) -> None:
        self._stack = stack
        self._reader = stack.reader
        self._api = api
        self._kind = kind
        self._auth = self._reader.mapping(api.get("Auth"))
        self._key_required = self._auth is not None and bool(self._reader.flag(self._auth.get("ApiKeyRequired")))

    def document(self) -> Document | None:
        """None, and told, where its definition cannot be read."""
        begun = self._begin()
        if begun is None:
            return None
        self._made = begun
        self._swagger = "swagger" in begun.value
        self._authorizers()
        for event in events_of(self._stack, self._api, self._kind):
            self._mention(event) if self._given else self._event(event)
        self._common_security()
        if self._kind is ApiKind.REST:
            api_settings(self._made, self._api)
            self._rest_settings()
        else:
            self._cors_of_http()
            self._made.take_all((PREFIX + "endpoint-configuration",), self._api.properties,
                                {"DisableExecuteApiEndpoint": "disableExecuteApiEndpoint"})
        return self._made.document()

    def _begin(self) -> Assembly | None:
        api = self._api
        body, uri = api.get("DefinitionBody"), api.get("DefinitionUri")
        if body is None and uri is not None:
            location = self._reader.text(uri) if not isinstance(uri.value, dict) else None
            if location is None:
                self._stack.problems.error(uri.place, "unserved", "a DefinitionUri in S3 is not fetched; name a local "
                                           "file, relative to the template")
                return None
            body = self._stack.file(location, uri)
            if body is None:
                return None
        self._given = body is not None
        if body is not None:
            return Assembly.over(body) if self._reader.mapping(body) is not None else None
        made = Assembly(api.view)
        made.set(("openapi",), "3.0.1", api.view)
        made.set(("info",), {"title": self._reader.text(api.get("Name")) or api.id, "version": "1.0"}, api.view)
        made.set(("paths",), {}, api.view)
        return made

    # --- events

    def _mention(self, event: Event) -> None:
        """Where a template gives a definition, its events only let the API call the function."""
        where, verb = self._reader.text(event.get("Path")), (self._reader.text(event.get("Method")) or "").upper()
        key = ANY_METHOD if verb == ANY else verb.lower()
        if where is not None and key not in self._made.at(("paths", where)):
            self._stack.problems.warning(event.view.place, "no-effect", f"{self._api.id} gives its definition itself, "
                                         f"which has no {verb} {where}: this event makes no route, as in SAM")

    def _event(self, event: Event) -> None:
        path, method = event.get("Path"), event.get("Method")
        if path is None and method is None and self._kind is ApiKind.HTTP:
            where, verb = "/" + DEFAULT_ROUTE, ANY
        else:
            where, verb = self._reader.text(path), self._reader.name(method, (*VERBS.values(), ANY))
            for name, view in (("Path", path), ("Method", method)):
                if view is None:
                    self._stack.problems.error(event.view.place, "missing-field", f"an event of {event.function.id} "
                                               f"has no {name}")
        if where is None or verb is None:
            return
        operation = ("paths", where, ANY_METHOD if verb == ANY else verb.lower())
        there = self._made.at(operation)
        if INTEGRATION in there:
            self._stack.problems.error(event.view.key_place, "same-route", f"{event.function.id}: {where} has {verb} "
                                       "already")
            return
        if not self._made.at(operation[:2]):
            self._made.set(operation[:2], {}, event.view)
        if not there:
            self._made.set(operation, {"responses": {}}, event.view)
        self._integration((*operation, INTEGRATION), event)
        if self._kind is ApiKind.REST:
            self._request(operation, event)
        self._security(operation, event)

    def _integration(self, path: tuple[str, ...], event: Event) -> None:
        whole = {"type": "aws_proxy", "httpMethod": "POST"}
        if self._kind is ApiKind.HTTP:
            version = event.get("PayloadFormatVersion")
            whole["payloadFormatVersion"] = "2.0" if version is None else self._reader.text(version) or "2.0"
        self._made.set(path, whole, event.view)
        self._made.set((*path, "uri"), self._invoked(f"{event.function.id}.Arn"), event.function.view)
        self._made.take_all(path, event.view, {"TimeoutInMillis": "timeoutInMillis",
                                               "ResponseTransferMode": "responseTransferMode"})

    def _invoked(self, arn: str) -> str:
        params = self._reader.params
        service = f"arn:{params.get('AWS::Partition')}:apigateway:{params.get('AWS::Region')}"
        return f"{service}:lambda:path/2015-03-31/functions/{params.get(arn) or arn}/invocations"

    def _request(self, operation: tuple[str, ...], event: Event) -> None:
        """RequestParameters and RequestModel."""
        parameters, cached = [], []
        listed = self._reader.list(event.get("RequestParameters"))
        for item in listed.elements() if listed is not None else ():
            name, rules = next(iter(item.items()), (item.value, None))
            where, _, rest = str(name).removeprefix("method.request.").partition(".")
            place = {"path": "path", "querystring": "query", "header": "header"}.get(where)
            if place is None or not rest or not str(name).startswith("method.request."):
                self._stack.problems.error(item.place, "bad-name", f"{shown(name)} is no request parameter; write "
                                           "method.request.{path|querystring|header}.NAME")
                continue
            required = rules is not None and bool(self._reader.flag(rules.get("Required")))
            parameters.append({"name": rest, "in": place, "required": required or place == "path", **self._typed()})
            if rules is not None and self._reader.flag(rules.get("Caching")):
                cached.append(name)
        model = self._reader.mapping(event.get("RequestModel"))
        name = self._reader.text(model.get("Model")) if model is not None else None
        if name is not None:
            self._model(operation, model, name, parameters)
        if parameters:
            self._made.set((*operation, "parameters"), parameters, listed or model)
        if cached:
            self._made.set((*operation, INTEGRATION, "cacheKeyParameters"), cached, listed)

    def _typed(self) -> dict[str, object]:
        return {"type": "string"} if self._swagger else {"schema": {"type": "string"}}

    def _model(self, operation: tuple[str, ...], model: View, name: str, parameters: list[dict]) -> None:
        required = bool(self._reader.flag(model.get("Required")))
        if self._swagger:
            schema = {"$ref": f"#/definitions/{name}"}
            parameters.append({"name": name, "in": "body", "required": required, "schema": schema})
        else:
            schema = {"$ref": f"#/components/schemas/{name}"}
            self._made.set((*operation, "requestBody"), {
                "required": required, "content": {"application/json": {"schema": schema}}}, model.get("Model"))
        checks = {"ValidateBody": "validateRequestBody", "ValidateParameters": "validateRequestParameters"}
        given = {ours: bool(self._reader.flag(model.get(theirs))) for theirs, ours in checks.items()}
        if any(given.values()):
            validator = "-".join(name for name, asked in zip(("body", "params"), given.values(), strict=True) if asked)
            self._made.set((PREFIX + "request-validators", validator), given, model)
            self._made.set((*operation, PREFIX + "request-validator"), validator, model)

    # --- settings of a REST API

    def _rest_settings(self) -> None:
        api, made = self._api, self._made
        types = self._reader.list(api.get("BinaryMediaTypes"))
        if types is not None:
            # "~1" stands for "/" in the template language.
            texts = [text.replace("~1", "/") for text in self._reader.texts(types)]
            made.set((PREFIX + "binary-media-types",), texts, types)
        responses = self._reader.mapping(api.get("GatewayResponses"))
        for kind, given in responses.items() if responses is not None else ():
            self._gateway_response((PREFIX + "gateway-responses", kind), given)
        models = self._reader.mapping(api.get("Models"))
        for name, schema in models.items() if models is not None else ():
            made.take(("definitions", name) if self._swagger else ("components", "schemas", name), schema)
        self._policy()
        if api.get("Cors") is not None:
            self._cors_of_rest(api.get("Cors"))

    def _policy(self) -> None:
        """Of the whole API, then of single events, whose lists are about their own method."""
        own = self._auth.get("ResourcePolicy") if self._auth is not None else None
        found = sam_policy.statements(self._reader, own, "execute-api:/*") if own is not None else []
        at = own
        for event in events_of(self._stack, self._api, self._kind):
            auth = self._reader.mapping(event.get("Auth"))
            its = auth.get("ResourcePolicy") if auth is not None else None
            where, verb = self._reader.text(event.get("Path")), self._reader.text(event.get("Method"))
            if its is None or where is None or verb is None:
                continue
            verb = "*" if verb.upper() == ANY else verb.upper()
            path = _VARIABLE.sub("*", where)
            found += sam_policy.statements(self._reader, its, f"execute-api:/*/{verb}{path}")
            at = at or its
        if at is None or not found:
            return
        given = self._made.at((PREFIX + "policy",)).get("Statement") or []
        before = given if isinstance(given, list) else [given]
        self._made.set((PREFIX + "policy",), {"Version": VERSION, "Statement": [*before, *found]}, at)

    def _gateway_response(self, path: tuple[str, ...], given: View) -> None:
        self._made.set(path, {}, given)
        self._made.take_all(path, given, {"StatusCode": "statusCode", "ResponseTemplates": "responseTemplates"})
        parameters = self._reader.mapping(given.get("ResponseParameters"))
        for where, start in (("Headers", "header"), ("Paths", "path"), ("QueryStrings", "querystring")):
            named = parameters.get(where) if parameters is not None else None
            for name, value in named.items() if named is not None else ():
                self._made.take((*path, "responseParameters", f"gatewayresponse.{start}.{name}"), value)

    def _cors_of_rest(self, given: View) -> None:
        """A MOCK for OPTIONS on every path that has none."""
        headers = {}
        if isinstance(given.value, dict):
            names = ("AllowHeaders", "AllowOrigin", "MaxAge", "AllowMethods")
            headers = {name: self._reader.text(given.get(name)) for name in names}
            credentials = bool(self._reader.flag(given.get("AllowCredentials")))
        else:
            headers["AllowOrigin"], credentials = self._reader.text(given), False
        for path, item in self._made.at(("paths",)).items():
            if "options" in item or not isinstance(item, dict):
                continue
            verbs = [VERBS[verb] for verb in item if verb in VERBS]
            methods = _ALL if ANY_METHOD in item else ",".join(sorted((*verbs, "OPTIONS")))
            mapped = {
                "Access-Control-Allow-Headers": headers.get("AllowHeaders"),
                "Access-Control-Allow-Origin": headers.get("AllowOrigin"),
                "Access-Control-Max-Age": headers.get("MaxAge"),
                "Access-Control-Allow-Methods": headers.get("AllowMethods") or f"'{methods}'",
                "Access-Control-Allow-Credentials": "'true'" if credentials else None,
            }
            mapped = {name: value for name, value in mapped.items() if value}
            self._made.set(("paths", path, "options"), _preflight(mapped), given)
            self._open_preflight(("paths", path, "options"))

    def _open_preflight(self, operation: tuple[str, ...]) -> None:
        """What is asked of every request is asked of a preflight too, but where the template says otherwise."""
        auth = self._auth
        if auth is None:
            return
        asks = {name: self._reader.flag(auth.get(name)) is not False
                for name in ("AddDefaultAuthorizerToCorsPreflight", "AddApiKeyRequiredToCorsPreflight")}
        name = self._reader.text(auth.get("DefaultAuthorizer"))
        authorizer, key = asks.values()
        needs = {name: []} if authorizer and name not in (None, "NONE", "AWS_IAM") else {}
        needs |= {KEY_SCHEME: []} if key and self._key_required else {}
        self._made.set((*operation, "security"), [needs] if needs else [], auth)
        if name == "AWS_IAM" and not authorizer:
            self._made.set((*operation, PREFIX + "auth"), {"type": "NONE"}, auth)

    # --- security

    def _scheme(self, name: str) -> tuple[str, ...]:
        return ("securityDefinitions", name) if self._swagger else ("components", "securitySchemes", name)

    def _authorizers(self) -> None:
        listed = self._reader.mapping(self._auth.get("Authorizers")) if self._auth is not None else None
        for name, given in listed.items() if listed is not None else ():
            own = (*self._scheme(name), AUTHORIZER)
            jwt = given.get("JwtConfiguration")
            self._made.set(self._scheme(name), {"type": "oauth2"} if jwt is not None else
                           {"type": "apiKey", "name": "Authorization", "in": "header"}, given)
            if jwt is not None:
                self._made.set((*own, "type"), "jwt", given)
                self._made.take((*own, "jwtConfiguration"), jwt)
                self._made.take((*own, "identitySource"), given.get("IdentitySource"))
            elif given.get("UserPoolArn") is not None:
                self._made.set((*self._scheme(name), AUTHTYPE), "cognito_user_pools", given)
                self._made.set((*own, "type"), "cognito_user_pools", given)
                pools = given.get("UserPoolArn")
                whole = pools.value if isinstance(pools.value, list) else [pools.value]
                self._made.set((*own, "providerARNs"), whole, pools)
                self._identity(own, given, None)
            else:
                self._function_authorizer(name, own, given)

    def _function_authorizer(self, name: str, own: tuple[str, ...], given: View) -> None:
        self._made.set((*self._scheme(name), AUTHTYPE), "custom", given)
        payload = self._reader.text(given.get("FunctionPayloadType")) or "TOKEN"
        kind = "request" if self._kind is ApiKind.HTTP else payload.lower()
        self._made.set((*own, "type"), kind, given)
        arn = self._reader.text(given.get("FunctionArn"))
        if arn is not None:
            self._made.set((*own, "authorizerUri"), self._invoked(arn), given.get("FunctionArn"))
        self._made.take_all(own, given, _REST_AUTHORIZER if self._kind is ApiKind.REST else _HTTP_AUTHORIZER)
        self._identity(own, given, "Authorization" if kind == "token" else None)

    def _identity(self, own: tuple[str, ...], given: View, default: str | None) -> None:
        """default: the header where Identity says nothing."""
        identity = self._reader.mapping(given.get("Identity"))
        sources = []
        header = self._reader.text(identity.get("Header")) if identity is not None else default
        if header is not None:
            sources.append(f"method.request.header.{header}")
        starts = {"Headers": "header", "QueryStrings": "querystring", "StageVariables": None, "Context": None}
        for field, start in starts.items() if identity is not None else ():
            for value in self._reader.texts(identity.get(field)):
                if self._kind is ApiKind.HTTP:
                    prefix = {"header": "$request.header", "querystring": "$request.querystring"}.get(
                        start, "$stageVariables" if field == "StageVariables" else "$context")
                else:
                    prefix = f"method.request.{start}" if start else field[0].lower() + field[1:]
                sources.append(f"{prefix}.{value}")
        if identity is not None:
            self._made.take_all(own, identity, {"ReauthorizeEvery": "authorizerResultTtlInSeconds",
                                                "ValidationExpression": "identityValidationExpression"})
        if sources:
            self._made.set((*own, "identitySource"), ", ".join(sources), identity or given)

    def _scopes(self, authorizer: str) -> list[str]:
        """What an authorizer asks for wherever nothing else is said."""
        listed = self._auth.get("Authorizers") if self._auth is not None else None
        given = listed.get(authorizer) if listed is not None else None
        return list(self._reader.texts(given.get("AuthorizationScopes"))) if given is not None else []

    def _security(self, operation: tuple[str, ...], event: Event) -> None:
        """What an event asks for, else what the API does by default."""
        auth = self._reader.mapping(event.get("Auth"))
        chosen = auth.get("Authorizer") if auth is not None else None
        if chosen is None and self._auth is not None:
            chosen = self._auth.get("DefaultAuthorizer")
        name = self._reader.text(chosen)
        asked = auth.get("ApiKeyRequired") if auth is not None else None
        key = bool(self._reader.flag(asked)) if asked is not None else self._key_required
        needs: dict[str, list[str]] = {}
        if name in ("AWS_IAM", "NONE"):
            self._made.set((*operation, PREFIX + "auth"), {"type": name}, chosen)
        elif name is not None:
            scopes = auth.get("AuthorizationScopes") if auth is not None else None
            needs[name] = list(self._reader.texts(scopes)) if scopes is not None else self._scopes(name)
        if key:
            at = asked or self._auth
            self._made.set(self._scheme(KEY_SCHEME), {"type": "apiKey", "name": "x-api-key", "in": "header"}, at)
            needs[KEY_SCHEME] = []
        self._made.set((*operation, "security"), [needs] if needs else [], chosen or asked or event.view)

    def _common_security(self) -> None:
        """DefaultAuthorizer and ApiKeyRequired hold for the operations of a given definition too."""
        default = self._auth.get("DefaultAuthorizer") if self._auth is not None else None
        name = self._reader.text(default)
        needs: dict[str, list[str]] = {}
        if name == "AWS_IAM":
            self._made.set((PREFIX + "auth",), {"type": "AWS_IAM"}, default)
        elif name is not None and name != "NONE":
            needs[name] = self._scopes(name)
        if self._key_required:
            self._made.set(self._scheme(KEY_SCHEME), {"type": "apiKey", "name": "x-api-key", "in": "header"},
                           self._auth)
            needs[KEY_SCHEME] = []
        if needs:
            self._made.set(("security",), [needs], default or self._auth)

    def _cors_of_http(self) -> None:
        given = self._api.get("CorsConfiguration")
        if given is None:
            return
        if isinstance(given.value, bool):
            if given.value:
                self._made.set((PREFIX + "cors",), {"allowOrigins": ["*"]}, given)
        else:
            http.cors(self._made, self._stack, given)


def _preflight(headers: dict[str, str]) -> dict:
    declared = {name: {"schema": {"type": "string"}} for name in headers}
    return {
        "responses": {"200": {"description": "", "headers": declared}},
        INTEGRATION: {
            "type": "mock",
            "requestTemplates": {"application/json": '{"statusCode": 200}'},
            "responses": {"default": {
                "statusCode": "200",
                "responseParameters": {f"method.response.header.{name}": value for name, value in headers.items()},
                "responseTemplates": {"application/json": "{}\n"},
            }},
        },
    }
