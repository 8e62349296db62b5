"""What an API does over HTTP/2 is what it does over HTTP/1.1: the same requests, asked both ways, compared."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from fastgw._core.nghttp2 import nghttp2_missing
from tests.conftest import Served
from tests.support.definition import INTEGRATION, mock, proxy, several
from tests.support.http2 import Http2
from tests.support.keys import ACME, ZOO, api, key, keyed, plan
from tests.support.process import Gateway
from tests.support.upstream import Exchange, Upstream

if nghttp2_missing():
    pytest.skip(f"HTTP/2 is off: {nghttp2_missing()}", allow_module_level=True)

HANDLER = """\
import json

def handler(event, context):
    told = {name: event[name] for name in ("httpMethod", "path", "queryStringParameters", "body", "isBase64Encoded")}
    told["headers"] = {name: event["headers"].get(name) for name in ("x-a", "X-A", "cookie", "host", "Host", "te")}
    return {"statusCode": 201, "headers": {"X-B": "1"}, "body": json.dumps(told)}
"""
FUNCTION = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/echo/invocations"
PET = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
OWN_OF_A_REQUEST = {"date", "x-amzn-requestid", "x-amz-apigw-id", "x-amzn-trace-id", "x-stub", "age"}
OF_THE_CONNECTION = {"connection", "keep-alive", "transfer-encoding"}
LARGE = bytes(range(256)) * 2000


@dataclass(frozen=True)
class Ask:
    method: str
    path: str
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    sized: bool = True
    """With Content-Length; else in chunks, or frames."""


def document(url: str) -> dict:
    checked = {"x-amazon-apigateway-request-validator": "all"}
    model = {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}}}
    required = {"parameters": [{"name": "q", "in": "query", "required": True, "schema": {"type": "string"}}]}
    mapped = {"type": "http", "httpMethod": "POST", "uri": f"{url}/backend/{{id}}", "passthroughBehavior": "never",
              "requestParameters": {"integration.request.path.id": "method.request.path.id",
                                    "integration.request.header.X-From": "method.request.header.X-A"},
              "requestTemplates": {"application/json":
                                   '{"wrapped": $input.json("$.name"), "q": "$input.params(\'q\')"}'},
              "responses": {"default": {"statusCode": "202", "responseTemplates": {
                  "application/json": '{"got": $input.json("$"), "id": "$input.params(\'id\')"}'}}}}
    paths = {
        "/{p+}": {"any": proxy(f"{url}/{{p}}")},
        "/mock": {"any": mock(200, '{"fixed": true}', {"X-Fixed": "'yes'"})},
        "/teapot": {"get": mock(418, "short and stout")},
        "/pets": {"post": {**proxy(f"{url}/pets"), **checked, **model}},
        "/search": {"get": {**proxy(f"{url}/search"), **checked, **required}},
        "/keyed": {"get": keyed(mock(200, '{"let": "in"}'))},
        "/mapped/{id}": {"post": {"responses": {"202": {"description": "ok"}}, INTEGRATION: mapped}},
        "/function/{p+}": {"any": {"responses": {}, INTEGRATION: {"type": "aws_proxy", "httpMethod": "POST",
                                                                  "uri": FUNCTION}}},
        "/cached": {"get": proxy(f"{url}/cached")},
    }
    found = api(paths, request_validators={"all": {"validateRequestBody": True, "validateRequestParameters": True}})
    found["components"]["schemas"] = {"Pet": PET}
    return {**found, "x-amazon-apigateway-minimum-compression-size": 1000}


def files(url: str) -> dict[str, object]:
    stage = {"cache": {"enabled": False, "x_cache": True}, "methods": {"GET /cached": {"cache": {"enabled": True}}}}
    sections = {
        "functions": {"echo": {"code": ".", "handler": "app.handler", "runtime": "python3"}},
        "plans": {"gold": plan(throttle={"rate": 1000, "burst": 1000})},
        "keys": {"acme": key(ACME, "gold"), "zoo": key(ZOO)},
        "domains": {"*": [{"api": "pets", "stage": "prod"}]},
    }
    apis = {"pets": {"definition": "api.json", "stages": {"prod": stage}}}
    return {"fastgw.yaml": several(apis, **sections), "api.json": document(url), "app.py": HANDLER}


async def answer(exchange: Exchange) -> None:
    """What came, and answers of several kinds by path."""
    body = await exchange.body()
    request = exchange.request
    if request.path == "/large":
        await exchange.reply(200, LARGE, "Content-Type: application/octet-stream")
    elif request.path == "/chunks":
        await exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n")
        await exchange.write("".join(f"{n:x}\r\n{'x' * n}\r\n" for n in range(1, 50)) + "0\r\n\r\n")
    elif request.path == "/text":
        await exchange.reply(200, b"text " * 1000, "Content-Type: text/plain", 'ETag: "e"')
    elif request.path == "/many":
        await exchange.reply(404, b"no", "Set-Cookie: a=1", "Set-Cookie: b=2", "Server: stub", "X-Empty: ", reason="No")
    elif request.path == "/none":
        await exchange.reply(204, b"", reason="No Content")
    elif request.path == "/fails":
        exchange.reset()
    elif request.path.startswith("/backend"):
        await exchange.reply(200, body, "Content-Type: application/json")
    else:
        seen = {name: [v.decode("latin-1") for v in request.values(name)] for name in ("x-a", "cookie", "x-empty")}
        told = {"method": request.method, "target": request.target, "seen": seen, "bytes": len(body)}
        await exchange.reply(200, json.dumps(told).encode(), "Content-Type: application/json")


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Upstream(answer) as stub, Gateway(files(stub.url), listen="http2") as gateway:
        yield Served(gateway, stub)
        assert stub.unclean == []


JSON = ("content-type", "application/json")
TABLE = {
    "proxied": Ask("GET", "/a/b?c=d&e=%20f", (("x-a", "1"), ("x-a", "2"), ("x-empty", ""))),
    "dot segments": Ask("GET", "/a/../b//c"),
    "encoded": Ask("GET", "/a%20b/%e2%82%ac?x=%26"),
    "every method": Ask("PATCH", "/a", (), b"{}"),
    "delete": Ask("DELETE", "/a"),
    "options": Ask("OPTIONS", "/a"),
    "options of all": Ask("OPTIONS", "*"),
    "head": Ask("HEAD", "/large"),
    "head of text": Ask("HEAD", "/text", (("accept-encoding", "gzip"),)),
    "large answer": Ask("GET", "/large"),
    "chunked answer": Ask("GET", "/chunks"),
    "compressed answer": Ask("GET", "/text", (("accept-encoding", "gzip"),)),
    "many fields": Ask("GET", "/many"),
    "no content": Ask("GET", "/none"),
    "upstream that fails": Ask("POST", "/fails", (), b"x"),
    "large body": Ask("POST", "/up", (), LARGE),
    "large body of unknown length": Ask("POST", "/up", (), LARGE, sized=False),
    "empty body of unknown length": Ask("POST", "/up", (), b"", sized=False),
    "mock": Ask("GET", "/mock"),
    "mock with a body": Ask("POST", "/mock", (JSON,), b'{"a": 1}'),
    "head of a mock": Ask("HEAD", "/mock"),
    "mock of another status": Ask("GET", "/teapot"),
    "no such method": Ask("POST", "/teapot", (), b"x"),
    "unknown method": Ask("BREW", "/teapot"),
    "bad path": Ask("GET", "/a%2fb"),
    "bad query": Ask("GET", "/a?%zz"),
    "valid body": Ask("POST", "/pets", (JSON,), b'{"name": "Rex"}'),
    "valid body of unknown length": Ask("POST", "/pets", (JSON,), b'{"name": "Rex"}', sized=False),
    "invalid body": Ask("POST", "/pets", (JSON,), b'{"name": 7}'),
    "body that is no JSON": Ask("POST", "/pets", (JSON,), b"{"),
    "compressed body": Ask("POST", "/pets", (JSON, ("content-encoding", "gzip")), gzip.compress(b'{"name": "Rex"}')),
    "parameter there": Ask("GET", "/search?q=1"),
    "parameter missing": Ask("GET", "/search"),
    "key": Ask("GET", "/keyed", (("x-api-key", ACME),)),
    "key of no plan": Ask("GET", "/keyed", (("x-api-key", ZOO),)),
    "no key": Ask("GET", "/keyed"),
    "mapped": Ask("POST", "/mapped/7?q=%22", (JSON, ("x-a", "from")), b'{"name": "Rex"}'),
    "mapped of another type": Ask("POST", "/mapped/7", (("content-type", "text/plain"),), b"x"),
    "function": Ask("GET", "/function/a%20b?x=1&y=2", (("x-a", "1"), ("cookie", "a=1; b=2"))),
    "function with a body": Ask("POST", "/function/c", (JSON,), b'{"a": "\xc3\xa9"}', sized=False),
    "cached": Ask("GET", "/cached"),
    "cached again": Ask("GET", "/cached"),
    "expectation": Ask("POST", "/up", (("expect", "100-continue"),), b"yes"),
    "other expectation": Ask("POST", "/up", (("expect", "tea"),), b"yes"),
}


def over_1(served: Served, ask: Ask) -> tuple[int, list[tuple[str, str]], bytes]:
    lines = [f"{ask.method} {ask.path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in ask.fields]
    body = ask.body or b""
    if ask.body is not None and ask.sized:
        lines.append(f"Content-Length: {len(body)}")
    elif ask.body is not None:
        lines.append("Transfer-Encoding: chunked")
        body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    answer = served.fetch("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    return answer.status, [(name.decode(), value.decode()) for name, value in answer.headers], answer.body


def over_2(served: Served, ask: Ask) -> tuple[int, list[tuple[str, str]], bytes]:
    more = [*ask.fields, *([("content-length", str(len(ask.body)))] if ask.body is not None and ask.sized else [])]
    with Http2(served.gateway.port) as client:
        answer = client.request(ask.path, ask.method, ask.body, more)
        assert answer.headers and answer.reset in (None, 0), answer
    return answer.status, answer.headers[1:], bytes(answer.body)


def alike(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without what is a request's own, or its connection's."""
    kept = [(name.lower(), value) for name, value in fields]
    return sorted(pair for pair in kept if pair[0] not in OWN_OF_A_REQUEST | OF_THE_CONNECTION)


@pytest.mark.parametrize("name", TABLE)
def test_both_ways(name: str, served: Served) -> None:
    status, fields, body = over_1(served, TABLE[name])
    status2, fields2, body2 = over_2(served, TABLE[name])
    if name == "cached":        # the first one filled it
        fields = [(name, "HIT" if name.lower() == "x-cache" else value) for name, value in fields]
    assert (status2, alike(fields2), body2) == (status, alike(fields), body)
