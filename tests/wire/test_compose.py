"""A route answered from several backends: what the merged answer holds, and what each fault of a branch does."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import eventually, get
from tests.support.definition import openapi, several
from tests.support.process import Gateway
from tests.support.services import ENVIRONMENT
from tests.support.upstream import Exchange, Upstream, pause, scripted

EXTENSION = "x-fastgw-integration"


def composed(branches: dict, **fields: object) -> dict:
    return {"responses": {"200": {"description": "ok"}}, EXTENSION: {"type": "compose", "branches": branches, **fields}}


TEMPLATE = """#set($user = $branches.user)
{"id": "$input.params('id')", "user": $user.json('$.name'), "orders": $branches.orders.json('$'),
 "ok": $branches.orders.ok, "error": "$branches.orders.error", "status": $branches.orders.status,
 "header": "$branches.user.header.get('X-Who')$branches.user.params('x-who')",
 "partial": $context.compose.partial, "failed": "$context.compose.failed",
 "seen": "$context.compose.branches.user.status",
 "none": "$branches.none.body$branches.orders.path('$.none')"}"""


def routes(url: str) -> dict:
    user = {"uri": f"{url}/user/{{id}}", "httpMethod": "GET"}
    orders = {"uri": f"{url}/orders", "httpMethod": "GET", "required": False, "timeoutInMillis": 300,
              "requestParameters": {"integration.request.querystring.of": "method.request.path.id"}}
    bad = {name: {"uri": f"{url}/{name}", "httpMethod": "GET", "timeoutInMillis": 300}
           for name in ("slow", "cut", "closed", "malformed", "huge", "s503", "s404")}
    bad["refused"] = {"uri": "http://127.0.0.1:1/", "httpMethod": "GET", "timeoutInMillis": 300}
    found = {
        "/users/{id}": {"get": composed({"user": user, "orders": orders}, template=TEMPLATE)},
        "/plain": {"get": composed({"a": {"uri": f"{url}/json"}, "b": {"uri": f"{url}/text"},
                                    "c": {"uri": f"{url}/empty"}})},
        "/posted": {"post": composed({"a": {"uri": f"{url}/echo"}, "b": {
            "uri": f"{url}/echo", "requestTemplates": {"application/json": '{"made": $input.json("$.x")}'}}})},
        "/success": {"get": composed({"a": {"uri": f"{url}/s404", "success": "2..|404"},
                                      "b": {"uri": f"{url}/json", "success": "201", "required": False}})},
        "/overridden": {"get": composed({"a": {"uri": f"{url}/s503", "required": False}}, template="""
            #if($context.compose.partial)#set($context.responseOverride.status = 206)#end
            #set($context.responseOverride.header.X-Failed = $context.compose.failed.get(0))<x/>""",
            contentType="application/xml", status=203)},
        "/broken-template": {"get": composed({"a": {"uri": f"{url}/json"}}, template="$input.body.charAt(99)")},
        "/never": {"post": composed({"a": {"uri": f"{url}/json", "passthroughBehavior": "NEVER", "required": False},
                                     "b": {"uri": f"{url}/json", "httpMethod": "GET"}})},
        "/whole": {"get": composed({"a": {"uri": f"{url}/slow", "required": False}, "b": {"uri": f"{url}/json"}},
                                   timeoutInMillis=200)},
    }
    good = {"uri": f"{url}/json", "httpMethod": "GET"}
    for name, branch in bad.items():
        found[f"/optional/{name}"] = {"get": composed({"good": good, "bad": branch | {"required": False}})}
        found[f"/required/{name}"] = {"get": composed({"good": good, "bad": branch})}
    return found


async def user(exchange: Exchange) -> None:
    await exchange.reply(200, json.dumps({"name": "Ann"}).encode(), "X-Who: w")


async def orders(exchange: Exchange) -> None:
    await exchange.reply(200, json.dumps([exchange.request.query]).encode())


def says(status: int, body: bytes):
    async def behave(exchange: Exchange) -> None:
        await exchange.reply(status, body)

    return behave


async def echo(exchange: Exchange) -> None:
    await exchange.reply(200, await exchange.body())


