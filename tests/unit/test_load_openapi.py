"""OpenAPI documents -> routes: paths, verbs, references, kinds, base paths, upstreams without extensions."""

import json
from pathlib import Path

import pytest

from fastgw.load import load
from fastgw.model.api import ApiKind
from fastgw.model.authorizer import Access
from fastgw.model.integration import HttpProxy, Mock, Unserved
from fastgw.model.place import Place
from tests.support.load_files import UPSTREAM, Files, by_route, definition, messages, proxy

INTEGRATION = "x-amazon-apigateway-integration"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def op(**fields) -> dict:
    return {"responses": {}, **fields}


def served(uri: str = UPSTREAM) -> dict:
    return op(**{INTEGRATION: proxy(uri)})


def test_every_verb_any_and_greedy(files: Files) -> None:
    verbs = ["get", "head", "post", "put", "patch", "delete", "options"]
    api = files.api(
        definition(
            {
                "/a": {verb: served() for verb in verbs},
                "/b/{proxy+}": {"x-amazon-apigateway-any-method": served()},
            }
        )
    )
    assert list(by_route(api)) == [(verb.upper(), "/a") for verb in verbs] + [("ANY", "/b/{proxy+}")]
    assert api.kind is ApiKind.REST and api.name == "Test" and api.id == "test"


def test_routes_know_their_place(files: Files) -> None:
    text = f"openapi: 3.0.3\npaths:\n  /a:\n    get:\n      {INTEGRATION}:\n        type: MOCK\n"
    path = files.write("api.yaml", text)
    loaded = load([path])
    (route,) = loaded.gateway.apis[0].routes
    assert (route.method, route.path, route.place) == ("GET", "/a", Place(path, 4, 5))
    assert route.integration.place == Place(path, 5, 7)


@pytest.mark.parametrize(
    ("version", "fine"),
    [
        ({"openapi": "3.0"}, True),
        ({"openapi": "3.1.0"}, True),
        ({"swagger": "2.0"}, True),
        ({"swagger": 2.0}, True),
        ({"openapi": "2.0"}, False),
        ({"openapi": "3.2.0"}, False),
        ({"swagger": "1.2"}, False),
        ({}, False),
        ({"openapi": {}}, False),
    ],
)
def test_versions(files: Files, version: dict, fine: bool) -> None:
    loaded = files.load({**version, "paths": {"/a": {"get": served()}}})
    assert (loaded.gateway is not None) is fine


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("/pets/", "/pets"),
        ("/", "/"),
        ("/a%2Db/%c3%a9", "/a-b/%C3%A9"),
        ("/caf\u00e9", "/caf%C3%A9"),
        ("/v1.2/{a-b}/:x", "/v1.2/{a-b}/:x"),
    ],
)
def test_paths_are_canonical(files: Files, written: str, canonical: str) -> None:
    assert files.api(definition({written: {"get": served()}})).routes[0].path == canonical


@pytest.mark.parametrize(
    "path",
    [
        "pets",
        "/a//b",
        "//",
        "/a/../b",
        "/a/%2e%2e",
        "/a?b",
        "/a#b",
        "/a b",
        "/{",
        "/{}",
        "/{+}",
        "/{a b}",
        "/a%2fb",
        "/a%00",
        "/a%5cb",
        "/a%4",
        "/{p+}/a",
        "/a{p+}",
        "/{a}{b}",
        "/{a}/{a}",
        "/" + "/".join("a" * 129),
        "/" + "/".join(f"{{p{i}}}" for i in range(33)),
    ],
)
def test_bad_paths_are_refused(files: Files, path: str) -> None:
    loaded = files.load(definition({path: {"get": op()}}, servers=[{"url": UPSTREAM}]))
    assert [problem.code for problem in loaded.problems] == ["bad-path"]


