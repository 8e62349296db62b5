"""What compiled templates call: references, operators, loops, macros.

null is Python's None. Operators know it; a reference ends in the empty string instead (compiler.py says why).
"""

import contextlib
import math
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, ClassVar

from .errors import RenderError
from .limits import INTEGER_BITS, Budget
from .methods import PROPERTIES, TABLES, JavaError, equals, same_kind
from .printing import show
from .values import LOOP_PROPERTIES, Cursor, Exposed, JavaList, JavaSet, Loop, QuietMap

__all__ = [
    "add", "assign", "at_least", "at_most", "broken", "cat", "defined", "divide", "each", "equal", "get_call",
    "get_index", "get_property", "greater", "int_range", "java_list", "less", "macro", "map_key", "modulus", "multiply",
    "put", "rendered", "shown", "stop", "subtract", "traced", "unequal",
]

MACRO_DEPTH = 20
"""Calls of macros within each other; Velocity's own bound."""

DEFINE_DEPTH = 2
"""Times that a #define may be inside itself; Velocity's own bound."""

Body = Callable[[Any, Callable[[str], None], Budget], None]
Context = MutableMapping[str, Any]


class Stopped(Exception):
    """#stop: nothing more is rendered."""


class Broken(Exception):
    """#break outside a loop of its own body."""


def stop() -> None:
    raise Stopped


def broken() -> None:
    raise Broken


def traced(budget: Budget, line: int, text: str, value: Any) -> None:
    if budget.trace:
        budget.trace(line, text, value)


# -- references


def get_property(value: Any, name: str) -> Any:
    """$value.name, or None."""
    kind = value.__class__
    if kind is QuietMap:
        return value.get(name)
    if isinstance(value, dict):
        if kind is Loop and (getter := LOOP_PROPERTIES.get(name)):
            return getter(value)
        return value.get(name)
    if isinstance(value, Exposed):
        getter = kind.PROPERTIES.get(name) or kind.PROPERTIES.get(name[:1].lower() + name[1:])
        return getter(value) if getter else None
    for base, getters in PROPERTIES:
        if isinstance(value, base):
            return getters[name](value) if name in getters else None
    return None


def get_index(value: Any, index: Any) -> Any:
    """$value[index]: get(index); a negative index counts from the end, and asks for something that has one."""
    if value is None:
        return None
    if index.__class__ is int and index < 0:
        index += _size(value, index)
    if isinstance(value, dict):
        return None if index.__hash__ is None else value.get(index)
    if not isinstance(value, list) or index.__class__ is not int or value.__class__ is JavaSet:
        return None
    if not 0 <= index < len(value):
        raise RenderError(f"index {index} of a list of {len(value)}")
    return value[index]


def _size(value: Any, index: int) -> int:
    if not isinstance(value, (dict, list)):
        raise RenderError(f"index {index} of a value that has no size()")
    return len(value)


