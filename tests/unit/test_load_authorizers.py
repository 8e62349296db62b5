"""Authorizers in definitions and in a fastgw.yaml: what is read, and what is refused."""

import json
from pathlib import Path

import pytest

from fastgw.load.exports import Options, export
from fastgw.model.api import ApiKind
from fastgw.model.authorizer import Access, RequestAuthorizer
from fastgw.model.value import Context, RequestParameter, StageVariable
from tests.support.authorizers import asks, scheme
from tests.support.load_files import Files, definition, messages, proxy

INTEGRATION = "x-amazon-apigateway-integration"
SERVED = {INTEGRATION: proxy()}


def api(schemes: dict, operation: dict | None = None, **root: object) -> str:
    whole = operation if operation is not None else asks(SERVED, *schemes)
    return definition({"/a": {"get": whole}}, components={"securitySchemes": schemes}, **root)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def read(files: Files, **schemes: dict) -> RequestAuthorizer:
    loaded = files.load(api(schemes))
    assert [m for m in messages(loaded) if "no function is named" not in m] == []
    [found] = loaded.gateway.apis[0].authorizers
    return found


def refused(files: Files, **schemes: dict) -> list[str]:
    loaded = files.load(api(schemes))
    assert loaded.gateway is None
    return [message for message in messages(loaded) if message.startswith("error")]


def test_a_token_authorizer(files: Files) -> None:
    found = read(files, a=scheme("TOKEN", header="X-Me", identityValidationExpression="^x+$",
                                 authorizerResultTtlInSeconds="60", authorizerCredentials="arn:aws:iam::1:role/r"))
    assert (found.kind, found.sources, found.validation, found.ttl_seconds, found.credentials) == (
        "TOKEN", (RequestParameter("header", "X-Me"),), "^x+$", 60, "arn:aws:iam::1:role/r")


def test_sources(files: Files) -> None:
    for text in ("method.request.header.A, method.request.querystring.b,context.identity.sourceIp, stageVariables.c",
                 "$request.header.A,$request.querystring.b, $context.identity.sourceIp,$stageVariables.c"):
        assert read(files, a=scheme("request", identitySource=text)).sources == (
            RequestParameter("header", "A"), RequestParameter("querystring", "b"), Context("identity.sourceIp"),
            StageVariable("c"))


def test_a_time_to_live_needs_an_identity(files: Files) -> None:
    assert read(files, a=scheme("request")).ttl_seconds == 0
    assert read(files, a=scheme("request", identitySource="context.path")).ttl_seconds == 300
    assert "needs an identity source" in refused(files, a=scheme("request", authorizerResultTtlInSeconds=5))[0]


def test_an_authorizer_of_an_http_api(files: Files) -> None:
    found = files.load(api({"a": scheme("request", authorizerPayloadFormatVersion="2.0", enableSimpleResponses=True,
                                        identitySource="$request.header.A")})).gateway.apis[0]
    assert found.kind is ApiKind.HTTP
    assert (found.authorizers[0].payload, found.authorizers[0].simple) == ("2.0", True)


@pytest.mark.parametrize(("given", "told"), [
    (scheme("token", identitySource="method.request.querystring.a"), "has one identity source"),
    (scheme("token", identitySource="method.request.header.a, method.request.header.b"), "has one identity source"),
    (scheme("token", identitySource="method.request.body.a"), "is no identity source"),
    (scheme("request", identitySource="context.authorizer.x"), "is no identity source"),
    (scheme("request", identitySource="context.nothing"), "is no identity source"),
    (scheme("token", identityValidationExpression="("), "identityValidationExpression"),
    (scheme("token", authorizerResultTtlInSeconds=3601), "from 0 to 3,600"),
    (scheme("token", authorizerUrl="x"), 'did you mean "authorizerUri"'),
    (scheme("tokn"), 'did you mean "token"'),
    ({"type": "apiKey", "x-amazon-apigateway-authorizer": {"type": "token"}}, "has no authorizerUri"),
    ({"type": "apiKey", "x-amazon-apigateway-authorizer": {}}, "has no type"),
    ({"type": "apiKey", "x-amazon-apigateway-authorizer": {"type": "token", "authorizerUri": "http://a/b"}},
     "invokes no function"),
])
def test_mistakes(files: Files, given: dict, told: str) -> None:
    assert told in refused(files, a=given)[0]


def test_an_operation_has_one_authorizer(files: Files) -> None:
    assert "an operation has one authorizer" in refused(files, a=scheme("token"), b=scheme("request"))[0]