BEHAVIOURS = {
    "/user/7": user,
    "/orders": orders,
    "/json": says(200, b' {"j": [1, 2.50]} '),
    "/text": says(200, b'plain "text"'),
    "/empty": says(200, b""),
    "/echo": echo,
    "/s503": says(503, b'{"no": 1}'),
    "/s404": says(404, b'{"no": 1}'),
    "/slow": pause(30),
    "/cut": scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", close=True),
    "/closed": scripted(b"", close=True),
    "/malformed": scripted(b"NONSENSE\r\n\r\n", close=True),
    "/huge": scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx"),
}
FAULTS = {
    "slow": (504, "INTEGRATION_TIMEOUT"),
    "cut": (502, "INTEGRATION_BAD_ANSWER"),
    "closed": (502, "INTEGRATION_BAD_ANSWER"),
    "malformed": (502, "INTEGRATION_BAD_ANSWER"),
    "huge": (502, "INTEGRATION_BAD_ANSWER"),
    "refused": (504, "INTEGRATION_FAILURE"),
    "s503": (502, "STATUS_503"),
    "s404": (502, "STATUS_404"),
}
"""The fault of a branch -> what the client gets when the branch is required, and the error that is told."""


@pytest.fixture(scope="module")
def shop() -> Iterator[Served]:
    with Upstream() as stub:
        for path, behaviour in BEHAVIOURS.items():
            stub.on(path, behaviour)
        files = {
            "fastgw.yaml": several({"shop": {
                "definition": "api.json", "id": "abc123",
                "compose": {"GET /native": {"branches": {
                    "a": {"uri": f"{stub.url}/json", "httpMethod": "GET"},
                    "b": {"uri": f"{stub.url}/s404", "httpMethod": "GET", "required": False}}}}}}),
            "api.json": openapi(routes(stub.url) | {"/native": {"get": {"responses": {"200": {"description": "ok"}}}}}),
        }
        with Gateway(files) as gateway:
            yield Served(gateway, stub)


def test_merged_by_a_template(shop: Served) -> None:
    answer = shop.fetch(get("/users/7"))
    assert (answer.status, answer.get("content-type")) == (200, "application/json")
    assert answer.get("x-amzn-trace-id").startswith("Root=1-")
    assert "x-fastgw-partial" not in answer.names()
    assert json.loads(answer.body) == {
        "id": "7", "user": "Ann", "orders": ["of=7"], "ok": True, "error": "", "status": 200, "header": "ww",
        "partial": False, "failed": "[]", "seen": "200", "none": "",
    }


def test_merged_without_a_template(shop: Served) -> None:
    answer = shop.fetch(get("/plain"))
    assert answer.body == b'{"a":{"j": [1, 2.50]},"b":"plain \\"text\\"","c":null}'


def test_each_branch_makes_its_own_request(shop: Served) -> None:
    lines = "POST /posted HTTP/1.1\r\nHost: abc123.execute-api.localhost\r\nContent-Length: 8\r\n\r\n"
    answer = shop.fetch(lines + '{"x": 5}')
    assert json.loads(answer.body) == {"a": {"x": 5}, "b": {"made": 5}}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_required_branch_that_fails(shop: Served, fault: str) -> None:
    answer = shop.fetch(get(f"/required/{fault}"))
    assert answer.status == FAULTS[fault][0]
    assert set(json.loads(answer.body)) == {"message"}
    assert "x-fastgw-partial" not in answer.names()


@pytest.mark.parametrize("fault", FAULTS)
def test_another_branch_that_fails(shop: Served, fault: str) -> None:
    answer = shop.fetch(get(f"/optional/{fault}"))
    assert answer.status == 200
    assert json.loads(answer.body) == {"good": {"j": [1, 2.5]}, "bad": None}
    assert answer.get("x-fastgw-partial") == f"bad;error={FAULTS[fault][1]}"


def test_what_counts_as_a_success_can_be_said(shop: Served) -> None:
    answer = shop.fetch(get("/success"))
    assert json.loads(answer.body) == {"a": {"no": 1}, "b": None}
    assert answer.get("x-fastgw-partial") == "b;error=STATUS_200"


def test_the_template_knows_and_decides(shop: Served) -> None:
    answer = shop.fetch(get("/overridden"))
    assert (answer.status, answer.get("x-failed"), answer.get("content-type")) == (206, "a", "application/xml")
    assert answer.body.strip() == b"<x/>"


def test_a_template_that_fails(shop: Served) -> None:
    answer = shop.fetch(get("/broken-template"))
    assert (answer.status, answer.body) == (500, b'{"message":"Internal server error"}')


def test_a_branch_whose_request_cannot_be_made(shop: Served) -> None:
    lines = "POST /never HTTP/1.1\r\nHost: abc123.execute-api.localhost\r\nContent-Length: 2\r\n\r\n{}"
    answer = shop.fetch(lines)
    assert (answer.status, answer.get("x-fastgw-partial")) == (200, "a;error=UNSUPPORTED_MEDIA_TYPE")


