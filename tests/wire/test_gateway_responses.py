"""Gateway responses: exact defaults, customised ones, the fallback chain; and MOCK answers."""

import json
from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import get
from tests.support.definition import mock, openapi, proxy, several
from tests.support.process import Gateway
from tests.support.upstream import Upstream, pause, scripted

CUSTOM = {
    "MISSING_AUTHENTICATION_TOKEN": {
        "statusCode": 404,
        "responseParameters": {
            "gatewayresponse.header.X-Static": "'fixed'",
            "gatewayresponse.header.X-Request": "context.requestId",
            "gatewayresponse.header.X-Echo": "method.request.header.X-Ask",
            "gatewayresponse.header.X-Query": "method.request.querystring.q",
            "gatewayresponse.header.X-Colour": "stageVariables.colour",
            "gatewayresponse.header.Access-Control-Allow-Origin": "'*'",
        },
        "responseTemplates": {
            "application/json": '{"why":$context.error.messageString,"plain":"$context.error.message",'
            '"type":"$context.error.responseType","stage":"$context.stage",'
            '"path":"$context.path","method":"$context.httpMethod",'
            '"colour":"${stageVariables.colour}","id":"$context.requestId"}'
        },
    },
    "DEFAULT_5XX": {
        "responseParameters": {"gatewayresponse.header.X-Default": "'5xx'"},
        "responseTemplates": {"application/json": '{"oops":$context.error.messageString}'},
    },
    "INTEGRATION_TIMEOUT": {
        "statusCode": 599,
        "responseParameters": {"gatewayresponse.header.X-Own": "'late'"},
    },
}


@pytest.fixture(scope="module")
def custom() -> Iterator[Served]:
    with Upstream() as stub:
        stub.on("/late", pause(20))
        stub.on("/garbage", scripted(b"nonsense\r\n\r\n", close=True))
        document = openapi(
            {
                "/known": {"get": mock(200, "{}")},
                "/late": {"get": proxy(f"{stub.url}/late", timeout_ms=200)},
                "/garbage": {"get": proxy(f"{stub.url}/garbage")},
                "/refused": {"get": proxy("http://127.0.0.1:1/x")},
            },
            gateway_responses=CUSTOM,
        )
        files = {
            "fastgw.yaml": several(
                {"shop": {"definition": "api.json", "stages": {"$default": {"variables": {"colour": "red"}}}}}
            ),
            "api.json": document,
        }
        with Gateway(files, env={"FASTGW_BODY_BYTES": "100"}) as gateway:
            yield Served(gateway, stub)


def test_customised_response(custom: Served) -> None:
    answer = custom.fetch(get("/nowhere?q=one", "X-Ask: hello"))
    assert answer.status == 404
    assert [answer.get(name) for name in ("X-Static", "X-Echo", "X-Query", "X-Colour")] == [
        "fixed",
        "hello",
        "one",
        "red",
    ]
    assert answer.get("Access-Control-Allow-Origin") == "*"
    body = json.loads(answer.body)
    assert body.pop("id") == answer.get("X-Request") == answer.get("x-amzn-RequestId")
    assert body == {
        "why": "Missing Authentication Token",
        "plain": "Missing Authentication Token",
        "type": "MISSING_AUTHENTICATION_TOKEN",
        "stage": "$default",
        "path": "/nowhere",
        "method": "GET",
        "colour": "red",
    }
    assert answer.get("x-amzn-ErrorType") == "MissingAuthenticationTokenException"


def test_a_header_without_a_value_is_left_out(custom: Served) -> None:
    assert custom.fetch(get("/nowhere")).get("X-Echo") in (None, "")


def test_a_mapped_value_cannot_add_a_header(custom: Served) -> None:
    answer = custom.fetch(get("/nowhere?q=a%0d%0aX-Injected:%20y"))
    assert "x-injected" not in answer.names()


@pytest.mark.parametrize(
    ("path", "status", "message"),
    (
        ("/garbage", 502, "Internal server error"),
        ("/refused", 504, "Network error communicating with endpoint"),
    ),
)
def test_fallback_to_default_5xx(custom: Served, path: str, status: int, message: str) -> None:
    answer = custom.fetch(get(path))
    assert (answer.status, answer.get("X-Default")) == (status, "5xx")
    assert json.loads(answer.body) == {"oops": message}
    assert answer.get("x-amzn-ErrorType") == "InternalServerErrorException"


