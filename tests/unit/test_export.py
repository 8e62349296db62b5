"""fastgw export: what the command takes and refuses, and how exports stand beside the service's own."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from fastgw.cli import OK, PROBLEMS, USAGE, main
from fastgw.load import ALLOWABLE, LoadOptions, load
from fastgw.load.exports import Options, export
from fastgw.load.params import PSEUDO
from fastgw.model.api import Api
from fastgw.model.integration import HttpProxy, Integrated
from tests.support.load_files import UPSTREAM, Files, definition, proxy
from tests.support.same import without_places

INTEGRATION = "x-amazon-apigateway-integration"
SHARED = Path(__file__).parents[2].parent / "shared"
ALL = frozenset(ALLOWABLE)
PARAMS = {"uri": UPSTREAM, "authorizer_lambda_invocation_arn":
          "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/authorizer/invocations"}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    monkeypatch.chdir(tmp_path)
    return Files(tmp_path)


def exported(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main(["export", "--json", *arguments]) == OK
    return json.loads(capsys.readouterr().out)


SHOP = definition(
    {
        "/pets/{id}": {"get": {
            "security": [{"key": []}], INTEGRATION: proxy("http://h/{id}"),
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]}},
        "/pets": {"post": {
            INTEGRATION: proxy("http://h"), "x-amazon-apigateway-request-validator": "body",
            "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}}}},
    },
    x_request_validators={"body": {"validateRequestBody": True}},
    components={"schemas": {"Pet": {"type": "object", "nullable": True}},
                "securitySchemes": {"key": {"type": "apiKey", "name": "x-api-key", "in": "header"}}},
)


def test_it_prints_a_definition_that_is_read_again(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.write("a.json", SHOP)
    assert main(["export", "a.json"]) == OK
    files.write("again.yaml", capsys.readouterr().out)
    before, after = (load([name]).gateway.apis for name in ("a.json", "again.yaml"))
    assert without_places(before) == without_places(after)


@pytest.mark.parametrize("form", ["oas30", "swagger"])
def test_it_is_a_definition_as_the_specification_has_it(
    files: Files, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files.write("a.json", SHOP)
    validate(exported(capsys, "a.json", "--stage", "live", "--format", form))


def test_the_stage_is_the_base_path(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.write("a.json", SHOP)
    assert exported(capsys, "a.json", "--stage", "live", "--format", "swagger")["basePath"] == "/live"
    (server,) = exported(capsys, "a.json", "--stage", "live")["servers"]
    assert server["variables"] == {"basePath": {"default": "/live"}}
    assert "servers" not in exported(capsys, "a.json")


@pytest.mark.parametrize(
    ("extensions", "operation", "root"),
    [
        ("none", set(), set()),
        ("integrations", {INTEGRATION}, set()),
        ("authorizers", set(), set()),
        ("apigateway", {INTEGRATION, "x-amazon-apigateway-request-validator"},
         {"x-amazon-apigateway-request-validators"}),
        ("integrations,authorizers", {INTEGRATION}, set()),
    ],
)
def test_which_extensions_are_there(
    files: Files, extensions: str, operation: set[str], root: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    files.write("a.json", SHOP)
    document = exported(capsys, "a.json", "--extensions", extensions)
    assert {key for key in document["paths"]["/pets"]["post"] if key.startswith("x-")} == operation
    assert {key for key in document if key.startswith("x-")} == root


def test_which_api(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.write("a.json", SHOP)
    files.write("fastgw.yaml", {"fastgw": 1, "apis": {
        "one": {"definition": "a.json"}, "two": {"definition": "a.json", "stages": {"v1": None, "v2": None}}}})
    assert main(["export", "fastgw.yaml"]) == USAGE
    assert "choose one with --api: one, two" in capsys.readouterr().err
    assert exported(capsys, "fastgw.yaml", "--api", "two", "--format", "swagger")["basePath"] == "/v1"
    second = exported(capsys, "fastgw.yaml", "--api", "two", "--of-stage", "v2", "--format", "swagger")
    assert second["basePath"] == "/v2"
    assert main(["export", "fastgw.yaml", "--api", "too"]) == USAGE
    assert "no API is named too" in capsys.readouterr().err
    assert main(["export", "fastgw.yaml", "--api", "two", "--of-stage", "v3"]) == USAGE
    assert main(["export", "fastgw.yaml", "--api", "two", "--extensions", "integration"]) == USAGE


MODELS = {"a/json": {"type": "object"}, "b/json": {"type": "array"}}


@pytest.mark.parametrize(
    ("root", "arguments", "told"),
    [
        ({"x_cors": {"allowOrigins": ["*"]}}, ("--format", "swagger"), "is an HTTP API, exported as oas30 only"),
        ({}, ("--format", "swagger"), "POST /pets: swagger has one model for all media types"),
        ({"openapi": "3.1.0"}, ("--format", "swagger"), "its model is of OpenAPI 3.1"),
    ],
)
def test_what_a_format_cannot_say_is_refused(
    files: Files, root: dict, arguments: tuple, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    media = {"a/json": MODELS["a/json"]} if "openapi" in root else MODELS
    content = {name: {"schema": schema} for name, schema in media.items()}
    operation = {INTEGRATION: proxy("http://h"), "requestBody": {"content": content},
                 "x-amazon-apigateway-request-validator": "body"}
    files.write("a.json", definition({"/pets": {"post": operation}}, x_request_validators={
        "body": {"validateRequestBody": True}}, **root))
    assert main(["export", "a.json", *arguments]) == PROBLEMS
    assert told in capsys.readouterr().err


def test_openapi_3_1_stays_itself(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    operation = {INTEGRATION: proxy("http://h"), "x-amazon-apigateway-request-validator": "body",
                 "requestBody": {"content": {"application/json": {"schema": {"const": 1, "prefixItems": [{}]}}}}}
    files.write("a.json", {**definition({"/a": {"post": operation}}, x_request_validators={
        "body": {"validateRequestBody": True}}), "openapi": "3.1.0"})
    document = exported(capsys, "a.json")
    assert document["openapi"] == "3.1.0"
    files.write("again.json", document)
    before, after = (load([name]).gateway.apis for name in ("a.json", "again.json"))
    assert without_places(before) == without_places(after)


def test_an_integration_that_is_not_served_is_not_known(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.write("a.json", definition({"/a": {"get": {INTEGRATION: proxy(UPSTREAM, connectionType="VPC_LINK")}}}))
    assert main(["export", "a.json"]) == PROBLEMS
    assert "GET /a: its integration (VPC_LINK) is not served, and so not known" in capsys.readouterr().err
    assert main(["export", "a.json", "--extensions", "none"]) == OK


# --- beside the service's own exports

def definitions() -> list[Path]:
    folders = ("openapi/aws_docs", "openapi/localstack")
    return sorted(path for folder in folders for path in (SHARED / folder).glob("*.json"))


def integrations(document: dict) -> dict[str, dict]:
    """METHOD path -> integration, its words as every export writes them."""
    return {
        f"{verb} {path}": {key: plain(key, value) for key, value in operation[INTEGRATION].items()}
        for path, item in document["paths"].items() for verb, operation in item.items()
        if isinstance(operation, dict) and INTEGRATION in operation and "$ref" not in operation[INTEGRATION]
    }


def plain(key: str, value: object) -> object:
    if key in ("type", "passthroughBehavior", "contentHandling", "connectionType", "payloadFormatVersion"):
        return str(value).lower()
    if key == "responses":
        return {pattern: {name: str(given) if name == "statusCode" else given for name, given in response.items()}
                for pattern, response in value.items()}
    return value


SAYS_NOTHING = {"passthroughBehavior": "when_no_match", "connectionType": "internet",
                "responseTransferMode": "BUFFERED", "payloadFormatVersion": "1.0"}
"""What an export of the service writes although it is so anyway."""

PROXIES = ("http_proxy", "aws_proxy")
OF_ANOTHER_TYPE = (
    "requestTemplates", "responses", "passthroughBehavior", "contentHandling", "connectionId")
"""Fields without effect on a proxy: the model does not hold them."""


def carried(api: Api) -> set[str]:
    """Routes whose whole integration is in the model."""
    return {f"{'x-amazon-apigateway-any-method' if route.method == 'ANY' else route.method.lower()} {route.path}"
            for route in api.routes if isinstance(route.integration, Integrated | HttpProxy)}


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is not beside the repository")
def test_integrations_come_out_as_they_went_in() -> None:
    """Over every public definition: what the service exported, read and exported here, says the same."""
    compared = 0
    for path in definitions():
        api = load([str(path)], LoadOptions(PARAMS, allow_unenforced=ALL)).gateway.apis[0]
        served = replace(api, routes=tuple(
            route for route in api.routes if isinstance(route.integration, Integrated | HttpProxy)))
        filled = path.read_text().replace("${uri}", UPSTREAM)
        for name, value in PSEUDO.items():
            filled = filled.replace(f"${{{name}}}", value)
        before = integrations(json.loads(filled))
        after = integrations(export(served, Options("oas30")))
        for name in carried(api) & set(before):
            given = {key: value for key, value in before[name].items()
                     if value not in ({}, []) and SAYS_NOTHING.get(key) != plain(key, value) and not (
                         before[name].get("type") in PROXIES and key in OF_ANOTHER_TYPE)}
            for key, value in given.items():
                assert same(key, value, after[name].get(key)), f"{path.name}: {name}: {key}"
            compared += 1
    assert compared >= 20


def same(key: str, before: object, after: object) -> bool:
    if key == "responses":
        return {pattern: {name: value for name, value in response.items() if value not in ({}, None)}
                for pattern, response in before.items()} == after
    if key == "uri":
        return str(before).lower() == str(after).lower()
    return before == after
