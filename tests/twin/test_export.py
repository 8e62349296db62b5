"""import(export(x)) = x: any API that is served, written as OpenAPI 3.0 or Swagger 2.0, reads as itself."""

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastgw.load.definition import read_definitions
from fastgw.load.exports import Options, export
from fastgw.load.json_text import parse as parse_json
from fastgw.load.names import CONTEXT
from fastgw.load.openapi import Choices
from fastgw.load.params import Params
from fastgw.load.problem import Problems
from fastgw.load.yaml_text import parse as parse_yaml
from fastgw.load.yaml_write import write
from fastgw.model.api import ANY, METHODS, Api, ApiKind, Cors, Route
from fastgw.model.compose import Branch, Composed
from fastgw.model.http_mapping import Body as MessageBody
from fastgw.model.http_mapping import Change, RequestPath, ResponseChanges, Value
from fastgw.model.http_mapping import ResponseHeader as AnswerHeader
from fastgw.model.integration import (
    GatewayResponse,
    HttpProxy,
    Integrated,
    IntegrationResponse,
    Mock,
    ParameterMapping,
)
from fastgw.model.place import Place
from fastgw.model.policy import Condition, Policy, PolicyKind, Principals, Statement
from fastgw.model.service import Service
from fastgw.model.subtype import ServiceAction
from fastgw.model.validation import Body, Checks, Mode, Parameter, Schema
from fastgw.model.value import BodyValue, Context, RequestParameter, ResponseHeader, StageVariable, Static, Text
from tests.support.same import without_places

P = Place("x", 1, 1)
DIALECTS = {"oas30": "openapi3.0", "swagger": "draft4"}

# --- small words

words = st.text("abcxyz019_-", min_size=1, max_size=8)
names = words.map(lambda word: f"x-{word}")
literals = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=12) | \
    st.sampled_from(["${AWS::Region}", "a${b}c", "$${x}", "$", "${stageVariables.a}", "'", "''", "{}", "$$"])
contexts = st.sampled_from(sorted(CONTEXT)).map(Context)
variables = st.sampled_from(["host", "a_1"]).map(StageVariable)
parameters = st.builds(RequestParameter, st.sampled_from(["path", "querystring"]), words) | st.builds(
    RequestParameter, st.sampled_from(["header", "querystring"]), words, st.booleans())
sources = st.one_of(literals.map(Static), contexts, variables, parameters)
own_sources = st.one_of(literals.map(Static), contexts, variables)


def unique(items: st.SearchStrategy, key, max_size: int = 3) -> st.SearchStrategy:
    return st.lists(items, unique_by=key, max_size=max_size).map(tuple)


def headers(values: st.SearchStrategy) -> st.SearchStrategy:
    return unique(st.tuples(names, values), lambda header: header[0])


# --- integrations

uris = st.sampled_from(["http://a.internal", "http://a.internal:81/b/{p0}?q=1", "http://${stageVariables.host}/x",
                        "http://[::1]:9/", "http://h/%7e${stageVariables.a_1}"])
mappings = unique(st.builds(ParameterMapping, st.sampled_from(["path", "querystring", "header"]), names, sources),
                  lambda one: (one.location, one.name))
methods = st.none() | st.sampled_from(METHODS)
timeouts = st.none() | st.integers(50, 30_000)


@st.composite
def rest_proxies(draw) -> HttpProxy:
    mapped = draw(mappings)
    keys = st.builds(RequestParameter, st.just("querystring"), words) | st.sampled_from(
        [one.source for one in mapped if isinstance(one.source, Context)] or [RequestParameter("header", "a")])
    return HttpProxy(draw(methods), draw(uris), P, mapped, draw(timeouts), draw(st.none() | unique(keys, repr)),
                     draw(st.none() | st.text("ab!~", min_size=1, max_size=5)))


request_parts = st.one_of(
    st.builds(RequestParameter, st.sampled_from(["header", "querystring"]), words, st.just(True)),
    st.builds(RequestParameter, st.just("path"), words), st.just(RequestPath()), contexts, variables,
    st.builds(MessageBody, st.just("request"), st.sampled_from(["$", "$.a.b", "$.a[0]"])))
response_parts = st.one_of(
    st.builds(AnswerHeader, words), contexts, variables,
    st.builds(MessageBody, st.just("response"), st.sampled_from(["$", "$.a"])))


@st.composite
def http_values(draw, parts: st.SearchStrategy) -> Value:
    """No two texts side by side, which would be one."""
    found = []
    for part in draw(st.lists(parts, min_size=1, max_size=3)):
        if draw(st.booleans()):
            found.append(Static(draw(words)))
        found.append(part)
    return Value(tuple(found))


