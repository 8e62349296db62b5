"""SAM templates: APIs, events and functions as SAM's own transform makes them of them.

The oracle is aws-sam-translator: a template and its translation, both read here, must give the same routes.
"""

import copy
import os
from pathlib import Path

import pytest

from fastgw.load import ALLOWABLE, Loaded
from fastgw.model.api import ApiKind, Route
from fastgw.model.usage import Throttle
from tests.support.load_files import Files, messages

ALL = frozenset(ALLOWABLE)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def function(**events: dict) -> dict:
    return {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "InlineCode": "def handler(event, context): return {}", "Handler": "index.handler", "Runtime": "python3.12",
            "Events": events,
        },
    }


def event(kind: str, path: str | None = None, method: str | None = None, **properties: object) -> dict:
    given = {"Path": path, "Method": method, **properties}
    return {"Type": kind, "Properties": {name: value for name, value in given.items() if value is not None}}


def proxy(uri: str) -> dict:
    return {"responses": {}, "x-amazon-apigateway-integration": {"type": "http_proxy", "httpMethod": "ANY", "uri": uri}}


def body(**paths: dict) -> dict:
    return {"openapi": "3.0.1", "info": {"title": "t", "version": "1"},
            "paths": {f"/{name}": item for name, item in paths.items()}}


TEMPLATES = {
    "implicit apis": {
        "Resources": {
            "A": function(
                a=event("Api", "/a", "get"), b=event("Api", "/a/{id}", "any"), c=event("Api", "/f/{p+}", "PUT")),
            "B": function(a=event("Api", "/a", "post"), b=event("HttpApi", "/v2/{id}", "GET"), c=event("HttpApi")),
        }
    },
    "an api of its own": {
        "Resources": {
            "Own": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "v1"}},
            "A": function(a=event("Api", "/a", "get", RestApiId={"Ref": "Own"}), b=event("Api", "/b", "get")),
        }
    },
    "keys": {
        "Resources": {
            "Own": {"Type": "AWS::Serverless::Api", "Properties": {
                "StageName": "v1", "Auth": {"ApiKeyRequired": True}}},
            "A": function(
                a=event("Api", "/a", "get", RestApiId={"Ref": "Own"}),
                b=event("Api", "/b", "get", RestApiId={"Ref": "Own"}, Auth={"ApiKeyRequired": False}),
                c=event("Api", "/c", "get", Auth={"ApiKeyRequired": True}), d=event("Api", "/d", "get")),
        }
    },
    "cors": {
        "Globals": {"Api": {"Cors": {
            "AllowOrigin": "'https://a.example'", "AllowHeaders": "'x-a'", "MaxAge": "'60'",
            "AllowCredentials": True}}},
        "Resources": {"A": function(
            a=event("Api", "/a", "get"), b=event("Api", "/a", "post"), c=event("Api", "/b", "any"),
            d=event("Api", "/own", "options"))},
    },
    "cors in short": {
        "Globals": {"Api": {"Cors": "'*'"}}, "Resources": {"A": function(a=event("Api", "/a", "get"))},
    },
    "cors of an http api": {
        "Globals": {"HttpApi": {"CorsConfiguration": {"AllowOrigins": ["https://a"], "AllowMethods": ["GET"]}}},
        "Resources": {"A": function(a=event("HttpApi", "/a", "get"))},
    },
    "events beside a body": {
        "Resources": {
            "Own": {"Type": "AWS::Serverless::Api", "Properties": {
                "StageName": "v1", "DefinitionBody": body(there={"get": proxy("http://there.internal")})}},
            "A": function(a=event("Api", "/a", "get", RestApiId={"Ref": "Own"}),
                          b=event("Api", "/there", "post", RestApiId={"Ref": "Own"})),
        }
    },
    "models": {
        "Resources": {
            "Own": {"Type": "AWS::Serverless::Api", "Properties": {
                "StageName": "v1", "OpenApiVersion": "3.0.1",
                "Models": {"User": {"type": "object", "required": ["name"]}}}},
            "A": function(a=event(
                "Api", "/a", "post", RestApiId={"Ref": "Own"},
                RequestModel={"Model": "User", "Required": True, "ValidateBody": True, "ValidateParameters": True},
                RequestParameters=["method.request.header.x-a", {"method.request.querystring.q": {"Required": True}}])),
        }
    },
    "gateway responses": {
        "Resources": {
            "Own": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "v1", "GatewayResponses": {
                "UNAUTHORIZED": {"StatusCode": 401, "ResponseParameters": {"Headers": {"X-A": "'b'"}},
                                 "ResponseTemplates": {"application/json": "{}"}}}}},
            "A": function(a=event("Api", "/a", "get", RestApiId={"Ref": "Own"})),
        }
    },
    "authorizers": {
        "Resources": {
            "Own": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "v1", "Auth": {
                "DefaultAuthorizer": "Pool", "Authorizers": {
                    "Pool": {"UserPoolArn": "arn:aws:cognito-idp:a:1:userpool/b"}}}}},
            "A": function(
                a=event("Api", "/a", "get", RestApiId={"Ref": "Own"}),
                b=event("Api", "/b", "get", RestApiId={"Ref": "Own"}, Auth={"Authorizer": "NONE"}),
                c=event("Api", "/c", "get", RestApiId={"Ref": "Own"}, Auth={"Authorizer": "AWS_IAM"})),
        }
    },
}


