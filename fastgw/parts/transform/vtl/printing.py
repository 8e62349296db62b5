"""Values as text: as Java prints them, and as JSON.

A map prints {name=value, ...} whatever it holds. A list of the body (a JSON array) prints as JSON, also inside a
map; a list that the template made prints [a, b]. JSON text of a printed array escapes / and some ranges of
characters, as json-smart does when it is asked for an array's text; $input.json does not.
"""

import math
import re
from typing import Any

from .errors import RenderError
from .limits import DEEPEST_VALUE, Budget
from .values import Entry, Exposed, JavaList, Loop, QuietMap

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PLAIN = re.compile(r'["\\\x00-\x1f]')
_WEB = re.compile(r'["\\/\x00-\x1f\x7f-\x9f\u2000-\u20ff]')


def show(value: Any, budget: Budget) -> str:
    """The value's toString(). Raises RenderError where it is longer than an output may be, or too deep."""
    kind = value.__class__
    if kind is str:
        return value
    if kind is int:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is float:
        return of_double(value)
    if value is None:
        return "null"
    return "".join(_Printer(budget).java(value, 0))


def as_json(value: Any, budget: Budget) -> str:
    """Compact JSON."""
    if value.__class__ is str:
        return _quoted(value, _PLAIN)
    return "".join(_Printer(budget, _PLAIN).json(value, 0))


def of_double(value: float) -> str:
    """Double.toString(): plain from 0.001 to 10,000,000, else with an exponent."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = repr(value)
        return text if "e" not in text else f"{value:f}"
    mantissa, _, exponent = f"{value!r}".partition("e")
    sign, digits = ("-", mantissa[1:]) if mantissa[0] == "-" else ("", mantissa)
    whole, _, fraction = digits.partition(".")
    power = int(exponent or 0) + len(whole) - 1
    digits = whole + ("" if fraction == "0" else fraction)
    stripped = digits.lstrip("0")
    power -= len(digits) - len(stripped)
    digits = stripped.rstrip("0") or "0"
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{power}"


class _Printer:
    """Pieces of text, within the size that an output may have."""

    def __init__(self, budget: Budget, escaped: re.Pattern[str] = _WEB):
        self._budget = budget
        self._left = budget.output
        self._escaped = escaped
        self._pieces: list[str] = []

    def java(self, value: Any, depth: int) -> list[str]:
        self._enter(depth)
        if isinstance(value, Entry):
            self._java_item(value.key, value, depth)
            self._put("=")
            self._java_item(value.value, value, depth)
        elif isinstance(value, (QuietMap, Exposed)):
            self._put(value.printed() if isinstance(value, Exposed) else "")
        elif isinstance(value, (dict, Loop)):
            self._put("{")
            for number, (key, item) in enumerate(value.items()):
                if number:
                    self._put(", ")
                self._java_item(key, value, depth)
                self._put("=")
                self._java_item(item, value, depth)
            self._put("}")
        elif isinstance(value, JavaList):
            self._put("[")
            for number, item in enumerate(value):
                if number:
                    self._put(", ")
                self._java_item(item, value, depth)
            self._put("]")
        else:
            self.json(value, depth)
        return self._pieces

    def json(self, value: Any, depth: int) -> list[str]:
        self._enter(depth)
        kind = value.__class__
        if value is None or kind in (int, bool, float):
            self._put(show(value, self._budget))
        elif kind is str:
            self._put(_quoted(value, self._escaped))
        elif isinstance(value, dict):
            self._put("{")
            for number, (key, item) in enumerate(value.items()):
                self._put("," if number else "")
                self._put(_quoted(key if key.__class__ is str else show(key, self._budget), self._escaped))
                self._put(":")
                self.json(item, depth + 1)
            self._put("}")
        elif isinstance(value, list):
            self._put("[")
            for number, item in enumerate(value):
                self._put("," if number else "")
                self.json(item, depth + 1)
            self._put("]")
        else:
            self._put(_quoted(show(value, self._budget), self._escaped))
        return self._pieces

    def _java_item(self, item: Any, holder: Any, depth: int) -> None:
        if item is holder:
            self._put("(this Map)" if isinstance(item, dict) else "(this Collection)")
        elif isinstance(item, (dict, list, Exposed)):
            self.java(item, depth + 1)
        else:
            self._put(show(item, self._budget))

    def _enter(self, depth: int) -> None:
        if depth > DEEPEST_VALUE:
            raise RenderError(f"a value is nested deeper than {DEEPEST_VALUE} levels")
        self._budget.check()

    def _put(self, text: str) -> None:
        self._left -= len(text)
        if self._left < 0:
            raise RenderError("the template gave more text than it may")
        self._pieces.append(text)


def _quoted(text: str, escaped: re.Pattern[str]) -> str:
    return f'"{escaped.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    return "\\/" if char == "/" else _ESCAPES.get(char) or f"\\u{ord(char):04X}"
