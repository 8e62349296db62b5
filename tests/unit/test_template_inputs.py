"""$input, $util and the maps of $context, as templates see them."""

import pytest

from fastgw.parts.transform.inputs import UTIL, Input, overrides
from fastgw.parts.transform.vtl import BodyError, RenderError, compile_template
from fastgw.parts.transform.vtl.values import QuietMap


def render(text: str, body: bytes = b"", **more: object) -> str:
    given = Input(body, {"id": "p", "both": "path"}, {"q": "a b", "both": "query"}, {"X-One": "1", "both": "header"})
    context = QuietMap(stage="dev", identity=QuietMap(sourceIp="127.0.0.1", user=None), **overrides())
    variables = {"input": given, "util": UTIL, "context": context, "stageVariables": {"v": "x"}}
    return compile_template(text, "t").render(variables | more)


@pytest.mark.parametrize(
    ("body", "path", "text"),
    [
        (b'{"foo": "bar"}', "$", "{foo=bar}"),
        (b'[{"foo": "bar"}]', "$", '[{"foo":"bar"}]'),
        (b'{"foo": [{"nested": "bar"}]}', "$", '{foo=[{"nested":"bar"}]}'),
        (b'{"a": null}', "$.a", ""),
        (b"{}", "$.a", ""),
        (b'{"a": 12345678901234567890123}', "$.a", "12345678901234567890123"),
        (b'{"a": 1.10}', "$.a", "1.1"),
        (b'{"a": true}', "$.a", "true"),
        (b'{"a": {"b": [1, 2]}}', "$.a.b[*]", "[1,2]"),
    ],
)
def test_path(body: bytes, path: str, text: str) -> None:
    assert render(f"$input.path('{path}')", body) == text


@pytest.mark.parametrize(
    ("body", "path", "text"),
    [
        (b'{"foo" : "b/r\\u00e9"}', "$", '{"foo":"b/r\u00e9"}'),
        (b'{"a": 1.10, "b": 1e10}', "$", '{"a":1.1,"b":1.0E10}'),
        (b'{"a": 12345678901234567890123}', "$", '{"a":12345678901234567890123}'),
        (b'{"a": null}', "$.a", "null"),
        (b"{}", "$.a", '""'),
        (b'{"a": "x"}', "$.a", '"x"'),
        (b"", "$", "{}"),
        (b'{"a": [1, {"b": "q\\"\\n"}]}', "$.a[1].b", '"q\\"\\n"'),
    ],
)
def test_json(body: bytes, path: str, text: str) -> None:
    assert render(f"$input.json('{path}')", body) == text


def test_body() -> None:
    assert render("$input.body") == "{}"
    assert render("$input.body", b"\xc3\xa9<x>") == "é<x>"


@pytest.mark.parametrize("body", [b"no", b"{", b"[" * 100_000, b'{"a": NaN}', b'{"a": NaN, "b": 1234567890123456789}'])
def test_a_body_that_is_not_json(body: bytes) -> None:
    with pytest.raises(BodyError):
        render("$input.path('$')", body)
    assert render("$input.params('id')", body) == "p"


def test_params() -> None:
    assert render("$input.params('both') $input.params('q') $input.params('X-One') $input.params('x-one')") \
        == "path a b 1 1"
    assert render("[$input.params('none')][$input.params().path.id][$input.params().querystring.get('both')]") \
        == "[][p][query]"
    assert render("#foreach($k in $input.params().keySet())$k #end") == "path querystring header "
    assert render("$input.params().header.put('X-One', '2')$input.params('X-One')") == "11"


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("escapeJavaScript('it''s \"a/b\" \\ é')", "it\\'s \\\"a\\/b\\\" \\\\ \\u00E9"),
        ("escapeJavaScript($line)", "a\\nb\\t\\u0001\\uD83D\\uDE00"),
        ("urlEncode('{\"some\": ~a*b-c._}')", "%7B%22some%22%3A+%7Ea*b-c._%7D"),
        ("urlDecode('%7Ba+b%C3%A9')", "{a bé"),
        ("base64Encode('é')", "w6k="),
        ("base64Decode('w6k=')", "é"),
        ("parseJson('{\"a\": [1, null]}').a", "[1,null]"),
        ("parseJson('{\"a\": null}').a", ""),
        ("toJson({'a': [1, 'x']})", '{"a":[1,"x"]}'),
        ("nothing('x')", ""),
    ],
)
def test_util(call: str, text: str) -> None:
    assert render(f"$util.{call}", line="a\nb\t\x01\U0001f600") == text


@pytest.mark.parametrize("call", ["urlDecode('%zz')", "parseJson('{')", "base64Decode('a')"])
def test_util_that_fails(call: str) -> None:
    with pytest.raises(RenderError):
        render(f"$util.{call}")


def test_context_prints_its_values_and_no_map() -> None:
    assert render("$context.stage [$context.identity] [$context.identity.user] $context.identity.sourceIp [$context]") \
        == "dev [] [] 127.0.0.1 []"
    assert render("$stageVariables.v [$stageVariables.w] $stageVariables['v'] ${stageVariables.v}") == "x [] x x"


def test_overrides_are_read_after_rendering() -> None:
    context = QuietMap(overrides())
    compile_template(
        "#set($name = 'foo')#set($context.requestOverride.querystring[$name] = 'bar')"
        "$context.requestOverride.path.put('p', 'v')#set($context['requestOverride'].header.h = 'x')"
        "#set($context.responseOverride.status = 444)#set($context.responseOverride.header.y = 'z')"
    ).render({"context": context})
    assert context["requestOverride"] == {"header": {"h": "x"}, "path": {"p": "v"}, "querystring": {"foo": "bar"}}
    assert context["responseOverride"] == {"header": {"y": "z"}, "status": 444}