def changes(parts: st.SearchStrategy, location: str) -> st.SearchStrategy:
    values = http_values(parts)
    kept = st.builds(Change, st.sampled_from(["append", "overwrite"]), st.just(location), names, values, st.just(P))
    gone = st.builds(Change, st.just("remove"), st.just(location), names, st.none(), st.just(P))
    return unique(kept | gone, lambda one: (one.action, one.name))


@st.composite
def http_proxies(draw) -> HttpProxy:
    path = draw(st.none() | http_values(request_parts))
    asked = (*draw(changes(request_parts, "header")), *draw(changes(request_parts, "querystring")))
    if path is not None:
        asked = (*asked, Change("overwrite", "path", "", path, P))
    answers = unique(st.builds(ResponseChanges, st.integers(200, 599), changes(response_parts, "header")),
                     lambda one: one.status, 2)
    return HttpProxy(draw(methods), draw(uris), P, timeout_ms=draw(timeouts), changes=asked, answers=draw(answers))


mocks = st.builds(
    Mock, st.integers(200, 599), st.just(P), headers(own_sources),
    st.text("abc{}\":,\n é", max_size=20).map(str.encode), st.sampled_from(["application/json", "text/plain"]))

body_values = st.sampled_from(["$", "$.a", "$.a[0].b", "$['x y']"]).map(BodyValue)
templates = st.lists(st.tuples(
    st.sampled_from(["application/json", "text/plain"]),
    st.sampled_from(['{"a": "$input.params(\'a\')"}', "#set($x = 1)${x}$!x", "$$x", "", "#if(true)\n a\n#end\n"])),
    unique_by=lambda one: one[0], max_size=2).map(tuple)
conversions = st.sampled_from([None, "CONVERT_TO_TEXT", "CONVERT_TO_BINARY"])
answer_sources = own_sources | body_values | st.builds(ResponseHeader, words, st.booleans())
patterns = st.sampled_from([None, "2..", "4\\d{2}|.*error.*"])
answers = unique(
    st.builds(IntegrationResponse, patterns, st.integers(200, 599), st.just(P), headers(answer_sources), templates,
              conversions), lambda one: one.pattern)


@st.composite
def worked_on(draw) -> Integrated:
    """HTTP, MOCK with a template, and HTTP_PROXY where a body must be looked at."""
    kind = draw(st.sampled_from(["HTTP", "MOCK", "HTTP_PROXY", "AWS", "AWS_PROXY"]))
    if kind == "MOCK":
        asked = (("application/json", '{"statusCode": $context.status}'),)
        return Integrated(kind, None, "", P, templates=asked, passthrough=draw(passthroughs),
                          content_handling=draw(conversions), responses=draw(answers))
    mapped = unique(st.builds(ParameterMapping, st.sampled_from(["querystring", "header"]), names,
                              sources | body_values), lambda one: (one.location, one.name))
    if kind == "HTTP_PROXY":
        return Integrated(kind, draw(methods), draw(uris), P, None, draw(timeouts), draw(mapped),
                          draw(templates), draw(passthroughs), draw(conversions.filter(bool)))
    if kind == "AWS_PROXY":
        return Integrated(kind, "POST", FUNCTION, P, None, draw(timeouts), draw(mapped))
    role = draw(st.sampled_from([None, "arn:aws:iam::1:role/x", "arn:aws:iam::1:role/${stageVariables.a_1}"]))
    uri, role = (draw(uris), None) if kind == "HTTP" else (draw(st.sampled_from(ASKED)), role)
    return Integrated(kind, draw(methods), uri, P, role, draw(timeouts), draw(mapped), draw(templates),
                      draw(passthroughs), draw(conversions), draw(answers))


ASKED = ("arn:aws:apigateway:eu-west-1:dynamodb:action/GetItem", "arn:aws:apigateway:eu-west-1:s3:path/bucket/{p0}")
SERVICES = tuple(Service(name, "http://services.internal") for name in ("dynamodb", "s3", "sqs"))
service_actions = st.builds(
    ServiceAction, st.just("SQS-DeleteMessage"), st.just(Value((Static("eu-west-1"),))),
    st.tuples(st.tuples(st.just("QueueUrl"), http_values(request_parts)),
              st.tuples(st.just("ReceiptHandle"), http_values(request_parts))),
    st.just(P), st.sampled_from([None, "arn:aws:iam::1:role/x"]), timeouts)

FUNCTION = ("arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/"
            "arn:aws:lambda:eu-west-1:1:function:f/invocations")
functions = st.builds(
    lambda timeout, payload: Integrated("AWS_PROXY", "POST", FUNCTION, P, timeout_ms=timeout, payload=payload),
    timeouts, st.sampled_from(["1.0", "2.0"]))


