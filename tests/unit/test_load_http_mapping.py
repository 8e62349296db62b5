"""The mapping grammar of HTTP APIs, read."""

import pytest

from fastgw.load.document import parse
from fastgw.load.http_mapping import RESPONSE, Changes, value
from fastgw.load.mapping import Unmapped
from fastgw.load.params import Params
from fastgw.load.problem import Problems
from fastgw.load.reader import Reader
from fastgw.model.http_mapping import Body, RequestPath, ResponseHeader, Value, body_steps
from fastgw.model.value import Context, RequestParameter, StageVariable, Static


@pytest.mark.parametrize(("text", "parts"), [
    ("plain", [Static("plain")]),
    ("costs $5", [Static("costs $5")]),
    ("", []),
    ("$request.header.X-A", [RequestParameter("header", "X-A", True)]),
    ("$request.querystring.q", [RequestParameter("querystring", "q", True)]),
    ("$request.path.id", [RequestParameter("path", "id")]),
    ("$request.path", [RequestPath()]),
    ("$request.body", [Body("request", "$")]),
    ("$request.body.a.b[0]", [Body("request", "$.a.b[0]")]),
    ("$context.requestId", [Context("requestId")]),
    ("$context.authorizer.team", [Context("authorizer.team")]),
    ("$stageVariables.colour", [StageVariable("colour")]),
    ("${request.path.a}-${request.path.b}",
     [RequestParameter("path", "a"), Static("-"), RequestParameter("path", "b")]),
    ("/v2${request.path}", [Static("/v2"), RequestPath()]),
    ("${stageVariables.a}${context.stage} end", [StageVariable("a"), Context("stage"), Static(" end")]),
])
def test_request_values(text, parts):
    assert value(text) == Value(tuple(parts))


def test_response_values():
    assert value("$response.header.Location", RESPONSE) == Value((ResponseHeader("Location"),))
    assert value("got ${response.body.code}", RESPONSE) == Value((Static("got "), Body("response", "$.code")))


@pytest.mark.parametrize(("text", "said"), [
    ("a $request.header.x", "write it as ${request...}"),
    ("${request.header.x", "does not close"),
    ("${request.cookie.x}", "$request.cookie.x"),
    ("$request.header.", "is no value"),
    ("$response.header.x", "is no value here"),
    ("$context.nobody", "not known"),
    ("$request.body..a", "recursive descent"),
    ("$request.body.a[?(@.b)]", "filters"),
    ("${nonsense}", "is no value"),
    ("two\nlines", "control characters"),
])
def test_what_is_no_value(text, said):
    with pytest.raises(Unmapped) as error:
        value(text)
    assert said in str(error.value)


@pytest.mark.parametrize(("path", "steps"), [
    ("$", ()), ("$.a.b", ("a", "b")), ("$[0].x", (0, "x")), ("$['a b'][\"c\"]", ("a b", "c")), ("$.a[*]", None),
    ("$.a[1:2]", None), ("$a", None), ("$.", None), ("$['it\\'s']", None),
])
def test_steps_into_a_body(path, steps):
    assert body_steps(path) == steps


def read(text: str, what: str):
    problems = Problems()
    view = parse("api.yaml", text.encode(), problems).view()
    found = getattr(Changes(Reader(problems, Params({}))), what)(view)
    return found, [f"{p.place.line}: {p.message}" for p in problems.by_place()]


def test_request_mappings():
    found, problems = read("""
append:header.x-a: $request.path.id
OVERWRITE:header.X-B: one
remove:querystring.debug: "''"
overwrite:path: /v2${request.path}
""", "request")
    assert problems == []
    assert [(c.action, c.location, c.name, c.value is None) for c in found] == [
        ("append", "header", "x-a", False), ("overwrite", "header", "X-B", False),
        ("remove", "querystring", "debug", True), ("overwrite", "path", "", False)]


def test_response_mappings_by_status():
    found, problems = read("""
404: {overwrite:statuscode: 410, "append:header.why": $response.body.message}
"200": {remove:header.Server: ''}
""", "responses")
    assert problems == []
    assert [(r.status, len(r.changes)) for r in found] == [(404, 2), (200, 1)]


@pytest.mark.parametrize(("text", "what", "said"), [
    ("prepend:header.x: a", "request", "is no request parameter"),
    ("append:path: /a", "request", "is no request parameter"),
    ("remove:path: ''", "request", "is no request parameter"),
    ("overwrite:statuscode: 200", "request", "is no request parameter"),
    ("append:header.: a", "request", "is no request parameter"),
    ("overwrite:path: ''", "request", "needs a value"),
    ("{200: {append:querystring.x: a}}", "responses", "is no response parameter"),
    ("{200: {overwrite:statuscode: 42}}", "responses", "is no status"),
    ("{199: {remove:header.x: ''}}", "responses", "is no status"),
    ("{default: {remove:header.x: ''}}", "responses", "is no status"),
    ("{200: {overwrite:header.date: now}}", "responses", "its own on every answer"),
    ("append:header.host: a", "request", "a request has one"),
    ("remove:header.Host: ''", "request", "a request has one"),
    ("overwrite:header.expect: a", "request", "the gateway answers it itself"),
    ("remove:header.x: a", "request", "needs no value"),
])
def test_wrong_mappings_are_told(text, what, said):
    problems = read(text, what)[1]
    assert len(problems) == 1 and problems[0].startswith("1: ") and said in problems[0]


@pytest.mark.parametrize("name", [
    "access-control-allow-origin", "apigw-requestid", "Authorization", "Connection", "Content-Encoding",
    "content-length", "Content-Location", "Forwarded", "Keep-Alive", "Origin", "Proxy-Authenticate",
    "proxy-authorization", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "x-amz-date", "X-Amzn-Trace-Id",
    "X-Forwarded-For", "Via"])
def test_reserved_headers_are_refused_both_ways(name):
    for text, what in ((f"append:header.{name}: a", "request"),
                       (f"{{200: {{remove:header.{name}: ''}}}}", "responses")):
        problems = read(text, what)[1]
        assert len(problems) == 1 and "the service reserves it" in problems[0]
