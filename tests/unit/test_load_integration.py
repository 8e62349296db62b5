"""x-amazon-apigateway-integration -> model."""

from pathlib import Path

import pytest

from fastgw.load.integration import MAX_MAPPED, UNMAPPABLE
from fastgw.model.integration import HttpProxy, Integrated, Mock, ParameterMapping
from fastgw.model.upstream_tls import TlsConfig
from fastgw.model.value import Context, RequestParameter, StageVariable, Static
from fastgw.plan import compiler, rules
from tests.support.load_files import UPSTREAM, Files, definition, messages, proxy

INTEGRATION = "x-amazon-apigateway-integration"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def load_one(files: Files, integration: dict, path: str = "/pets", **options):
    return files.load(definition({path: {"get": {INTEGRATION: integration}}}), **options)


@pytest.mark.parametrize(
    ("fields", "method", "timeout"),
    [
        ({}, None, None),
        ({"httpMethod": "ANY"}, None, None),
        ({"httpMethod": "post"}, "POST", None),
        ({"timeoutInMillis": 50}, None, 50),
        ({"timeoutInMillis": "900000"}, None, 900_000),
        (
            {"type": "HTTP_PROXY", "connectionType": "internet", "passthroughBehavior": "when_no_match"},
            None,
            None,
        ),
        ({"responseTransferMode": "STREAM", "responses": {"default": {"statusCode": 200}}}, None, None),
    ],
)
def test_http_proxy(files: Files, fields: dict, method: str | None, timeout: int | None) -> None:
    found = files.integration(proxy(**fields))
    assert isinstance(found, HttpProxy)
    assert (found.method, found.uri, found.timeout_ms) == (method, UPSTREAM, timeout)


@pytest.mark.parametrize(
    "fields",
    [
        {"timeoutInMillis": 49},
        {"timeoutInMillis": 900_001},
        {"timeoutInMillis": True},
        {"timeoutInMillis": "\u0663"},
        {"httpMethod": "CONNECT"},
        {"type": "HTTPS_PROXY"},
        {"uri": None},
        {"uri": ["http://a"]},
        {"requestParameters": []},
        {"passthroughBehavior": "sometimes"},
        {"responses": []},
    ],
)
def test_bad_fields(files: Files, fields: dict) -> None:
    assert load_one(files, proxy(**fields)).gateway is None


@pytest.mark.parametrize(
    "uri",
    [
        "http://shop",
        "http://shop:9000",
        "http://shop?x=1",
        "http://[::1]:9000/a",
        "HTTP://shop/a",
        "http://shop//pets//{petId}?a={petId}&b=${stageVariables.b}",
        "http://${stageVariables.host}:${stageVariables.port}",
        "http://a-${stageVariables.host}.internal/x",
    ],
)
def test_good_uris(files: Files, uri: str) -> None:
    loaded = in_stage(files, uri, "{host: shop, port: '80', b: x}", path="/pets/{petId}")
    assert loaded.gateway.apis[0].routes[0].integration.uri == uri.replace("HTTP:", "http:")


@pytest.mark.parametrize(
    "uri",
    [
        "shop/a",
        "//shop",
        "ftp://shop",
        "http://",
        "http:///a",
        "http://{petId}",
        "http://{petId}:80/",
        "http://shop:{petId}/",
        "http://a.{petId}.b/",
        "http://shop{petId}",
        "http://user@shop",
        "http://shop@{petId}",
        "http://shop:0",
        "http://shop:65536",
        "http://shop:80:80",
        "http://shop/#x",
        "http://shop/a b",
        "http://shop/\n",
        "http://shop\\a",
        "http://shop/\u00e9",
        "http://shop/{",
        "http://shop/}",
        "http://shop/{a/b}",
        "http://shop/{nope}",
        "http://sh op",
        "http://${stageVariables.a-b}/",
        "http://shop/${nope}",
        "${stageVariables.url}/x",
        "http://[::1",
        "http://-a",
    ],
)
def test_bad_uris(files: Files, uri: str) -> None:
    loaded = load_one(files, proxy(uri), path="/pets/{petId}")
    assert {problem.code for problem in loaded.problems} <= {"bad-uri", "missing-parameter"}
    assert loaded.gateway is None


