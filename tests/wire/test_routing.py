"""Routing at the wire: REST and HTTP API modes, and every way to address a stage."""

from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import get
from tests.support.definition import ANY, mock, openapi, proxy, several
from tests.support.message import Response
from tests.support.process import Gateway
from tests.support.upstream import Upstream

MISSING = b'{"message":"Missing Authentication Token"}'
NOT_FOUND = b'{"message":"Not Found"}'

REST_ROUTES = {
    "/": ("get",),
    "/pets": ("get", "post"),
    "/pets/mine": ("get",),
    "/pets/{id}": ("get", "delete"),
    "/pets/{id}/toys/{toy}": ("get",),
    "/files/{path+}": ("any",),
    "/files/index": ("post",),
    "/both": ("get", "any"),
    "/part1": ("get",),
    "/part1/hardcoded-value": ("get",),
    "/{param+}": ("get", "options"),
}


def named(verb: str, path: str) -> dict:
    """A fixed answer that tells its route."""
    return mock(200, f'"{verb.upper()} {path}"')


@pytest.fixture(scope="module")
def rest() -> Iterator[Gateway]:
    document = openapi(
        {path: {verb: named(verb, path) for verb in verbs} for path, verbs in REST_ROUTES.items()}
    )
    with Gateway({"api.json": document}) as gateway:
        yield gateway


@pytest.mark.parametrize(
    ("method", "path", "route"),
    (
        ("GET", "/", "GET /"),
        ("GET", "/pets", "GET /pets"),
        ("GET", "/pets/", "GET /pets"),
        ("GET", "//pets", "GET /pets"),
        ("GET", "/pets?x=/files/1", "GET /pets"),
        ("POST", "/pets", "POST /pets"),
        ("GET", "/pets/mine", "GET /pets/mine"),
        ("DELETE", "/pets/mine", "DELETE /pets/{id}"),
        ("GET", "/pets/7", "GET /pets/{id}"),
        ("GET", "/pets/a%2Cb", "GET /pets/{id}"),
        ("GET", "/pets/7/toys/3", "GET /pets/{id}/toys/{toy}"),
        ("GET", "/pets/mine/toys/3", "GET /pets/{id}/toys/{toy}"),
        ("GET", "/pets/7/toys", "GET /{param+}"),
        ("PATCH", "/files/a/b/c", "ANY /files/{path+}"),
        ("POST", "/files/index", "POST /files/index"),
        ("GET", "/files/index", "ANY /files/{path+}"),
        ("GET", "/files", "GET /{param+}"),
        ("GET", "/both", "GET /both"),
        ("PUT", "/both", "ANY /both"),
        ("GET", "/part1", "GET /part1"),
        ("GET", "/part1/hardcoded-value", "GET /part1/hardcoded-value"),
        ("GET", "/part1/random-value", "GET /{param+}"),
        ("OPTIONS", "/pets", "OPTIONS /{param+}"),
        ("GET", "/Pets", "GET /{param+}"),
    ),
)
def test_rest_routes(rest: Gateway, method: str, path: str, route: str) -> None:
    answer = rest.fetch(get(path, method=method))
    assert (answer.status, answer.body) == (200, f'"{route}"'.encode())


@pytest.mark.parametrize(
    ("method", "path"),
    (
        ("HEAD", "/pets"),
        ("PUT", "/pets"),
        ("POST", "/"),
        ("PATCH", "/pets/7"),
        ("POST", "/nowhere"),
        ("DELETE", "/pets"),
    ),
)
def test_rest_unmatched(rest: Gateway, method: str, path: str) -> None:
    answer = rest.fetch(get(path, method=method))
    assert (answer.status, answer.get("Content-Type")) == (403, "application/json")
    assert answer.body == (b"" if method == "HEAD" else MISSING)
    assert answer.get("x-amzn-ErrorType") == "MissingAuthenticationTokenException"
    assert answer.get("x-amzn-RequestId") and answer.get("x-amz-apigw-id")


