"""Several definitions of one API, and what becomes of their warnings."""

from pathlib import Path

import pytest

from fastgw.load import Loaded
from fastgw.model.api import ApiKind
from tests.support.load_files import Files, definition, messages, proxy

INTEGRATION = "x-amazon-apigateway-integration"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    files = Files(tmp_path)
    files.write("a.json", api("http://a", "/one", "/two", x_gateway_responses={
        "THROTTLED": {"statusCode": 420}, "DEFAULT_5XX": {"statusCode": 502}}))
    files.write("b.json", api("http://b", "/two", "/three", x_gateway_responses={"THROTTLED": {"statusCode": 429}}))
    return files


def api(uri: str, *paths: str, **root: object) -> dict:
    return definition({path: {"get": {INTEGRATION: proxy(uri)}} for path in paths}, **root)


def merged(files: Files, definitions: list[str], **settings: object) -> Loaded:
    return files.load({"fastgw": 1, "apis": {"shop": {"definition": definitions, **settings}}}, "fastgw.yaml")


def uris(loaded: Loaded) -> dict[str, str]:
    return {route.path: route.integration.uri for route in loaded.gateway.apis[0].routes}


def test_later_definitions_go_before_earlier_ones(files: Files) -> None:
    loaded = merged(files, ["a.json", "b.json"])
    assert uris(loaded) == {"/one": "http://a", "/two": "http://b", "/three": "http://b"}
    (shop,) = loaded.gateway.apis
    assert {one.type: one.status for one in shop.gateway_responses} == {"THROTTLED": 429, "DEFAULT_5XX": 502}
    assert shop.name == "shop"


def test_overwrite_keeps_the_last_one(files: Files) -> None:
    loaded = merged(files, ["a.json", "b.json"], mode="overwrite")
    assert uris(loaded) == {"/two": "http://b", "/three": "http://b"}
    assert [one.status for one in loaded.gateway.apis[0].gateway_responses] == [429]


def test_each_definition_has_its_own_base_path(files: Files) -> None:
    files.write("c.json", api("http://c", "/one", servers=[{"url": "http://h/v2"}]))
    loaded = merged(files, ["a.json", "c.json"], basepath="prepend")
    assert uris(loaded) == {"/one": "http://a", "/two": "http://a", "/v2/one": "http://c"}


def test_a_swagger_and_an_openapi_file(files: Files) -> None:
    old = {"swagger": "2.0", "info": {}, "paths": {"/old": {"get": {INTEGRATION: proxy("http://old")}}}}
    files.write("old.json", old)
    assert uris(merged(files, ["a.json", "old.json"]))["/old"] == "http://old"


def test_what_only_together_is_wrong_is_refused(files: Files) -> None:
    files.write("c.json", api("http://c", "/pets/{id}"))
    files.write("d.json", api("http://c", "/pets/{name}/toys"))
    loaded = merged(files, ["c.json", "d.json"])
    assert loaded.gateway is None
    assert "A sibling ({id}) of this resource already has a variable path part" in messages(loaded)[0]


def test_kinds_do_not_mix(files: Files) -> None:
    files.write("http.json", api("http://c", "/c", x_cors={"allowOrigins": ["*"]}))
    loaded = merged(files, ["a.json", "http.json"])
    assert "this is a definition of kind HTTP" in messages(loaded)[0]
    assert merged(files, ["a.json", "http.json"], kind="HTTP").gateway.apis[0].kind is ApiKind.HTTP


def test_a_definition_that_is_wrong_leaves_nothing(files: Files) -> None:
    assert merged(files, ["a.json", "none.json"]).gateway is None


def test_warnings_may_be_errors(files: Files) -> None:
    files.write("c.json", definition({"/c": {"get": {INTEGRATION: proxy(), "x-amazon-apigateway-cors": {}}}}))
    assert [message.partition(":")[0] for message in messages(merged(files, ["c.json"]))] == ["warning"]
    loaded = merged(files, ["c.json"], fail_on_warnings=True)
    assert loaded.gateway is None
    assert [message.partition(":")[0] for message in messages(loaded)] == ["error"]


@pytest.mark.parametrize("wrong", [[], 5, [5], {}])
def test_what_no_definition_is(files: Files, wrong: object) -> None:
    assert files.load({"fastgw": 1, "apis": {"a": {"definition": wrong}}}, "fastgw.yaml").gateway is None