def test_mixed_parts_are_for_plain_documents(files: Files) -> None:
    plain = definition({"/{id}.json": {"get": op()}}, servers=[{"url": UPSTREAM}])
    assert files.api(plain).routes[0].integration.uri == UPSTREAM + "/{id}.json"
    assert files.load(definition({"/{id}.json": {"get": served()}})).gateway is None


def test_siblings_may_differ_where_the_service_does_not_rule(files: Files) -> None:
    paths = {"/{a}/x": {"get": op()}, "/{b}/y": {"get": op()}}
    assert files.load(definition(paths, servers=[{"url": UPSTREAM}])).problems == ()
    ruled = {path: {"get": served()} for path in paths}
    assert files.load(definition(ruled), kind=ApiKind.HTTP).problems == ()
    assert messages(files.load(definition(ruled))) == [
        'error: path "/{b}/y": A sibling ({a}) of this resource already has a variable path part -- only one '
        "is allowed"
    ]


def test_same_requests_twice_is_an_error(files: Files) -> None:
    paths = {"/{a}": {"get": op(), "post": op()}, "/{b}/": {"get": op()}}
    loaded = files.load(definition(paths, servers=[{"url": UPSTREAM}]))
    assert messages(loaded) == ["error: GET /{b} claims the same requests as GET /{a}"]


def test_references(files: Files) -> None:
    document = definition(
        {
            "/a": {"get": {INTEGRATION: {"$ref": "#/components/x-amazon-apigateway-integrations/a~1b"}}},
            "/c": {"$ref": "#/components/pathItems/c"},
        },
        components={
            "x-amazon-apigateway-integrations": {"a/b": {"$ref": "#/components/x-shared"}},
            "x-shared": proxy(),
            "pathItems": {"c": {"get": served(UPSTREAM + "/c")}},
        },
    )
    assert [route.integration.uri for route in files.api(document).routes] == [UPSTREAM, UPSTREAM + "/c"]


def referring(item: dict, **components):
    return definition({"/a": item}, servers=[{"url": UPSTREAM}], components=components)


def test_a_path_may_be_a_reference(files: Files) -> None:
    item = {"summary": "s", "$ref": "#/components/pathItems/~1p~1%7Bid%7D", "x-note": "n"}
    api = files.api(referring(item, pathItems={"/p/{id}": {"get": op(), "put": op()}}))
    assert [(route.method, route.path) for route in api.routes] == [("GET", "/a"), ("PUT", "/a")]


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"$ref": "#/components/nowhere"}, "broken-reference"),
        ({"$ref": "#/components/pathItems/0"}, "broken-reference"),
        ({"$ref": "#pathItems"}, "broken-reference"),
        ({"$ref": "other.yaml#/a"}, "outside-reference"),
        ({"$ref": "#/paths/~1a"}, "reference-loop"),
        ({"$ref": None}, "wrong-type"),
        ({"$ref": "#/components/pathItems/p", "post": {}}, "beside-reference"),
        ({"$ref": "#/components/pathItems/p", "parameters": []}, "beside-reference"),
        ({"$ref": "#/components/pathItems/p", "x-amazon-apigateway-any-method": {}}, "beside-reference"),
        ({"get": {"$ref": "#/components/nowhere"}}, "misplaced-reference"),
        ({"get": {"$ref": "#/components/pathItems/p/get"}}, "misplaced-reference"),
        ({"get": {"$ref": 5, "responses": {}}}, "misplaced-reference"),
    ],
)
def test_wrong_references(files: Files, item: dict, code: str) -> None:
    loaded = files.load(referring(item, pathItems={"p": {"get": op()}}))
    assert [(problem.severity, problem.code) for problem in loaded.problems] == [("error", code)]