def test_what_only_a_token_has_is_refused(files: Files) -> None:
    loaded = files.load(api({"a": scheme("token")}, {**SERVED, "security": [{"a": ["read"]}]}))
    assert loaded.gateway is None
    assert any("scopes" in message for message in messages(loaded))


@pytest.mark.parametrize(("operation", "access"), [
    ({}, Access("a")), ({"security": []}, None), ({"security": [{}, {"a": []}]}, None),
    ({"security": [{"b": []}]}, Access("b")),
])
def test_requirements_of_the_whole_api(files: Files, operation: dict, access: Access | None) -> None:
    schemes = {"a": scheme("token"), "b": scheme("token")}
    loaded = files.load(api(schemes, {**SERVED, **operation}, security=[{"a": []}]))
    assert [route.access for route in loaded.gateway.apis[0].routes] == [access]


def test_what_cannot_be_read_may_be_left_out_by_name(files: Files) -> None:
    text = api({"a": scheme("token", identitySource="method.request.body.a")})
    loaded = files.load(text, allow_unenforced=frozenset({"authorizer"}))
    assert [route.access for route in loaded.gateway.apis[0].routes] == [None]
    assert "cannot be read" in messages(loaded)[0]


def test_an_authorizer_comes_out_as_it_went_in(files: Files) -> None:
    schemes = {"a": scheme("request", identitySource="method.request.header.A, context.path",
                           authorizerResultTtlInSeconds=10), "b": scheme("token", identityValidationExpression="x+")}
    paths = {"/a": {"get": asks(SERVED, "a")}, "/b": {"get": asks(SERVED, "b")}}
    before = files.load(definition(paths, components={"securitySchemes": schemes})).gateway.apis[0]
    after = files.load(json.dumps(export(before, Options()))).gateway.apis[0]
    assert [route.access for route in after.routes] == [route.access for route in before.routes]
    strip = [(one.name, one.kind, one.uri, one.sources, one.validation, one.ttl_seconds) for one in before.authorizers]
    assert [(one.name, one.kind, one.uri, one.sources, one.validation, one.ttl_seconds)
            for one in after.authorizers] == strip


# --- a fastgw.yaml

def native(files: Files, authorizers: str, operation: dict | None = None) -> list[str]:
    files.write("api.json", definition({"/a": {"get": operation or asks(SERVED, "corp")}}))
    text = f"fastgw: 1\napis: {{a: {{definition: api.json, authorizers: {authorizers}}}}}\n"
    return messages(files.load(text, "fastgw.yaml"))


def test_an_authorizer_of_the_operators(files: Files) -> None:
    assert native(files, "{corp: {url: 'http://a.internal/check'}}") == []


@pytest.mark.parametrize(("given", "told"), [
    ("{corp: {}}", "a url, a function or an issuer"),
    ("{corp: {url: 'http://a/', function: f}}", "a url, a function or an issuer"),
    ("{corp: {url: 'http://a/', issuer: 'https://a'}}", "a url, a function or an issuer"),
    ("{corp: {url: 'http://a/', audience: [a]}}", "audience is for an issuer's tokens"),
    ("{corp: {issuer: 'https://a'}}", "an issuer needs an audience"),
    ("{corp: {issuer: 'a', audience: [a]}}", "an issuer of tokens"),
    ("{corp: {issuer: 'https://a', audience: [a], simple: true}}", "no effect on an issuer's tokens"),
    ("{corp: {issuer: 'https://a', audience: [a], validation: '(a'}}", "validation"),
    ("{corp: {issuer: 'https://a', audience: [a], identity: [context.stage]}}", "a token is in one place"),
    ("{corp: {url: 'ftp://a/'}}", "http://"),
    ("{corp: {url: 'ftp://a/'}}", "http"),
    ("{corp: {url: 'http://a/{b}'}}", "plain URL"),
    ("{corp: {function: 'a b'}}", "neither the name of a function"),
    ("{corp: {url: 'http://a/', type: token}}", "has one identity"),
    ("{corp: {url: 'http://a/', ttl: 5}}", "needs an identity"),
    ("{corp: {url: 'http://a/', validation: x}}", "for authorizers of type token"),
    ("{corp: {url: 'http://a/', identity: [header.X]}}", "is no identity source"),
    ("{corp: {url: 'http://a/'}, cop: {url: 'http://a/'}}", 'no operation of a asks for authorizer "cop"'),
])
def test_mistakes_of_the_operators(files: Files, given: str, told: str) -> None:
    found = native(files, given)
    assert any(told in message for message in found if message.startswith("error")), found