def test_own_type_goes_before_the_default(custom: Served) -> None:
    answer = custom.fetch(get("/late"))
    assert (answer.status, answer.get("X-Own"), answer.get("X-Default")) == (599, "late", None)
    assert answer.body == b'{"message":"Endpoint request timed out"}'


def test_413_cannot_be_customised(custom: Served) -> None:
    answer = custom.fetch(get("/known", "Content-Length: 101", method="GET"))
    assert (answer.status, answer.get("X-Default")) == (413, None)
    assert set(json.loads(answer.body)) == {"message"}


def test_default_4xx_fallback() -> None:
    document = openapi(
        {"/known": {"get": mock(200, "{}")}},
        gateway_responses={
            "DEFAULT_4XX": {"statusCode": "418", "responseTemplates": {"application/json": "{}"}}
        },
    )
    with Gateway({"api.json": document}) as gateway:
        answer = gateway.fetch(get("/nowhere"))
        assert (answer.status, answer.body) == (418, b"{}")


@pytest.mark.parametrize(
    ("request_", "status", "kind"),
    (
        (b"GET /x HTTP/1.1\r\n\r\n", 400, "BadRequestException"),
        (get("/x", "Expect: 5"), 417, "BadRequestException"),
        (get("/x", method="TRACE"), 405, "BadRequestException"),
    ),
)
def test_http_layer_refusals(served: Served, request_: bytes, status: int, kind: str) -> None:
    answer = served.fetch(request_)
    assert (answer.status, answer.get("x-amzn-ErrorType")) == (status, kind)
    assert answer.get("Content-Type") == "application/json"
    assert set(json.loads(answer.body)) == {"message"}


@pytest.fixture(scope="module")
def mocks() -> Iterator[Gateway]:
    document = openapi(
        {
            "/plain": {"get": mock(200, '{"a": 1}')},
            "/created": {
                "post": mock(
                    201,
                    '{"made": true}',
                    {"X-Static": "'s'", "X-Stage": "context.stage", "Cache-Control": "'max-age=5'"},
                )
            },
            "/nothing": {"get": mock(204)},
            "/empty": {"get": mock(200), "head": mock(200)},
            "/moved": {"any": mock(302, None, {"Location": "'https://elsewhere.test/'"})},
            "/teapot": {"get": mock(418, "short and stout")},
        }
    )
    with Gateway({"api.json": document}) as gateway:
        yield gateway


def test_mock_bodies_and_headers(mocks: Gateway) -> None:
    plain = mocks.fetch(get("/plain"))
    assert (plain.status, plain.body, plain.get("Content-Type")) == (200, b'{"a": 1}', "application/json")
    assert plain.get("x-amzn-RequestId") and plain.get("x-amz-apigw-id")
    created = mocks.fetch(get("/created", method="POST", body=b"{}"))
    assert (created.status, created.body) == (201, b'{"made": true}')
    assert [created.get(name) for name in ("X-Static", "X-Stage", "Cache-Control")] == [
        "s",
        "$default",
        "max-age=5",
    ]
    moved = mocks.fetch(get("/moved"))
    assert (moved.status, moved.get("Location")) == (302, "https://elsewhere.test/")
    teapot = mocks.fetch(get("/teapot"))
    assert (teapot.status, teapot.body) == (418, b"short and stout")


def test_mock_without_a_body(mocks: Gateway) -> None:
    with mocks.wire() as wire:
        assert (wire.request(get("/nothing")).status, wire.request(get("/empty")).body) == (204, b"")
        assert wire.request(get("/empty", method="HEAD")).body == b""
        assert wire.request(get("/moved", method="HEAD")).status == 302
        assert wire.request(get("/plain")).body == b'{"a": 1}'


def test_mock_answers_are_told_apart_by_their_ids(mocks: Gateway) -> None:
    ids = {mocks.fetch(get("/plain")).get("x-amzn-RequestId") for _ in range(20)}
    assert len(ids) == 20
