"""What the gateway answers itself: gateway responses, CORS, and which headers a definition may set."""

from pathlib import Path

import pytest

from fastgw.load import ALLOWABLE
from fastgw.model.api import ApiKind, Cors
from fastgw.model.value import Context, RequestParameter, StageVariable, Static, Text
from tests.support.load_files import Files, definition, messages, proxy

INTEGRATION = "x-amazon-apigateway-integration"
PATHS = {"/a": {"get": {INTEGRATION: proxy()}}}
OWNED = (
    "Content-Length",
    "Transfer-Encoding",
    "Connection",
    "Keep-Alive",
    "TE",
    "Trailer",
    "Upgrade",
    "Date",
    "x-amzn-RequestId",
    "x-amz-apigw-id",
    "x-amzn-ErrorType",
    "apigw-requestid",
)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def response(files: Files, **fields):
    """Loaded with one gateway response of these fields, in a stage where colour is red."""
    files.write("api.json", definition(PATHS, x_gateway_responses={"DEFAULT_4XX": fields}))
    stages = "stages: {prod: {variables: {colour: red}}}"
    return files.load(f"fastgw: 1\napis: {{a: {{definition: api.json, {stages}}}}}\n", "fastgw.yaml")


def test_gateway_responses(files: Files) -> None:
    api = files.api(
        definition(
            PATHS,
            x_gateway_responses={
                "DEFAULT_4XX": {
                    "responseParameters": {
                        "gatewayresponse.header.A": "'*'",
                        "gatewayresponse.header.B": "method.request.header.Origin",
                        "gatewayresponse.header.C": "context.requestId",
                    }
                },
                "THROTTLED": {
                    "statusCode": "503",
                    "responseTemplates": {
                        "application/json": '{"m":$context.error.messageString,'
                        '"s":"${stageVariables.s}$stageVariables.t",'
                        '"o":"$method.request.header.Origin","l":"$other $ {x}"}'
                    },
                },
                "REQUEST_TOO_LARGE": {"statusCode": 400},
            },
        )
    )
    first, second = api.gateway_responses
    assert (first.type, first.status, first.templates) == ("DEFAULT_4XX", None, ())
    assert first.headers == (
        ("A", Static("*")),
        ("B", RequestParameter("header", "Origin")),
        ("C", Context("requestId")),
    )
    assert (second.type, second.status) == ("THROTTLED", 503)
    assert second.templates == (
        (
            "application/json",
            Text(
                (
                    Static('{"m":'),
                    Context("error.messageString"),
                    Static(',"s":"'),
                    StageVariable("s"),
                    StageVariable("t"),
                    Static('","o":"'),
                    RequestParameter("header", "Origin"),
                    Static('","l":"$other $ {x}"}'),
                )
            ),
        ),
    )


@pytest.mark.parametrize("status", [200, "200", 599, None])
def test_good_status(files: Files, status: object) -> None:
    assert response(files, statusCode=status).problems == ()


@pytest.mark.parametrize("status", [100, "199", 600, "2xx", True])
def test_bad_status(files: Files, status: object) -> None:
    loaded = response(files, statusCode=status)
    assert [problem.code for problem in loaded.problems] == ["out-of-range"]


@pytest.mark.parametrize("name", OWNED)
@pytest.mark.parametrize("spell", [str, str.upper])
def test_fields_the_gateway_owns_cannot_be_mapped(files: Files, name: str, spell) -> None:
    key = f"gatewayresponse.header.{spell(name)}"
    loaded = response(files, responseParameters={key: "'1'"})
    assert [problem.code for problem in loaded.problems] == ["reserved-header"]
    assert f"{spell(name)} cannot be mapped: the gateway " in loaded.problems[0].message


@pytest.mark.parametrize(
    ("key", "source"),
    [
        ("gatewayresponse.header.", "'1'"),
        ("gatewayresponse.header.X:Y", "'1'"),
        ("gatewayresponse.header.X Y", "'1'"),
        ("gatewayresponse.header.X\n", "'1'"),
        ("gatewayresponse.header.X\u00e9", "'1'"),
        ("gatewayresponse.header.X", "'a\r\nSet-Cookie: b'"),
        ("gatewayresponse.header.X", "'\x7f'"),
        ("gatewayresponse.header.X", "integration.response.header.Y"),
        ("gatewayresponse.header.X", "method.request.body"),
        ("gatewayresponse.header.X", "stageVariables.colour\n"),
    ],
)
def test_bad_header_mappings(files: Files, key: str, source: str) -> None:
    assert [problem.code for problem in response(files, responseParameters={key: source}).problems] == [
        "bad-mapping"
    ]


def test_a_header_needs_its_stage_variable(files: Files) -> None:
    key = "gatewayresponse.header.X"
    assert response(files, responseParameters={key: "stageVariables.colour"}).problems == ()
    loaded = response(files, responseParameters={key: "stageVariables.color"})
    assert [problem.code for problem in loaded.problems] == ["missing-variable"]


