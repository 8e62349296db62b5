"""HTTP APIs: what a request and an answer are changed to, and that it opens no Python door."""

from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import Wire, get
from tests.support.definition import INTEGRATION, several
from tests.support.message import Request, Response
from tests.support.process import Gateway
from tests.support.upstream import Upstream, scripted
from tests.wire.test_gil import DOORS

LISTENER = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener/app/shop/0123/4567"

REQUEST = {
    "append:header.x-both": "added",
    "overwrite:header.X-Over": "$request.querystring.q",
    "overwrite:header.x-absent": "$request.header.nobody",
    "remove:header.x-gone": "''",
    "append:header.x-mix": "${request.path.id}/${context.httpMethod}/${request.header.nobody}/${stageVariables.colour}",
    "overwrite:header.x-path": "$request.path",
    "overwrite:header.User-Agent": "own",
    "append:querystring.both": "$request.header.X-In",
    "overwrite:querystring.over": "a b&c",
    "overwrite:querystring.unset": "$request.querystring.nobody",
    "remove:querystring.gone": "''",
}
ANSWERS = {
    "200": {"append:header.x-both": "added", "overwrite:header.X-Over": "$response.header.x-from",
            "overwrite:header.x-absent": "$response.header.nobody", "remove:header.x-gone": "''",
            "append:header.x-id": "id ${context.requestId}"},
    "500": {"overwrite:statuscode": "403", "append:header.x-why": "$response.header.x-from"},
    "404": {"overwrite:statuscode": "$response.header.x-status"},
    "201": {"overwrite:statuscode": "204"},
    "204": {"overwrite:statuscode": "200"},
    "304": {"overwrite:statuscode": "200"},
    "202": {"overwrite:statuscode": "$response.body.code", "append:header.x-why": "for ${response.body.why[1]}"},
}
BODY = {"append:header.x-name": "$request.body.a.name", "append:header.x-second": "$request.body.list[1]",
        "append:header.x-odd": "$request.body['o dd'][\"k\"]", "append:header.x-whole": "$request.body",
        "append:querystring.mix": "n=${request.body.a.number}", "overwrite:path": "$request.body.path"}


def integration(uri: str, **fields: object) -> dict:
    given = {"type": "HTTP_PROXY", "httpMethod": "ANY", "uri": uri, "payloadFormatVersion": "1.0", **fields}
    return {"responses": {}, INTEGRATION: given}


def document(url: str) -> dict:
    path = {"requestParameters": {"overwrite:path": "/v2${request.path}"}}
    own = {"requestParameters": {"overwrite:path": "$request.header.x-path"}}
    private = {"connectionType": "VPC_LINK", "connectionId": "abc"}
    paths = {
        "/m/{id}": integration(f"{url}/up?own=1", requestParameters=REQUEST),
        "/path/{proxy+}": integration(f"{url}/up", **path),
        "/body": integration(f"{url}/up", requestParameters=BODY),
        "/deep": integration(f"{url}/up", requestParameters={"overwrite:path": "$request.body.path"}),
        "/own": integration(f"{url}/up", **own),
        "/answers/{proxy+}": integration(f"{url}/{{proxy}}", responseParameters=ANSWERS),
        "/private/{proxy+}": integration(LISTENER, **private),
        "/bare/{proxy+}": integration(LISTENER, **private, requestParameters={"overwrite:path": "$request.path"}),
    }
    return {"openapi": "3.0.1", "info": {"title": "http", "version": "1"},
            "paths": {path: {"x-amazon-apigateway-any-method": one} for path, one in paths.items()}}


@pytest.fixture(scope="module")
def changed() -> Iterator[Served]:
    with Upstream() as stub:
        stages = {"$default": {"variables": {"colour": "red"}}, "prod": {}}
        files = {
            "fastgw.yaml": several({"shop": {"definition": "api.json", "stages": stages}},
                                   upstreams={LISTENER: {"address": stub.authority}}),
            "api.json": document(stub.url),
        }
        with Gateway(files) as gateway:
            yield Served(gateway, stub)
            assert gateway.metric(DOORS) == 0
            assert stub.unclean == []