HTTP_SIGNS = [
    definition({"/a": {"get": served()}}, x_cors={"allowOrigins": ["*"]}),
    definition({"/$default": {"x-amazon-apigateway-any-method": served()}}),
    definition({"/a": {"get": {**served(), "isDefaultRoute": True}}}),
    definition({"/a": {"get": {INTEGRATION: proxy(payloadFormatVersion="2.0")}}}),
    definition({"/a": {"get": {INTEGRATION: proxy(payloadFormatVersion=2.0)}}}),
    definition(
        {"/a": {"post": {INTEGRATION: {"type": "aws_proxy", "integrationSubtype": "SQS-PurgeQueue",
                                       "requestParameters": {"QueueUrl": "http://q"}}}}}
    ),
    definition(
        {"/a": {"get": served()}},
        components={
            "securitySchemes": {"t": {"type": "oauth2", "x-amazon-apigateway-authorizer": {"type": "jwt"}}}
        },
    ),
]


@pytest.mark.parametrize("document", HTTP_SIGNS)
def test_signs_of_an_http_api(files: Files, document: dict) -> None:
    assert files.api(document).kind is ApiKind.HTTP
    assert files.api(document, kind=ApiKind.REST).kind is ApiKind.REST


def test_default_route(files: Files) -> None:
    api = files.api(
        definition(
            {
                "/$default": {"x-amazon-apigateway-any-method": {**served(), "isDefaultRoute": True}},
                "/a": {"get": served()},
            }
        )
    )
    assert list(by_route(api)) == [("ANY", "$default"), ("GET", "/a")]


@pytest.mark.parametrize(
    ("servers", "mode", "path"),
    [
        ([{"url": "https://x.com/a/b/c/"}], "ignore", "/pets"),
        ([{"url": "https://x.com/a/b/c/"}], "prepend", "/a/b/c/pets"),
        ([{"url": "https://x.com/a/b/c/"}], "split", "/b/c/pets"),
        ([{"url": "https://x.com/a"}], "split", "/pets"),
        ([{"url": "https://x.com/a", "variables": {"basePath": {"default": "/v1"}}}], "prepend", "/v1/pets"),
        ([{"url": "/v2"}], "prepend", "/v2/pets"),
        ([], "prepend", "/pets"),
    ],
)
def test_base_path_modes(files: Files, servers: list, mode: str, path: str) -> None:
    document = definition({"/pets": {"get": served(UPSTREAM + "/pets")}}, servers=servers)
    route = files.api(document, basepath=mode).routes[0]
    assert route.path == path and route.integration.uri == UPSTREAM + "/pets"


def test_swagger_base_path(files: Files) -> None:
    document = {"swagger": "2.0", "basePath": "/v1/", "paths": {"/pets": {"get": served()}}}
    assert files.api(document, basepath="prepend").routes[0].path == "/v1/pets"


@pytest.mark.parametrize(
    ("root", "uri"),
    [
        ({"openapi": "3.1.0", "servers": [{"url": "http://shop:9000/v1/"}]}, "http://shop:9000/v1/pets/{id}"),
        (
            {
                "openapi": "3.0.0",
                "servers": [
                    {
                        "url": "http://{h}:{p}/{basePath}",
                        "variables": {
                            "h": {"default": "Shop"},
                            "p": {"default": 9000},
                            "basePath": {"default": "/v1"},
                        },
                    }
                ],
            },
            "http://shop:9000/v1/pets/{id}",
        ),
        (
            {"swagger": "2.0", "host": "shop:9000", "basePath": "/v1", "schemes": ["https", "http"]},
            "http://shop:9000/v1/pets/{id}",
        ),
        ({"swagger": "2.0", "host": "shop"}, "http://shop/pets/{id}"),
    ],
)
def test_upstreams_of_plain_documents(files: Files, root: dict, uri: str) -> None:
    document = {**root, "paths": {"/pets/{id}": {"get": op()}}}
    assert files.api(document).routes[0].integration == HttpProxy(
        None, uri, Place(str(files.directory / "api.json"), *_position(document))
    )
    given = files.api(document, upstream="http://other/base/").routes[0].integration
    assert given.uri == "http://other/base/pets/{id}"


def _position(document: dict) -> tuple[int, int]:
    lines = json.dumps(document, indent=1).splitlines()
    line = next(index for index, text in enumerate(lines) if '"get"' in text)
    return line + 1, lines[line].index('"') + 1


