"""Models on their way into a plan: the dialect, what is checked in Python, what is refused."""

from pathlib import Path

import pytest

from fastgw.cli import main
from fastgw.model.place import Place
from fastgw.model.validation import Mode, Schema
from fastgw.plan.checks import examine
from fastgw.plan.models import BadModel, compile_model
from tests.support.load_files import Files, definition, proxy

PLACE = Place("api.yaml", 3, 7)
BOTH = {"const": 1, "enum": [1, 2]}
"""Has no compiled form."""


def model(value: dict, dialect: str = "draft4") -> Schema:
    return Schema("Pet", value, dialect, PLACE)


def holds(value: dict, body: bytes, mode: Mode = Mode.AWS, dialect: str = "draft4") -> bool:
    check = compile_model(model(value, dialect), mode)
    return check.program.holds(body) and (check.step is None or check.step(body) is None)


@pytest.mark.parametrize(("value", "body", "aws", "strict"), [
    ({"minimum": 1, "exclusiveMinimum": True}, b"1", True, False),
    ({"maximum": 1, "exclusiveMaximum": True}, b"1", False, False),
    ({"minItems": 1}, b"[]", True, False),
    ({"maxItems": 1}, b"[1,2]", True, False),
    ({"type": "integer", "format": "int32"}, b"3000000000", True, False),
    ({"patternProperties": {"^a": {"type": "string"}}}, b'{"a":1}', False, True),
])
def test_modes(value: dict, body: bytes, aws: bool, strict: bool) -> None:
    assert holds(value, body, Mode.AWS, "openapi3.0") == aws
    assert holds(value, body, Mode.STRICT, "openapi3.0") == strict


def test_a_reference_into_the_model() -> None:
    value = {"items": {"$ref": "#/definitions/P"}, "definitions": {"P": {"required": ["a"]}}}
    for mode in Mode:
        for dialect in ("draft4", "openapi3.0", "draft7"):
            assert holds(value, b'[{"a":1}]', mode, dialect) and not holds(value, b"[{}]", mode, dialect)


def test_what_has_no_compiled_form_is_checked_in_python() -> None:
    check = compile_model(model(BOTH, "draft7"), Mode.STRICT)
    assert check.step is not None and check.why == "const at #/const of model Pet"
    assert [holds(BOTH, body, Mode.STRICT, "draft7") for body in (b"1", b"2", b'{"a":1,"a":1}')] == [True, False, False]


def test_ignored_keywords_are_ignored_in_python_too() -> None:
    value = {"const": [1], "enum": [[1]], "minItems": 2, "properties": {"minItems": {"type": "string"}}}
    assert holds(value, b"[1]", Mode.AWS, "draft7") and not holds(value, b"[1]", Mode.STRICT, "draft7")
    named = {"allOf": [{"const": {"minItems": 1}, "enum": [{"minItems": 1}]}],
             "properties": {"minItems": {"type": "string"}}}
    assert not holds(named, b'{"minItems":1}', Mode.AWS, "draft7"), "a property of that name is checked"


def test_patterns_never_run_in_python() -> None:
    with pytest.raises(BadModel) as caught:
        compile_model(model(BOTH | {"properties": {"a": {"pattern": "^(a+)+$"}}}, "draft7"), Mode.AWS)
    assert str(caught.value) == ("api.yaml:3:7: error: model Pet: const at #/const: beside enum, and what has patterns "
                                 "is not checked in Python")


def test_a_pattern_that_is_none() -> None:
    with pytest.raises(BadModel, match=r"api\.yaml:3:7: error: model Pet: pattern at #/pattern"):
        compile_model(model({"pattern": "("}), Mode.AWS)


def api(schema: dict) -> dict:
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}}
    operation = {"x-amazon-apigateway-integration": proxy(), "requestBody": body}
    document = definition({"/a": {"post": operation}, "/b": {"post": operation}}, x_request_validator="all",
                          x_request_validators={"all": {"validateRequestBody": True}},
                          components={"schemas": {"Pet": schema}})
    return {**document, "openapi": "3.1.0"}


def test_examining_names_each_model_once(tmp_path: Path) -> None:
    loaded = Files(tmp_path).load(api(BOTH))
    (found,) = examine(loaded.gateway)
    assert not found.wrong and "bodies of model Pet are checked in Python for 2 operations" in found.message
    (found,) = examine(Files(tmp_path).load(api({"pattern": "("})).gateway)
    assert found.wrong
    assert examine(Files(tmp_path).load(api({"type": "object"})).gateway) == []


def test_validate_tells_what_compiling_shows(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    files = Files(tmp_path)
    assert main(["validate", files.write("slow.json", api(BOTH))]) == 0
    shown = capsys.readouterr()
    assert ("warning: bodies of model Pet are checked in Python for 2 operations, not compiled: const at #/const of "
            "model Pet") in shown.err
    assert shown.out.strip().endswith("0 errors, 1 warning")
    assert main(["validate", files.write("bad.json", api({"pattern": "("}))]) == 1
    assert "error: model Pet: pattern at #/pattern" in capsys.readouterr().err


def test_explain_shows_what_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = Files(tmp_path).write("api.json", api({"type": "object"}))
    assert main(["explain", file, "POST", "/a", "-H", "Content-Type: application/json"]) == 0
    shown = capsys.readouterr().out
    assert "held against the model of application/json" in shown and "ROUTE VALIDATE INTEGRATE" in shown
