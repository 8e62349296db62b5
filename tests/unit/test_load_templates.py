"""CloudFormation and SAM templates: what of them becomes the gateway's model."""

import json
from pathlib import Path

import pytest

from fastgw.load import ALLOWABLE, Loaded
from fastgw.model.api import ApiKind
from fastgw.model.integration import HttpProxy
from fastgw.model.usage import EVERY_METHOD, Quota, Throttle
from tests.support.load_files import Files, by_route, messages


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def template(resources: str, before: str = "") -> str:
    return f"{before}Resources:\n{resources}"


INLINE = """\
Parameters:
  ShopHost: {Type: String, Default: shop.internal}
  Port: {Type: Number, Default: 9000}
Resources:
  Shop:
    Type: AWS::%s
    Properties:
      Name: shop
      StageName: live
      %s:
        openapi: 3.0.1
        info: {title: !Sub 'Shop of ${AWS::StackName}'}
        paths:
          /pets:
            get:
              x-amazon-apigateway-integration: {$ref: '#/components/x-amazon-apigateway-integrations/shop'}
        components:
          x-amazon-apigateway-integrations:
            shop:
              type: http_proxy
              uri: !Sub ['http://${Host}:${Port}/pets', {Host: !Ref ShopHost}]
"""
KINDS = [
    ("Serverless::Api", "DefinitionBody", ApiKind.REST, "live"),
    ("Serverless::HttpApi", "DefinitionBody", ApiKind.HTTP, "live"),
    ("ApiGateway::RestApi", "Body", ApiKind.REST, "$default"),
    ("ApiGatewayV2::Api", "Body", ApiKind.HTTP, "$default"),
]


@pytest.mark.parametrize(("resource", "field", "kind", "stage"), KINDS)
def test_inline_bodies(files: Files, resource: str, field: str, kind: ApiKind, stage: str) -> None:
    text = INLINE % (resource, field)
    loaded = files.load(text if "Serverless" in resource else text.replace("      StageName: live\n", ""), "t.yaml")
    api = loaded.gateway.apis[0]
    assert (api.name, api.id, api.kind) == ("Shop", "shop", kind)
    assert api.routes[0].integration.uri == "http://shop.internal:9000/pets"
    assert [stage.name for stage in loaded.gateway.stages] == [stage]
    line = next(number for number, line in enumerate(text.splitlines(), 1) if line.endswith(" get:"))
    assert api.routes[0].place.line == line - ("Serverless" not in resource)


def test_param_goes_before_a_default(files: Files) -> None:
    text = INLINE % ("Serverless::Api", "DefinitionBody")
    api = files.api(text, "t.yaml", params={"ShopHost": "other", "Port": "1"})
    assert api.routes[0].integration.uri == "http://other:1/pets"