def texts(message: Request | Response, name: str) -> list[str]:
    return [value.decode() for value in message.values(name)]


def sent(served: Served, request: bytes) -> Request:
    served.upstream.clear()
    assert served.fetch(request).status == 200
    (recorded,) = served.upstream.seen(1)
    return recorded.request


def test_request_headers(changed: Served) -> None:
    request = sent(changed, get("/m/7?q=1&q=2", "X-Both: own", "x-over: own", "X-Absent: own", "X-Gone: own",
                                "User-Agent: client"))
    found = {name: texts(request, name) for name in ("x-both", "x-over", "x-absent", "x-gone", "x-mix", "x-path",
                                                  "user-agent")}
    assert found == {"x-both": ["own", "added"], "x-over": ["1,2"], "x-absent": ["own"], "x-gone": [],
                     "x-mix": ["7/GET//red"], "x-path": ["/m/7"], "user-agent": ["own"]}


def test_query_parameters(changed: Served) -> None:
    request = sent(changed, get("/m/7?both=1&over=2&over=3&gone=4&%67one=5&unset=6&kept=%207", "X-In: i n"))
    assert request.path == "/up"
    assert request.query.split("&") == ["own=1", "both=1", "unset=6", "kept=%207", "both=i%20n", "over=a%20b%26c"]


@pytest.mark.parametrize(("path", "headers", "expected"), [
    ("/path/a/b%20c", (), "/v2/path/a/b%20c"),
    ("/prod/path/a", (), "/v2/path/a"),
    ("/own", ("X-Path: /x/y z?k#",), "/x/y%20z%3Fk%23"),
    ("/own", ("X-Path: bare",), "/bare"),
    ("/own", (), "/up"),
])
def test_the_path(changed: Served, path: str, headers: tuple[str, ...], expected: str) -> None:
    assert sent(changed, get(path, *headers)).path == expected


@pytest.mark.parametrize("given", ["/a/../b", "..", "/a/.", "../../etc"])
def test_a_mapped_path_leads_nowhere_else(changed: Served, given: str) -> None:
    changed.upstream.clear()
    assert changed.fetch(get("/own", f"X-Path: {given}")).status == 400
    assert changed.upstream.whole() == []


def test_a_private_integration_keeps_the_stage_unless_the_path_is_mapped(changed: Served) -> None:
    paths = {"/private/a": "/private/a", "/prod/private/a": "/prod/private/a", "/prod/bare/a": "/bare/a"}
    for asked, expected in paths.items():
        request = sent(changed, get(asked))
        assert (request.path, request.get("host")) == (expected, changed.upstream.authority)


def answered(served: Served, name: str, head: bytes) -> Response:
    served.upstream.on(f"/{name}", scripted(head))
    with Wire(served.gateway.port) as wire:
        answer = wire.request(get(f"/answers/{name}"))
        assert wire.request(get("/own")).status == 200      # the connection goes on with the next answer
        return answer


def test_answer_headers(changed: Served) -> None:
    answer = answered(changed, "ok", b"HTTP/1.1 200 Fine\r\nX-Both: own\r\nx-over: own\r\nX-Absent: own\r\n"
                      b"X-Gone: own\r\nX-From: a\r\nx-from: b\r\nContent-Length: 2\r\n\r\nok")
    assert (answer.start[1:], answer.body) == ((b"200", b"Fine"), b"ok")
    assert {name: texts(answer, name) for name in ("x-both", "x-over", "x-absent", "x-gone")} == {
        "x-both": ["own", "added"], "x-over": ["a,b"], "x-absent": ["own"], "x-gone": []}
    assert answer.get("x-id").startswith("id ") and len(answer.get("x-id")) == 39


def test_another_status(changed: Served) -> None:
    answer = answered(changed, "bad", b"HTTP/1.1 500 Oops\r\nX-From: it\r\nContent-Length: 2\r\n\r\nno")
    assert (answer.start[1:], answer.body, answer.get("x-why")) == ((b"403", b"Forbidden"), b"no", "it")


