"""JSON text -> plain values, and the place of any of them.

Values come from the interpreter's C decoder. Places are found by a second look at the text, one
container at a time and only for containers that somebody asks about: its keys are read here, its
values are skipped at the C decoder's speed.
"""

import json
import re
from bisect import bisect_right
from json.decoder import scanstring
from json.scanner import make_scanner

from fastgw.load.document import MAX_DEPTH, BadText, Document, Mark, Path
from fastgw.load.problem import shown
from fastgw.model.place import Place

_SPACE = re.compile(r"[ \t\n\r]*")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class _Refused(ValueError):
    """Something the decoder took but this loader does not; the audit finds where."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise _Refused
    return mapping


def _no_constant(name: str) -> float:
    raise _Refused


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
_skip = make_scanner(json.JSONDecoder(strict=False))


def parse(file: str, text: str) -> Document:
    """Raises BadText with every duplicate key, or with the first place that is not JSON."""
    try:
        if _SURROGATE.search(text):
            _audit(text)
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise BadText([(Mark(error.lineno, error.colno), f"not JSON: {error.msg}")]) from None
    except (_Refused, RecursionError):
        _audit(text)
        raise BadText([(Mark(1, 1), "not JSON: NaN and Infinity are not numbers of JSON")]) from None
    except ValueError:
        raise BadText([(Mark(1, 1), "a number has more digits than any definition needs")]) from None
    return Document(file, value, _Places(file, text).locate)


def _audit(text: str) -> None:
    """The slow look, token by token, at a text that has been refused: raises BadText for what it finds."""
    lines, found = _Lines(text), []
    stack: list[set[str] | None] = []
    pending: re.Match[str] | None = None
    for token in _TOKEN.finditer(text):
        kind = text[token.start()]
        if kind == '"':
            pending = token
            if _SURROGATE.search(token[0]) and _has_lone_surrogate(token[0]):
                found.append((lines.mark(token.start()), "half of a surrogate pair stands alone"))
        elif kind in "{[":
            stack.append(set() if kind == "{" else None)
            if len(stack) > MAX_DEPTH:
                found.append((lines.mark(token.start()), f"nested deeper than {MAX_DEPTH} levels"))
                break
        elif kind in "}]" and stack:
            stack.pop()
        elif kind == ":" and pending is not None and stack and stack[-1] is not None:
            key = scanstring(text, pending.start() + 1, False)[0]
            if key in stack[-1]:
                found.append((lines.mark(pending.start()), f"key {shown(key)} is given twice"))
            stack[-1].add(key)
    if found:
        raise BadText(found)


def _has_lone_surrogate(literal: str) -> bool:
    try:
        json.loads(literal, strict=False).encode()
    except UnicodeEncodeError:
        return True
    except ValueError:
        return False
    return False


class _Lines:
    def __init__(self, text: str) -> None:
        self._starts = [0]
        self._starts += [match.end() for match in re.finditer("\n", text)]

    def mark(self, offset: int) -> Mark:
        line = bisect_right(self._starts, offset)
        return Mark(line, offset - self._starts[line - 1] + 1)


class _Places:
    """Offsets of keys and values, one table per container that was asked about."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._text = text
        self._lines: _Lines | None = None
        self._tables: dict[Path, dict[str | int, tuple[int, int]]] = {}

    def locate(self, path: Path) -> tuple[Place, Place]:
        if self._lines is None:
            self._lines = _Lines(self._text)
        key, value = self._offsets(path)
        return Place(self._file, *self._lines.mark(key)), Place(self._file, *self._lines.mark(value))

    def _offsets(self, path: Path) -> tuple[int, int]:
        if not path:
            start = _SPACE.match(self._text, 0).end()
            return start, start
        parent = path[:-1]
        table = self._tables.get(parent)
        if table is None:
            table = self._tables[parent] = self._table(self._offsets(parent)[1])
        return table[path[-1]]

    def _table(self, at: int) -> dict[str | int, tuple[int, int]]:
        """Of the container that begins at an offset: key or index -> (offset of key, offset of value)."""
        text, space = self._text, _SPACE.match
        mapping, close = text[at] == "{", "}" if text[at] == "{" else "]"
        table: dict[str | int, tuple[int, int]] = {}
        at = space(text, at + 1).end()
        while text[at] != close:
            start, key = at, len(table)
            if mapping:
                key, at = scanstring(text, at + 1, False)
                at = space(text, space(text, at).end() + 1).end()
            table[key] = (start, at)
            at = space(text, _skip(text, at)[1]).end()
            if text[at] == ",":
                at = space(text, at + 1).end()
        return table