def test_the_time_of_the_whole_bounds_each_branch(shop: Served) -> None:
    answer = shop.fetch(get("/whole"))
    assert (answer.status, answer.get("x-fastgw-partial")) == (200, "a;error=INTEGRATION_TIMEOUT")


def test_composed_by_the_gateway_s_own_file(shop: Served) -> None:
    answer = shop.fetch(get("/native"))
    assert json.loads(answer.body) == {"a": {"j": [1, 2.5]}, "b": None}
    assert answer.get("x-fastgw-partial") == "b;error=STATUS_404"


def test_branches_are_called_side_by_side() -> None:
    """Each of three waits until all have come: one after the other, none would be answered."""
    with Upstream() as stub:
        came: list[Exchange] = []

        async def together(exchange: Exchange) -> None:
            came.append(exchange)
            while len(came) < 3:
                await asyncio.sleep(0.01)
            await exchange.reply(200, b"1")

        stub.default = together
        branches = {name: {"uri": f"{stub.url}/{name}", "httpMethod": "GET"} for name in "abc"}
        with Gateway({"api.json": openapi({"/all": {"get": composed(branches)}})}) as gateway:
            assert Served(gateway, stub).fetch(get("/all")).body == b'{"a":1,"b":1,"c":1}'


def test_calls_are_given_up_when_the_client_leaves_or_a_required_branch_has_failed() -> None:
    with Upstream() as stub:
        stub.on("/slow", pause(60))
        stub.on("/s503", says(503, b"{}"))
        slow = {"uri": f"{stub.url}/slow", "httpMethod": "GET"}
        found = {
            "/slow": {"get": composed({"a": slow, "b": slow})},
            "/fails": {"get": composed({"a": slow, "b": {"uri": f"{stub.url}/s503", "httpMethod": "GET"}})},
        }
        with Gateway({"api.json": openapi(found)}) as gateway:
            served = Served(gateway, stub)
            assert served.fetch(get("/fails")).status == 502
            with gateway.wire() as client:
                client.send(get("/slow"))
                eventually(lambda: len(stub.to("/slow")) >= 3, "the calls come")
                client.reset()
            gateway.wait_idle()
            eventually(lambda: gateway.live().get("calls", 0) == 0, "the calls are given up")


HANDLER = """\
def handler(event, context):
    if event.get("fail"):
        raise ValueError("no such pet")
    return {"got": event["id"]}
"""


def test_branches_of_a_service_and_of_functions() -> None:
    """A table read and a function beside each other; a function that fails is a failed branch."""
    function = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:" \
               "function:pets/invocations"
    json_type = "application/json"
    branches = {
        "item": {"type": "AWS", "uri": "arn:aws:apigateway:us-east-1:dynamodb:action/GetItem", "httpMethod": "POST",
                 "requestTemplates": {json_type: '{"Key": {"id": {"S": "$input.params(\'id\')"}}}'}},
        "pet": {"type": "AWS", "uri": function, "httpMethod": "POST",
                "requestTemplates": {json_type: '{"id": "$input.params(\'id\')"}'}},
        "lost": {"type": "AWS", "uri": function, "httpMethod": "POST", "required": False,
                 "requestTemplates": {json_type: '{"fail": true}'}},
    }

    async def table(exchange: Exchange) -> None:
        body = await exchange.body()
        await exchange.reply(200, b'{"target": "%b", "asked": %b}' % (
            exchange.request.get("x-amz-target").encode(), body))

    with Upstream(table) as stub:
        files = {
            "fastgw.yaml": several(
                {"shop": {"definition": "api.json"}}, services={"dynamodb": {"endpoint": stub.url}},
                functions={"pets": {"code": ".", "handler": "app.handler", "runtime": "python3", "timeout": 30,
                                    "memory": 256}}),
            "api.json": openapi({"/pets/{id}": {"get": composed(branches)}}),
            "app.py": HANDLER,
        }
        with Gateway(files, env=ENVIRONMENT) as gateway:
            answer = gateway.fetch(get("/pets/7"))
    assert answer.status == 200, answer.raw
    assert json.loads(answer.body) == {
        "item": {"target": "DynamoDB_20120810.GetItem", "asked": {"Key": {"id": {"S": "7"}}}},
        "pet": {"got": "7"}, "lost": None,
    }
    assert answer.get("x-fastgw-partial") == "lost;error=FUNCTION_ERROR"