def test_https_goes_where_the_uri_says(files: Files) -> None:
    loaded = load_one(files, proxy("https://Shop.example/pets"))
    assert messages(loaded) == []
    assert loaded.gateway.apis[0].routes[0].integration.uri == "https://shop.example/pets"


@pytest.mark.parametrize(("given", "expected"), [
    ({"insecureSkipVerification": True}, TlsConfig(skip_issuer=True)),
    ({"insecureSkipVerification": "true"}, TlsConfig(skip_issuer=True)),
    ({"insecureSkipVerification": False}, None),
    ({}, None),
])
@pytest.mark.parametrize("kind", ["HTTP_PROXY", "HTTP"])
def test_tls_config_of_a_rest_api(files: Files, kind: str, given: dict, expected: TlsConfig | None) -> None:
    found = files.integration(proxy("https://shop/pets", type=kind, tlsConfig=given))
    assert found.tls == expected


@pytest.mark.parametrize(("given", "told"), [
    ({"insecureSkipVerification": "maybe"}, "must be true or false"),
    ({"insecureSkipVerificatoin": True}, 'did you mean "insecureSkipVerification"?'),
    ("yes", "tlsConfig must be a mapping"),
])
def test_a_wrong_tls_config(files: Files, given: object, told: str) -> None:
    loaded = load_one(files, proxy("https://shop/pets", tlsConfig=given))
    assert loaded.gateway is None
    assert told in messages(loaded)[0]


def test_a_server_name_is_for_private_integrations_of_http_apis(files: Files) -> None:
    loaded = load_one(files, proxy("https://shop/pets", tlsConfig={"serverNameToVerify": "other"}))
    assert messages(loaded) == ["warning: GET /pets: serverNameToVerify has no effect here, as in the service; this "
                                "kind of integration has insecureSkipVerification"]
    assert loaded.gateway.apis[0].routes[0].integration.tls is None


def test_mappings_keep_their_order(files: Files) -> None:
    found = files.integration(
        proxy(
            UPSTREAM + "/{a}?{q}",
            requestParameters={
                "integration.request.header.X-B": "method.request.multivalueheader.X-B",
                "integration.request.path.a": "method.request.path.petId",
                "integration.request.querystring.q-1": "'a, b'",
                "integration.request.path.q": "stageVariables.q",
                "integration.request.header.X-A": "context.identity.sourceIp",
                "integration.request.querystring.m": "method.request.multivaluequerystring.m",
                "integration.request.header.P": "context.authorizer.claims.sub",
            },
        ),
        path="/pets/{petId}",
    )
    assert found.mappings == (
        ParameterMapping("header", "X-B", RequestParameter("header", "X-B", True)),
        ParameterMapping("path", "a", RequestParameter("path", "petId")),
        ParameterMapping("querystring", "q-1", Static("a, b")),
        ParameterMapping("path", "q", StageVariable("q")),
        ParameterMapping("header", "X-A", Context("identity.sourceIp")),
        ParameterMapping("querystring", "m", RequestParameter("querystring", "m", True)),
        ParameterMapping("header", "P", Context("authorizer.claims.sub")),
    )