@pytest.mark.parametrize(
    ("kind", "good"),
    [
        ("text/html", True),
        ("text/html; charset=utf-8", True),
        ('text/html;a="b \\" c"', True),
        ("application/problem+json", True),
        ("text/html\n", False),
        ("text/html; charset", False),
        ("text", False),
        ("/html", False),
        ("text/html/x", False),
        ("text/html\r\nX: y", False),
    ],
)
def test_media_types(files: Files, kind: str, good: bool) -> None:
    loaded = response(files, responseTemplates={kind: "x"})
    assert [problem.code for problem in loaded.problems] == ([] if good else ["bad-name"])


@pytest.mark.parametrize(
    ("kind", "template", "named"),
    [
        ("text/html", "<p>$method.request.header.X ${context.path}</p>", "$method.request.header.X, $context.path"),
        ("text/plain", "$method.request.multivaluequerystring.q", "$method.request.multivaluequerystring.q"),
        ("application/xml", "<a>$context.identity.userAgent</a>", "$context.identity.userAgent"),
        ("text/html", "$context.requestId $context.error.message $stageVariables.colour", ""),
        ("application/json", '"$method.request.header.X"', ""),
        ("application/problem+json", '"$context.path"', ""),
    ],
)
def test_what_is_put_in_unescaped_is_named(files: Files, kind: str, template: str, named: str) -> None:
    loaded = response(files, responseTemplates={kind: template})
    assert loaded.gateway is not None
    assert messages(loaded) == (
        [
            f"warning: template for {kind}: {named} stands there as the client sent it; only a JSON template "
            "escapes what it puts in"
        ]
        if named
        else []
    )


def test_cors(files: Files) -> None:
    document = definition(
        PATHS,
        x_cors={
            "allowOrigins": ["https://a.example"],
            "allowMethods": ["get", "*"],
            "allowHeaders": ["X-A"],
            "exposeHeaders": ["X-B"],
            "maxAge": "600",
            "allowCredentials": True,
        },
    )
    expected = Cors(("https://a.example",), ("GET", "*"), ("X-A",), ("X-B",), 600, True)
    assert files.api(document).cors == expected
    loaded = files.load(document, kind=ApiKind.REST)
    assert loaded.gateway.apis[0].cors is None and "no effect on a REST API" in messages(loaded)[0]


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "http://*",
        "https://*",
        "http://a",
        "https://a.example:8443",
        "http://[::1]:3000",
        "capacitor://localhost",
    ],
)
def test_good_origins(files: Files, origin: str) -> None:
    assert files.api(definition(PATHS, x_cors={"allowOrigins": [origin]})).cors.allow_origins == (origin,)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "a.example",
        "//a.example",
        "https://",
        "https://*.a.example",
        "https://a.*",
        "https://*:443",
        "ftp://*",
        "**",
        "https://a.example/",
        "https://a.example/x",
        "https://a.example?x",
        "https://a.example:0",
        "https://a.example:65536",
        "https://a@b",
        "https://a.example\n",
        "https://a b",
        "https://\u00e9.example",
        "1a://b",
    ],
)
def test_bad_origins(files: Files, origin: str) -> None:
    loaded = files.load(definition(PATHS, x_cors={"allowOrigins": ["https://a.example", origin]}))
    assert [problem.code for problem in loaded.problems] == ["bad-name"]
    assert loaded.problems[0].place.line > 1 and ("stands only alone" in loaded.problems[0].message) == ("*" in origin)


@pytest.mark.parametrize("field", ["allowHeaders", "exposeHeaders"])
@pytest.mark.parametrize("name", ["X A", "X:", "", "X\n", "X\r\nY"])
def test_bad_cors_header_names(files: Files, field: str, name: str) -> None:
    loaded = files.load(definition(PATHS, x_cors={"allowOrigins": ["*"], field: [name]}))
    assert [problem.code for problem in loaded.problems] == ["bad-name"]


def test_unknown_checks_cannot_be_allowed(files: Files) -> None:
    loaded = files.load(definition(PATHS), allow_unenforced=frozenset({"keys", "key", "x" * 9}), stage="a b")
    assert [str(problem) for problem in loaded.problems] == [
        '--allow-unenforced:1:1: error: "keys" is no check; allowed are "key", "authorizer" or "validator"; '
        'did you mean "key"?',
        '--allow-unenforced:1:1: error: "xxxxxxxxx" is no check; allowed are "key", "authorizer" or '
        '"validator"',
        '--stage:1:1: error: "a b" is no stage name; write "$default", or 1 to 128 letters, digits, - and _',
    ]
    assert files.load(definition(PATHS), allow_unenforced=frozenset(ALLOWABLE)).problems == ()
