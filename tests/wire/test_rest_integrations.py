"""HTTP and MOCK integrations of a REST API: what reaches the backend, what comes back, and every way it fails."""

import base64
import json
from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import get
from tests.support.definition import INTEGRATION, openapi, several
from tests.support.message import Request
from tests.support.process import Gateway
from tests.support.upstream import Exchange, Upstream, scripted

JSON = "application/json"


def http(
    uri: str, *, responses: dict | None = None, method: str = "POST", kind: str = "http", **fields: object
) -> dict:
    """An HTTP integration; its default response passes the body on with status 200."""
    integration = {"type": kind, "httpMethod": method, "uri": uri, **fields}
    integration["responses"] = responses if responses is not None else {"default": {"statusCode": "200"}}
    return {"responses": {"200": {"description": "ok"}}, INTEGRATION: integration}


def mock(request: str | dict, responses: dict, **fields: object) -> dict:
    templates = {JSON: request} if isinstance(request, str) else request
    integration = {"type": "mock", "requestTemplates": templates, "responses": responses, **fields}
    return {"responses": {"200": {"description": "ok"}}, INTEGRATION: integration}


def template(text: str, status: int = 200, **fields: object) -> dict:
    return {"statusCode": str(status), "responseTemplates": {JSON: text}, **fields}


SELECTED = {
    "4\\d{2}": {"statusCode": "400"},
    "5..|6..": template('{"upstream": "failed"}', 502),
    "20": {"statusCode": "418"},
    "default": {"statusCode": "201"},
}
REQUEST = "integration.request."
RESPONSE = "method.response.header."


def routes(url: str) -> dict:
    mapped = {
        f"{REQUEST}header.X-Deep": "method.request.body.a.b",
        f"{REQUEST}header.X-Whole": "method.request.body",
        f"{REQUEST}header.X-Object": "method.request.body.a",
        f"{REQUEST}header.X-None": "method.request.body.nothing",
        f"{REQUEST}header.X-Stage": "stageVariables.colour",
        f"{REQUEST}header.X-Id": "context.requestId",
        f"{REQUEST}header.Via": "'left out'",
        f"{REQUEST}querystring.q": "method.request.querystring.q",
        f"{REQUEST}querystring.all": "method.request.multivaluequerystring.q",
        f"{REQUEST}path.where": "method.request.header.X-Where",
    }
    answered = {
        f"{RESPONSE}X-From-Header": "integration.response.header.X-Upstream",
        f"{RESPONSE}X-From-Body": "integration.response.body.deep.value",
        f"{RESPONSE}X-Static": "'fixed'",
        f"{RESPONSE}Server": "'renamed'",
        f"{RESPONSE}Date": "integration.response.header.Date",
        f"{RESPONSE}X-Absent": "integration.response.header.X-No",
    }
    override = "#set($context.requestOverride.{0} = \"{1}\")"
    return {
        "/plain": {"post": http(f"{url}/plain"), "get": http(f"{url}/plain", method="GET")},
        "/any": {"any": http(f"{url}/any", method="ANY")},
        "/mapped/{id}": {"post": http(f"{url}/base/{{id}}/{{where}}?own=1", requestParameters=mapped)},
        "/answered": {"post": http(f"{url}/answered", responses={"default": {
            "statusCode": "200", "responseParameters": answered}})},
        "/selected": {"get": http(f"{url}/selected", responses=SELECTED)},
        "/nothing-fits": {"get": http(f"{url}/selected", responses={"200": {"statusCode": "200"}})},
        "/template": {"post": http(f"{url}/t", requestTemplates={
            JSON: "{\"id\": \"$input.params('id')\"}", "application/xml": "<a/>"})},
        "/no-match": {"post": http(f"{url}/t", requestTemplates={JSON: "{}"}, passthroughBehavior="WHEN_NO_TEMPLATES")},
        "/no-templates": {"post": http(f"{url}/t", passthroughBehavior="WHEN_NO_TEMPLATES")},
        "/never": {"post": http(f"{url}/t", passthroughBehavior="NEVER")},
        "/overridden/{id}": {"post": http(f"{url}/o/{{id}}", requestTemplates={JSON: "".join((
            override.format("header.X-Over", "header"), override.format("querystring.q", "query"),
            override.format("path.id", "path"), "{}"))}, requestParameters={
                f"{REQUEST}header.X-Over": "'mapped'", f"{REQUEST}querystring.q": "'mapped'"})},
        "/twice": {"post": http(f"{url}/t", requestTemplates={
            JSON: 2 * override.format("header.X-Over", "header")})},
        "/reserved": {"post": http(f"{url}/t", requestTemplates={
            JSON: override.format("header.Content-Length", "5")})},
        "/status": {"post": http(f"{url}/t", responses={"default": template(
            '#set($context.responseOverride.status = 203)#set($context.responseOverride.header.X-Over = "o")ok',
            responseParameters={f"{RESPONSE}X-Over": "'mapped'"})})},
        "/silly-status": {"post": http(f"{url}/t", responses={"default": template(
            "#set($context.responseOverride.status = 42)ok")})},
        "/accept": {"get": http(f"{url}/t", responses={"default": {"statusCode": "200", "responseTemplates": {
            "text/plain": "plain", "application/xml": "<x/>"}}})},
        "/slow": {"post": http(f"{url}/slow", timeoutInMillis=100)},
        "/refused": {"post": http("http://127.0.0.1:1/none")},
        "/faulty": {"post": http(f"{url}/faulty")},
        "/proxy-body": {"post": http(f"{url}/proxied?own=1", kind="http_proxy", requestParameters={
            f"{REQUEST}header.X-Deep": "method.request.body.a", f"{REQUEST}querystring.q": "'set'"})},
        "/mock": {"get": mock('{"statusCode": $input.params(\'code\')}', {
            "2\\d\\d": template("{\"code\": \"$input.params('code')\"}"), "404": template("{}", 404)})},
        "/mock-never": {"post": mock('{"statusCode": 200}', {"default": template("ok")},
                                     passthroughBehavior="NEVER")},
        "/mock-accept": {"get": mock('{"statusCode": 200}', {"default": {"statusCode": "200", "responseTemplates": {
            JSON: "{}", "text/plain": "plain"}}})},
        "/mock-fixed": {"get": mock('{"statusCode": 200}', {"default": template("{}", responseParameters={
            f"{RESPONSE}Server": "'renamed'"})})},
    }


