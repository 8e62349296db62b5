"""What a definition may cost (trial J6): hostile or huge, it is refused or read in about 2 s.

Times are CPU seconds of this process, held against a benign document read in the same run.
"""

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fastgw.load import Loaded, load
from tests.support.load_files import UPSTREAM, Files, definition, messages, proxy

INTEGRATION = "x-amazon-apigateway-integration"
BENIGN_PATHS = 2_000


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def routes(count: int, form: str) -> str:
    """A definition with that many paths, as JSON or YAML text."""
    if form == "json":
        return json.dumps(
            definition(
                {
                    f"/a{number}/{{id}}": {"get": {"responses": {}, INTEGRATION: proxy(UPSTREAM + "/{id}")}}
                    for number in range(count)
                }
            )
        )
    paths = [
        f"  /a{number}/{{id}}:\n    get:\n      responses: {{}}\n      {INTEGRATION}:\n"
        f"        type: http_proxy\n        uri: {UPSTREAM}/{{id}}\n"
        for number in range(count)
    ]
    return "openapi: 3.0.3\npaths:\n" + "".join(paths)


def cost(read: Callable[[], Loaded]) -> tuple[float, Loaded]:
    """CPU seconds, the better of two: the machine may be busy with other things."""
    spent = []
    for _ in range(2):
        start = time.process_time()
        loaded = read()
        spent.append(time.process_time() - start)
    return min(spent), loaded


@pytest.fixture(scope="module")
def benign(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """What one route of a harmless definition costs in each form."""
    each = {}
    for form in ("json", "yaml"):
        path = tmp_path_factory.mktemp("benign") / f"api.{form}"
        path.write_text(routes(BENIGN_PATHS, form))
        spent, loaded = cost(lambda path=path: load([str(path)]))
        assert len(loaded.gateway.apis[0].routes) == BENIGN_PATHS
        each[form] = spent / BENIGN_PATHS
    return each


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_50k_paths_are_refused_for_less_than_reading_20k(files: Files, benign: dict, form: str) -> None:
    path = files.write(f"api.{form}", routes(50_000, form))
    spent, loaded = cost(lambda: load([path]))
    assert loaded.gateway is None and "20,000" in messages(loaded)[0]
    assert spent < 20_000 * benign[form]


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_cost_grows_with_the_routes_and_no_faster(files: Files, benign: dict, form: str) -> None:
    path = files.write(f"api.{form}", routes(4 * BENIGN_PATHS, form))
    spent, loaded = cost(lambda: load([path]))
    assert len(loaded.gateway.apis[0].routes) == 4 * BENIGN_PATHS
    assert spent < 4 * BENIGN_PATHS * benign[form] * 2


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 100)
)

HOSTILE = {
    "alias bomb": BOMB,
    "alias bomb under paths": "openapi: 3.0.3\n" + BOMB + "paths: *a99\n",
    "flow nesting": "openapi: " + "[" * 1_000_000,
    "flow mapping nesting": "openapi: " + "{a: " * 300_000,
    "block nesting": "\n".join(" " * level + "a:" for level in range(3_000)),
    "json nesting": '{"a":' * 1_000_000,
    "json lists": "[" * 1_000_000,
    "anchors": "\n".join(f"k{i}: &a{i} v" for i in range(19_000)),
    "long key": '{"openapi": "3.0.3", "paths": {"/' + "a" * 3_000_000 + '": {"gets": {}}}}',
    "long path": '{"openapi": "3.0.3", "paths": {"/' + "{a}/" * 300_000 + '": {"get": {}}}}',
    "long pattern": json.dumps(
        definition(
            {
                "/a": {
                    "get": {
                        INTEGRATION: {
                            "type": "mock",
                            "requestTemplates": {"application/json": '{"statusCode": 200}'},
                            "responses": {
                                "(" * 100_000 + ")" * 100_000: {"statusCode": 200},
                                "default": {"statusCode": 200},
                            },
                        }
                    }
                }
            }
        )
    ),
    "parameter growth": json.dumps(
        definition({"/a": {"get": {INTEGRATION: proxy("http://a/" + "${AWS::URLSuffix}" * 200_000)}}})
    ),
    "template parents": json.dumps({"Resources": {"A": {"Type": "AWS::ApiGateway::RestApi"}, **{
        f"R{i}": {"Type": "AWS::ApiGateway::Resource", "Properties": {
            "RestApiId": {"Ref": "A"}, "ParentId": {"Ref": f"R{i + 1}"}, "PathPart": "a"}}
        for i in range(3_000)
    }}}),
    "template conditions": json.dumps({
        "Conditions": {f"C{i}": {"Fn::Not": [{"Condition": f"C{i + 1}"}]} for i in range(3_000)},
        "Resources": {"A": {"Type": "AWS::ApiGateway::RestApi", "Condition": "C0"}},
    }),
    "template functions": json.dumps({"Resources": {"A": {"Type": "AWS::ApiGateway::RestApi", "Properties": {
        "Name": {"Fn::Join": ["${AWS::URLSuffix}" * 1_000, [{"Ref": "AWS::StackName"}] * 1_000]}}}}}),
    "many unknown fields": json.dumps(
        definition({"/a": {"get": {f"fieldname{i}": 1 for i in range(3_000)}}})
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_definitions_are_refused_or_cheap(files: Files, benign: dict, name: str) -> None:
    path = files.write("api.yaml", HOSTILE[name])
    spent, loaded = cost(lambda: load([path]))
    assert loaded.problems
    assert spent < 20_000 * benign["json"], "more than 20,000 harmless routes"


def test_reference_loops_end(files: Files) -> None:
    loop = {"$ref": "#/components/x-amazon-apigateway-integrations/b"}
    loaded = files.load(
        definition(
            {
                "/a": {"get": {INTEGRATION: loop}},
                "/b": {"$ref": "#/paths/~1c"},
                "/c": {"$ref": "#/paths/~1b"},
            },
            components={
                "x-amazon-apigateway-integrations": {
                    "a": loop,
                    "b": {"$ref": "#/components/x-amazon-apigateway-integrations/a"},
                }
            },
        )
    )
    assert [problem.code for problem in loaded.problems] == ["reference-loop"] * 3


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:1/x",
        "https://example.com/a.json#/b",
        "other.yaml#/a",
        "file:///etc/hostname",
        "//example.com/x",
    ],
)
def test_references_never_leave_the_file(files: Files, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("the loader used the network")

    monkeypatch.setattr(socket, "socket", no_network)
    loaded = files.load(definition({"/a": {"get": {INTEGRATION: {"$ref": target}}}, "/b": {"$ref": target}}))
    assert [problem.code for problem in loaded.problems] == ["outside-reference"] * 2
