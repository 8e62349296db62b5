"""Java's methods on the values of a template, by class: "name/number of arguments" -> overloads.

Texts are counted in UTF-16 units, as Java counts them. What Java throws for is a JavaError here. Nothing that is
not in these tables can be called; there is no way to a class or to anything outside the template.
"""

import math
from collections.abc import Callable
from typing import Any

from . import regex
from .limits import current
from .printing import of_double, show
from .values import Cursor, Entry, JavaList, JavaSet, Loop, Overload, QuietMap


class JavaError(Exception):
    """A Java method threw."""


_S = frozenset((str,))
_I = frozenset((int,))
_N = frozenset((int, float))
_L = frozenset((list, JavaList, JavaSet))
_M = frozenset((dict, Loop, QuietMap))
_ANY = None

_Table = dict[str, tuple[Overload, ...]]


def _text(value: Any) -> str:
    """toString()"""
    return value if value.__class__ is str else show(value, current())


# -- comparing


def equals(left: Any, right: Any) -> bool:
    """Object.equals(): an integer equals no double, a list another of equal elements."""
    if left.__class__ is not right.__class__ and not same_kind(left, right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(equals, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(equals(item, right[key]) for key, item in left.items())
    return bool(left == right)


def same_kind(left: Any, right: Any) -> bool:
    """Whether one's Java class is the other's or derives from it."""
    if isinstance(left, dict):
        return isinstance(right, dict)
    if isinstance(left, list):
        return isinstance(right, list) and (left.__class__ is JavaSet) == (right.__class__ is JavaSet)
    return left.__class__ is right.__class__


def _compare(left: str, right: str) -> int:
    """String.compareTo(): the distance of the first units that differ, else of the lengths."""
    a, b = _units(left), _units(right)
    for one, other in zip(a, b, strict=False):
        if one != other:
            return ord(one) - ord(other)
    return len(a) - len(b)


def _order(left: float, right: float) -> int:
    return (left > right) - (left < right)


def _unlike(_: Any, other: Any) -> int:
    """compareTo(Object) is there too, and casts."""
    raise JavaError(f"a {other.__class__.__name__} cannot be compared with this")


def hash_code(value: Any) -> int:
    """Object.hashCode() of strings, numbers, booleans, lists and maps."""
    kind = value.__class__
    if kind is str:
        code = 0
        for unit in _units(value):
            code = code * 31 + ord(unit) & 0xFFFFFFFF
        return _signed(code)
    if kind is bool:
        return 1231 if value else 1237
    if kind is int:
        return _signed((value ^ value >> 32) & 0xFFFFFFFF) if value.bit_length() > 31 else value
    if kind is float:
        bits = _bits(value)
        return _signed((bits ^ bits >> 32) & 0xFFFFFFFF)
    if isinstance(value, list):
        code = 1
        for item in value:
            code = code * 31 + hash_code(item) & 0xFFFFFFFF
        return _signed(code)
    if isinstance(value, dict):
        return _signed(sum(hash_code(key) ^ hash_code(item) for key, item in value.items()) & 0xFFFFFFFF)
    return 0


def _signed(code: int) -> int:
    return code - (1 << 32) if code >> 31 else code


def _bits(value: float) -> int:
    import struct

    return int(struct.unpack(">Q", struct.pack(">d", value))[0])


# -- strings


def _units(text: str) -> str:
    """Characters beyond U+FFFF as two surrogates."""
    if text.isascii() or max(text) <= "\uffff":
        return text
    return "".join(char if char <= "\uffff" else _pair(ord(char) - 0x10000) for char in text)


def _pair(code: int) -> str:
    return chr(0xD800 + (code >> 10)) + chr(0xDC00 + (code & 0x3FF))


def _joined(units: str) -> str:
    if units.isascii():
        return units
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _char_at(text: str, at: int) -> str:
    units = _units(text)
    if not 0 <= at < len(units):
        raise JavaError(f"index {at} of a string of {len(units)}")
    return units[at]


def _substring(text: str, begin: int, end: int | None = None) -> str:
    units = _units(text)
    end = len(units) if end is None else end
    if not 0 <= begin <= end <= len(units):
        raise JavaError(f"begin {begin}, end {end}, length {len(units)}")
    return _joined(units[begin:end])


def _index_of(text: str, sought: str, start: int = 0) -> int:
    units = _units(text)
    start = min(max(start, 0), len(units))
    return units.find(_units(sought), start)


def _last_index_of(text: str, sought: str, start: int | None = None) -> int:
    units, wanted = _units(text), _units(sought)
    if start is None:
        return units.rfind(wanted)
    return units.rfind(wanted, 0, start + len(wanted)) if start >= 0 else -1


def _replace(text: str, old: str, new: str) -> str:
    """Refused before it is made when it would be too long."""
    if len(new) > len(old):
        current().grown(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def _repeat(text: str, count: int) -> str:
    if count < 0:
        raise JavaError(f"count is negative: {count}")
    current().grown(len(text) * count)
    return text * count


def _code_point(text: str, at: int) -> int:
    units = _units(text)
    if not 0 <= at < len(units):
        raise JavaError(f"index {at} of a string of {len(units)}")
    return ord(_joined(units[at : at + 2])[0])


def _trim(text: str) -> str:
    return text.strip("".join(map(chr, range(33))))


def _split(text: str, pattern: str, limit: int = 0) -> JavaList:
    return JavaList(regex.split(pattern, text, limit))


_STRING: _Table = {
    "length/0": (((), lambda s: len(_units(s))),),
    "isEmpty/0": (((), lambda s: not s),),
    "isBlank/0": (((), lambda s: not s.strip()),),
    "charAt/1": (((_I,), _char_at),),
    "codePointAt/1": (((_I,), _code_point),),
    "substring/1": (((_I,), _substring),),
    "substring/2": (((_I, _I), _substring),),
    "subSequence/2": (((_I, _I), _substring),),
    "indexOf/1": (((_S,), _index_of), ((_I,), lambda s, code: _index_of(s, chr(code)))),
    "indexOf/2": (((_S, _I), _index_of), ((_I, _I), lambda s, code, start: _index_of(s, chr(code), start))),
    "lastIndexOf/1": (((_S,), _last_index_of), ((_I,), lambda s, code: _last_index_of(s, chr(code)))),
    "lastIndexOf/2": (((_S, _I), _last_index_of),),
    "contains/1": (((_S,), lambda s, sought: sought in s),),
    "startsWith/1": (((_S,), lambda s, start: s.startswith(start)),),
    "startsWith/2": (((_S, _I), lambda s, start, at: at >= 0 and _units(s).startswith(_units(start), at)),),
    "endsWith/1": (((_S,), lambda s, end: s.endswith(end)),),
    "equalsIgnoreCase/1": (((_S,), lambda s, other: s.upper().lower() == other.upper().lower()),),
    "contentEquals/1": (((_S,), lambda s, other: s == other),),
    "compareTo/1": (((_S,), _compare), ((_ANY,), _unlike)),
    "compareToIgnoreCase/1": (((_S,), lambda s, other: _compare(s.upper().lower(), other.upper().lower())),),
    "concat/1": (((_S,), lambda s, more: s + more),),
    "replace/2": (((_S, _S), _replace),),
    "replaceAll/2": (((_S, _S), lambda s, pattern, new: regex.replace(pattern, s, new, every=True)),),
    "replaceFirst/2": (((_S, _S), lambda s, pattern, new: regex.replace(pattern, s, new, every=False)),),
    "matches/1": (((_S,), lambda s, pattern: regex.matches(pattern, s)),),
    "split/1": (((_S,), _split),),
    "split/2": (((_S, _I), _split),),
    "toLowerCase/0": (((), lambda s: s.lower()),),
    "toUpperCase/0": (((), lambda s: s.upper()),),
    "trim/0": (((), _trim),),
    "strip/0": (((), lambda s: s.strip()),),
    "stripLeading/0": (((), lambda s: s.lstrip()),),
    "stripTrailing/0": (((), lambda s: s.rstrip()),),
    "repeat/1": (((_I,), _repeat),),
    "intern/0": (((), lambda s: s),),
    "toCharArray/0": (((), lambda s: JavaList(_units(s))),),
    "valueOf/1": (((_ANY,), lambda s, value: _text(value)),),
    "join/2": (((_S, _L), lambda s, between, items: between.join(map(_text, items))),),
}


# -- lists


def _at(items: list[Any], at: int, length: int) -> int:
    if not 0 <= at < length:
        raise JavaError(f"index {at} of a list of {len(items)}")
    return at


def _appended(items: list[Any], item: Any) -> bool:
    items.append(item)
    return True


def _extended(items: list[Any], more: list[Any]) -> bool:
    items.extend(more[:])
    return bool(more)


def _put_at(items: list[Any], at: int, item: Any) -> Any:
    old = items[_at(items, at, len(items))]
    items[at] = item
    return old


def _removed_item(items: list[Any], item: Any) -> bool:
    at = _position(items, item)
    if at >= 0:
        del items[at]
    return at >= 0


def _position(items: list[Any], item: Any) -> int:
    return next((at for at, one in enumerate(items) if equals(one, item)), -1)


def _last_position(items: list[Any], item: Any) -> int:
    return next((at for at in range(len(items) - 1, -1, -1) if equals(items[at], item)), -1)


def _sub_list(items: list[Any], begin: int, end: int) -> list[Any]:
    if not 0 <= begin <= end <= len(items):
        raise JavaError(f"begin {begin}, end {end}, length {len(items)}")
    return items.__class__(items[begin:end])


def _without(items: list[Any], others: list[Any], kept: bool) -> bool:
    left = [item for item in items if (_position(others, item) >= 0) == kept]
    changed = len(left) != len(items)
    items[:] = left
    return changed


_COLLECTION: _Table = {
    "size/0": (((), len),),
    "isEmpty/0": (((), lambda items: not items),),
    "contains/1": (((_ANY,), lambda items, item: _position(items, item) >= 0),),
    "containsAll/1": (((_L,), lambda items, others: all(_position(items, one) >= 0 for one in others)),),
    "add/1": (((_ANY,), _appended),),
    "addAll/1": (((_L,), _extended),),
    "remove/1": (((_ANY,), _removed_item),),
    "removeAll/1": (((_L,), lambda items, others: _without(items, others, False)),),
    "retainAll/1": (((_L,), lambda items, others: _without(items, others, True)),),
    "clear/0": (((), lambda items: items.clear()),),
    "iterator/0": (((), lambda items: Cursor(items[:])),),
    "toArray/0": (((), lambda items: JavaList(items)),),
}
_LIST: _Table = _COLLECTION | {
    "get/1": (((_I,), lambda items, at: items[_at(items, at, len(items))]),),
    "set/2": (((_I, _ANY), _put_at),),
    "add/2": (((_I, _ANY), lambda items, at, item: items.insert(_at(items, at, len(items) + 1), item)),),
    "remove/1": (
        ((_I,), lambda items, at: items.pop(_at(items, at, len(items)))),
        ((_ANY,), _removed_item),
    ),
    "indexOf/1": (((_ANY,), _position),),
    "lastIndexOf/1": (((_ANY,), _last_position),),
    "subList/2": (((_I, _I), _sub_list),),
}


# -- maps


def _key(key: Any) -> Any:
    """A list or map is no key here."""
    if key.__hash__ is None:
        raise JavaError("a list or a map as the key of a map")
    return key


def _put(items: dict[Any, Any], key: Any, value: Any) -> Any:
    old = items.get(_key(key))
    items[key] = value
    return old


def _put_if_absent(items: dict[Any, Any], key: Any, value: Any) -> Any:
    old = items.get(_key(key))
    if old is None:
        items[key] = value
    return old


def _put_all(items: dict[Any, Any], more: dict[Any, Any]) -> None:
    items.update(more)


def _found(items: dict[Any, Any], key: Any, default: Any = None) -> Any:
    return items.get(key, default) if key.__hash__ else default


_MAP: _Table = {
    "size/0": (((), len),),
    "isEmpty/0": (((), lambda items: not items),),
    "get/1": (((_ANY,), _found),),
    "getOrDefault/2": (((_ANY, _ANY), _found),),
    "put/2": (((_ANY, _ANY), _put),),
    "putIfAbsent/2": (((_ANY, _ANY), _put_if_absent),),
    "putAll/1": (((_M,), _put_all),),
    "remove/1": (((_ANY,), lambda items, key: items.pop(_key(key), None)),),
    "containsKey/1": (((_ANY,), lambda items, key: key.__hash__ is not None and key in items),),
    "containsValue/1": (((_ANY,), lambda items, value: any(equals(one, value) for one in items.values())),),
    "keySet/0": (((), lambda items: JavaSet(items)),),
    "values/0": (((), lambda items: JavaSet(items.values())),),
    "entrySet/0": (((), lambda items: JavaSet(Entry(items, key) for key in items)),),
    "clear/0": (((), lambda items: items.clear()),),
}


# -- numbers and booleans


def _parsed_int(_: Any, text: str, base: int = 10) -> int:
    """What the text is stays out of the error: it may be a client's, and errors are logged."""
    if text.isascii() and text.lstrip("+-").isalnum() and len(text) <= 20:
        try:
            return int(text, base)
        except ValueError:
            pass
    raise JavaError("the text is no integer")


def _parsed_double(_: Any, text: str) -> float:
    if text.isascii() and "_" not in text:
        try:
            return float(text.strip().rstrip("dDfF"))
        except ValueError:
            pass
    raise JavaError("the text is no number")


def _narrowed(bits: int) -> Callable[[Any], int]:
    """A cast: integers lose their high bits, doubles stop at the ends of the range."""
    span, half = 1 << bits, 1 << bits - 1

    def narrow(value: Any) -> int:
        if value.__class__ is float:
            if math.isnan(value):
                return 0
            value = int(max(min(value, half - 1), -half))
        return (value + half) % span - half

    return narrow


_NUMBER: _Table = {
    "intValue/0": (((), _narrowed(32)),),
    "longValue/0": (((), _narrowed(64)),),
    "shortValue/0": (((), _narrowed(16)),),
    "byteValue/0": (((), _narrowed(8)),),
    "doubleValue/0": (((), float),),
    "floatValue/0": (((), float),),
}
_INTEGER: _Table = _NUMBER | {
    "compareTo/1": (((_I,), _order), ((_ANY,), _unlike)),
    "parseInt/1": (((_S,), _parsed_int),),
    "parseInt/2": (((_S, _I), _parsed_int),),
    "parseLong/1": (((_S,), _parsed_int),),
    "valueOf/1": (((_S,), _parsed_int), ((_I,), lambda _, value: value)),
    "toString/1": (((_I,), lambda _, value: str(value)),),
    "toHexString/1": (((_I,), lambda _, value: f"{value & 0xFFFFFFFF:x}"),),
    "toBinaryString/1": (((_I,), lambda _, value: f"{value & 0xFFFFFFFF:b}"),),
    "max/2": (((_I, _I), lambda _, a, b: max(a, b)),),
    "min/2": (((_I, _I), lambda _, a, b: min(a, b)),),
}
_DOUBLE: _Table = _NUMBER | {
    "compareTo/1": (((frozenset((float,)),), _order), ((_ANY,), _unlike)),
    "parseDouble/1": (((_S,), _parsed_double),),
    "valueOf/1": (((_S,), _parsed_double), ((_N,), lambda _, value: float(value))),
    "toString/1": (((_N,), lambda _, value: of_double(float(value))),),
    "isNaN/0": (((), math.isnan),),
    "isInfinite/0": (((), math.isinf),),
}
_BOOLEAN: _Table = {
    "booleanValue/0": (((), lambda value: value),),
    "compareTo/1": (((frozenset((bool,)),), _order), ((_ANY,), _unlike)),
    "parseBoolean/1": (((_S,), lambda _, text: text.lower() == "true"),),
    "valueOf/1": (((_S,), lambda _, text: text.lower() == "true"),),
}

_OBJECT: _Table = {
    "toString/0": (((), _text),),
    "equals/1": (((_ANY,), equals),),
    "hashCode/0": (((), hash_code),),
}

TABLES: dict[type, _Table] = {
    str: _OBJECT | _STRING,
    int: _OBJECT | _INTEGER,
    float: _OBJECT | _DOUBLE,
    bool: _OBJECT | _BOOLEAN,
    list: _OBJECT | _LIST,
    JavaList: _OBJECT | _LIST,
    JavaSet: _OBJECT | _COLLECTION,
    dict: _OBJECT | _MAP,
    Loop: _OBJECT | _MAP,
    QuietMap: _OBJECT | _MAP,
}

PROPERTIES: tuple[tuple[type, dict[str, Callable[[Any], Any]]], ...] = (
    (str, {"empty": lambda s: not s, "blank": lambda s: not s.strip()}),
    (list, {"empty": lambda items: not items}),
)
"""What $value.name reads of values that are no maps: isEmpty() and its kind."""