@pytest.fixture(scope="module")
def rest() -> Iterator[Served]:
    with Upstream() as stub:
        files = {
            "fastgw.yaml": several({"shop": {
                "definition": "api.json", "id": "abc123", "stages": {"$default": {"variables": {"colour": "red"}}}}}),
            "api.json": openapi(routes(stub.url)),
        }
        with Gateway(files) as gateway:
            yield Served(gateway, stub)


def post(path: str, body: str = "", *fields: str, method: str = "POST") -> str:
    lines = [f"{method} {path} HTTP/1.1", "Host: abc123.execute-api.localhost", *fields]
    return "\r\n".join([*lines, f"Content-Length: {len(body.encode())}"]) + "\r\n\r\n" + body


def reached(rest: Served, path: str) -> Request:
    (request,) = rest.upstream.to(path)
    rest.upstream.clear()
    return request


def answering(rest: Served, status: int = 200, body: str = "{}", *fields: str) -> None:
    rest.upstream.clear()
    head = [f"HTTP/1.1 {status} Any", f"Content-Length: {len(body.encode())}", *fields]
    rest.upstream.default = scripted(("\r\n".join(head) + "\r\n\r\n" + body).encode())


def test_only_what_is_mapped_passes(rest: Served) -> None:
    answering(rest, 200, '{"a": 1}', "Content-Type: text/weird", "X-Upstream: 1", "Server: theirs")
    answer = rest.fetch(post("/plain?q=1", '{"b": 2}', "Content-Type: application/json; charset=utf-8", "X-Own: 1",
                             "Accept: text/html", "User-Agent: me", "Authorization: secret"))
    request = reached(rest, "/plain")
    assert (request.method, request.query, request.body) == ("POST", "", b'{"b": 2}')
    sent = request.names()
    assert not sent & {"x-own", "authorization"}
    assert request.get("accept") == "application/json"
    assert request.get("user-agent") == "AmazonAPIGateway_abc123"
    assert request.get("content-type") == "application/json; charset=utf-8"
    assert request.get("x-amzn-apigateway-api-id") == "abc123"
    assert request.get("x-amzn-trace-id").startswith("Root=1-")
    assert (answer.status, answer.body) == (200, b'{"a": 1}')
    assert answer.get("content-type") == "application/json"
    assert answer.get("x-amzn-trace-id").startswith("Root=1-")
    assert not answer.names() & {"x-upstream", "server"}


