"""fastgw import: what it writes, and what it says becomes of each part."""

import json
import stat
from pathlib import Path

import pytest

from fastgw.cli import OK, PROBLEMS, USAGE, main
from fastgw.load import ALLOWABLE, LoadOptions, load
from fastgw.load.importing import import_definitions
from fastgw.load.yaml_text import parse
from fastgw.load.yaml_write import write
from tests.support.load_files import UPSTREAM, Files, definition, proxy
from tests.support.same import without_places

INTEGRATION = "x-amazon-apigateway-integration"
SHARED = Path(__file__).parents[2].parent / "shared" / "openapi"
TEMPLATE = Path(__file__).parents[1] / "support" / "templates" / "rest.yaml"
ALL = frozenset(ALLOWABLE)
PARAMS = {"uri": UPSTREAM, "authorizer_lambda_invocation_arn":
          "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/authorizer/invocations"}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    monkeypatch.chdir(tmp_path)
    return Files(tmp_path)


def api(uri: str, *paths: str, **root: object) -> dict:
    return definition({path: {"get": {INTEGRATION: proxy(uri)}} for path in paths}, **root)


def taken(*arguments: str) -> int:
    return main(["import", *arguments])


def reported(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    taken("--json", *arguments)
    return json.loads(capsys.readouterr().out)


def outcomes(report: dict) -> dict[str, str]:
    return {f"{one['kind']} {one['name']}": one["outcome"] for one in report["constructs"]}


# --- what is written

def test_what_is_written_is_what_was_read(files: Files) -> None:
    files.write("api.json", api("http://${host}", "/a", info={"title": "Shop", "version": "1"}))
    assert taken("api.json", "--param", "host=h.internal", "--stage", "live", "--output", "out") == OK
    before = load(["api.json"], LoadOptions({"host": "h.internal"}, stage="live")).gateway
    after = load(["out/fastgw.yaml"]).gateway
    assert without_places(before.apis) == without_places(after.apis)
    assert [stage.name for stage in after.stages] == ["live"]


def test_a_template_is_written_whole(files: Files) -> None:
    assert taken(str(TEMPLATE), "--output", "out") == OK
    before, after = (load([file]).gateway for file in (str(TEMPLATE), "out/fastgw.yaml"))
    for field in ("apis", "stages", "domains", "plans", "keys"):
        assert without_places(getattr(before, field)) == without_places(getattr(after, field)), field
    assert stat.S_IMODE(Path("out/fastgw.yaml").stat().st_mode) == 0o600, "it holds keys"
    assert stat.S_IMODE(Path("out/definitions/Shop.yaml").stat().st_mode) == 0o644


def test_functions_are_named_from_where_the_file_is(files: Files) -> None:
    (files.directory / "src").mkdir()
    files.write("t.json", {"Resources": {"Fn": {"Type": "AWS::Serverless::Function", "Properties": {
        "CodeUri": "src", "Handler": "app.handler", "Runtime": "python3.12",
        "Events": {"a": {"Type": "HttpApi", "Properties": {"Path": "/a", "Method": "get"}}}}}}})
    assert taken("t.json", "--output", "out") == OK
    assert "code: ../src" in Path("out/fastgw.yaml").read_text()
    assert load(["out/fastgw.yaml"]).gateway.functions[0].code == str(files.directory / "src")


def test_several_files_are_several_apis(files: Files) -> None:
    files.write("a.json", api("http://a", "/a"))
    files.write("b.json", api("http://b", "/b"))
    assert taken("a.json", "b.json", "--output", "out") == OK
    assert [one.name for one in load(["out/fastgw.yaml"]).gateway.apis] == ["Test", "Test 2"]


@pytest.mark.parametrize(("mode", "paths"), [("merge", ["/a", "/b"]), ("overwrite", ["/b"])])
def test_several_files_of_one_api(files: Files, mode: str, paths: list[str]) -> None:
    files.write("a.json", api("http://a", "/a"))
    (files.directory / "x").mkdir()
    files.write("x/a.json", api("http://b", "/b"))
    assert taken("a.json", "x/a.json", "--mode", mode, "--output", "out") == OK
    (found,) = load(["out/fastgw.yaml"]).gateway.apis
    assert [route.path for route in found.routes] == paths


def test_the_flags_of_reading_are_settings_of_the_file(files: Files) -> None:
    files.write("a.json", definition({"/a": {"get": {"security": [{"none": []}]}}}, servers=[{"url": "http://h/v1"}]))
    assert taken("a.json", "--basepath", "prepend", "--upstream", "http://up", "--kind", "http", "--validation",
                 "strict", "--allow-unenforced", "authorizer", "--output", "out") == OK
    gateway = load(["out/fastgw.yaml"]).gateway
    (route,) = gateway.apis[0].routes
    assert (route.path, route.integration.uri, gateway.apis[0].kind.value) == ("/v1/a", "http://up/a", "http")
    assert gateway.stages[0].validation.value == "strict"


def test_nothing_is_written_over_something(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.write("a.json", api("http://a", "/a"))
    assert taken("a.json") == OK
    assert taken("a.json") == USAGE
    assert "fastgw.yaml is there already" in capsys.readouterr().err
    assert taken("a.json", "--force") == OK


def test_nothing_is_written_of_what_is_refused(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.write("a.json", api("nowhere", "/a"))
    assert taken("a.json", "--output", "out") == PROBLEMS
    assert not Path("out").exists()
    assert "must begin with http://" in capsys.readouterr().err


def test_warnings_may_refuse(files: Files) -> None:
    files.write("a.json", api("http://a", "/a", x_cors={"allowOrigins": ["*"]}))
    assert taken("a.json", "--kind", "rest", "--report") == OK
    assert taken("a.json", "--kind", "rest", "--report", "--fail-on-warnings") == PROBLEMS


def test_a_fastgw_yaml_is_no_definition(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.write("fastgw.yaml", "fastgw: 1\napis: {}\n")
    assert taken("fastgw.yaml") == PROBLEMS
    assert "it is what an import makes" in capsys.readouterr().err


# --- values

def test_values_of_a_file(files: Files) -> None:
    files.write("a.json", api("http://${var.host}:${port}${module.net.path}", "/a"))
    files.write("values.yaml", "var: {host: h.internal}\nport: 81\nmodule: {net: {path: /x}}\n")
    files.write("more.json", '{"port": 82}')
    given = LoadOptions(values=("values.yaml", "more.json"))
    assert load(["a.json"], given).gateway.apis[0].routes[0].integration.uri == "http://h.internal:82/x"
    assert taken("a.json", "--values", "values.yaml", "--param", "port=83", "--output", "out") == OK
    assert load(["out/fastgw.yaml"]).gateway.apis[0].routes[0].integration.uri == "http://h.internal:83/x"


@pytest.mark.parametrize(
    ("text", "told"),
    [("[1]", "a file of values must hold a mapping"), ("a: {b: [1]}", "a.b must be a text"), (None, "cannot be read")],
)
def test_values_that_are_none(files: Files, text: str | None, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    files.write("a.json", api("http://a", "/a"))
    if text is not None:
        files.write("values.yaml", text)
    assert main(["validate", "a.json", "--values", "values.yaml"]) != OK
    assert told in capsys.readouterr().err


# --- the report

def test_each_part_has_an_outcome(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.write("a.json", definition(
        {"/a": {"get": {INTEGRATION: proxy("http://a")},
                "post": {INTEGRATION: proxy("http://a", requestTemplates={"a/b": "x"})},
                "put": {INTEGRATION: proxy("http://a", connectionType="VPC_LINK")},
                "delete": {INTEGRATION: {"type": "mokc"}}}},
        x_documentation={"version": "1"},
        x_minimum_compression_size=10,
        x_gateway_responses={"THROTTLED": {"statusCode": 429}, "REQUEST_TOO_LARGE": {"statusCode": 400}},
        components={"schemas": {"Pet": {}}, "securitySchemes": {"key": {"type": "apiKey"}}},
    ))
    report = reported(capsys, "a.json")
    assert not report["importable"]
    assert {name: outcome for name, outcome in outcomes(report).items() if not name.startswith("extension")} == {
        "route GET /a (HTTP_PROXY)": "served",
        "route POST /a (HTTP_PROXY)": "differs",
        "route PUT /a (HTTP_PROXY)": "refused",
        "route DELETE /a (MOKC)": "refused",
        "gateway response THROTTLED": "served",
        "gateway response REQUEST_TOO_LARGE": "differs",
        "model Pet": "served",
        "security scheme key": "served",
    }
    assert outcomes(report)["extension x-amazon-apigateway-documentation"] == "ignored"
    assert sum(report["counts"].values()) == len(report["constructs"])


def test_a_template_is_reported_by_its_resources(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    report = reported(capsys, str(TEMPLATE))
    found = outcomes(report)
    assert found["resource AWS::ApiGateway::Method ListPets"] == "served"
    assert found["route GET /pets (HTTP_PROXY)"] == "served"
    assert found["resource AWS::ApiGateway::Method DevOnly"] == "ignored"
    assert found["resource AWS::ApiGateway::Stage TheStage"] == "differs"
    stage = next(one for one in report["constructs"] if one["name"].endswith("TheStage"))
    assert stage["how"] == ['"TracingEnabled" of TheStage is not served yet: no trace is sent to the service']
    assert TEMPLATE.read_text().splitlines()[stage["line"] - 1][stage["column"] - 1 :].startswith("TheStage:")


def test_the_report_as_text(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.write("a.json", api("http://a", "/a", x_tag_value="x"))
    assert taken("a.json", "--report") == OK
    assert capsys.readouterr().out.splitlines() == [
        "a.json",
        "  served   route      GET /a (HTTP_PROXY)",
        "  ignored  extension  x-amazon-apigateway-tag-value",
        "1 served, 0 served differently, 1 ignored, 0 refused",
    ]
    assert not Path("fastgw.yaml").exists()


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is not beside the repository")
def test_every_shared_definition_is_imported(files: Files) -> None:
    """Each on its own: what is written reads as the same model."""
    for path in sorted([*SHARED.glob("aws_docs/*"), *SHARED.glob("localstack/*")]):
        found = import_definitions([str(path)], LoadOptions(PARAMS, allow_unenforced=ALL))
        assert found.loaded.gateway is not None, path.name
        for name, text in found.texts(str(files.directory)).items():
            (files.directory / name).parent.mkdir(exist_ok=True)
            files.write(name, text)
        again = load(["fastgw.yaml"]).gateway
        assert without_places(again.apis) == without_places(found.loaded.gateway.apis), path.name
        routes = sum(len(one.routes) for one in again.apis)
        assert routes == sum(one.kind == "route" for one in found.constructs), path.name


# --- YAML

@pytest.mark.parametrize(
    "value",
    ["", " ", "a", "1", "1.5", "1e3", ".5", "0x1f", "true", "NULL", "~", "yes", "<<", "- a", "a: b", "#", "a #b", "&a",
     "*a", "!Ref x", "%a", "@a", "`", "012", "1_000", "2001-01-01", "a\nb", "a\n", "\n", " a\n b", "\ta", "a\r\nb", "ü",
     "'", '"', "\\", "=", None, True, 0, -5, 1.5, [], {}, [[]], {"1": {"true": [None]}}, {"": ""}],
)
def test_what_is_written_as_yaml_reads_as_itself(value: object) -> None:
    assert parse("x", write({"a": value, "b": [value]})).value == {"a": value, "b": [value]}