def test_a_template_is_json_too(files: Files) -> None:
    body = {"openapi": "3.0.1", "paths": {"/a": {"get": {"x-amazon-apigateway-integration": {
        "type": "http_proxy", "uri": {"Fn::Join": ["", ["http://", {"Ref": "AWS::Region"}, ".internal"]]}}}}}}
    whole = {"Resources": {"Shop": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Body": body}}}}
    assert files.api(whole, "t.json").routes[0].integration.uri == "http://us-east-1.internal"


# --- functions

FUNCTIONS = """\
Parameters:
  Stage: {Type: String, Default: prod, AllowedValues: [prod, dev]}
  Hosts: {Type: CommaDelimitedList, Default: "a.internal, b.internal"}
  Nothing: {Type: String}
Mappings:
  Ports: {prod: {port: "80"}, dev: {port: "81"}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsDev: !Not [!Condition IsProd]
  Both: !And [!Condition IsProd, !Or [!Condition IsDev, !Equals [a, a]]]
Resources:
  Shop:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Body:
        openapi: 3.0.1
        paths: {/a: {get: {x-amazon-apigateway-integration: {type: http_proxy, uri: %s}}}}
"""


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("!Sub 'http://${Stage}.internal'", "http://prod.internal"),
        ("!Join ['', ['http://', !Select [1, !Ref Hosts]]]", "http://b.internal"),
        ("!Sub ['http://${H}', {H: !Select [0, !Split ['/', 'x/y']]}]", "http://x"),
        ("!Sub ['http://h:${P}', {P: !FindInMap [Ports, !Ref Stage, port]}]", "http://h:80"),
        ("!Sub ['http://h:${P}', {P: !FindInMap [Ports, x, y, {DefaultValue: 82}]}]", "http://h:82"),
        ("!If [IsProd, http://yes, http://no]", "http://yes"),
        ("!If [IsDev, http://yes, !If [Both, http://both, http://no]]", "http://both"),
        ("!Join ['', ['http://h/', !Base64 'hi/']]", "http://h/aGkv"),
        ("!Join ['', ['http://', !ImportValue other-host]]", "http://imported"),
        ("{'Fn::Join': ['', ['http://', {'Fn::GetAtt': [Table, Host]}]]}", "http://table"),
        ("!Sub 'http://h${AWS::AccountId}'", "http://h000000000000"),
    ],
)
def test_functions(files: Files, written: str, read: str) -> None:
    given = {"other-host": "imported", "Table.Host": "table"}
    (route,) = files.api(FUNCTIONS % written, "t.yaml", params=given).routes
    assert route.integration.uri == read


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("!Ref Nothing", "uri needs a value for Nothing; give it with --param NAME=VALUE"),
        ("!Sub 'http://${Other.Host}'", "uri needs a value for Other.Host"),
        ("!ImportValue other-host", "uri needs a value for other-host"),
        ("!If [IsProt, a, b]", 'no condition is named "IsProt"; did you mean "IsProd"?'),
        ("!If [IsProd, a]", "Fn::If takes a condition's name and two values"),
        ("!FindInMap [Port, prod, port]", 'Fn::FindInMap finds no "Port"; did you mean "Ports"?'),
        ("!Select [2, !Ref Hosts]", 'there is no item "2" among 2'),
        ("!Cidr [a, 1, 2]", "Fn::Cidr is not read"),
        ("!Select [0, !Split [',', !Ref Nothing]]", "uri needs a value for Nothing"),
        ("!FindInMap [Ports, !Ref Nothing, port]", "uri needs a value for Nothing"),
        ("!Join ['', [http://, !Base64 {Ref: Nothing}]]", "uri needs a value for Nothing"),
        ("!Select [0, {Ref: Stage}]", "Fn::Select is not read"),
    ],
)
def test_functions_that_are_refused(files: Files, written: str, told: str) -> None:
    loaded = files.load(FUNCTIONS % written, "t.yaml")
    assert loaded.gateway is None
    assert any(told in message for message in messages(loaded)), messages(loaded)


def test_a_parameter_outside_its_allowed_values_is_refused(files: Files) -> None:
    loaded = files.load(FUNCTIONS % "http://a", "t.yaml", params={"Stage": "pro"})
    assert messages(loaded)[0] == ('error: parameter Stage is "pro"; allowed are "prod", "dev"; '
                                   'did you mean "prod"?')


def test_a_condition_takes_resources_keys_and_items_away(files: Files) -> None:
    text = template("""\
  Shop:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Name: !If [Off, x, !Ref AWS::NoValue]
      Body:
        openapi: 3.0.1
        paths:
          /a:
            get:
              x-amazon-apigateway-integration:
                type: http_proxy
                uri: http://h
                timeoutInMillis: !If [Off, 10, !Ref AWS::NoValue]
                cacheKeyParameters: [!If [Off, no, !Ref AWS::NoValue], method.request.querystring.x]
          /b: !If [Off, {get: {}}, !Ref AWS::NoValue]
  Plan:
    Type: AWS::ApiGateway::UsagePlan
    Condition: Off
    Properties: {Nonsense: 1}
""", "Conditions: {Off: !Equals [a, b]}\n")
    loaded = files.load(text, "t.yaml")
    assert messages(loaded) == []
    (route,) = loaded.gateway.apis[0].routes
    assert route.integration.timeout_ms is None and len(route.integration.cache_keys) == 1