def test_a_get_sends_no_body_and_no_type(rest: Served) -> None:
    answering(rest)
    rest.fetch(get("/plain", "Content-Type: application/json"))
    request = reached(rest, "/plain")
    assert (request.method, request.body) == ("GET", b"")
    assert not request.names() & {"content-type", "content-length", "transfer-encoding"}


def test_any_sends_the_client_s_method(rest: Served) -> None:
    answering(rest)
    for method in ("PUT", "DELETE"):
        rest.fetch(post("/any", "x", method=method))
        assert reached(rest, "/any").method == method


def test_mappings(rest: Served) -> None:
    answering(rest)
    body = '{"a": {"b": "deep"}}'
    rest.fetch(post("/mapped/a%20b?q=1&q=x%20y", body, "X-Where: o/p q"))
    (request,) = rest.upstream.whole()
    request = request.request
    assert request.path == "/base/a%20b/o%2Fp%20q"
    assert request.query == "own=1&q=x%20y&all=1%2Cx%20y"
    assert request.get("x-deep") == "deep"
    assert request.get("x-whole") == body
    assert request.get("x-object") == '{"b":"deep"}'
    assert request.get("x-stage") == "red"
    assert len(request.get("x-id")) == 36
    assert not request.names() & {"x-none", "via", "x-where"}


@pytest.mark.parametrize("where", [".", ".."])
def test_a_mapped_dot_segment_is_refused(rest: Served, where: str) -> None:
    answering(rest)
    assert rest.fetch(post("/mapped/a", "{}", f"X-Where: {where}")).status == 400
    assert rest.upstream.whole() == []


def test_a_mapped_value_cannot_end_its_line(rest: Served) -> None:
    answering(rest)
    rest.fetch(post("/mapped/a", json.dumps({"a": {"b": "x\r\nEvil: 1\x00\x7f\u00e9"}}), "X-Where: w"))
    (request,) = rest.upstream.whole()
    assert request.request.values("x-deep") == ["x%0D%0AEvil: 1%00%7F\u00e9".encode()]


def test_mapped_answers(rest: Served) -> None:
    answering(rest, 200, '{"deep": {"value": 7}}', "X-Upstream: up", "Date: then")
    answer = rest.fetch(post("/answered"))
    assert answer.get("x-from-header") == "up"
    assert answer.get("x-from-body") == "7"
    assert answer.get("x-static") == "fixed"
    assert answer.get("x-amzn-remapped-server") == "renamed"
    assert answer.get("x-amzn-remapped-date") == "then"
    assert not answer.names() & {"x-absent", "server"}


@pytest.mark.parametrize(("upstream", "status"), [(404, 400), (500, 502), (200, 201), (420, 400)])
def test_selection(rest: Served, upstream: int, status: int) -> None:
    answering(rest, upstream, '{"own": true}')
    answer = rest.fetch(get("/selected"))
    assert answer.status == status
    assert answer.body == (b'{"upstream": "failed"}' if status == 502 else b'{"own": true}')


def test_no_response_that_fits(rest: Served) -> None:
    answering(rest, 404)
    answer = rest.fetch(get("/nothing-fits"))
    assert (answer.status, answer.body) == (500, b'{"message":"Internal server error"}')
    assert answer.get("x-amzn-errortype") == "InternalServerErrorException"


@pytest.mark.parametrize(
    ("path", "kind", "sent"),
    [
        ("/template?id=7", "application/json", b'{"id": "7"}'),
        ("/template?id=7", None, b'{"id": "7"}'),
        ("/template", "Application/XML; charset=utf-8", b"<a/>"),
        ("/template", "text/plain", b"own"),
        ("/no-templates", "text/plain", b"own"),
        ("/no-match", "text/plain", None),
        ("/never", None, None),
    ],
)
def test_request_templates(rest: Served, path: str, kind: str | None, sent: bytes | None) -> None:
    answering(rest)
    answer = rest.fetch(post(path, "own", *([f"Content-Type: {kind}"] if kind else [])))
    if sent is None:
        assert (answer.status, answer.body) == (415, b'{"message":"Unsupported Media Type"}')
        assert rest.upstream.whole() == []
    else:
        assert (answer.status, reached(rest, "/t").body) == (200, sent)