def test_rest_unmatched_keeps_the_connection(rest: Gateway) -> None:
    with rest.wire() as wire:
        assert wire.request(get("/nowhere", method="POST")).status == 403
        assert wire.request(get("/nowhere", method="POST", body=b"body")).status == 403
        assert wire.request(get("/pets")).body == b'"GET /pets"'


HTTP_ROUTES = {
    "one": ("get", "/pets/dog/1"),
    "two": ("get", "/pets/dog/{id}"),
    "three": ("get", "/pets/{proxy+}"),
    "four": ("any", "/{proxy+}"),
}


def http_document(url: str, default: bool) -> dict:
    paths = {
        path: {verb: proxy(f"{url}/{name}")}
        for name, (verb, path) in HTTP_ROUTES.items()
        if not (default and name == "four")
    }
    document = openapi(paths)
    if default:
        document["paths"]["/$default"] = {ANY: {**proxy(f"{url}/default"), "isDefaultRoute": True}}
    for item in document["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict):
                operation["x-amazon-apigateway-integration"]["payloadFormatVersion"] = "1.0"
    return document


@pytest.fixture(scope="module", params=(False, True), ids=("greedy", "default"))
def http_api(request: pytest.FixtureRequest) -> Iterator[tuple[Served, bool]]:
    with Upstream() as stub:
        files = {
            "fastgw.yaml": several({"shop": {"definition": "api.json", "kind": "HTTP"}}),
            "api.json": http_document(stub.url, request.param),
        }
        with Gateway(files) as gateway:
            yield Served(gateway, stub), request.param
            assert stub.unclean == []


@pytest.mark.parametrize(
    ("method", "path", "name"),
    (
        ("GET", "/pets/dog/1", "/one"),
        ("GET", "/pets/dog/2", "/two"),
        ("GET", "/pets/cat/1", "/three"),
        ("POST", "/test/5", "/four"),
        ("POST", "/pets/dog/1", "/four"),
    ),
)
def test_http_api_routes(http_api: tuple[Served, bool], method: str, path: str, name: str) -> None:
    """The developer guide's example, with /{proxy+} and with $default in its place."""
    served, default = http_api
    answer = served.fetch(get(path, method=method))
    assert answer.body == ("/default" if default and name == "/four" else name).encode()
    assert answer.get("apigw-requestid")


def test_http_api_unmatched(http_api: tuple[Served, bool]) -> None:
    served, default = http_api
    answer = served.fetch(get("/"))
    if default:
        assert answer.body == b"/default"
    else:
        assert (answer.status, answer.body, answer.get("Content-Type")) == (
            404,
            NOT_FOUND,
            "application/json",
        )


def told(answer: Response) -> tuple[str | None, str | None, bytes]:
    """Which API, stage and route answered."""
    return answer.get("X-Api"), answer.get("X-Stage"), answer.body


@pytest.fixture(scope="module")
def addressed() -> Iterator[Gateway]:
    marks = {"X-Api": "context.apiId", "X-Stage": "context.stage", "X-Colour": "stageVariables.colour"}
    document = openapi(
        {
            "/": {"get": mock(200, '"root"', marks)},
            "/pets": {"get": mock(200, '"pets"', marks)},
            "/{p+}": {"get": mock(200, '"other"', marks)},
        }
    )
    files = {
        "fastgw.yaml": several(
            {
                "first": {
                    "definition": "api.json",
                    "id": "aaa111",
                    "stages": {
                        "dev": {"variables": {"colour": "red"}},
                        "prod": {"variables": {"colour": "blue"}},
                        "$default": {"variables": {"colour": "no"}},
                    },
                },
                "second": {
                    "definition": "api.json",
                    "id": "bbb222",
                    "stages": {"live": {"variables": {"colour": "no"}}},
                },
            },
            domains={
                "api.test": [
                    {"api": "first", "base_path": "v1", "stage": "prod"},
                    {"api": "first", "base_path": "v1/beta", "stage": "dev"},
                    {"api": "second", "stage": "live"},
                ],
                "stages.test": [{"api": "first"}],
                "second.test": [{"api": "second", "base_path": "x"}],
            },
        ),
        "api.json": document,
    }
    with Gateway(files) as gateway:
        yield gateway


@pytest.mark.parametrize(
    ("host", "path", "expected"),
    (
        ("api.test", "/v1/pets", ("aaa111", "prod", b'"pets"')),
        ("api.test", "/v1", ("aaa111", "prod", b'"root"')),
        ("api.test", "/v1/", ("aaa111", "prod", b'"root"')),
        ("api.test", "/v1/beta/pets", ("aaa111", "dev", b'"pets"')),
        ("api.test", "/v1/betax/pets", ("aaa111", "prod", b'"other"')),
        ("api.test", "/v1x/pets", ("bbb222", "live", b'"other"')),
        ("api.test", "/pets", ("bbb222", "live", b'"pets"')),
        ("API.TEST:8080", "/v1/pets", ("aaa111", "prod", b'"pets"')),
        ("api.test.", "/v1/pets", ("aaa111", "prod", b'"pets"')),
        ("stages.test", "/dev/pets", ("aaa111", "dev", b'"pets"')),
        ("stages.test", "/prod", ("aaa111", "prod", b'"root"')),
        ("stages.test", "/pets", ("aaa111", "$default", b'"pets"')),
        ("stages.test", "/other/pets", ("aaa111", "$default", b'"other"')),
        ("second.test", "/x/live/pets", ("bbb222", "live", b'"pets"')),
        ("aaa111.execute-api.eu-west-1.amazonaws.com", "/dev/pets", ("aaa111", "dev", b'"pets"')),
        ("aaa111.execute-api.eu-west-1.amazonaws.com", "/pets", ("aaa111", "$default", b'"pets"')),
        ("bbb222.execute-api.localhost", "/live/pets", ("bbb222", "live", b'"pets"')),
        ("anything.test", "/_aws/execute-api/aaa111/prod/pets", ("aaa111", "prod", b'"pets"')),
        ("api.test", "/_aws/execute-api/bbb222/live/", ("bbb222", "live", b'"root"')),
    ),
)
def test_addressing(addressed: Gateway, host: str, path: str, expected: tuple) -> None:
    assert told(addressed.fetch(get(path, host=host))) == expected


@pytest.mark.parametrize(
    ("host", "path"),
    (
        ("unknown.test", "/pets"),
        ("second.test", "/pets"),
        ("second.test", "/x/nostage/pets"),
        ("bbb222.execute-api.localhost", "/pets"),
        ("zzz999.execute-api.localhost", "/dev/pets"),
        ("api.test", "/_aws/execute-api/zzz999/prod/pets"),
    ),
)
def test_addressing_nobody(addressed: Gateway, host: str, path: str) -> None:
    answer = addressed.fetch(get(path, host=host))
    assert (answer.status, answer.body) == (403, b'{"message":"Forbidden"}')
    assert answer.get("x-amzn-ErrorType") == "ForbiddenException"


def test_stage_variables_are_the_stage_s_own(addressed: Gateway) -> None:
    colours = [addressed.fetch(get(path, host="stages.test")).get("X-Colour") for path in ("/dev", "/prod")]
    assert colours == ["red", "blue"]


def test_addressing_by_id_can_be_switched_off() -> None:
    """Where domains keep APIs apart, nobody reaches one by its id."""
    files = {
        "fastgw.yaml": several(
            {"shop": {"definition": "api.json", "id": "aaa111"}},
            domains={"shop.test": [{"api": "shop", "stage": "$default"}]},
        ),
        "api.json": openapi({"/pets": {"get": mock(200, '"pets"')}}),
    }
    with Gateway(files, env={"FASTGW_EXECUTE_API": "false"}) as gateway:
        assert gateway.fetch(get("/pets", host="shop.test")).status == 200
        assert gateway.fetch(get("/pets", host="aaa111.execute-api.localhost")).status == 403
        assert gateway.fetch(get("/_aws/execute-api/aaa111/$default/pets", host="shop.test")).status == 403
