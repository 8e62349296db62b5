"""Authorizers that verify tokens, as definitions write them."""

from dataclasses import replace
from pathlib import Path

import pytest

from fastgw.cli import OK, main
from fastgw.model.api import Api, ApiKind
from fastgw.model.authorizer import Access, JwtAuthorizer
from fastgw.model.value import RequestParameter
from tests.support.load_files import Files, by_route, messages

POOL = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_AbC"
POOLS_ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC"
ISSUER = "https://login.example.com/tenant"
AUTHORIZER = "x-amazon-apigateway-authorizer"
JWT = {"type": "jwt", "identitySource": "$request.header.Authorization",
       "jwtConfiguration": {"issuer": ISSUER, "audience": ["one", "two"]}}
USER_POOLS = {"type": "cognito_user_pools", "providerARNs": [POOL]}
OAUTH = {"type": "oauth2", "flows": {}}
HEADER = {"type": "apiKey", "name": "Authorization", "in": "header",
          "x-amazon-apigateway-authtype": "cognito_user_pools"}
UP = {"x-amazon-apigateway-integration": {"type": "http_proxy", "httpMethod": "GET", "uri": "http://127.0.0.1:9000/"}}


def document(scheme: dict, security: list, version: str = "3.0.1") -> dict:
    found = {"info": {"title": "pets", "version": "1"}, "paths": {"/pets": {"get": {**UP, "responses": {},
                                                                                  "security": security}}}}
    if version == "2.0":
        return {"swagger": version, **found, "securityDefinitions": {"token": scheme}}
    return {"openapi": version, **found, "components": {"securitySchemes": {"token": scheme}}}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def read(files: Files, scheme: dict, *scopes: str, version: str = "3.0.1") -> tuple[Api, JwtAuthorizer]:
    api = files.api(document(scheme, [{"token": list(scopes)}], version))
    [authorizer] = api.authorizers
    assert isinstance(authorizer, JwtAuthorizer)
    return api, authorizer


def test_jwt(files: Files) -> None:
    api, authorizer = read(files, {**OAUTH, AUTHORIZER: JWT}, "pets/read", "pets/write")
    assert api.kind is ApiKind.HTTP
    assert (authorizer.name, authorizer.issuers, authorizer.audiences) == ("token", (ISSUER,), ("one", "two"))
    assert (authorizer.source, authorizer.providers, authorizer.ttl_seconds, authorizer.validation) == (
        RequestParameter("header", "Authorization"), (), 300, None)
    assert by_route(api)["GET", "/pets"].access == Access("token", scopes=("pets/read", "pets/write"))


@pytest.mark.parametrize(("changes", "source", "ttl"), [
    ({"identitySource": "$request.querystring.token"}, RequestParameter("querystring", "token"), 300),
    ({"identitySource": ["$request.header.X-Token"]}, RequestParameter("header", "X-Token"), 300),
    ({"identitySource": None}, RequestParameter("header", "Authorization"), 300),
    ({"authorizerResultTtlInSeconds": 60}, RequestParameter("header", "Authorization"), 60),
    ({"authorizerResultTtlInSeconds": "0"}, RequestParameter("header", "Authorization"), 0),
])
def test_what_a_jwt_authorizer_may_say(files: Files, changes: dict, source: RequestParameter, ttl: int) -> None:
    _, authorizer = read(files, {**OAUTH, AUTHORIZER: {**JWT, **changes}})
    assert (authorizer.source, authorizer.ttl_seconds) == (source, ttl)


def test_the_issuer_of_a_discovery_document(files: Files) -> None:
    scheme = {"type": "openIdConnect", "openIdConnectUrl": f"{ISSUER}/.well-known/openid-configuration",
              AUTHORIZER: {**JWT, "jwtConfiguration": {"audience": ["one"]}}}
    assert read(files, scheme)[1].issuers == (ISSUER,)


@pytest.mark.parametrize("version", ["3.0.1", "2.0"])
def test_user_pools(files: Files, version: str) -> None:
    more = {"identitySource": "method.request.header.X-Token", "identityValidationExpression": "Bearer .+"}
    api, authorizer = read(files, {**HEADER, AUTHORIZER: {**USER_POOLS, **more}}, "a/b", version=version)
    assert api.kind is ApiKind.REST
    assert (authorizer.issuers, authorizer.providers, authorizer.audiences) == ((POOLS_ISSUER,), (POOL,), ())
    assert (authorizer.source, authorizer.validation) == (RequestParameter("header", "X-Token"), "Bearer .+")
    assert by_route(api)["GET", "/pets"].access == Access("token", scopes=("a/b",))


