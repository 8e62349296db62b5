"""The filters of JSONPath: [?(@.price < 10 && @.name =~ /a.*/i)]."""

from collections.abc import Callable
from typing import Any

import orjson

from .jsonpath import MISSING, Path, Reader
from .vtl import regex

Tally = Callable[[int], None]
Test = Callable[[Any, Any, Tally], bool]
Operand = Callable[[Any, Any, Tally], Any]

DEEPEST = 20
"""Parentheses and filters within each other."""

_OPERATORS = ("==", "!=", "<=", ">=", "=~", "<", ">")
_WORDS = ("in", "nin", "subsetof", "anyof", "noneof", "size", "empty", "contains")


def condition(reader: Reader, depth: int) -> Test:
    """What stands between ?( and its ). Raises PathError."""
    if depth > DEEPEST:
        raise reader.error(f"at most {DEEPEST} levels")
    tests = [_all(reader, depth)]
    while _taken(reader, "||"):
        tests.append(_all(reader, depth))
    return tests[0] if len(tests) == 1 else lambda node, root, tally: any(test(node, root, tally) for test in tests)


def _all(reader: Reader, depth: int) -> Test:
    tests = [_one(reader, depth)]
    while _taken(reader, "&&"):
        tests.append(_one(reader, depth))
    return tests[0] if len(tests) == 1 else lambda node, root, tally: all(test(node, root, tally) for test in tests)


def _taken(reader: Reader, text: str) -> bool:
    reader.blank()
    return reader.take(text)


def _one(reader: Reader, depth: int) -> Test:
    if _taken(reader, "!"):
        if depth > DEEPEST:
            raise reader.error(f"at most {DEEPEST} levels")
        test = _one(reader, depth + 1)
        return lambda node, root, tally: not test(node, root, tally)
    if _taken(reader, "("):
        test = condition(reader, depth + 1)
        reader.expect(")")
        return test
    left = _operand(reader, depth)
    operator = _operator(reader)
    if operator is None:
        return lambda node, root, tally: left(node, root, tally) is not MISSING
    reader.blank()
    if operator == "=~":
        return _matches(left, _pattern(reader))
    right = _operand(reader, depth)
    compare = _COMPARE[operator]
    return lambda node, root, tally: compare(left(node, root, tally), right(node, root, tally))


def _operator(reader: Reader) -> str | None:
    reader.blank()
    for text in _OPERATORS:
        if reader.take(text):
            return text
    for word in _WORDS:
        for text in (word, word.upper()):
            if reader.sees(f"{text} ", f"{text}[", f"{text}'", f'{text}"', f"{text}@", f"{text}$"):
                reader.take(text)
                return word
    return None


def _operand(reader: Reader, depth: int) -> Operand:
    reader.blank()
    if reader.sees("@", "$"):
        relative = reader.sees("@")
        return _at_path(reader.path(depth + 1), relative)
    value = _literal(reader)
    return lambda node, root, tally: value


def _at_path(path: Path, relative: bool) -> Operand:
    def find(node: Any, root: Any, tally: Tally) -> Any:
        tally(1)
        return path.find(node if relative else root, MISSING, root)

    return find


def _literal(reader: Reader) -> Any:
    """A string in quotes, or JSON."""
    if reader.sees("'", '"'):
        return reader.quoted()
    start = reader.at
    if reader.sees("[", "{"):
        _skip_json(reader)
    else:
        while reader.at < len(reader.text) and reader.text[reader.at] not in " \t\r\n)&|=<>!,":
            reader.at += 1
    text = reader.text[start : reader.at]
    try:
        return orjson.loads(text.replace("'", '"'))
    except orjson.JSONDecodeError:
        reader.at = start
        raise reader.error("a value: a number, a string in quotes, true, false, null, a list or a path") from None


def _skip_json(reader: Reader) -> None:
    """Past the bracket that closes the one here."""
    depth = 0
    while reader.at < len(reader.text):
        if reader.sees("'", '"'):
            reader.quoted()
            continue
        depth += reader.sees("[", "{") - reader.sees("]", "}")
        reader.at += 1
        if depth == 0:
            return


def _pattern(reader: Reader) -> str:
    """/regex/flags, of which i, s, m, x and u count."""
    if not reader.take("/"):
        return reader.quoted()
    start = reader.at
    while reader.at < len(reader.text) and not reader.sees("/"):
        reader.at += 2 if reader.sees("\\") else 1
    pattern = reader.text[start : reader.at].replace("\\/", "/")
    reader.expect("/")
    flags = ""
    while reader.sees("i", "s", "m", "x", "u"):
        flags += reader.text[reader.at]
        reader.at += 1
    flags = flags.replace("u", "")
    return f"(?{flags}){pattern}" if flags else pattern


def _matches(left: Operand, pattern: str) -> Test:
    def test(node: Any, root: Any, tally: Tally) -> bool:
        value = left(node, root, tally)
        return isinstance(value, str) and regex.matches(pattern, value)

    return test


# -- comparing


def _number(value: Any) -> bool:
    return value.__class__ is int or value.__class__ is float


def _equal(left: Any, right: Any) -> bool:
    """A number equals a string of its digits; nothing equals what is not there."""
    if left is MISSING or right is MISSING:
        return False
    if _number(left) and isinstance(right, str):
        left, right = right, left
    if isinstance(left, str) and _number(right):
        try:
            return float(left) == right
        except ValueError:
            return False
    if left.__class__ is bool or right.__class__ is bool:
        return left is right
    return bool(left == right)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def test(left: Any, right: Any) -> bool:
        same = (_number(left) and _number(right)) or (isinstance(left, str) and isinstance(right, str))
        return same and compare(left, right)

    return test


def _among(left: Any, right: Any) -> bool:
    return isinstance(right, list) and any(_equal(left, item) for item in right)


def _contains(left: Any, right: Any) -> bool:
    if isinstance(left, str):
        return isinstance(right, str) and right in left
    return _among(right, left)


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _size(left: Any, right: Any) -> bool:
    return isinstance(left, (list, str)) and _number(right) and len(left) == right


def _empty(left: Any, right: Any) -> bool:
    return isinstance(left, (list, str, dict)) and (not left) is right


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<": _ordered(lambda left, right: left < right),
    "<=": _ordered(lambda left, right: left <= right),
    ">": _ordered(lambda left, right: left > right),
    ">=": _ordered(lambda left, right: left >= right),
    "in": _among,
    "nin": lambda left, right: not _among(left, right),
    "subsetof": lambda left, right: isinstance(left, list) and all(_among(item, right) for item in left),
    "anyof": lambda left, right: any(_among(item, right) for item in _items(left)),
    "noneof": lambda left, right: not any(_among(item, right) for item in _items(left)),
    "size": _size,
    "empty": _empty,
    "contains": _contains,
}