def get_call(budget: Budget, value: Any, key: str, *arguments: Any) -> Any:
    """$value.name(arguments); key is "name/count". Where no method takes these arguments, None."""
    kind = value.__class__
    table = TABLES.get(kind)
    if table is None:
        if value is None:
            return None
        table = _table(kind)
    for kinds, function in table.get(key, ()):
        if kinds and not _fits(kinds, arguments):
            continue
        try:
            result = function(value, *arguments)
        except (JavaError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise RenderError(f"{key.partition('/')[0]}(): {error}") from None
        if result.__class__ is not str:
            budget.check()
        elif len(result) > 1024:
            budget.grown(len(result))
        elif kind is str:
            budget.check()
        return result
    return None


def _fits(kinds: tuple[frozenset[type] | None, ...], arguments: tuple[Any, ...]) -> bool:
    if len(kinds) == 1:
        return kinds[0] is None or arguments[0].__class__ in kinds[0]
    for wanted, argument in zip(kinds, arguments, strict=True):
        if wanted is not None and argument.__class__ not in wanted:
            return False
    return True


def _table(kind: type) -> dict[str, Any]:
    """Of a class that is met for the first time."""
    if issubclass(kind, Exposed):
        found = kind.METHODS
    else:
        found = next((TABLES[base] for base in kind.__mro__ if base in TABLES), {})
    TABLES[kind] = found
    return found


# -- #set


def assign(holder: Any, part: Any, value: Any, indexed: bool) -> None:
    """#set($holder.part = value) or [part]; where the holder has no such place, nothing."""
    if holder is None:
        return
    if indexed and part.__class__ is int and part < 0:
        part += _size(holder, part)
    if isinstance(holder, dict):
        holder[map_key(part)] = value
    elif indexed and isinstance(holder, list) and part.__class__ is int and holder.__class__ is not JavaSet:
        if not 0 <= part < len(holder):
            raise RenderError(f"index {part} of a list of {len(holder)}")
        holder[part] = value


# -- text


def cat(budget: Budget, *parts: str) -> str:
    text = "".join(parts)
    if len(text) > 1024:
        budget.grown(len(text))
    return text


def rendered(body: Body, context: Context, budget: Budget) -> str:
    """A string that holds directives."""
    out: list[str] = []
    body(context, out.append, budget)
    return cat(budget, *out)


class _Block(Exposed):
    """What #define has named, and a macro's $bodyContent: rendered where it is printed, with the variables there.

    Where only its text is asked for, as in a comparison, those of its definition count.
    """

    __slots__ = ("body", "budget", "context", "depth")

    def __init__(self, body: Body, context: Context, budget: Budget):
        self.body = body
        self.context = context
        self.budget = budget
        self.depth = 0

    def write(self, context: Context, write: Callable[[str], None], text: str) -> None:
        """text stands for it where it is inside itself too often."""
        if self.depth >= DEFINE_DEPTH:
            write(text)
            return
        self.depth += 1
        try:
            self.body(context, write, self.budget)
        except Broken:
            return
        finally:
            self.depth -= 1

    def text(self, context: Context, text: str) -> str:
        out: list[str] = []
        self.write(context, out.append, text)
        return cat(self.budget, *out)

    def printed(self) -> str:
        return self.text(self.context, "")

    METHODS: ClassVar = {
        "toString/0": (((), printed),),
        "equals/1": (((None,), lambda self, other: self is other),),
    }


def defined(body: Body, context: Context, budget: Budget) -> _Block:
    return _Block(body, context, budget)


def put(value: Any, context: Context, write: Callable[[str], None], budget: Budget, text: str) -> None:
    """Print a value that is no string; text is what a block prints that is too deep in itself."""
    if value.__class__ is _Block:
        value.write(context, write, text)
    else:
        write(show(value, budget))


def shown(value: Any, context: Context, budget: Budget, text: str) -> str:
    """The same within a string."""
    return value.text(context, text) if value.__class__ is _Block else show(value, budget)


# -- loops


def each(context: Context, budget: Budget, name: str, source: Any) -> Iterator[None]:
    """Set the variables of a loop for each element, and put back what they hid.

    The generator is closed as soon as its loop is left, by #break too, because nothing else refers to it.
    """
    items = _items(source)
    if items is None:
        return
    parent = context.get("foreach")
    loop = Loop(len(items), parent)
    hidden = [(key, context.get(key)) for key in ("velocityCount", "velocityHasNext", name)]
    hidden.append(("foreach", parent))
    context["foreach"] = loop
    try:
        for item in items[: budget.loops]:
            budget.check()
            loop.count += 1
            context["velocityCount"] = loop.count
            context["velocityHasNext"] = loop.count < loop.size
            context[name] = item
            yield
    finally:
        for key, value in hidden:
            if value is None:
                context.pop(key, None)
            else:
                context[key] = value


def _items(source: Any) -> list[Any] | None:
    """What #foreach goes through: the elements of a list, the values of a map."""
    if isinstance(source, list):
        return source[:]
    if isinstance(source, dict):
        return [*source.values()]
    if isinstance(source, Cursor):
        return source.rest()
    return None


# -- macros


class _Frame:
    """The variables inside a macro: its parameters, which are evaluated where they are used, over the caller's."""

    __slots__ = ("arguments", "depth", "local", "outer")

    def __init__(self, outer: Any, arguments: dict[str, Callable[[], Any]]):
        self.outer = outer
        self.arguments = arguments
        self.local: dict[str, Any] = {}
        self.depth = outer.depth + 1 if outer.__class__ is _Frame else 1

    def get(self, name: str) -> Any:
        value = self.local.get(name)
        if value is not None:
            return value
        argument = self.arguments.get(name)
        return argument() if argument else self.outer.get(name)

    def __setitem__(self, name: str, value: Any) -> None:
        self.local[name] = value
        self.outer[name] = value

    def pop(self, name: str, default: Any) -> None:
        self.local.pop(name, None)
        self.outer.pop(name, None)


def macro(
    body: Body, context: Any, write: Callable[[str], None], budget: Budget, arguments: dict[str, Callable[[], Any]]
) -> None:
    frame = _Frame(context, arguments)
    if frame.depth > MACRO_DEPTH:
        raise RenderError(f"macros call each other more than {MACRO_DEPTH} deep")
    budget.check()
    with contextlib.suppress(Broken):
        body(frame, write, budget)


# -- lists


def java_list(*items: Any) -> JavaList:
    return JavaList(items)


def map_key(value: Any) -> Any:
    if value.__hash__ is None:
        raise RenderError("a list or a map as the key of a map")
    return value


def int_range(budget: Budget, first: Any, last: Any) -> JavaList | None:
    """[first..last], down as well as up."""
    if first.__class__ is not int or last.__class__ is not int:
        return None
    if abs(last - first) > budget.output:
        raise RenderError("a range is longer than a template may make")
    return JavaList(range(first, last + 1) if first <= last else range(first, last - 1, -1))


# -- operators


def _number(value: Any) -> bool:
    kind = value.__class__
    return kind is int or kind is float


def _integer(value: int) -> int:
    if value.bit_length() > INTEGER_BITS:
        raise RenderError(f"an integer has more than {INTEGER_BITS} bits")
    return value


def _calculated(function: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """null where a side is no number. Integers grow as they must, as Velocity's do."""
    if not (_number(left) and _number(right)):
        return None
    try:
        value = function(left, right)
    except OverflowError:
        raise RenderError("a number is too large for a double") from None
    return _integer(value) if value.__class__ is int else value


def add(budget: Budget, left: Any, right: Any, left_text: str, right_text: str) -> Any:
    """A sum, or where a side is a string, both texts; of a side without value its text in the template."""
    if left.__class__ is str or right.__class__ is str:
        return cat(
            budget,
            left_text if left is None else show(left, budget),
            right_text if right is None else show(right, budget),
        )
    return _calculated(lambda a, b: a + b, left, right)


def subtract(left: Any, right: Any) -> Any:
    return _calculated(lambda a, b: a - b, left, right)


def multiply(left: Any, right: Any) -> Any:
    return _calculated(lambda a, b: a * b, left, right)


def divide(left: Any, right: Any) -> Any:
    """Toward zero for integers; null by zero."""
    return None if right == 0 else _calculated(_divided, left, right)


def _divided(left: Any, right: Any) -> Any:
    if left.__class__ is int and right.__class__ is int:
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    return left / right


def modulus(left: Any, right: Any) -> Any:
    """With the sign of the dividend; null by zero."""
    return None if right == 0 else _calculated(_remainder, left, right)


def _remainder(left: Any, right: Any) -> Any:
    if left.__class__ is int and right.__class__ is int:
        rest = abs(left) % abs(right)
        return -rest if left < 0 else rest
    return math.fmod(left, right)


def equal(budget: Budget, left: Any, right: Any) -> bool:
    """Numbers by value, values of one kind by equals(), others by their texts."""
    if left.__class__ is str and right.__class__ is str:
        return left == right
    if _number(left) and _number(right):
        return left == right
    if left is None or right is None:
        return left is right
    if same_kind(left, right):
        return equals(left, right)
    return show(left, budget) == show(right, budget)


def unequal(budget: Budget, left: Any, right: Any) -> bool:
    return not equal(budget, left, right)


def less(left: Any, right: Any) -> bool:
    return _number(left) and _number(right) and left < right


def greater(left: Any, right: Any) -> bool:
    return _number(left) and _number(right) and left > right


def at_most(left: Any, right: Any) -> bool:
    return _number(left) and _number(right) and left <= right


def at_least(left: Any, right: Any) -> bool:
    return _number(left) and _number(right) and left >= right