@pytest.mark.parametrize(
    ("target", "source"),
    [
        ("integration.request.header.", "'a'"),
        ("integration.request.headers.a", "'a'"),
        ("header.a", "'a'"),
        ("integration.request.header.a b", "'a'"),
        ("integration.request.header.a", "a"),
        ("integration.request.header.a", "'a\r\nX: y'"),
        ("integration.request.header.a", "'a\x00'"),
        ("integration.request.header.a", "context.identity.sourceip"),
        ("integration.request.header.a", "stageVariables."),
        ("integration.request.header.a", "method.request.cookie.a"),
        ("integration.request.header.a", ["'a'"]),
        ("integration.request.header.a", "integration.response.header.a"),
    ],
)
def test_bad_mappings(files: Files, target: str, source: str) -> None:
    loaded = load_one(files, proxy(requestParameters={target: source}))
    assert [problem.severity for problem in loaded.problems] == ["error"]


def headers(number: int) -> dict[str, str]:
    return {f"integration.request.header.X-{count}": "'a'" for count in range(number)}


def test_a_route_maps_at_most_64_headers(files: Files) -> None:
    left_out = {"integration.request.header.Via": "'a'", "integration.request.querystring.q": "'a'"}
    fine = load_one(files, proxy(requestParameters={**headers(64), **left_out}))
    assert [problem.severity for problem in fine.problems] == ["warning"]
    loaded = load_one(files, proxy(requestParameters=headers(65)))
    assert messages(loaded) == ["error: GET /pets: 65 mapped headers; at most 64 are served"]


SERVICE = "arn:aws:apigateway:eu-west-1"


@pytest.mark.parametrize("name", ["Connection", "expect", "Proxy-Authenticate", "TE", "via"])
def test_mappings_that_the_service_leaves_out_are_named(files: Files, name: str) -> None:
    loaded = load_one(files, proxy(requestParameters={f"integration.request.header.{name}": "'a'"}))
    assert messages(loaded) == [
        f"warning: GET /pets: a mapping to header {name} is left out, as by the service"
    ]


def test_loader_and_plan_agree_on_mapped_headers() -> None:
    assert (UNMAPPABLE, MAX_MAPPED) == (rules.UNMAPPABLE, compiler.MAX_MAPPED)


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"type": "AWS", "uri": f"{SERVICE}:dynamodb:action/Scan", "credentials": "arn:aws:iam::*:user/*"}, "AWS"),
        ({"connectionType": "VPC_LINK", "connectionId": "${link}"}, "VPC_LINK"),
        ({"integrationTarget": "arn:x"}, "VPC_LINK"),
        (
            {"requestParameters": {"integration.request.header.Content-Length": "'1'"}},
            "mapping to header Content-Length",
        ),
        (
            {"requestParameters": {"integration.request.header.transfer-encoding": "'x'"}},
            "mapping to header transfer-encoding",
        ),
        (
            {"requestParameters": {"integration.request.header.X-Amzn-Trace-Id": "'x'"}},
            "mapping to header X-Amzn-Trace-Id",
        ),
    ],
)
def test_what_is_not_served_is_named(files: Files, fields: dict, what: str) -> None:
    loaded = load_one(files, proxy(**fields))
    assert loaded.gateway.apis[0].routes[0].integration.what == what
    first = messages(loaded)[0]
    assert first.startswith(f"warning: GET /pets: {what} ") and first.endswith(
        "it answers 500 Internal server error"
    )


def test_missing_parameters_are_errors_only_where_something_is_served(files: Files) -> None:
    assert files.load(definition({"/a": {"get": {INTEGRATION: proxy("${url}")}}})).gateway is None
    loaded = load_one(files, proxy("${url}", connectionType="VPC_LINK", credentials={"Fn::GetAtt": ["Role", "Arn"]}))
    assert messages(loaded)[1:] == [
        "warning: GET /pets: no value is given for url, Role.Arn; nothing needs it while VPC_LINK is not served"
    ]
    assert files.integration(proxy("${url}/a"), params={"url": UPSTREAM}).uri == UPSTREAM + "/a"


def mock(template: object = '{"statusCode": 200}', **responses) -> dict:
    return {
        "type": "mock",
        "requestTemplates": {"application/json": template},
        "responses": {key.replace("_", ""): value for key, value in responses.items()}
        or {"default": {"statusCode": "200"}},
    }