def test_what_a_deployment_would_name_has_a_stand_in(files: Files) -> None:
    text = template("""\
  Role: {Type: AWS::IAM::Role}
  Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: !Sub 'notes-${AWS::Region}'}}
  Queue: {Type: AWS::SQS::Queue}
  Shop:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Body:
        openapi: 3.0.1
        paths:
          /a: {get: {x-amazon-apigateway-integration: {type: http_proxy, uri: %s}}}
""")
    for written, read in (("!Sub 'http://h/${Table}'", "notes-us-east-1"),
                          ("!Sub 'http://h/${Role.Arn}'", "arn:aws:iam::000000000000:role/Role"),
                          ("!Sub 'http://h/${Queue.Arn}'", "arn:aws:sqs:us-east-1:000000000000:Queue"),
                          ("!Sub 'http://h?q=${Queue}'", "q=https://sqs.us-east-1.amazonaws.com/000000000000/Queue"),
                          ("!Sub 'http://h/${Queue.QueueName}'", "Queue")):
        assert files.api(text % written, "t.yaml").routes[0].integration.uri.removeprefix("http://h")[1:] == read


# --- files beside the template

PART = "/a: {get: {x-amazon-apigateway-integration: {type: http_proxy, uri: {'Fn::Sub': 'http://${AWS::Region}'}}}}\n"


@pytest.mark.parametrize(
    ("resource", "properties"),
    [
        ("Serverless::Api", "{StageName: v1, DefinitionUri: parts/api.yaml}"),
        ("ApiGateway::RestApi", "{BodyS3Location: parts/api.yaml}"),
        ("ApiGatewayV2::Api", "{BodyS3Location: ./parts/api.yaml}"),
        ("Serverless::Api", "{StageName: v1, DefinitionBody: {'Fn::Transform': {Name: AWS::Include, "
                            "Parameters: {Location: parts/api.yaml}}}}"),
        ("ApiGateway::RestApi", "{Body: {openapi: 3.0.1, paths: {'Fn::Transform': {Name: AWS::Include, "
                                "Parameters: {Location: parts/paths.yaml}}}}}"),
    ],
)
def test_bodies_in_files(files: Files, resource: str, properties: str) -> None:
    (files.directory / "parts").mkdir()
    files.write("parts/api.yaml", f"openapi: 3.0.1\npaths:\n  {PART}")
    files.write("parts/paths.yaml", PART)
    text = template(f"  Shop:\n    Type: AWS::{resource}\n    Properties: {properties}\n")
    (route,) = files.api(text, "t.yaml").routes
    assert (route.name, route.integration.uri) == ("GET /a", "http://us-east-1")
    assert route.place.file.endswith("paths.yaml" if "paths.yaml" in properties else "api.yaml")


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ("{StageName: v1, DefinitionUri: s3://bucket/api.yaml}", '"s3://bucket/api.yaml" is not fetched'),
        ("{StageName: v1, DefinitionUri: {Bucket: b, Key: k}}", "a DefinitionUri in S3 is not fetched"),
        ("{StageName: v1, DefinitionUri: none.yaml}", "cannot be read: No such file or directory"),
        ("{StageName: v1, DefinitionBody: {'Fn::Transform': {Name: Macro}}}", "only AWS::Include with a known"),
    ],
)
def test_files_that_are_not_there(files: Files, properties: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files.directory)
    files.write("t.yaml", "")
    loaded = files.load(template(f"  Shop:\n    Type: AWS::Serverless::Api\n    Properties: {properties}\n"), "t.yaml")
    assert loaded.gateway is None
    assert any(told in message for message in messages(loaded)), messages(loaded)