def test_overrides_win_over_mappings(rest: Served) -> None:
    answering(rest)
    rest.fetch(post("/overridden/own"))
    request = reached(rest, "/o/path")
    assert (request.values("x-over"), request.query) == ([b"header"], "q=query")


@pytest.mark.parametrize("path", ["/twice", "/reserved"])
def test_overrides_that_are_refused(rest: Served, path: str) -> None:
    answering(rest)
    assert rest.fetch(post(path)).status == 500
    assert rest.upstream.whole() == []


def test_response_overrides(rest: Served) -> None:
    answering(rest)
    answer = rest.fetch(post("/status"))
    assert (answer.status, answer.body, answer.values("x-over")) == (203, b"ok", [b"o"])
    assert rest.fetch(post("/silly-status")).status == 200


@pytest.mark.parametrize(
    ("accept", "kind", "body"),
    [
        ("application/xml", "application/xml", b"<x/>"),
        ("application/xml;q=0.5, text/plain", "application/xml", b"<x/>"),
        ("text/html, application/xml", "text/plain", b"plain"),
        ("*/*", "text/plain", b"plain"),
    ],
)
def test_response_template_by_accept(rest: Served, accept: str, kind: str, body: bytes) -> None:
    answering(rest)
    answer = rest.fetch(get("/accept", f"Accept: {accept}"))
    assert (answer.get("content-type"), answer.body) == (kind, body)


def test_a_proxy_that_reads_the_body(rest: Served) -> None:
    answering(rest, 404, "theirs", "X-Up: 1", "Server: s", "Content-Type: text/plain")
    answer = rest.fetch(post("/proxy-body?q=client&r=2", '{"a": "value"}', "X-Own: 1", "Content-Type: text/x"))
    request = reached(rest, "/proxied")
    assert (request.query, request.body) == ("own=1&r=2&q=set", b'{"a": "value"}')
    assert (request.get("x-deep"), request.get("x-own"), request.get("content-type")) == ("value", "1", "text/x")
    assert (answer.status, answer.body, answer.get("x-up")) == (404, b"theirs", "1")
    assert answer.get("x-amzn-remapped-server") == "s"
    assert answer.get("content-type") == "text/plain"


# -- faults


def fails(rest: Served, path: str, status: int, message: str) -> None:
    answer = rest.fetch(post(path))
    assert (answer.status, json.loads(answer.body)) == (status, {"message": message})
    assert answer.get("x-amzn-errortype") is not None
    rest.gateway.wait_idle()


def test_a_refused_connection(rest: Served) -> None:
    fails(rest, "/refused", 504, "Network error communicating with endpoint")


def test_a_slow_backend(rest: Served) -> None:
    rest.upstream.clear()
    held = rest.upstream.event()

    async def silent(exchange: Exchange) -> None:
        await held.wait()

    rest.upstream.on("/slow", silent)
    fails(rest, "/slow", 504, "Endpoint request timed out")
    rest.upstream.call(held.set)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["cut", "two lengths", "no http", "bad chunk"],
)
def test_a_broken_answer(rest: Served, answer: bytes) -> None:
    rest.upstream.clear()
    rest.upstream.on("/faulty", scripted(answer, close=True))
    fails(rest, "/faulty", 502, "Internal server error")


def test_an_answer_that_is_too_large(rest: Served) -> None:
    rest.upstream.clear()
    size = (10 << 20) + 1
    rest.upstream.on("/faulty", scripted(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size)))
    fails(rest, "/faulty", 502, "Internal server error")


# -- MOCK


def test_mock_selects_by_its_template(rest: Served) -> None:
    answer = rest.fetch(get("/mock?code=203"))
    assert (answer.status, answer.body) == (200, b'{"code": "203"}')
    assert "x-amzn-trace-id" not in answer.names()
    assert rest.fetch(get("/mock?code=404")).status == 404
    for code in ("500", "none", ""):
        assert rest.fetch(get(f"/mock?code={code}")).status == 500


def test_mock_refuses_other_media_types(rest: Served) -> None:
    assert rest.fetch(post("/mock-never", "{}")).body == b"ok"
    assert rest.fetch(post("/mock-never", "x", "Content-Type: text/plain")).status == 415


