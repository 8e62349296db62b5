"""fastgw test-invoke, and the same at the ops listener: the story of one request."""

import asyncio
import json
import re
from pathlib import Path

import msgspec
import pytest
from msgspec import MsgspecError

from fastgw.control.testing import InvokeRequest
from fastgw.control.testing import test_invoke as invoked
from fastgw.load import LoadOptions, load
from fastgw.settings import Settings
from tests.support.definition import INTEGRATION, mock, openapi, proxy
from tests.support.process import Gateway, command
from tests.support.upstream import Upstream, pause


def document(url: str) -> dict:
    return openapi({
        "/pets/{petId}": {"post": {"responses": {}, INTEGRATION: {
            "type": "http", "httpMethod": "POST", "uri": f"{url}/up",
            "requestTemplates": {"application/json": "{\"id\": \"$input.params('petId')\"}"},
            "responses": {"default": {"statusCode": "201", "responseTemplates": {"application/json": "done"}}},
        }}},
        "/proxied": {"get": proxy(f"{url}/up")},
        "/fixed": {"get": {**mock(200, "fixed"), "security": [{"key": []}]}},
        "/broken": {"get": {"responses": {}, INTEGRATION: {"type": "mock", "responses": {}}}},
    }) | {"components": {"securitySchemes": {"key": {"type": "apiKey", "name": "x-api-key", "in": "header"}}}}


def told(text: str) -> list[str]:
    return [re.sub(r"^ *[\d,]+ us  ", "", line) for line in text.splitlines()]


def test_the_story_of_a_request(tmp_path) -> None:
    with Upstream() as stub:
        path = tmp_path / "api.json"
        path.write_text(json.dumps(document(stub.url)))

        def run(*words: str) -> tuple[int, list[str]]:
            done = command("test-invoke", str(path), *words, FASTGW_UPSTREAM_ALLOW_PRIVATE="true")
            return done.returncode, told(done.stdout)

        status, lines = run("POST", "/pets/123?a=b", "-H", "X-A: 1", "-d", "{}")
        assert status == 0
        assert lines[:9] == [
            "Starting execution for request",
            "HTTP Method: POST, Resource Path: /pets/{petId}",
            "Method request path: {petId=123}",
            "Method request query string: {a=b}",
            "Method request headers: {X-A=1}",
            "Method request body before transformations: {}",
            f"Endpoint request URI: {stub.url}/up",
            lines[7],
            'Endpoint request body after transformations: {"id": "123"}',
        ]
        assert "User-Agent=AmazonAPIGateway_" in lines[7]
        assert "Method response body after transformations: done" in lines
        assert lines[-3:-1] == ["Successfully completed execution", "Method completed with status: 201"]
        phases = "Phases: " + ", ".join(rf"{name} \S+ us" for name in ("read", "decide", "integration", "write", "all"))
        assert re.fullmatch(phases, lines[-1])
        status, lines = run("GET", "/proxied")
        assert (status, lines[-2]) == (0, "Method completed with status: 200")
        assert f"Sending request to {stub.url}/up" in lines
        status, lines = run("GET", "/broken")
        assert status == 1
        assert "Gateway response type: API_CONFIGURATION_ERROR with status code: 500" in lines
        assert any(line.startswith("Execution failed due to configuration error: Unable to parse") for line in lines)


def test_no_story_tells_a_secret(tmp_path) -> None:
    route = {"responses": {}, INTEGRATION: {
        "type": "aws", "httpMethod": "POST", "uri": "arn:aws:apigateway:eu-west-1:dynamodb:action/Scan",
        "requestTemplates": {"application/json": "{}"}, "responses": {"default": {"statusCode": "200"}}}}
    account = {"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "a-secret", "AWS_SESSION_TOKEN": "a-token"}
    with Upstream() as stub:
        (tmp_path / "api.json").write_text(json.dumps(openapi({"/scan": {"get": route}})))
        path = tmp_path / "fastgw.yaml"
        path.write_text(json.dumps({"fastgw": 1, "apis": {"api": {"definition": "api.json"}},
                                    "services": {"dynamodb": {"endpoint": stub.url}}}))
        done = command("test-invoke", str(path), "GET", "/scan", **account)
        request = stub.only("/")
    assert done.returncode == 0, done.stderr
    signature = request.get("Authorization")
    assert f"Authorization=*****{signature[-6:]}}}" in done.stdout
    for secret in (signature, signature[-20:], "a-secret", "a-token"):
        assert secret not in done.stdout + done.stderr


def test_the_ops_listener_tells_it_too() -> None:
    with Upstream() as stub, Gateway({"api.json": document(stub.url)}) as gateway:
        status, text = gateway.ops("/test-invoke", "POST", {"method": "GET", "url": "/fixed"})
        story = json.loads(text)
        assert (status, story["status"], story["body"]) == (200, 200, "fixed"), "no key is asked for"
        assert story["log"][-1]["line"] == "Method completed with status: 200"
        assert story["phases"]["all"] > 0


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"method": "GET"},
        {"method": "G T", "url": "/"},
        {"method": "GET", "url": "a b"},
        {"method": "GET", "url": "/\n"},
        {"method": "GET", "url": "/", "headers": {"a": "b\r\nc"}},
    ],
)
def test_a_test_request_must_be_one(asked: dict) -> None:
    with pytest.raises(MsgspecError):
        msgspec.json.decode(json.dumps(asked), type=InvokeRequest)


def children() -> set[str]:
    return set(Path("/proc/thread-self/children").read_text().split())


def test_one_that_is_given_up_leaves_nobody(tmp_path) -> None:
    async def give_up(upstream: Upstream) -> None:
        asking = asyncio.create_task(invoked(gateway, Settings(), InvokeRequest("GET", "/slow")))
        while not upstream.requests:
            await asyncio.sleep(0.02)
        assert children() - before
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert children() == before

    with Upstream(pause(60)) as upstream:
        file = tmp_path / "api.json"
        file.write_text(json.dumps(openapi({"/slow": {"get": proxy(f"{upstream.url}/slow")}})))
        gateway, before = load([str(file)], LoadOptions()).gateway, children()
        asyncio.run(asyncio.wait_for(give_up(upstream), 30))