def test_the_header_of_a_scheme(files: Files) -> None:
    assert read(files, {**HEADER, "name": "X-Token", AUTHORIZER: USER_POOLS})[1].source == RequestParameter(
        "header", "X-Token")


@pytest.mark.parametrize(("scheme", "told"), [
    ({**OAUTH, AUTHORIZER: {**JWT, "jwtConfiguration": None}}, "needs jwtConfiguration: issuer"),
    ({**OAUTH, AUTHORIZER: {**JWT, "jwtConfiguration": {"issuer": ISSUER}}}, "needs jwtConfiguration: audience"),
    ({**OAUTH, AUTHORIZER: {**JWT, "jwtConfiguration": {"issuer": ISSUER, "audience": []}}}, "audience"),
    ({**OAUTH, AUTHORIZER: {**JWT, "jwtConfiguration": {"issuer": ISSUER, "audience": [""]}}}, "audience"),
    ({**OAUTH, AUTHORIZER: {**JWT, "jwtConfiguration": {"issuer": ISSUER, "audience": ["a"] * 51}}}, "at most 50"),
    ({**OAUTH, AUTHORIZER: {**JWT, "jwtConfiguration": {"issuer": "login.example.com", "audience": ["a"]}}}, "https://"),
    ({**OAUTH, AUTHORIZER: {**JWT, "jwtConfiguration": {"issuer": ISSUER + "?x", "audience": ["a"]}}}, "https://"),
    ({**OAUTH, AUTHORIZER: {**JWT, "jwtConfiguration": {"isuer": ISSUER, "audience": ["a"]}}}, 'did you mean "issuer"'),
    ({**OAUTH, AUTHORIZER: {**JWT, "identitySource": "$request.header.A, $request.header.B"}}, "one expression"),
    ({**OAUTH, AUTHORIZER: {**JWT, "identitySource": "$request.body"}}, "must be one expression"),
    ({**OAUTH, AUTHORIZER: {**JWT, "identitySource": "$context.identity.sourceIp"}}, "must be one expression"),
    ({**OAUTH, AUTHORIZER: {**JWT, "authorizerResultTtlInSeconds": 3_601}}, "3,600"),
    ({**OAUTH, AUTHORIZER: {**JWT, "identityValidationExpresion": ".*"}}, "no field of an authorizer of type jwt"),
    ({"type": "openIdConnect", "openIdConnectUrl": ISSUER, AUTHORIZER: {
        **JWT, "jwtConfiguration": {"audience": ["a"]}}}, "must end in /.well-known/openid-configuration"),
    ({**HEADER, AUTHORIZER: {**USER_POOLS, "providerARNs": []}}, "needs providerARNs"),
    ({**HEADER, AUTHORIZER: {**USER_POOLS, "providerARNs": ["eu-west-1_AbC"]}}, "no user pool's ARN"),
    ({**HEADER, AUTHORIZER: {**USER_POOLS, "providerARNs": [POOL.replace("userpool", "pool")]}}, "no user pool's"),
    ({**HEADER, AUTHORIZER: {**USER_POOLS, "identitySource": "method.request.querystring.a"}}, "one expression"),
    ({**HEADER, AUTHORIZER: {**USER_POOLS, "identityValidationExpression": "(a"}}, "identityValidationExpression"),
], ids=lambda one: one if isinstance(one, str) else "")
def test_mistakes(files: Files, scheme: dict, told: str) -> None:
    loaded = files.load(document(scheme, [{"token": []}]))
    assert loaded.gateway is None
    assert told in " ".join(messages(loaded))


@pytest.mark.parametrize(("scheme", "kind"), [
    ({**OAUTH, AUTHORIZER: JWT}, ApiKind.REST), ({**HEADER, AUTHORIZER: USER_POOLS}, ApiKind.HTTP)])
def test_each_kind_of_api_has_its_own(files: Files, scheme: dict, kind: ApiKind) -> None:
    loaded = files.load(document(scheme, [{"token": []}]), kind=kind)
    assert loaded.gateway is None and "has no authorizers of type" in " ".join(messages(loaded))


@pytest.mark.parametrize("scopes", [["a"] * 11, ["a b"], ['a"'], ["a\\"], [""], ["\u00e4"], ["a\n"]])
def test_scopes_that_are_none(files: Files, scopes: list[str]) -> None:
    loaded = files.load(document({**OAUTH, AUTHORIZER: JWT}, [{"token": scopes}]))
    assert loaded.gateway is None and "scope" in " ".join(messages(loaded))