def test_mock_by_accept(rest: Served) -> None:
    assert rest.fetch(get("/mock-accept", "Accept: text/plain")).body == b"plain"
    assert rest.fetch(get("/mock-accept", "Accept: text/html")).body == b"{}"


def test_a_fixed_mock_renames_headers_too(rest: Served) -> None:
    assert rest.fetch(get("/mock-fixed")).get("x-amzn-remapped-server") == "renamed"


# -- X-HTTP-Method-Override


def test_the_method_may_be_overridden(rest: Served) -> None:
    answering(rest)
    rest.fetch(post("/any", "x", "X-HTTP-Method-Override: PUT"))
    assert reached(rest, "/any").method == "PUT"
    assert rest.fetch(post("/mock?code=203", "", "x-http-method-override: GET")).status == 200
    assert rest.fetch(post("/mock?code=203", "", "X-HTTP-Method-Override: DELETE")).status == 403
    for nothing in ("get", "TRACE", "", "GET /", "X_HTTP_Method_Override: GET"):
        field = nothing if ":" in nothing else f"X-HTTP-Method-Override: {nothing}"
        assert rest.fetch(post("/mock?code=203", "", field)).status == 403


def test_head_is_neither_given_nor_taken_away(rest: Served) -> None:
    """It decides whether the answer has a body: client and gateway must agree on that."""
    answering(rest, 200, "body")
    with rest.wire() as wire:
        wire.send(post("/any", "x", "X-HTTP-Method-Override: HEAD"))
        assert wire.answer().body == b"body"
        assert reached(rest, "/any").method == "POST"
        answering(rest, 200, "body")
        wire.send(post("/any", "", "X-HTTP-Method-Override: GET", method="HEAD"))
        assert wire.answer(method="HEAD").body == b""
        assert reached(rest, "/any").method == "HEAD"


# -- header tables

NAMES = [
    "Accept", "Accept-Charset", "Age", "Authorization", "Connection", "Content-Encoding", "Content-MD5", "Content-Type",
    "Date", "Expect", "Host", "Max-Forwards", "Pragma", "Proxy-Authenticate", "Range", "Referer", "Server", "TE",
    "Trailer", "Upgrade", "User-Agent", "Via", "WWW-Authenticate", "Warn",
]
"""What the recordings of the service map."""


@pytest.fixture(scope="module")
def tables() -> Iterator[Served]:
    """Every one of NAMES mapped both ways, to the same backend by HTTP and by an HTTP_PROXY that reads the body."""
    with Upstream() as stub:
        sent = {f"{REQUEST}header.{name}": f"'{name.lower()}-own'" for name in NAMES if name != "Host"}
        sent[f"{REQUEST}header.X-Body"] = "method.request.body"
        got = {f"{RESPONSE}{name}": f"'{name.lower()}-own'" for name in (*NAMES, "Content-Length", "Transfer-Encoding")}
        default = {"default": {"statusCode": "200", "responseParameters": got}}
        document = openapi({
            f"/{kind}": {"post": http(f"{stub.url}/{kind}", kind=kind, requestParameters=sent, responses=default)}
            for kind in ("http", "http_proxy")
        })
        with Gateway({"api.json": document}) as gateway:
            yield Served(gateway, stub)


@pytest.mark.parametrize("kind", ["http", "http_proxy"])
def test_mapped_request_headers(tables: Served, kind: str) -> None:
    answering(tables)
    given = [f"{name}: client" for name in ("Accept", "Referer", "Warn", "X-Client", "Max-Forwards", "Via")]
    tables.fetch(post(f"/{kind}", "body", *given))
    request = reached(tables, f"/{kind}")
    left_out = {"connection", "expect", "proxy-authenticate", "te", "via", "host"}
    for name in NAMES:
        if name.lower() not in left_out:
            assert request.values(name) == [f"{name.lower()}-own".encode()], name
    assert not request.names() & (left_out - {"connection", "host"})
    assert ("x-client" in request.names()) == (kind == "http_proxy")