@pytest.mark.parametrize(
    "template",
    [
        '{"statusCode": 204}',
        "{statusCode: 204}",
        "{statusCode:204}",
        "{'statusCode': '204'}",
        '{"statusCode": "204"}',
        '\n{\n  "statusCode" : 204,\n}\n',
        '{"statusCode": 204, "other": [1]}',
        {"statusCode": 204},
    ],
)
def test_mock_status_is_read_leniently(files: Files, template: object) -> None:
    found = files.integration(mock(template, _204={"statusCode": "204"}, default={"statusCode": "500"}))
    assert isinstance(found, Mock) and found.status == 204


@pytest.mark.parametrize(
    ("patterns", "status"),
    [
        ({"2\\d{2}": 201, "default": 202}, 201),
        ({"20": 201, "default": 202}, 202),
        ({"2.*": 201, "200": 203}, 201),
        ({"default": 202, "200": 201}, 201),
        ({"(?:200|404)": 201}, 201),
    ],
)
def test_mock_response_is_chosen_by_full_match(files: Files, patterns: dict, status: int) -> None:
    integration = {**mock(), "responses": {key: {"statusCode": value} for key, value in patterns.items()}}
    assert files.integration(integration).status == status


@pytest.mark.parametrize(
    "integration",
    [
        {"type": "mock"},
        mock('#set($a = 1){"statusCode": 200}'),
        mock('{"statusCode": $stageVariables.code}'),
        mock('{"status": 200}'),
        mock("[200]"),
        mock('{"statusCode": 99}'),
        mock(_404={"statusCode": "404"}),
        {**mock(), "responses": {}},
        {**mock(), "passthroughBehavior": "never"},
        {**mock(), "passthroughBehavior": "when_no_templates"},
        mock(default={"statusCode": 200, "responseTemplates": {"application/json": "$input.json('$')"}}),
        mock(default={"statusCode": 200, "responseTemplates": {"application/json": "#if(true)a#end"}}),
        mock(default={"statusCode": 200, "responseTemplates": {"application/json": "{}", "text/plain": "a"}}),
        mock(default={"statusCode": 200, "contentHandling": "CONVERT_TO_BINARY"}),
    ],
)
def test_mocks_whose_answer_depends_on_the_request(files: Files, integration: dict) -> None:
    found = files.integration(integration)
    assert isinstance(found, Integrated) and found.type == "MOCK"


def test_mock_headers_and_body(files: Files) -> None:
    response = {
        "statusCode": "200",
        "responseParameters": {
            "method.response.header.A": "'*'",
            "method.response.header.B": "stageVariables.b",
            "method.response.header.C": "context.requestId",
            "method.response.header.Content-Type": "'text/plain'",
        },
        "responseTemplates": {"application/json": '{"a": "caf\u00e9 #1 $5 #333"}'},
    }
    found = in_stage(files, mock(default=response), "{b: c}").gateway.apis[0].routes[0].integration
    assert found.headers == (
        ("A", Static("*")),
        ("B", StageVariable("b")),
        ("C", Context("requestId")),
        ("Content-Type", Static("text/plain")),
    )
    assert (found.content_type, found.body) == ("application/json", '{"a": "caf\u00e9 #1 $5 #333"}'.encode())


@pytest.mark.parametrize(
    ("templates", "kind", "body"),
    [
        ({}, "application/json", b""),
        ({"text/html": "<p>"}, "text/html", b"<p>"),
        ({"text/html": None}, "text/html", b""),
        ({"application/json": {"a": 1}}, "application/json", b'{"a": 1}'),
    ],
)
def test_mock_body_kinds(files: Files, templates: dict, kind: str, body: bytes) -> None:
    found = files.integration(mock(default={"statusCode": 200, "responseTemplates": templates}))
    assert (found.content_type, found.body) == (kind, body)


