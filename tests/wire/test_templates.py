"""Templates that fail while a request waits: the status, the log line, and that the worker serves on."""

from collections.abc import Iterator

import pytest

from tests.support.client import eventually, get
from tests.support.definition import INTEGRATION, openapi
from tests.support.process import Gateway


def mock(template: str, request: str = '{"statusCode": 200}') -> dict:
    response = {"statusCode": "200", "responseTemplates": {"application/json": template}}
    templates = {"application/json": request}
    integration = {"type": "mock", "requestTemplates": templates, "responses": {"default": response}}
    return {"responses": {"200": {"description": "ok"}}, INTEGRATION: integration}


RUNAWAY = {
    "/loops": "#foreach($a in [1..1000])#foreach($b in [1..1000])#foreach($c in [1..1000])$a#end#end#end",
    "/text": '#set($s = "0123456789")#foreach($i in [1..1000])#set($s = "$s$s")#end',
    "/output": '#foreach($i in [1..1000])$input.params("q")#foreach($j in [1..1000])0123456789#end#end',
    "/pattern": '$input.params("q").matches("(a|aa|aaa)+$")',
    "/macro": "#macro(again)#again()#end#again()",
    "/throws": "a\n$context.stage.substring(99)",
}
SAID = {
    "/loops": "CPU time", "/text": "more text", "/output": r"more text|CPU time", "/pattern": "too many steps",
    "/macro": "20 deep", "/throws": ":2: substring()",
}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    paths = {path: {"get": mock(template)} for path, template in RUNAWAY.items()}
    paths["/good"] = {"get": mock("$context.stage")}
    paths["/body"] = {"post": mock("ok", '#set($x = $input.json("$.a")){"statusCode": 200}')}
    with Gateway({"api.json": openapi(paths)}) as found:
        yield found


@pytest.mark.parametrize("path", RUNAWAY)
def test_a_runaway_template_is_a_500_and_a_line_in_the_log(gateway: Gateway, path: str) -> None:
    answer = gateway.fetch(get(f"{path}?q={'a' * 5000}b"))
    assert (answer.status, answer.body) == (500, b'{"message":"Internal server error"}')
    lines = eventually(
        lambda: [line for line in gateway.stderr().splitlines() if f"template of GET {path} " in line], "the line"
    )
    assert any(said in lines[0] for said in SAID[path].split("|")), lines
    assert "request " in lines[0]
    assert gateway.fetch(get("/good")).body == b"$default"


def test_one_line_a_second_for_one_template(gateway: Gateway) -> None:
    for _ in range(20):
        assert gateway.fetch(get("/macro")).status == 500
    assert gateway.stderr().count("template of GET /macro ") < 20


def test_a_client_s_body_that_is_not_json(gateway: Gateway) -> None:
    answer = gateway.fetch("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{]")
    assert (answer.status, answer.body) == (400, b'{"message":"Could not parse request body into json"}')
    answer = gateway.fetch("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
    assert (answer.status, answer.body) == (200, b"ok")