@st.composite
def compositions(draw) -> Composed:
    branches = []
    for name in draw(st.lists(st.sampled_from(["a", "b_1", "C"]), unique=True, min_size=1, max_size=2)):
        uri = draw(st.sampled_from(["http://a", "http://b/c?d=e"]))
        call = Integrated("HTTP", draw(methods), uri, P, None, 900, draw(mappings), draw(templates), draw(passthroughs))
        branches.append(Branch(name, call, draw(st.booleans()), draw(st.sampled_from([None, "2.."]))))
    return Composed(tuple(branches), P, draw(st.none() | st.just('{"a": $a}')), draw(st.integers(200, 599)),
                    draw(st.sampled_from(["application/json", "text/plain"])), draw(st.sampled_from([None, 1000])))


passthroughs = st.sampled_from(["WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER"])

# --- checks


@st.composite
def pools(draw, dialect: str) -> dict[str, dict]:
    """Models that others may lead to."""
    found: dict[str, dict] = {}
    for name in draw(st.lists(st.sampled_from(["Pet", "Dog", "properties"]), unique=True, max_size=3)):
        refs = [{"$ref": f"#/definitions/{other}"} for other in found]
        # A model that is only a $ref is read as the one that it leads to.
        found[name] = draw(schemas(dialect, refs).filter(lambda value: "$ref" not in value))
    return found


def schemas(dialect: str, refs: list[dict]) -> st.SearchStrategy:
    nullable = st.sampled_from(["string", "object"]).map(lambda kind: {"type": [kind, "null"]})
    small = st.sampled_from([
        {}, {"type": "string", "minLength": 1, "pattern": "^a"}, {"type": "integer", "maximum": 5},
        {"enum": [None, {"$ref": "#/definitions/no"}]}, *refs])
    small = small | nullable if dialect == "openapi3.0" else small
    return small | st.fixed_dictionaries(
        {"type": st.just("object")},
        optional={"properties": st.dictionaries(st.sampled_from(["a", "$ref", "enum"]), small, max_size=3),
                  "required": st.just(["a"]), "allOf": st.lists(small, min_size=1, max_size=2)})


def reached(value: object, pool: dict[str, dict]) -> dict[str, dict]:
    found: dict[str, dict] = {}
    todo = [value]
    while todo:
        text = json.dumps(todo.pop())
        for name in pool:
            if name not in found and f'"#/definitions/{name}"' in text:
                found[name] = pool[name]
                todo.append(pool[name])
    return found


@st.composite
def bodies(draw, dialect: str, pool: dict[str, dict]) -> Body:
    def schema() -> Schema | None:
        refs = [{"$ref": f"#/definitions/{name}"} for name in pool]
        value = draw(st.sampled_from(refs) if refs and draw(st.booleans()) else schemas(dialect, refs))
        name = value["$ref"].rpartition("/")[2] if "$ref" in value else "the body's schema"
        parts = reached(value, pool)
        return Schema(name, {**value, "definitions": parts} if parts else value, dialect, P)

    media = draw(st.lists(st.sampled_from(["application/json", "a/b+json", "a/*", "$default"]), unique=True,
                          min_size=1, max_size=2))
    if dialect == "draft4":
        one = draw(st.none() | st.builds(schema))
        return Body(tuple((name, one) for name in media), draw(st.booleans()))
    return Body(tuple((name, draw(st.none() | st.builds(schema))) for name in media), draw(st.booleans()))


@st.composite
def checks(draw, dialect: str, pool: dict[str, dict], path: str, mode: Mode) -> Checks | None:
    asked = True if mode is Mode.AWS else draw(st.booleans())
    body, parameters = (draw(st.booleans()), draw(st.booleans())) if asked else (True, True)
    required = st.builds(Parameter, st.sampled_from(["header", "querystring"]), names, st.just(P))
    found = draw(unique(required, lambda one: (one.location, one.name))) if parameters else ()
    its = tuple(Parameter("path", name, P) for name in ("p0", "p1") if f"{{{name}}}" in path) if parameters else ()
    ordered = tuple(sorted((*found, *its), key=lambda one: (one.location, one.name)))
    whole = draw(st.none() | bodies(dialect, pool)) if body else None
    if not ordered and whole is None:
        return None
    return Checks(ordered, whole, asked, *((parameters, body) if asked else ()))


# --- APIs

segments = st.sampled_from(["pets", "v1", "a.b", "%7B"])


@st.composite
def paths(draw) -> str:
    """The variable of a level has one name, as a REST API's must."""
    parts = [draw(segments | st.just(f"{{p{level}}}")) for level in range(draw(st.integers(0, 2)))]
    if draw(st.integers(0, 5)) == 0:
        parts += ["files", "{rest+}"]
    return "/" + "/".join(parts)