def test_mapped_response_headers(tables: Served) -> None:
    answering(tables, 200, "{}", "Age: 1", "X-Up: 1")
    answer = tables.fetch(post("/http", "body"))
    remapped = {
        "authorization", "connection", "content-length", "content-md5", "date", "expect", "host", "max-forwards",
        "proxy-authenticate", "server", "trailer", "upgrade", "user-agent", "www-authenticate",
    }
    for name in (*(name.lower() for name in NAMES), "content-length"):
        if name == "te":
            continue
        sent = f"x-amzn-remapped-{name}" if name in remapped else name
        assert answer.values(sent) == [f"{name}-own".encode()], name
    assert not answer.names() & {"te", "transfer-encoding", "x-up"}
    assert answer.values("content-length") == [b"2"]


def test_a_proxy_s_response_headers(tables: Served) -> None:
    answering(tables, 200, "{}", "Age: 1", "Server: s", "User-Agent: u", "Date: d", "Keep-Alive: timeout=1")
    answer = tables.fetch(post("/http_proxy", "body"))
    assert answer.values("age") == [b"1"] and answer.values("user-agent") == [b"u"]
    assert answer.values("x-amzn-remapped-server") == [b"s"] and answer.values("x-amzn-remapped-date") == [b"d"]
    assert not answer.names() & {"keep-alive", "server", "pragma"}


# -- binary bodies

RAW = b"\x89PNG\x00\xff\xfe"


@pytest.fixture(scope="module")
def binary() -> Iterator[Served]:
    with Upstream() as stub:
        document = openapi(
            {
                "/plain": {"post": http(f"{stub.url}/b")},
                "/to-text": {"post": http(f"{stub.url}/b", contentHandling="CONVERT_TO_TEXT")},
                "/to-binary": {"post": http(f"{stub.url}/b", contentHandling="CONVERT_TO_BINARY")},
                "/templated": {"post": http(f"{stub.url}/b", contentHandling="CONVERT_TO_TEXT", requestTemplates={
                    "image/png": '{"image": "$input.body"}'})},
                "/proxy": {"post": http(f"{stub.url}/b", kind="http_proxy", contentHandling="CONVERT_TO_TEXT")},
                "/passed": {"post": http(f"{stub.url}/b", kind="http_proxy")},
            },
            binary_media_types=["image/*"],
        )
        with Gateway({"api.json": document}) as gateway:
            yield Served(gateway, stub)


@pytest.mark.parametrize(
    ("path", "kind", "body", "sent"),
    [
        ("/plain", "image/png", RAW, RAW),
        ("/plain", "text/plain", RAW, RAW.decode("utf-8", "replace").encode()),
        ("/to-text", "image/png", RAW, base64.b64encode(RAW)),
        ("/to-text", "text/plain", b"text", b"text"),
        ("/to-binary", "image/png", RAW, RAW),
        ("/to-binary", "text/plain", base64.b64encode(RAW), RAW),
        ("/to-binary", "text/plain", b"no base64!", None),
        ("/templated", "image/png", RAW, b'{"image": "%b"}' % base64.b64encode(RAW)),
        ("/proxy", "image/png", RAW, base64.b64encode(RAW)),
        ("/passed", "text/plain", RAW, RAW),
    ],
)
def test_binary_requests(binary: Served, path: str, kind: str, body: bytes, sent: bytes | None) -> None:
    answering(binary)
    answer = binary.fetch(post(path, "", f"Content-Type: {kind}", f"Content-Length: {len(body)}").encode().replace(
        b"Content-Length: 0\r\n", b"") + body)
    if sent is None:
        assert (answer.status, binary.upstream.whole()) == (500, [])
    else:
        assert reached(binary, "/b").body == sent


@pytest.mark.parametrize(
    ("accept", "kind", "body", "got"),
    [
        ("image/png", "image/png", RAW, RAW),
        ("text/plain", "image/png", RAW, base64.b64encode(RAW)),
        ("image/webp, text/plain", "text/plain", base64.b64encode(RAW), RAW),
        ("text/plain, image/webp", "text/plain", RAW, RAW.decode("utf-8", "replace").encode()),
        ("image/png", "text/plain", b"no base64!", None),
    ],
)
def test_binary_answers(binary: Served, accept: str, kind: str, body: bytes, got: bytes | None) -> None:
    binary.upstream.clear()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    binary.upstream.default = scripted(head.encode() + body)
    answer = binary.fetch(post("/plain", "x", f"Accept: {accept}"))
    assert (answer.status, answer.body) == ((200, got) if got is not None else (500, answer.body))