@pytest.mark.parametrize(
    "response",
    [
        {},
        {"statusCode": "abc"},
        {"statusCode": 199},
        {"statusCode": 600},
        {"statusCode": 200, "responseParameters": {"header.A": "'*'"}},
        {"statusCode": 200, "responseParameters": {"method.response.header.A\n": "'*'"}},
        {"statusCode": 200, "responseParameters": {"method.response.header.A:B": "'*'"}},
        {"statusCode": 200, "responseParameters": {"method.response.header.A": "'\x1b'"}},
        {"statusCode": 200, "responseParameters": {"method.response.header.A": "context.requestId\n"}},
        {"statusCode": 200, "responseParameters": {"method.response.header.A": "*"}},
        {"statusCode": 200, "responseParameters": {"method.response.header.A": "method.request.header.B"}},
        {"statusCode": 200, "responseTemplates": {"text/\u00e9": ""}},
        {"statusCode": 200, "responseTemplates": {"text/html\n": ""}},
        {"statusCode": 200, "responseTemplates": {"html": ""}},
    ],
)
def test_bad_mock_responses(files: Files, response: dict) -> None:
    assert load_one(files, mock(default=response)).gateway is None


def test_a_mock_header_needs_its_stage_variable(files: Files) -> None:
    response = {"statusCode": 200, "responseParameters": {"method.response.header.X-B": "stageVariables.b"}}
    assert messages(in_stage(files, mock(default=response), "{c: d}")) == [
        'error: GET /pets in stage "prod": header X-B needs stage variable b; set it in a fastgw.yaml, '
        "under stages: variables:"
    ]


def in_stage(files: Files, integration: str | dict, variables: str, path: str = "/pets"):
    """Loaded with a fastgw.yaml whose one stage has these variables; a text is a proxy's URI."""
    given = proxy(integration) if isinstance(integration, str) else integration
    files.write("api.json", definition({path: {"get": {INTEGRATION: given}}}))
    stages = f"stages: {{prod: {{variables: {variables}}}}}"
    return files.load(f"fastgw: 1\napis: {{a: {{definition: api.json, {stages}}}}}\n", "fastgw.yaml")


def test_a_stage_must_set_what_its_uris_need(files: Files) -> None:
    uri = "http://${stageVariables.host}/a/${stageVariables.a}"
    assert messages(in_stage(files, uri, "{b: c}")) == [
        'error: GET /pets in stage "prod": the uri needs stage variable a, host; set it in a fastgw.yaml, '
        "under stages: variables:"
    ]
    assert in_stage(files, uri, "{host: 'shop:80/x', a: ''}").problems == ()


@pytest.mark.parametrize("host", ["", ":80", "a:b", "a:99999", "?x", "a#b", "a,b", "http://a"])
def test_a_stage_variable_must_make_a_host(files: Files, host: str) -> None:
    loaded = in_stage(files, "http://${stageVariables.host}/a", f"{{host: '{host}'}}")
    assert [problem.code for problem in loaded.problems] == ["bad-uri"]


def test_what_a_cache_does_not_hold_is_told(files: Files) -> None:
    branches = {"a": {"uri": f"{UPSTREAM}/a"}}
    paths = {
        "/worked": {"get": {INTEGRATION: {**proxy(), "type": "http", "responses": {}}}},
        "/passed": {"get": {INTEGRATION: proxy()}},
        "/composed": {"get": {"x-fastgw-integration": {"type": "compose", "branches": branches}}},
        "/posted": {"post": {"x-fastgw-integration": {"type": "compose", "branches": branches}}},
    }
    files.write("api.json", definition(paths))
    stages = "stages: {prod: {cache: {ttl: 5}}}"
    loaded = files.load(f"fastgw: 1\napis: {{a: {{definition: api.json, {stages}}}}}\n", "fastgw.yaml")
    assert messages(loaded) == ['warning: GET /composed in stage "prod" is not cached: it is a composition']
