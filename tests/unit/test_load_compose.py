"""x-fastgw-integration and compose: of a fastgw.yaml -> model: what is read, and how each mistake is told."""

from pathlib import Path

import pytest

from fastgw.control.routes import rows
from fastgw.model.compose import Composed
from fastgw.model.integration import HttpProxy
from tests.support.load_files import UPSTREAM, Files, definition, messages

EXTENSION = "x-fastgw-integration"
A = {"uri": f"{UPSTREAM}/a"}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def document(extension: object, path: str = "/pets/{id}") -> dict:
    return definition({path: {"get": {EXTENSION: extension}}})


def composed(files: Files, **fields: object) -> Composed:
    found = files.api(document({"type": "compose", **fields})).routes[0].integration
    assert isinstance(found, Composed)
    return found


def test_read(files: Files) -> None:
    found = composed(
        files, template="$branches.a.body", status=201, contentType="text/plain", timeoutInMillis=500,
        branches={
            "a": {**A, "httpMethod": "GET", "timeoutInMillis": 900},
            "b": {"uri": f"{UPSTREAM}/{{id}}", "required": False, "success": "2..|404", "timeoutInMillis": 100,
                  "requestParameters": {"integration.request.header.X": "method.request.path.id"}},
        },
    )
    assert (found.template, found.status, found.content_type, found.timeout_ms) \
        == ("$branches.a.body", 201, "text/plain", 500)
    first, second = found.branches
    assert (first.name, first.required, first.success) == ("a", True, None)
    assert (first.integrated.type, first.integrated.method, first.integrated.timeout_ms) == ("HTTP", "GET", 500)
    assert (second.name, second.required, second.success) == ("b", False, "2..|404")
    assert (second.integrated.method, second.integrated.timeout_ms) == (None, 100)
    assert second.integrated.mappings[0].name == "X"


def test_it_goes_before_the_service_s_own(files: Files) -> None:
    operation = {EXTENSION: {"type": "compose", "branches": {"a": A}},
                 "x-amazon-apigateway-integration": {"type": "http_proxy", "uri": UPSTREAM}}
    assert isinstance(files.api(definition({"/p": {"get": operation}})).routes[0].integration, Composed)


def test_it_is_shown_as_a_route(files: Files) -> None:
    gateway = files.load(document({"type": "compose", "branches": {"a": A, "b": A}})).gateway
    (row,) = rows(gateway)
    assert (row.integration, row.upstream) == ("COMPOSE", f"{UPSTREAM}/a {UPSTREAM}/a")


@pytest.mark.parametrize(
    ("extension", "said"),
    [
        ([], "must be a mapping"),
        ({"branches": {"a": A}}, "has no type; allowed is"),
        ({"type": "composed", "branches": {"a": A}}, "did you mean"),
        ({"type": "compose"}, "has no branches"),
        ({"type": "compose", "branches": {}}, "has no branches"),
        ({"type": "compose", "branches": {f"b{n}": A for n in range(17)}}, "at most 16"),
        ({"type": "compose", "branches": {"a b": A}}, "is no name of a branch"),
        ({"type": "compose", "branches": {"a": {}}}, "branch a has no uri"),
        ({"type": "compose", "branches": {"a": {"uri": "ftp://x"}}}, "ftp"),
        ({"type": "compose", "branches": {"a": {"uri": f"{UPSTREAM}/{{nothing}}"}}}, "nothing"),
        ({"type": "compose", "branches": {"a": {**A, "type": "MOCK"}}}, "type must be"),
        ({"type": "compose", "branches": {"a": {**A, "require": True}}}, "did you mean"),
        ({"type": "compose", "branches": {"a": {**A, "required": 1}}}, "must be true or false"),
        ({"type": "compose", "branches": {"a": {**A, "success": "("}}}, "success"),
        ({"type": "compose", "branches": {"a": A}, "template": "#if("}, "the template is broken at 1:5"),
        ({"type": "compose", "branches": {"a": A}, "template": 1}, "template must be a text"),
        ({"type": "compose", "branches": {"a": A}, "contentType": "json"}, "is no media type"),
        ({"type": "compose", "branches": {"a": A}, "status": 100}, "from 200 to 599"),
        ({"type": "compose", "branches": {"a": A}, "timeoutInMillis": 1}, "timeoutInMillis must be"),
        ({"type": "compose", "branches": {"a": A}, "templates": "x"}, "did you mean"),
    ],
)
def test_mistakes(files: Files, extension: object, said: str) -> None:
    loaded = files.load(document(extension))
    assert loaded.gateway is None
    assert any(said in message for message in messages(loaded)), messages(loaded)


def test_an_extension_of_ours_that_is_none(files: Files) -> None:
    loaded = files.load(definition({"/p": {"get": {"x-fastgw-intergration": {}}}}), upstream=UPSTREAM)
    assert any("is no extension" in message and EXTENSION in message for message in messages(loaded))


def native(compose: dict) -> dict:
    return {"fastgw": 1, "apis": {"shop": {"definition": "api.json", "upstream": UPSTREAM, "compose": compose}}}


def test_of_a_fastgw_yaml(files: Files) -> None:
    files.write("api.json", definition({"/a": {"get": {}}, "/b": {"get": {}}}))
    found = files.api(native({"GET /a": {"branches": {"x": A}, "template": "t"}}), "fastgw.yaml").routes
    assert isinstance(found[0].integration, Composed)
    assert found[0].integration.branches[0].name == "x"
    assert isinstance(found[1].integration, HttpProxy)


@pytest.mark.parametrize(
    ("compose", "said"),
    [
        ({"GET /c": {"branches": {"x": A}}}, "is no route of shop"),
        ({"GET /a": {"branches": {}}}, "branches"),
        ({"GET /a": {"branches": {"x": {"url": "u"}}}}, "url"),
        ({"GET /a": {"branches": {"x": A}, "template": "#end"}}, "the template is broken at 1:1"),
    ],
)
def test_mistakes_of_a_fastgw_yaml(files: Files, compose: dict, said: str) -> None:
    files.write("api.json", definition({"/a": {"get": {}}}))
    loaded = files.load(native(compose), "fastgw.yaml")
    assert loaded.gateway is None
    assert any(said in message for message in messages(loaded)), messages(loaded)
