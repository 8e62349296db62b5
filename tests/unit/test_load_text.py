"""Text -> values with places: the YAML and JSON readers and their limits."""

import pytest

from fastgw.load import document
from fastgw.load.document import Document, View, parse
from fastgw.load.problem import Problems


def read(text: str | bytes, name: str = "f.yaml") -> Document:
    problems = Problems()
    found = parse(name, text if isinstance(text, bytes) else text.encode(), problems)
    assert found is not None, problems.by_place()
    return found


def refused(text: str | bytes, name: str = "f.yaml") -> list[str]:
    problems = Problems()
    assert parse(name, text if isinstance(text, bytes) else text.encode(), problems) is None
    return [str(problem) for problem in problems.by_place()]


def at(view: View, *steps: str | int) -> View:
    for step in steps:
        view = view.get(step) if isinstance(step, str) else list(view.elements())[step]
    return view


def place(view: View) -> str:
    return f"{view.place.line}:{view.place.column}"


YAML = """\
a:
  b: 1
  c: [x, {d: y}]
"e": |
  text
"""
JSON = """\
{ "a":
    {"b": 1,
     "c": ["x", {"d": "y"}]},
  "\\u0065": "text\\n" }
"""


def test_values_are_the_same_in_both() -> None:
    assert read(YAML).value == read(JSON).value == {"a": {"b": 1, "c": ["x", {"d": "y"}]}, "e": "text\n"}


@pytest.mark.parametrize(
    ("text", "a", "b", "y", "e"),
    [
        (YAML, "1:1", "2:6", "3:14", "4:6"),
        (JSON, "1:3", "2:11", "3:23", "4:13"),
    ],
)
def test_places(text: str, a: str, b: str, y: str, e: str) -> None:
    root = read(text).view()
    assert place(at(root, "a")) == a, "a mapping stands where its key stands"
    assert place(at(root, "a", "b")) == b
    assert place(at(root, "a", "c", 1, "d")) == y
    assert place(at(root, "e")) == e


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("2020-01-01", "2020-01-01"),
        ("22:22", "22:22"),
        ("012", "012"),
        ("000000000000", "000000000000"),
        ("0x1F", 31),
        ("-7", -7),
        ("1.50", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("3.0.1", "3.0.1"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ("9" * 30, 1e30),
    ],
)
def test_yaml_scalars_follow_the_core_schema(text: str, value: object) -> None:
    found = read(f"key: {text}\n").value["key"]
    assert found == value and type(found) is type(value)


def test_yaml_keys_are_text() -> None:
    assert read("200: a\ntrue: b\n1.0: c\n").value == {"200": "a", "true": "b", "1.0": "c"}


def test_cloudformation_tags_become_functions() -> None:
    found = read("a: !Sub 'x'\nb: !GetAtt A.B\nc: !Join ['', [!Ref D, e]]\nf: !Sub\n  - x\n  - {y: !Ref Z}\n")
    assert found.value == {
        "a": {"Fn::Sub": "x"},
        "b": {"Fn::GetAtt": "A.B"},
        "c": {"Fn::Join": ["", [{"Ref": "D"}, "e"]]},
        "f": {"Fn::Sub": ["x", {"y": {"Ref": "Z"}}]},
    }
    assert place(at(found.view(), "c", "Fn::Join", 1, 0, "Ref")) == "3:16"


def test_yaml_aliases_and_merges() -> None:
    found = read("base: &b {x: 1, y: 2}\none: *b\ntwo:\n  <<: *b\n  y: 3\nall:\n  <<: [{z: 1}, *b]\n")
    assert found.value["one"] == {"x": 1, "y": 2}
    assert found.value["two"] == {"x": 1, "y": 3}
    assert found.value["all"] == {"z": 1, "x": 1, "y": 2}
    assert place(at(found.view(), "one")) == "2:1", "the place of the alias, not of the anchor"
    assert place(at(found.view(), "two", "x")) == "1:14"


def test_duplicate_keys_are_all_told() -> None:
    assert refused("a: 1\nb: {c: 1, c: 2}\na: 2\n") == [
        'f.yaml:2:11: error: key "c" is given twice',
        'f.yaml:3:1: error: key "a" is given twice',
    ]
    assert refused('{"a": 1,\n "\\u0061": {"b": 1, "b": 2}}', "f.json") == [
        'f.json:2:2: error: key "a" is given twice',
        'f.json:2:21: error: key "b" is given twice',
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "not YAML"),
        ("a: \x07", "not YAML: a character that is not allowed"),
        (b"a: \xff", "f:1:4: error: the file is not UTF-8 text"),
        (b"a: 1\nb: \xff", "f:2:4: error: the file is not UTF-8 text"),
        ("{", "f:1:2: error: not JSON: Expecting property name"),
        ('{"a": NaN}', "NaN and Infinity"),
        ('{"a": "\\ud800"}', "f:1:7: error: half of a surrogate pair stands alone"),
        ('{"a": ' + "9" * 5000 + "}", "more digits"),
        ("? [a]\n: b", "a key must be a plain word or a string"),
        ("a: !!binary aGk=", "tag !!binary has no place in a definition"),
        ("a: !<tag:example.com,2000:x> b", "is not known"),
        ("<<: 3", "<< takes a mapping"),
        ("a: *b", "alias *b has no anchor before it"),
        ("a: &a [*a]", "alias *a stands inside what it names"),
    ],
)
def test_bad_text(text: str | bytes, told: str) -> None:
    assert told in refused(text, "f")[0]


def test_a_surrogate_pair_is_fine() -> None:
    assert read('{"a": "\\ud83d\\ude00"}').value == {"a": "\U0001f600"}


def test_a_byte_order_mark_is_skipped() -> None:
    assert read(b"\xef\xbb\xbfa: 1").value == {"a": 1}
    assert read(b'\xef\xbb\xbf{"a": 1}').value == {"a": 1}


def test_flow_mappings_in_a_yaml_file_are_yaml() -> None:
    assert read("{a: 1, b: [2]}").value == {"a": 1, "b": [2]}


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 30)
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BOMB, "once aliases are written out"),
        ("[" * 100_000, "nested deeper than"),
        ('{"a":' * 100_000, "nested deeper than"),
        ("a: " + "[" * 100_000, "nested deeper than"),
        ("a:\n" + " - b\n" * 30_000, "items in one list"),
        ("".join(f"k{i}: v\n" for i in range(30_000)), "keys in one mapping"),
    ],
)
def test_hostile_sizes_are_refused(text: str, told: str) -> None:
    assert told in refused(text, "f")[0]


def test_too_large_a_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_BYTES", 1024 * 1024)
    assert refused(b" " * (1024 * 1024 + 1)) == ["f.yaml:1:1: error: the file is larger than 1 MiB"]