def test_nearer_servers_win(files: Files) -> None:
    document = definition(
        {
            "/a": {
                "get": op(),
                "post": op(servers=[{"url": "http://post"}]),
                "servers": [{"url": "http://item"}],
            },
            "/b/{x+}": {"get": op()},
        },
        servers=[{"url": "http://whole"}],
    )
    assert [route.integration.uri for route in files.api(document).routes] == [
        "http://item/a",
        "http://post/a",
        "http://whole/b/{x}",
    ]


@pytest.mark.parametrize(
    ("root", "told"),
    [
        ({}, "no integration and no upstream URL; give one with --upstream URL: 2 operations answer"),
        ({"servers": [{"url": "/v1"}]}, "no integration and no upstream URL"),
    ],
)
def test_plain_documents_without_a_served_upstream(files: Files, root: dict, told: str) -> None:
    loaded = files.load(definition({"/a": {"get": op(), "post": op()}}, **root))
    assert len(loaded.problems) == 1 and told in loaded.problems[0].message
    assert all(isinstance(route.integration, Unserved) for route in loaded.gateway.apis[0].routes)


@pytest.mark.parametrize(
    "url", ["shop:9000", "ftp://shop", "http://shop/{x}", "http://shop/?a=b", "http://a@b"]
)
def test_bad_upstream_urls(files: Files, url: str) -> None:
    loaded = files.load(definition({"/a": {"get": op()}}), upstream=url)
    assert [str(problem.place) for problem in loaded.problems] == ["--upstream:1:1"]
    loaded = files.load(definition({"/a": {"get": op()}}, servers=[{"url": "http://h/?a=b"}]))
    assert [problem.code for problem in loaded.problems] == ["bad-uri"]


def test_nothing_that_matters_is_silent(files: Files) -> None:
    loaded = files.load(
        definition(
            {"/a": {"get": served(), "trace": op(), "x-other": 1}},
            x_binary_media_types=["*/*"],
            x_minimum_compression_size=0,
            x_security_policy="TLS_1_2",
            x_endpoint_configuration={"disableExecuteApiEndpoint": True, "vpcEndpointIds": ["vpce-1"]},
            x_documentation={},
            x_importexport_version="1.0",
            x_tag_value="t",
            x_any_method={},
            x_api_key_source="HEADER",
        )
    )
    assert sorted(problem.message.split(" ")[0] for problem in loaded.problems) == [
        "TRACE",
        "vpcEndpointIds",
        "x-amazon-apigateway-any-method",
    ]
    assert loaded.gateway is not None and not loaded.gateway.apis[0].execute_api


CHECKS = [
    ("key", {"security": [{"q": []}]}, {}),
    ("authorizer", {"security": [{"b": []}]}, {}),
    ("authorizer", {"security": [{"unknown": []}]}, {}),
    ("authorizer", {}, {"security": [{"b": []}]}),
]


KEYED, OPEN = [{"k": []}], [{}, {"k": []}]


@pytest.mark.parametrize(
    ("own", "common", "required"),
    [(KEYED, None, True), (None, KEYED, True), ([], KEYED, False), (OPEN, None, False), (None, None, False)],
)
def test_an_operation_requires_a_key_by_its_security(files: Files, own, common, required: bool) -> None:
    operation = served() if own is None else {**served(), "security": own}
    root = {} if common is None else {"security": common}
    scheme = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    api = files.api(definition({"/a": {"get": operation}}, components={"securitySchemes": {"k": scheme}}, **root))
    assert [route.key for route in api.routes] == [required]