def test_an_include_that_includes_itself_ends(files: Files) -> None:
    include = "{'Fn::Transform': {Name: AWS::Include, Parameters: {Location: loop.yaml}}}"
    files.write("loop.yaml", f"a: {include}\n")
    loaded = files.load(template("  Shop:\n    Type: AWS::Serverless::Api\n"
                                 f"    Properties: {{StageName: a, DefinitionBody: {include}}}\n"), "t.yaml")
    assert any("more than 50 files are included" in message for message in messages(loaded))


# --- AWS::ApiGateway

REST = (Path(__file__).parents[1] / "support" / "templates" / "rest.yaml").read_text()


def rest(files: Files, **params: str) -> Loaded:
    return files.load(REST, "rest.yaml", params=params)


def test_a_rest_api_of_resources_and_methods(files: Files) -> None:
    loaded = rest(files)
    assert loaded.gateway is not None, messages(loaded)
    api = loaded.gateway.apis[0]
    routes = by_route(api)
    assert list(routes) == [("GET", "/pets"), ("POST", "/pets"), ("GET", "/pets/{id}"), ("ANY", "/")]
    listed = routes["GET", "/pets"]
    assert isinstance(listed.integration, HttpProxy)
    assert listed.integration.uri == "http://shop.internal:9000/pets" and listed.key
    assert [key.name for key in listed.integration.cache_keys] == ["page"]
    assert routes["GET", "/pets/{id}"].integration.mappings[0].name == "id"
    checks = routes["POST", "/pets"].checks
    assert checks.asked_body and checks.body.models[0][1].name == "PetModel"
    assert [one.type for one in api.gateway_responses] == ["MISSING_AUTHENTICATION_TOKEN"]
    assert str(listed.place).rpartition("rest.yaml:")[2] == place_of("ListPets:")
    assert str(listed.integration.place).rpartition("rest.yaml:")[2] == place_of("Integration:")


def place_of(text: str) -> str:
    """line:column of its first place in REST."""
    line, found = next((number, line) for number, line in enumerate(REST.splitlines(), 1) if text in line)
    return f"{line}:{found.index(text) + 1}"


def test_its_stage_plan_key_and_domain(files: Files) -> None:
    gateway = rest(files).gateway
    (stage,) = gateway.stages
    assert (stage.name, stage.variables) == ("prod", (("color", "blue"),))
    assert [(one.method, one.throttle) for one in stage.methods] == [
        (EVERY_METHOD, Throttle(100.0, 50)), ("GET /pets", None)]
    assert stage.cache.of("GET /pets").ttl == 60 and stage.cache.of("GET /pets").enabled
    assert not stage.cache.of("GET /pets/{id}").enabled and not stage.cache.of("GET /pets").obey
    assert stage.log.file == "-"
    (plan,) = gateway.plans
    assert (plan.name, plan.throttle, plan.quota) == ("Gold", Throttle(10.0, 4), Quota(1000, "DAY", 0))
    assert plan.stages[0].methods == (("GET /pets", Throttle(5.0, 2)),)
    assert list(gateway.keys) == [("kim", "0123456789abcdefghij", True, ("Gold",))]
    (domain,) = gateway.domains
    assert domain.host == "shop.example.com"
    assert [(one.base_path, one.api, one.stage) for one in domain.mappings] == [("v1", "Shop", "prod")]


def test_its_conditions_and_parameters(files: Files) -> None:
    loaded = rest(files, Stage="dev", Limited="no")
    routes = by_route(loaded.gateway.apis[0])
    assert not routes["GET", "/pets"].key
    assert routes["GET", "/pets"].integration.uri == "http://dev.internal:9000/pets"
    assert [stage.name for stage in loaded.gateway.stages] == ["dev"]


def test_what_a_secret_is_stays_one(files: Files) -> None:
    loaded = rest(files, KeyValue="too short")
    assert loaded.gateway is None
    assert "too short" not in "\n".join(messages(loaded))


