"""The section functions of a fastgw.yaml."""

from pathlib import Path

import pytest

from fastgw.load import Loaded
from fastgw.model.function import Function, name_of
from tests.support.load_files import Files, definition, messages, proxy

HEAD = "fastgw: 1\napis: {pets: {definition: api.json}}\n"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    found = Files(tmp_path)
    found.write("api.json", definition({"/a": {"get": {"x-amazon-apigateway-integration": proxy()}}}))
    (tmp_path / "code").mkdir()
    return found


def native(files: Files, text: str) -> Loaded:
    return files.load(HEAD + text, "fastgw.yaml")


def test_a_function_with_everything_said(files: Files) -> None:
    loaded = native(files, """\
functions:
  hello:
    {code: ./code, handler: app.handler, runtime: python3.11, timeout: 0.5, memory: 256, concurrency: 3, queue: 0,
     idle: 60, arn: "arn:aws:lambda:eu-west-1:123456789012:function:hello", environment: {A: 1, B: true, C: x, HOME: }}
  least: {code: code, handler: index.handler, runtime: nodejs20.x}
""")
    assert loaded.gateway is not None, messages(loaded)
    hello, least = loaded.gateway.functions
    code = str(files.directory / "code")
    assert hello == Function(
        "hello", code, "app.handler", "python3.11", "arn:aws:lambda:eu-west-1:123456789012:function:hello",
        (("A", "1"), ("B", "true"), ("C", "x"), ("HOME", None)), 500, 256, 3, 0, 60_000, hello.place,
    )
    assert least == Function("least", code, "index.handler", "nodejs20.x", place=least.place)
    assert (hello.kind, least.kind) == ("python", "nodejs")


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("functions: {f: {code: cod, handler: a.b, runtime: provided}}", "there is no directory"),
        ("functions: {f: {code: code, handler: a.b, runtime: java21}}", "must be a runtime such as python3.12"),
        ("functions: {f: {code: code, runtime: provided}}", "f has no handler"),
        ("functions: {f: {code: code, handler: h, runtime: provided, timout: 3}}", 'did you mean "timeout"?'),
        ("functions: {f: {code: code, handler: h, runtime: provided, memory: 64}}", "memory must be at least 128"),
        ("functions: {a.b: {code: code, handler: h, runtime: provided}}", "must be 1 to 64 letters, digits, - and _"),
        ("functions: {f: {code: code, handler: h, runtime: provided, environment: {_HANDLER: x}}}",
         "_HANDLER is set by the function host itself"),
        ('functions: {f: {code: code, handler: h, runtime: provided, arn: "arn:aws:lambda:a:1:function:g"}}',
         'the ARN is of function "g", not of "f"'),
    ],
)
def test_what_is_refused(files: Files, section: str, told: str) -> None:
    loaded = native(files, section)
    assert loaded.gateway is None
    assert told in "\n".join(messages(loaded))


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("hello", "hello"),
        ("hello:live", "hello"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:hello", "hello"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:hello:$LATEST", "hello"),
        ("arn:aws:s3:::hello", None),
        ("", None),
    ],
)
def test_the_name_in_a_reference(reference: str, name: str | None) -> None:
    assert name_of(reference) == name