@pytest.mark.parametrize(("name", "operation", "root"), CHECKS)
def test_checks_are_refused_or_allowed_by_name(files: Files, name: str, operation: dict, root: dict) -> None:
    document = definition(
        {"/a": {"get": {**served(), **operation}}},
        **root,
        components={
            "securitySchemes": {
                "q": {"type": "apiKey", "in": "query", "name": "x-api-key"},
                "b": {"type": "http", "scheme": "bearer"},
            }
        },
    )
    loaded = files.load(document)
    assert [(problem.severity, problem.code) for problem in loaded.problems] == [("error", "unenforced")]
    assert f"--allow-unenforced {name} " in loaded.problems[0].message
    allowed = files.load(document, allow_unenforced=frozenset({name}))
    assert [(problem.severity, problem.code) for problem in allowed.problems] == [("warning", "unenforced")]
    others = frozenset({"key", "authorizer", "validator"} - {name})
    assert files.load(document, allow_unenforced=others).gateway is None


@pytest.mark.parametrize(("operation", "root"), [
    ({"security": [{"s": []}]}, {}),
    ({}, {"security": [{"s": []}]}),
    ({"x-amazon-apigateway-auth": {"type": "aws_iam"}}, {}),
    ({}, {"x-amazon-apigateway-auth": {"type": "AWS_IAM"}}),
])  # fmt: skip
def test_signed_requests_are_asked_for(files: Files, operation: dict, root: dict) -> None:
    scheme = {"type": "apiKey", "x-amazon-apigateway-authtype": "awsSigv4"}
    loaded = files.load(definition({"/a": {"get": {**served(), **operation}}}, **root,
                                   components={"securitySchemes": {"s": scheme}}))
    assert [route.access for route in loaded.gateway.apis[0].routes] == [Access(iam=True)]
    assert [problem.code for problem in loaded.problems] == ["nobody-signs"]


@pytest.mark.parametrize(
    "operation",
    [
        {"security": []},
        {"security": [{}, {"a": []}]},
        {"x-amazon-apigateway-auth": {"type": "none"}},
        {"x-amazon-apigateway-request-validator": "none"},
    ],
)
def test_what_asks_for_no_check_is_fine(files: Files, operation: dict) -> None:
    document = definition(
        {"/a": {"get": {**served(), **operation}}},
        security=[] if "security" in operation else [{}],
        x_request_validators={"none": {"validateRequestBody": False}},
    )
    assert files.load(document).problems == ()


def test_mock_and_proxy_side_by_side(files: Files) -> None:
    mock = {
        "type": "Mock",
        "requestTemplates": {"application/json": '{"statusCode": 200}'},
        "responses": {"default": {"statusCode": 200}},
    }
    api = files.api(definition({"/a": {"get": {INTEGRATION: mock}, "post": served()}}))
    assert [type(route.integration) for route in api.routes] == [Mock, HttpProxy]


def test_two_plain_definitions_need_a_fastgw_yaml(files: Files) -> None:
    one = files.write("a.json", definition({"/a": {"get": served()}}))
    loaded = load([one, one])
    assert loaded.gateway is None and "write a fastgw.yaml" in loaded.problems[0].message


def test_a_plain_definition_answers_at_the_root_of_every_host(files: Files) -> None:
    gateway = files.load(definition({"/a": {"get": served()}}), stage="prod").gateway
    assert [(stage.api, stage.name) for stage in gateway.stages] == [("Test", "prod")]
    assert [
        (domain.host, [(m.base_path, m.api, m.stage) for m in domain.mappings]) for domain in gateway.domains
    ] == [("*", [("", "Test", None)])]


@pytest.mark.parametrize("file", ["missing.yaml", ".", "nul\0"])
def test_unreadable_files(files: Files, file: str) -> None:
    loaded = load([str(files.directory / file)])
    assert [problem.code for problem in loaded.problems] == ["unreadable"]
    assert load([]).gateway is None


@pytest.mark.parametrize("stage", ["", "a b", "$other", "a" * 129])
def test_bad_stage_names(files: Files, stage: str) -> None:
    loaded = files.load(definition({"/a": {"get": served()}}), stage=stage)
    assert [str(problem.place) for problem in loaded.problems] == ["--stage:1:1"]