@st.composite
def texts(draw) -> Text:
    found = []
    for part in draw(st.lists(contexts | variables | st.builds(
            RequestParameter, st.sampled_from(["header", "querystring"]), words, st.booleans()), max_size=3)):
        if draw(st.booleans()):
            found.append(Static(draw(st.sampled_from(['{"a":', "a", ".b", "5 $", "-", "\n", "${x}"]))))
        found.append(part)
    return Text(tuple(found))


responses = st.builds(
    GatewayResponse, st.sampled_from(["DEFAULT_4XX", "THROTTLED", "INVALID_API_KEY"]), st.just(P),
    st.none() | st.integers(200, 599), headers(sources),
    unique(st.tuples(st.sampled_from(["application/json", "text/html"]), texts()), lambda one: one[0]))

cors = st.builds(
    Cors, st.lists(st.sampled_from(["https://a.example", "https://b:8443"]), unique=True).map(tuple),
    st.lists(st.sampled_from(["GET", "*"]), unique=True).map(tuple), st.lists(words, max_size=2).map(tuple),
    st.lists(words, max_size=2).map(tuple), st.none() | st.integers(0, 86_400), st.booleans())


@st.composite
def apis(draw, form: str, mode: Mode) -> Api:
    kind = ApiKind.REST if form == "swagger" else draw(st.sampled_from(ApiKind))
    http = kind is ApiKind.HTTP
    pool = draw(pools(DIALECTS[form]))
    proxies = http_proxies() | service_actions | functions if http else rest_proxies() | worked_on() | compositions()
    routes: dict[tuple[str, str], Route] = {}
    for _ in range(draw(st.integers(1, 4))):
        path, method = draw(paths()), draw(st.sampled_from((*METHODS, ANY)))
        found = draw(proxies | mocks)
        if "{p0}" in getattr(found, "uri", "") and "{p0}" not in path:
            path = "/{p0}"
        routes[method, path] = Route(method, path, found, P, draw(st.booleans()),
                                     draw(checks(DIALECTS[form], pool, path, mode)))
    if http and draw(st.booleans()):
        routes[ANY, "$default"] = Route(ANY, "$default", HttpProxy(None, "http://a", P), P)
    title = draw(st.text("Shop é$'", min_size=1, max_size=8).filter(str.strip))
    return Api(title, "", kind, tuple(routes.values()), P,
               () if http else draw(unique(responses, lambda one: one.type)), draw(st.none() | cors) if http else None,
               () if http else draw(unique(st.sampled_from(["image/png", "*/*"]), str)),
               None if http else draw(st.none() | st.integers(0, 10_485_760)),
               policy=None if http else draw(st.none() | policies), execute_api=draw(st.booleans()))


policies = st.builds(
    lambda rows, variables: Policy(PolicyKind.RESOURCE, tuple(replace(row, number=number) for number, row in
                                                              enumerate(rows)), variables),
    st.lists(st.builds(
        Statement, st.just(0), st.booleans(), st.sampled_from([("*",), ("execute-api:Invoke", "execute-api:Inv*")]),
        st.sampled_from([("*",), ("execute-api:/a/GET/b", "arn:aws:execute-api:*:*:*")]),
        st.sampled_from([Principals(True),
                         Principals(False, ("123456789012",), ("arn:aws:iam::123456789012:user/a",))]),
        st.sampled_from([(), (Condition("StringLike", "aws:Referer", ("a*", "$b")), Condition(
            "IpAddress", "aws:SourceIp", ("10.0.0.0/8",), True, "ForAnyValue"))]), st.booleans(), st.booleans()),
        min_size=1, max_size=3),
    st.booleans())


def read_again(document: dict, mode: Mode, as_yaml: bool) -> Api:
    """The document as text, read as any definition is."""
    parsed = parse_yaml("x", write(document)) if as_yaml else parse_json("x", json.dumps(document))
    problems = Problems()
    found = read_definitions([parsed], problems, Params({}), Choices(modes=frozenset({mode}), services=SERVICES))
    assert not problems.has_errors(), problems.by_place()
    return found


@pytest.mark.parametrize("form", ["oas30", "swagger"])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_export_reads_as_what_was_exported(form: str, data: st.DataObject) -> None:
    mode = data.draw(st.sampled_from(Mode))
    api = data.draw(apis(form, mode))
    document = export(api, Options(form, stage=data.draw(st.sampled_from(["$default", "v1"])), mode=mode))
    again = read_again(document, mode, data.draw(st.booleans()))
    assert sorted_routes(again) == sorted_routes(api)
    assert export(again, Options(form, mode=mode)) == export(api, Options(form, mode=mode)), "and so it goes on"


def sorted_routes(api: Api) -> object:
    """Paths stand together in a document; the order of routes says nothing."""
    kind, fields = without_places(api)
    return kind, {**fields, "routes": sorted(fields["routes"], key=lambda route: route[1]["path"] + route[1]["method"])}