def test_a_deployment_that_makes_its_stage(files: Files) -> None:
    loaded = files.load(template("""\
  Shop:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Body:
        openapi: 3.0.1
        paths: {/a: {get: {x-amazon-apigateway-integration: {type: http_proxy, uri: http://body}}}}
  Deployed:
    Type: AWS::ApiGateway::Deployment
    Properties:
      RestApiId: !Ref Shop
      StageName: live
      StageDescription:
        Variables: {a: b}
        ThrottlingRateLimit: 5
        CacheClusterEnabled: true
        CachingEnabled: true
        CacheTtlInSeconds: 7
        MethodSettings: [{ResourcePath: /a, HttpMethod: GET, ThrottlingBurstLimit: 9}]
"""), "t.yaml")
    (stage,) = loaded.gateway.stages
    assert (stage.name, stage.variables) == ("live", (("a", "b"),))
    assert {one.method: one.throttle for one in stage.methods} == {
        EVERY_METHOD: Throttle(5.0, 5000), "GET /a": Throttle(10_000.0, 9)}
    assert stage.cache.of("GET /a").enabled and stage.cache.of("GET /a").ttl == 7


# --- AWS::ApiGatewayV2

HTTP = template("""\
  Web:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      Name: web
      ProtocolType: HTTP
      CorsConfiguration: {AllowOrigins: ['https://a.example'], AllowMethods: [GET], MaxAge: 60}
  Shop:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Web
      IntegrationType: HTTP_PROXY
      IntegrationMethod: GET
      IntegrationUri: http://shop.internal/pets
      PayloadFormatVersion: '1.0'
  Rest:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Web, RouteKey: $default, Target: !Join [/, [integrations, !Ref Shop]]}
  Pets:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Web, RouteKey: 'GET /pets/{id}', Target: !Sub 'integrations/${Shop}'%s}
  Live:
    Type: AWS::ApiGatewayV2::Stage
    Properties:
      ApiId: !Ref Web
      StageName: live
      StageVariables: {color: red}
      DefaultRouteSettings: {ThrottlingRateLimit: 10.5}
      RouteSettings: {'GET /pets/{id}': {ThrottlingRateLimit: 1, ThrottlingBurstLimit: 2}}
  Jwt:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Web
      AuthorizerType: JWT
      IdentitySource: [$request.header.Authorization]
      JwtConfiguration: {Issuer: 'https://issuer', Audience: [a]}
  Home: {Type: AWS::ApiGatewayV2::DomainName, Properties: {DomainName: web.example.com}}
  Under:
    Type: AWS::ApiGatewayV2::ApiMapping
    Properties: {ApiId: !Ref Web, DomainName: !Ref Home, Stage: !Ref Live}
""")


def test_an_http_api_of_routes_and_integrations(files: Files) -> None:
    loaded = files.load(HTTP % "", "t.yaml")
    assert loaded.gateway is not None, messages(loaded)
    api, (stage,) = loaded.gateway.apis[0], loaded.gateway.stages
    assert api.kind is ApiKind.HTTP
    assert [route.name for route in api.routes] == ["$default", "GET /pets/{id}"]
    assert all(route.integration.uri == "http://shop.internal/pets" for route in api.routes)
    assert (api.cors.allow_origins, api.cors.max_age) == (("https://a.example",), 60)
    assert (stage.name, stage.variables) == ("live", (("color", "red"),))
    assert {one.method: one.throttle for one in stage.methods} == {
        EVERY_METHOD: Throttle(10.5, 5000), "GET /pets/{id}": Throttle(1.0, 2)}
    (domain,) = loaded.gateway.domains
    assert [(one.base_path, one.stage) for one in domain.mappings] == [("", "live")]


def test_an_authorizer_is_refused_unless_it_can_be_read(files: Files) -> None:
    text = HTTP % ", AuthorizationType: JWT, AuthorizerId: !Ref Jwt"
    assert files.load(text, "t.yaml").gateway is not None
    broken = text.replace("https://issuer", "issuer")
    loaded = files.load(broken, "t.yaml")
    assert loaded.gateway is None
    assert any('issuer "issuer" must be https://' in message for message in messages(loaded))
    assert files.load(broken, "t.yaml", allow_unenforced=frozenset(["authorizer"])).gateway is not None


