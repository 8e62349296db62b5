"""JSONPath as Jayway's library reads it, which is how the service reads it.

A path is compiled once to steps, each from nodes to nodes. It is definite when it can only name one place: then its
value is what stands there; else it is the list of all that is found. After a definite way that does not exist there
is nothing, not an empty list.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .vtl.errors import RenderError

MISSING = object()
"""What find() gives where there is nothing: a JSON null is a value."""

LONGEST = 2000
"""Characters of a path."""

MOST_NODES = 1_000_000
"""Values that one search may look at."""


class PathError(RenderError):
    """Text that is no path."""


@dataclass(frozen=True, slots=True)
class Step:
    """visit(node, root, tally) gives the nodes it leads to, or NOWHERE where the node has no such place.
    tally(n) counts what was looked at.
    """

    visit: Callable[[Any, Any, Callable[[int], None]], list[Any]]
    definite: bool


class Path:
    """A compiled path."""

    def __init__(self, text: str, steps: list[Step], function: Callable[[Any], Any] | None):
        self.text = text
        self.definite = all(step.definite for step in steps)
        self._steps = steps
        self._function = function

    def find(self, value: Any, missing: Any = MISSING, root: Any = MISSING) -> Any:
        """What the path names in the value; missing where there is nothing. Raises RenderError beyond MOST_NODES."""
        found = self._walk(value, value if root is MISSING else root)
        if found is MISSING:
            return missing
        if self._function:
            result = self._function(found)
            return missing if result is MISSING else result
        return found

    def _walk(self, value: Any, root: Any) -> Any:
        left = MOST_NODES

        def tally(count: int) -> None:
            nonlocal left
            left -= count
            if left < 0:
                raise RenderError(f"the path {self.text} looks at more than {MOST_NODES} values")

        nodes, certain = [value], True
        for step in self._steps:
            following: list[Any] = []
            for node in nodes:
                reached = step.visit(node, root, tally)
                if reached is NOWHERE and certain:
                    return MISSING
                following += reached
            tally(len(following))
            nodes, certain = following, certain and step.definite
        if self.definite:
            return nodes[0] if nodes else MISSING
        return nodes


NOWHERE: list[Any] = []
"""What a step gives for a node that it cannot enter: on a definite way, the end of it."""


@lru_cache(maxsize=1024)
def compile_path(text: str) -> Path:
    """Raises PathError."""
    if len(text) > LONGEST:
        raise PathError(f"a JSONPath is longer than {LONGEST} characters")
    stripped = text.strip()
    if not stripped:
        raise PathError("a JSONPath is empty")
    whole = stripped if stripped[0] in "$@" else f"$.{stripped}"
    reader = Reader(whole)
    path = reader.path(depth=0)
    if reader.at < len(whole):
        raise reader.error("the end of the path")
    return path


_INTEGER = re.compile(r"-?[0-9]{1,9}")


class Reader:
    """Text of a path, and of the filters in it."""

    def __init__(self, text: str):
        self.text = text
        self.at = 0

    def error(self, expected: str) -> PathError:
        found = repr(self.text[self.at]) if self.at < len(self.text) else "the end"
        return PathError(f"JSONPath {self.text[:80]!r}: found {found} at {self.at + 1}, expected {expected}")

    def sees(self, *starts: str) -> bool:
        return self.text.startswith(starts, self.at)

    def take(self, start: str) -> bool:
        if not self.sees(start):
            return False
        self.at += len(start)
        return True

    def expect(self, start: str) -> None:
        self.blank()
        if not self.take(start):
            raise self.error(repr(start))

    def blank(self) -> None:
        while self.sees(" ", "\t", "\n", "\r"):
            self.at += 1

    def path(self, depth: int) -> Path:
        """From its $ or @ on, as far as it goes."""
        start = self.at
        self.at += 1
        steps: list[Step] = []
        function = None
        while function is None:
            if self.take(".."):
                steps.append(self._descent(depth))
            elif self.sees("["):
                steps.append(self._bracket(depth))
            elif self.take("."):
                function = self._function()
                if function is None:
                    steps.append(self._bracket(depth) if self.sees("[") else self._dotted())
            else:
                break
        return Path(self.text[start : self.at], steps, function)

    def _descent(self, depth: int) -> Step:
        if self.sees("["):
            inner = self._bracket(depth, scanned=True)
        elif self.at >= len(self.text):
            raise self.error("a name, * or [ after ..")
        else:
            inner = self._dotted()
        return Step(_scan(inner), definite=False)

    def _dotted(self) -> Step:
        if self.take("*"):
            return Step(_children, definite=False)
        name = self._name()
        if not name:
            raise self.error("a name")
        return _property(name)

    def _name(self) -> str:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in ".[]()=<>!&|~,'\" \t\r\n/":
            self.at += 1
        return self.text[start : self.at]

    def _function(self) -> Callable[[Any], Any] | None:
        """name() or name(number): the last part of a path."""
        start = self.at
        name = self._name()
        if name in FUNCTIONS and self.take("("):
            self.blank()
            number = _INTEGER.match(self.text, self.at)
            if number:
                self.at = number.end()
            self.blank()
            if self.take(")"):
                return _applied(name, int(number[0]) if number else None)
        self.at = start
        return None

    def _bracket(self, depth: int, scanned: bool = False) -> Step:
        self.expect("[")
        self.blank()
        if self.take("*"):
            step = Step(_children, definite=False)
        elif self.sees("?"):
            step = self._filter(depth, scanned)
        elif self.sees("'", '"'):
            step = self._names()
        else:
            step = self._positions()
        self.expect("]")
        return step

    def _filter(self, depth: int, scanned: bool) -> Step:
        from .jsonfilter import condition

        self.take("?")
        self.expect("(")
        test = condition(self, depth + 1)
        self.expect(")")
        return Step(_filtered(test, scanned), definite=False)

    def _names(self) -> Step:
        names = [self.quoted()]
        self.blank()
        while self.take(","):
            self.blank()
            names.append(self.quoted())
            self.blank()
        return _property(names[0]) if len(names) == 1 else Step(_members(names), definite=True)

    def quoted(self) -> str:
        """A string in quotes; a backslash takes the next character as it is."""
        quote = self.text[self.at : self.at + 1]
        if quote not in ("'", '"'):
            raise self.error("a string in quotes")
        found: list[str] = []
        self.at += 1
        while not self.take(quote):
            if self.take("\\"):
                pass
            if self.at >= len(self.text):
                raise self.error(f"{quote} at the end of the string")
            found.append(self.text[self.at])
            self.at += 1
        return "".join(found)

    def _positions(self) -> Step:
        """[1], [0,2], [1:3]"""
        end = self.text.find("]", self.at)
        inside = self.text[self.at : end if end >= 0 else len(self.text)]
        try:
            if ":" in inside:
                first, last = (int(part) if part.strip() else None for part in inside.split(":"))
                step = Step(_slice(first, last), definite=False)
            else:
                positions = [int(part) for part in inside.split(",")]
                step = Step(_indexes(positions), definite=len(positions) == 1)
        except ValueError:
            raise self.error("a quoted name, an index, a slice, * or a filter") from None
        self.at += len(inside)
        return step


# -- steps

_Visit = Callable[[Any, Any, Callable[[int], None]], list[Any]]


def _property(name: str) -> Step:
    def visit(node: Any, root: Any, tally: Callable[[int], None]) -> list[Any]:
        return [node[name]] if isinstance(node, dict) and name in node else NOWHERE

    return Step(visit, definite=True)


def _members(names: list[str]) -> _Visit:
    """Several names give one object with those that are there."""

    def visit(node: Any, root: Any, tally: Callable[[int], None]) -> list[Any]:
        return [{name: node[name] for name in names if name in node}] if isinstance(node, dict) else []

    return visit


def _children(node: Any, root: Any, tally: Callable[[int], None]) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return list(node) if isinstance(node, list) else []


def _indexes(positions: list[int]) -> _Visit:
    def visit(node: Any, root: Any, tally: Callable[[int], None]) -> list[Any]:
        if not isinstance(node, list):
            return NOWHERE
        return [node[at] for at in positions if -len(node) <= at < len(node)]

    return visit


def _slice(first: int | None, last: int | None) -> _Visit:
    def visit(node: Any, root: Any, tally: Callable[[int], None]) -> list[Any]:
        return node[first:last] if isinstance(node, list) else NOWHERE

    return visit


def _filtered(test: Callable[[Any, Any, Callable[[int], None]], bool], scanned: bool) -> _Visit:
    """Elements of an array, or an object itself. After .. each object is met by itself."""

    def visit(node: Any, root: Any, tally: Callable[[int], None]) -> list[Any]:
        if isinstance(node, dict):
            tally(1)
            return [node] if test(node, root, tally) else []
        if not isinstance(node, list):
            return []
        tally(len(node))
        return [item for item in node if not (scanned and isinstance(item, dict)) and test(item, root, tally)]

    return visit


def _scan(step: Step) -> _Visit:
    """The step from a node and from all below it, a holder before what it holds."""

    def visit(node: Any, root: Any, tally: Callable[[int], None]) -> list[Any]:
        found: list[Any] = []
        waiting = [node]
        while waiting:
            node = waiting.pop()
            tally(1)
            found += step.visit(node, root, tally)
            below = _children(node, root, tally)
            waiting += [item for item in reversed(below) if isinstance(item, (dict, list))]
        return found

    return visit


# -- functions


def _applied(name: str, number: int | None) -> Callable[[Any], Any]:
    function = FUNCTIONS[name]
    return lambda value: function(value, number)


def _length(value: Any, _: int | None) -> Any:
    return len(value) if isinstance(value, (dict, list)) else None


def _keys(value: Any, _: int | None) -> Any:
    return list(value) if isinstance(value, dict) else MISSING


def _of_numbers(function: Callable[[list[float]], float]) -> Callable[[Any, int | None], Any]:
    def apply(value: Any, _: int | None) -> Any:
        items = value if isinstance(value, list) else []
        numbers = [float(item) for item in items if item.__class__ in (int, float)]
        if not numbers:
            raise RenderError("Aggregation function attempted to calculate value using empty array")
        return function(numbers)

    return apply


def _deviation(numbers: list[float]) -> float:
    mean = sum(numbers) / len(numbers)
    return float((sum((number - mean) ** 2 for number in numbers) / len(numbers)) ** 0.5)


def _nth(value: Any, number: int | None) -> Any:
    if not isinstance(value, list) or number is None or not -len(value) <= number < len(value):
        return MISSING
    return value[number]


def _concat(value: Any, _: int | None) -> Any:
    return "".join(item for item in value if isinstance(item, str)) if isinstance(value, list) else MISSING


FUNCTIONS: dict[str, Callable[[Any, int | None], Any]] = {
    "length": _length,
    "size": _length,
    "keys": _keys,
    "min": _of_numbers(min),
    "max": _of_numbers(max),
    "sum": _of_numbers(sum),
    "avg": _of_numbers(lambda numbers: sum(numbers) / len(numbers)),
    "stddev": _of_numbers(_deviation),
    "concat": _concat,
    "first": lambda value, _: _nth(value, 0),
    "last": lambda value, _: _nth(value, -1),
    "index": _nth,
}
"""What may end a path; of an indefinite path it is given the list."""
