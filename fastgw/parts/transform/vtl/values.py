"""The values a template works on, and what of them it can reach.

Strings, numbers, true and false are Python's. A JSON array is a list and a JSON object a dict, as they are parsed;
a list that a template makes is a JavaList, because the two print differently. Everything else a template can meet
is an Exposed class with a table of methods: nothing of Python's own attributes is reachable.
"""

from collections.abc import Callable
from typing import Any, ClassVar

Overload = tuple[tuple[frozenset[type] | None, ...], Callable[..., Any]]
"""Argument kinds (None: any) and the function, which is called with the receiver first."""


class JavaList(list):
    """An ArrayList: a list literal, a range, the parts of a split."""

    __slots__ = ()


class JavaSet(JavaList):
    """keySet() and entrySet() of a map, as they were when asked for."""

    __slots__ = ()


class Exposed:
    """An object for templates. METHODS: "name/number of arguments" -> its overloads; PROPERTIES: name -> getter."""

    __slots__ = ()
    METHODS: ClassVar[dict[str, tuple[Overload, ...]]] = {}
    PROPERTIES: ClassVar[dict[str, Callable[[Any], Any]]] = {}

    def printed(self) -> str:
        return ""


class QuietMap(dict):
    """A map of $context: its entries can be reached, and it prints nothing itself."""

    __slots__ = ()


class Entry(Exposed):
    """One entry of a map."""

    __slots__ = ("key", "map")

    def __init__(self, map: dict[Any, Any], key: Any):
        self.map = map
        self.key = key

    @property
    def value(self) -> Any:
        return self.map.get(self.key)

    def put(self, value: Any) -> Any:
        old, self.map[self.key] = self.map.get(self.key), value
        return old

    PROPERTIES: ClassVar = {"key": lambda self: self.key, "value": lambda self: self.value}
    METHODS: ClassVar = {
        "getKey/0": (((), lambda self: self.key),),
        "getValue/0": (((), lambda self: self.value),),
        "setValue/1": (((None,), lambda self, value: self.put(value)),),
    }


class Cursor(Exposed):
    """What iterator() gives: each element once."""

    __slots__ = ("at", "items")

    def __init__(self, items: list[Any]):
        self.items = items
        self.at = 0

    def next(self) -> Any:
        item = self.items[self.at]
        self.at += 1
        return item

    def rest(self) -> list[Any]:
        found, self.at = self.items[self.at :], len(self.items)
        return found

    METHODS: ClassVar = {
        "hasNext/0": (((), lambda self: self.at < len(self.items)),),
        "next/0": (((), next),),
    }


class Loop(dict):
    """$foreach: where a loop stands. A template may keep values of its own in it."""

    __slots__ = ("count", "parent", "size")

    def __init__(self, size: int, parent: Any):
        self.size = size
        self.count = 0
        self.parent = parent if parent.__class__ is Loop else None

    @property
    def topmost(self) -> "Loop":
        loop = self
        while loop.parent is not None:
            loop = loop.parent
        return loop


LOOP_PROPERTIES: dict[str, Callable[[Loop], Any]] = {
    "index": lambda loop: loop.count - 1,
    "count": lambda loop: loop.count,
    "hasNext": lambda loop: loop.count < loop.size,
    "first": lambda loop: loop.count == 1,
    "last": lambda loop: loop.count == loop.size,
    "parent": lambda loop: loop.parent,
    "topmost": lambda loop: loop.topmost,
}