@pytest.mark.parametrize("scheme", [
    {**OAUTH, AUTHORIZER: {**JWT, "identitySource": "$request.querystring.token"}},
    {**HEADER, AUTHORIZER: {**USER_POOLS, "identityValidationExpression": "a+", "authorizerResultTtlInSeconds": 5}},
], ids=["jwt", "user pools"])
def test_an_export_is_read_as_the_same(files: Files, scheme: dict, monkeypatch: pytest.MonkeyPatch,
                                       capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(files.directory)
    before, authorizer = read(files, scheme, "read")
    assert main(["export", "--json", "api.json"]) == OK
    after = files.api(capsys.readouterr().out, "exported.json")
    assert replace(after.authorizers[0], place=authorizer.place) == authorizer
    assert [route.access for route in after.routes] == [route.access for route in before.routes]


def test_sam(files: Files) -> None:
    template = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Http:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: Token
        Authorizers:
          Token:
            IdentitySource: $request.header.Authorization
            JwtConfiguration: {issuer: "https://login.example.com/tenant", audience: [one]}
            AuthorizationScopes: [read]
  Rest:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      Auth:
        DefaultAuthorizer: Pool
        Authorizers:
          Pool:
            UserPoolArn: arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_AbC
            Identity: {Header: X-Token, ValidationExpression: ".+"}
  Get:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python3.12
      InlineCode: "def handler(event, context): return {}"
      Events:
        A: {Type: HttpApi, Properties: {Path: /a, Method: get, ApiId: !Ref Http}}
        B: {Type: Api, Properties: {Path: /b, Method: get, RestApiId: !Ref Rest}}
"""
    loaded = files.load(template, "template.yaml")
    assert loaded.gateway is not None, messages(loaded)
    found = {api.kind: api for api in loaded.gateway.apis}
    [token], [pool] = found[ApiKind.HTTP].authorizers, found[ApiKind.REST].authorizers
    assert (token.issuers, token.audiences) == ((ISSUER,), ("one",))
    assert (pool.providers, pool.source, pool.validation) == ((POOL,), RequestParameter("header", "X-Token"), ".+")
    assert by_route(found[ApiKind.HTTP])["GET", "/a"].access == Access("Token", scopes=("read",))
    assert by_route(found[ApiKind.REST])["GET", "/b"].access == Access("Pool")


def test_cloudformation(files: Files) -> None:
    template = """\
Resources:
  Http: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: http, ProtocolType: HTTP}}
  Token:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Http
      Name: token
      AuthorizerType: JWT
      IdentitySource: [$request.header.Authorization]
      JwtConfiguration: {Issuer: "https://login.example.com/tenant", Audience: [one]}
  Up: {Type: AWS::ApiGatewayV2::Integration, Properties: {ApiId: !Ref Http, IntegrationType: HTTP_PROXY,
    IntegrationMethod: GET, IntegrationUri: "http://127.0.0.1:9000/", PayloadFormatVersion: "1.0"}}
  Get: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Http, RouteKey: GET /a, AuthorizationType: JWT,
    AuthorizerId: !Ref Token, AuthorizationScopes: [read], Target: !Sub "integrations/${Up}"}}
  Rest: {Type: AWS::ApiGateway::RestApi, Properties: {Name: rest}}
  Pool:
    Type: AWS::ApiGateway::Authorizer
    Properties: {RestApiId: !Ref Rest, Name: pool, Type: COGNITO_USER_POOLS,
      IdentitySource: method.request.header.X-Token,
      ProviderARNs: ["arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_AbC"]}
  A:
    Type: AWS::ApiGateway::Resource
    Properties: {RestApiId: !Ref Rest, ParentId: !GetAtt Rest.RootResourceId, PathPart: a}
  Method:
    Type: AWS::ApiGateway::Method
    Properties: {RestApiId: !Ref Rest, ResourceId: !Ref A, HttpMethod: GET, AuthorizationType: COGNITO_USER_POOLS,
      AuthorizerId: !Ref Pool, AuthorizationScopes: [read], Integration: {Type: HTTP_PROXY, IntegrationHttpMethod: GET,
        Uri: "http://127.0.0.1:9000/"}}
"""
    loaded = files.load(template, "template.yaml")
    assert loaded.gateway is not None, messages(loaded)
    found = {api.kind: api for api in loaded.gateway.apis}
    [token], [pool] = found[ApiKind.HTTP].authorizers, found[ApiKind.REST].authorizers
    assert (token.issuers, token.audiences, token.source.name) == ((ISSUER,), ("one",), "Authorization")
    assert (pool.issuers, pool.source) == ((POOLS_ISSUER,), RequestParameter("header", "X-Token"))
    for kind, authorizer in ((ApiKind.HTTP, token), (ApiKind.REST, pool)):
        assert by_route(found[kind])["GET", "/a"].access == Access(authorizer.name, scopes=("read",))
