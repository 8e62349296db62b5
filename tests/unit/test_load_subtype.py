"""AWS integrations at load: subtypes of HTTP APIs, and which services can be asked at all."""

from pathlib import Path

import pytest

from fastgw.load import Loaded
from fastgw.model.http_mapping import Body, Value
from fastgw.model.integration import Integrated, Unserved
from fastgw.model.subtype import SUBTYPES, ServiceAction
from fastgw.model.value import RequestParameter, StageVariable, Static
from tests.support.load_files import Files, definition, messages

INTEGRATION = "x-amazon-apigateway-integration"
SERVICES = 'services: {default: {endpoint: "http://localhost:4566"}}\n'
ROLE = "arn:aws:iam::123456789012:role/notes"


def load(folder: Path, integration: dict, services: str = SERVICES, path: str = "/a/{id}") -> Loaded:
    files = Files(folder)
    files.write("api.json", definition({path: {"post": {INTEGRATION: integration}}}))
    return files.load(f"fastgw: 1\napis: {{pets: {{definition: api.json}}}}\n{services}", "fastgw.yaml")


def subtype(name: str = "SQS-SendMessage", parameters: dict | None = None, **fields: object) -> dict:
    given = {"QueueUrl": "http://q", "MessageBody": "$request.body"} if parameters is None else parameters
    return {"type": "aws_proxy", "integrationSubtype": name, "payloadFormatVersion": "1.0",
            "requestParameters": given, **fields}


def only(loaded: Loaded) -> object:
    assert loaded.gateway is not None, messages(loaded)
    return loaded.gateway.apis[0].routes[0].integration


def test_a_subtype(tmp_path: Path) -> None:
    found = only(load(tmp_path, subtype("StepFunctions-StartExecution", {
        "StateMachineArn": "arn:${stageVariables.machine}", "Input": "$request.body.a", "Name": "${request.header.n}-x",
        "Region": "eu-west-3"}, credentials=ROLE, timeoutInMillis=500)))
    assert isinstance(found, ServiceAction)
    assert (found.subtype, found.credentials, found.timeout_ms) == ("StepFunctions-StartExecution", ROLE, 500)
    assert found.region == Value((Static("eu-west-3"),))
    assert dict(found.parameters) == {
        "StateMachineArn": Value((Static("arn:"), StageVariable("machine"))),
        "Input": Value((Body("request", "$.a"),)),
        "Name": Value((RequestParameter("header", "n", True), Static("-x"))),
    }


def test_the_region_of_the_stack(tmp_path: Path) -> None:
    assert only(load(tmp_path, subtype())).region == Value((Static("us-east-1"),))


def test_the_table_is_whole() -> None:
    assert len(SUBTYPES) == 10
    for found in SUBTYPES.values():
        assert not set(found.required) & set(found.optional)


@pytest.mark.parametrize(("integration", "told"), [
    (subtype("SQS-SendMesage"), 'did you mean "SQS-SendMessage"?'),
    (subtype("SNS-Publish"), "integrationSubtype must be"),
    (subtype(type="http_proxy"), 'type must be "AWS_PROXY"'),
    (subtype(parameters={"QueueUrl": "q"}), 'SQS-SendMessage needs "MessageBody"'),
    (subtype(parameters={}), 'SQS-SendMessage needs "QueueUrl" or "MessageBody"'),
    (subtype(parameters={"QueueUrl": "q", "MessageBody": "b", "DelaySecond": "1"}), 'did you mean "DelaySeconds"?'),
    (subtype(parameters={"QueueUrl": "q", "MessageBody": "b", "DelaySeconds": "soon"}), "must be a whole number"),
    (subtype(parameters={"QueueUrl": "q", "MessageBody": "$request.bodies"}), "is no value here"),
    (subtype(parameters={"QueueUrl": "q", "MessageBody": "b", "Region": "$request.header.region"}),
     "Region must be fixed"),
    (subtype(parameters={"QueueUrl": "q", "MessageBody": ""}), "MessageBody has no value"),
    (subtype(responseParameters={"200": {}}), "responseParameters are not served with an integrationSubtype"),
])
def test_what_is_refused(tmp_path: Path, integration: dict, told: str) -> None:
    loaded = load(tmp_path, integration)
    assert told in "\n".join(messages(loaded)), messages(loaded)
    assert loaded.gateway is None


def rest(uri: str, **fields: object) -> dict:
    return {"type": "aws", "httpMethod": "POST", "uri": f"arn:aws:apigateway:eu-west-1:{uri}",
            "responses": {"default": {"statusCode": "200"}}, **fields}


@pytest.mark.parametrize("integration", [subtype(), rest("dynamodb:action/GetItem"), rest("s3:path/b/{id}")])
def test_a_service_is_asked_where_it_is(tmp_path: Path, integration: dict) -> None:
    loaded = load(tmp_path, integration, "")
    assert isinstance(only(loaded), Integrated | ServiceAction) and loaded.problems == ()


def test_a_services_host_may_be_an_upstream(tmp_path: Path) -> None:
    upstreams = 'upstreams: {dynamodb.eu-west-1.amazonaws.com: {address: "127.0.0.1:4430", tls: false}}\n'
    loaded = load(tmp_path, rest("dynamodb:action/GetItem"), upstreams)
    assert isinstance(only(loaded), Integrated) and loaded.problems == ()


@pytest.mark.parametrize("integration", [subtype(credentials="arn:aws:iam::*:user/*"),
                                         rest("sqs:path/a", credentials="arn:aws:iam::*:user/*")])
def test_the_callers_own_credentials(tmp_path: Path, integration: dict) -> None:
    loaded = load(tmp_path, integration)
    assert isinstance(only(loaded), Unserved)
    assert "the caller's own credentials" in "\n".join(messages(loaded))


@pytest.mark.parametrize(("uri", "told"), [
    ("appconfig:action/GetConfiguration", "appconfig has no actions"),
    ("s3:action/GetObject&Bucket=b", "action GetObject needs Key"), ("s3:action/None", "action 'None' of s3 is not"),
    ("dynamodb:action/Get-Item", "'Get-Item' is no action of dynamodb"),
    ("s3:path/{unknown}", "has no value"), ("s3:GetObject", "is no service's URI"),
])
def test_uris_that_name_nothing(tmp_path: Path, uri: str, told: str) -> None:
    loaded = load(tmp_path, rest(uri))
    assert told in "\n".join(messages(loaded)), messages(loaded)


def test_a_proxy_of_another_service(tmp_path: Path) -> None:
    told = "\n".join(messages(load(tmp_path, rest("dynamodb:action/GetItem", type="aws_proxy"))))
    assert "currently only supports Lambda function and Firehose stream invocations" in told


def test_routes_show_them(tmp_path: Path) -> None:
    from fastgw.control.routes import as_text

    loaded = load(tmp_path, subtype())
    assert "AWS_PROXY SQS-SendMessage" in as_text(loaded.gateway)
    assert "dynamodb:action/GetItem" in as_text(load(tmp_path, rest("dynamodb:action/GetItem")).gateway)