@pytest.mark.parametrize(("given", "status"), [("410", 410), ("99", 404), ("600", 404), ("4x0", 404), ("2000", 404)])
def test_a_status_by_the_answer(changed: Served, given: str, status: int) -> None:
    head = f"HTTP/1.1 404 Not Found\r\nX-Status: {given}\r\nContent-Length: 2\r\n\r\nno"
    answer = answered(changed, f"status-{given}", head.encode())
    assert (answer.status, answer.body) == (status, b"no")


def test_a_status_without_a_body_loses_it(changed: Served) -> None:
    answer = answered(changed, "created", b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok")
    assert (answer.status, answer.body, texts(answer, "content-length")) == (204, b"", [])


@pytest.mark.parametrize("head", [b"204 No Content\r\n\r\n", b"304 Not Modified\r\nContent-Length: 500\r\n\r\n"])
def test_a_status_with_a_body_says_that_it_is_empty(changed: Served, head: bytes) -> None:
    answer = answered(changed, f"empty-{head[:3].decode()}", b"HTTP/1.1 " + head)
    assert (answer.status, answer.body, answer.get("content-length")) == (200, b"", "0")


def test_counted_by_the_status_that_was_sent(changed: Served) -> None:
    counter = '^fastgw_requests_total.*answers.*4xx'
    before = changed.gateway.metric(counter)
    answered(changed, "counted", b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
    assert changed.gateway.metric(counter) == before + 1


@pytest.mark.parametrize("chunked", [False, True])
def test_values_of_the_body(changed: Served, chunked: bool) -> None:
    body = (b'{"x": [1, {"a": "}]"}], "o dd": {"k": true}, '
            b'"a": {"number": -1.5e3, "name": "\\u00e9 \\"q\\"", "no": null}, "list": ["one", {"two": [2]}, 3]}')
    if chunked:
        packed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:30], body[30:])) + b"0\r\n\r\n"
        request = sent(changed, get("/body", "Transfer-Encoding: chunked", method="POST") + packed)
    else:
        request = sent(changed, get("/body", method="POST", body=body))
    assert [texts(request, f"x-{name}") for name in ("name", "second", "odd", "whole")] == [
        ['\u00e9 "q"'], ['{"two": [2]}'], ["true"], [body.decode()]]
    assert (request.query, request.path, request.body) == ("mix=n%3D-1.5e3", "/up", body)


@pytest.mark.parametrize("body", [b"", b"{}", b"no JSON", b'{"path": null', b'{"path": ', b'["path"]', b'{"path": "/x'])
def test_a_body_without_the_value_changes_nothing(changed: Served, body: bytes) -> None:
    request = sent(changed, get("/body", method="POST", body=body))
    assert (request.path, request.body, texts(request, "x-name")) == ("/up", body, [])


def test_only_the_first_100_kilobytes_are_read(changed: Served) -> None:
    for before, path in ((100_000, "/there"), (102_400, "/up")):
        body = b'{"pad": "%b", "path": "/there"}' % (b"x" * before)
        assert sent(changed, get("/deep", method="POST", body=body)).path == path


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize(("body", "status", "why"), [
    (b'{"code": 418, "why": ["a", "b"]}', 418, ["for b"]), (b'{"code": "99", "why": 1}', 202, ["for"]),
    (b"", 202, ["for"]), (b'{"code": "410", "pad": "' + b"x" * 200_000 + b'"}', 410, ["for"]),
    (b'{"pad": "' + b"x" * 200_000 + b'", "code": 410}', 202, ["for"]),
])
def test_values_of_an_answers_body(changed: Served, framing: str, body: bytes, status: int, why: list[str]) -> None:
    head = b"HTTP/1.1 202 Accepted\r\n"
    whole = {"length": head + b"Content-Length: %d\r\n\r\n" % len(body) + body, "close": head + b"\r\n" + body,
             "chunked": head + b"Transfer-Encoding: chunked\r\n\r\n"
             + (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"}[framing]
    changed.upstream.on("/told", scripted(whole, close=framing == "close"))
    with Wire(changed.gateway.port) as wire:
        answer = wire.request(get("/answers/told"))
        assert (answer.status, answer.body, texts(answer, "x-why")) == (status, body, why)
        assert wire.request(get("/own")).status == 200