def test_a_quick_api_goes_to_its_target(files: Files) -> None:
    quick = "{ProtocolType: HTTP, Target: 'http://shop.internal/'}"
    api = files.api(template(f"  Web:\n    Type: AWS::ApiGatewayV2::Api\n    Properties: {quick}\n"), "t.yaml")
    assert [(route.name, route.integration.uri) for route in api.routes] == [("$default", "http://shop.internal/")]


def test_a_websocket_api_is_refused(files: Files) -> None:
    loaded = files.load(template("  Chat:\n    Type: AWS::ApiGatewayV2::Api\n"
                                 "    Properties: {ProtocolType: WEBSOCKET}\n"), "t.yaml")
    assert messages(loaded) == ["error: Chat is a WebSocket API, which is not served yet"]


def test_bodies_and_resources_go_together(files: Files) -> None:
    text = template("""\
  Shop:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Body:
        openapi: 3.0.1
        paths: {/a: {get: {x-amazon-apigateway-integration: {type: http_proxy, uri: http://body}}}}
  B:
    Type: AWS::ApiGateway::Resource
    Properties: {RestApiId: !Ref Shop, ParentId: !GetAtt Shop.RootResourceId, PathPart: b}
  GetB:
    Type: AWS::ApiGateway::Method
    Properties:
      {RestApiId: !Ref Shop, ResourceId: !Ref B, HttpMethod: GET, Integration: {Type: HTTP_PROXY, Uri: http://resource}}
""")
    routes = files.api(text, "t.yaml").routes
    assert [(route.name, route.integration.uri) for route in routes] == [
        ("GET /a", "http://body"), ("GET /b", "http://resource")]


# --- as the definition of an API in a fastgw.yaml

def test_a_template_as_a_definition(files: Files) -> None:
    files.write("shop.yaml", INLINE % ("Serverless::Api", "DefinitionBody"))
    loaded = files.load({"fastgw": 1, "apis": {"mine": {"definition": "shop.yaml"}}}, "fastgw.yaml")
    assert [route.name for route in loaded.gateway.apis[0].routes] == ["GET /pets"]
    assert [stage.name for stage in loaded.gateway.stages] == ["$default"]


def test_a_template_of_several_apis_is_none(files: Files) -> None:
    one = INLINE % ("Serverless::Api", "DefinitionBody")
    files.write("shop.yaml", one + one.partition("Resources:\n")[2].replace("Shop:", "Other:"))
    loaded = files.load({"fastgw": 1, "apis": {"mine": {"definition": "shop.yaml"}}}, "fastgw.yaml")
    assert any("this template holds 2 APIs (Shop, Other)" in message for message in messages(loaded))


# --- cost

def test_a_thousand_methods_cost_little_more_than_their_definition(files: Files) -> None:
    methods = {"Shop": {"Type": "AWS::ApiGateway::RestApi"}}
    for number in range(1000):
        methods[f"R{number}"] = {"Type": "AWS::ApiGateway::Resource", "Properties": {
            "RestApiId": {"Ref": "Shop"}, "ParentId": {"Fn::GetAtt": ["Shop", "RootResourceId"]},
            "PathPart": f"p{number}"}}
        methods[f"M{number}"] = {"Type": "AWS::ApiGateway::Method", "Properties": {
            "RestApiId": {"Ref": "Shop"}, "ResourceId": {"Ref": f"R{number}"}, "HttpMethod": "GET",
            "Integration": {"Type": "HTTP_PROXY", "Uri": {"Fn::Sub": "http://${AWS::Region}.internal"}}}}
    loaded = files.load(json.dumps({"Resources": methods}), "t.json", allow_unenforced=frozenset(ALLOWABLE))
    assert len(loaded.gateway.apis[0].routes) == 1000
