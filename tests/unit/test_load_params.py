"""Values a definition leaves open: ${NAME}, CloudFormation functions, pseudo parameters."""

import pytest

from fastgw.load.document import parse
from fastgw.load.params import MAX_TEXT, Filled, Params
from fastgw.load.problem import Problems


def fill(text: str, **values: str) -> Filled:
    found = parse("f.yaml", f"v: {text}".encode(), Problems()).view().get("v")
    return Params({name.replace("__", "."): value for name, value in values.items()}).fill(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("8080", "8080"),
        ("true", "true"),
        ("http://${host}:${ port }/x", "http://shop:9000/x"),
        ("http://${stageVariables.host}/${host}", "http://${stageVariables.host}/shop"),
        ("$${host} ${!host}", "${host} ${host}"),
        (
            "arn:${AWS::Partition}:${AWS::Region}:${AWS::AccountId}:${AWS::URLSuffix}",
            "arn:aws:us-east-1:000000000000:amazonaws.com",
        ),
        ("!Sub 'http://${host}'", "http://shop"),
        ("!Sub ['http://${a}:${b}', {a: !Ref host, b: 80}]", "http://shop:80"),
        ("!GetAtt Shop.Url", "http://shop.internal"),
        ("{'Fn::GetAtt': [Shop, Url]}", "http://shop.internal"),
        ("!Join [':', [!Ref host, !Ref port]]", "shop:9000"),
        ("!Ref AWS::Region", "us-east-1"),
    ],
)
def test_filled(text: str, expected: str) -> None:
    found = fill(text, host="shop", port="9000", Shop__Url="http://shop.internal")
    assert found == Filled(expected)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("${a}${b}${a}", ("a", "b")),
        ("!Sub ['${a}', {b: !Ref c}]", ("a", "c")),
        ("!GetAtt A.B", ("A.B",)),
        ("!Join ['', [!Ref a, '${b}']]", ("a", "b")),
    ],
)
def test_missing_names_are_listed_once(text: str, missing: tuple[str, ...]) -> None:
    assert fill(text).missing == missing


@pytest.mark.parametrize(
    "text",
    [
        "{a: b}",
        "[a]",
        "null",
        "!ImportValue x",
        "{'Fn::If': [a, b, c]}",
        "!Sub [a]",
        "!Join [a]",
        "!Ref [a]",
        "!GetAtt [a]",
        "!Join ['', [!Join ['', [!Join ['', [{a: b}]]]]]]",
    ],
)
def test_what_is_no_text_says_why(text: str) -> None:
    found = fill(text)
    assert found.text is None and found.why


def test_given_values_go_before_defaults() -> None:
    view = parse("f.yaml", b"v: !Sub '${AWS::Region} ${a} ${b}'", Problems()).view().get("v")
    params = Params({"AWS::Region": "eu-west-1", "a": "1"}).with_defaults({"a": "2", "b": "3"})
    assert params.fill(view).text == "eu-west-1 1 3"


def test_a_text_cannot_grow_without_end() -> None:
    assert fill("${a}" * 2000, a="x" * 1000).text is None
    assert len(fill("${a}" * 100, a="x" * 100).text) == 10_000 < MAX_TEXT