def translated(template: dict) -> dict:
    """The template as SAM deploys it."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    transform = pytest.importorskip("samtranslator.translator.transform", reason="aws-sam-translator is not installed")

    class NoPolicies:
        def load(self) -> dict:
            return {}

    return transform.transform(copy.deepcopy(template), {}, NoPolicies())


def shown(loaded: Loaded) -> dict[str, list[str]]:
    """What of each API counts: kinds, routes, what they check and do."""
    return {
        f"{api.kind.value} {api.name}": sorted(map(told, api.routes)) + [str(api.cors)] + [
            f"{one.type} {one.status} {one.headers} {one.templates}" for one in api.gateway_responses]
        for api in loaded.gateway.apis
    }


def told(route: Route) -> str:
    checks = route.checks
    asked = "" if checks is None else (
        f"{[(one.location, one.name) for one in checks.parameters]} {checks.body and checks.body.models[0][0]} "
        f"{checks.asked_parameters} {checks.asked_body}")
    return f"{route.name} key={route.key} {asked} {without_places(route.integration)}"


def without_places(integration: object) -> str:
    fields = {name: getattr(integration, name) for name in integration.__slots__ if name not in ("place", "body")}
    if fields.get("credentials") == "arn:aws:iam::*:user/*":
        fields["credentials"] = None        # whose rights invoke a function: the transform's default with AWS_IAM
    return f"{type(integration).__name__} {fields}"


def demands(loaded: Loaded) -> set[str]:
    """Checks that are asked for, and not made yet."""
    return {problem.message.partition(" (")[0] for problem in loaded.problems if problem.code == "unenforced"}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_what_sam_makes_of_it(files: Files, name: str) -> None:
    template = TEMPLATES[name]
    ours = files.load(template, "ours.json", allow_unenforced=ALL)
    theirs = files.load(translated(template), "theirs.json", allow_unenforced=ALL)
    assert ours.gateway is not None and theirs.gateway is not None, messages(ours) + messages(theirs)
    assert shown(ours) == shown(theirs)
    assert demands(ours) == demands(theirs)


# --- what the transform does not tell

def test_stages_and_routes_settings(files: Files) -> None:
    template = {
        "Globals": {"HttpApi": {"DefaultRouteSettings": {"ThrottlingRateLimit": 7, "ThrottlingBurstLimit": 3}}},
        "Resources": {
            "Own": {"Type": "AWS::Serverless::Api", "Properties": {
                "StageName": "v1", "Variables": {"a": "b"},
                "MethodSettings": [{"ResourcePath": "/~1a", "HttpMethod": "GET", "ThrottlingBurstLimit": 4}]}},
            "A": function(
                a=event("Api", "/a", "get", RestApiId={"Ref": "Own"}), b=event("Api", "/b", "get"),
                c=event("HttpApi", "/c", "get", RouteSettings={"ThrottlingRateLimit": 1, "ThrottlingBurstLimit": 1})),
        },
    }
    gateway = files.load(template, "t.json").gateway
    stages = {(stage.api, stage.name): stage for stage in gateway.stages}
    assert list(stages) == [("Own", "v1"), ("ServerlessRestApi", "Prod"), ("ServerlessHttpApi", "$default")]
    assert stages["Own", "v1"].variables == (("a", "b"),)
    assert [(one.method, one.throttle) for one in stages["Own", "v1"].methods] == [("GET /a", Throttle(10_000.0, 4))]
    assert {one.method: one.throttle for one in stages["ServerlessHttpApi", "$default"].methods} == {
        "*/*": Throttle(7.0, 3), "GET /c": Throttle(1.0, 1)}


def test_usage_plans_and_domains(files: Files) -> None:
    plan = {"CreateUsagePlan": "PER_API", "Throttle": {"RateLimit": 1, "BurstLimit": 2},
            "Quota": {"Limit": 10, "Period": "MONTH"}}
    domain = {"DomainName": "Own.example.com", "CertificateArn": "arn:x", "BasePath": ["a", "b"]}
    template = {"Resources": {
        "Own": {"Type": "AWS::Serverless::Api", "Properties": {
            "StageName": "v1", "Auth": {"ApiKeyRequired": True, "UsagePlan": plan}, "Domain": domain}},
        "A": function(a=event("Api", "/a", "get", RestApiId={"Ref": "Own"})),
    }}
    loaded = files.load(template, "t.json")
    (found,) = loaded.gateway.plans
    assert (found.name, found.throttle, found.quota.period) == ("OwnUsagePlan", Throttle(1.0, 2), "MONTH")
    assert [(one.api, one.stage) for one in found.stages] == [("Own", "v1")]
    assert [(one.base_path, one.stage) for one in loaded.gateway.domains[0].mappings] == [("a", "v1"), ("b", "v1")]
    assert any("fastgw keys new NAME --plan OwnUsagePlan" in message for message in messages(loaded))


def test_functions_for_the_host(files: Files) -> None:
    (files.directory / "src").mkdir()
    template = {
        "Globals": {"Function": {"Timeout": 9, "Environment": {"Variables": {"TABLE": {"Ref": "Notes"}}}}},
        "Resources": {
            "Notes": {"Type": "AWS::DynamoDB::Table"},
            "Handler": {"Type": "AWS::Serverless::Function", "Properties": {
                "CodeUri": "src", "Handler": "app.handler", "Runtime": "python3.12", "MemorySize": 256,
                "FunctionName": {"Fn::Sub": "notes-${AWS::StackName}"},
                "Environment": {"Variables": {"OWN": 1, "LATER": {"Fn::GetAtt": ["Other", "Url"]}}},
                "Events": {"a": event("Api", "/a", "get")}}},
            "Java": {"Type": "AWS::Serverless::Function", "Properties": {
                "CodeUri": "src", "Handler": "a", "Runtime": "java21"}},
            "Zipped": {"Type": "AWS::Lambda::Function", "Properties": {
                "Code": {"ZipFile": "x"}, "Handler": "a.b", "Runtime": "python3.12"}},
            "Lost": {"Type": "AWS::Lambda::Function", "Properties": {
                "Code": "nowhere", "Handler": "a.b", "Runtime": "nodejs20.x"}},
        },
    }
    loaded = files.load(template, "t.json")
    (found,) = loaded.gateway.functions
    assert (found.name, found.code) == ("notes-fastgw", str(files.directory / "src"))
    assert (found.handler, found.runtime, found.timeout_ms, found.memory_mb) == ("app.handler", "python3.12", 9000, 256)
    assert dict(found.environment) == {"TABLE": "Notes", "OWN": "1"}
    told = [message for message in messages(loaded) if "function" in message]
    assert [message.partition("function ")[2] for message in told] == [
        "Handler: LATER needs a value for Other.Url; it is not set",
        'Java is not run here: runtime "java21"; python3, nodejs and provided are',
        "Zipped is not run here: its Code is no local folder",
        'Lost is not run here: there is no folder "nowhere"',
    ]


def test_functions_that_do_not_run_here_are_invoked_where_the_service_is(files: Files) -> None:
    (files.directory / "src").mkdir()
    hosted = {"CodeUri": "src", "Handler": "app.handler", "Runtime": "python3.12"}
    events = {name: {"a": event("Api", f"/{name}", "get")} for name in ("Python", "Java")}
    loaded = files.load({"Resources": {
        "Python": {"Type": "AWS::Serverless::Function", "Properties": {**hosted, "Events": events["Python"]}},
        "Java": {"Type": "AWS::Serverless::Function", "Properties": {
            **hosted, "Runtime": "java21", "Events": events["Java"]}},
    }}, "t.json")
    routes = {route.path: type(route.integration).__name__ for route in loaded.gateway.apis[0].routes}
    assert routes == {"/Python": "Integrated", "/Java": "Integrated"}
    assert [function.name for function in loaded.gateway.functions] == ["Python"]


def test_an_event_of_another_templates_api_is_refused(files: Files) -> None:
    loaded = files.load({"Resources": {"A": function(a=event("Api", "/a", "get", RestApiId="xyz"))}}, "t.json")
    assert 'error: RestApiId "xyz" is no AWS::Serverless::Api of this template' in messages(loaded)


def test_two_events_of_one_route_are_refused(files: Files) -> None:
    loaded = files.load({"Resources": {"A": function(a=event("Api", "/a", "get")),
                                       "B": function(a=event("Api", "/a", "GET"))}}, "t.json")
    assert "error: B: /a has GET already" in messages(loaded)


def test_kinds(files: Files) -> None:
    loaded = files.load(TEMPLATES["implicit apis"], "t.json")
    assert {api.name: api.kind for api in loaded.gateway.apis} == {
        "ServerlessRestApi": ApiKind.REST, "ServerlessHttpApi": ApiKind.HTTP}
