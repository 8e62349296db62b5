"""Check a document against msgspec types, naming every problem at once and each with its place.

msgspec itself stops at the first problem and knows no places; its types are the one declaration that
this check, the values and the published JSON Schema share.
"""

import re
from collections.abc import Mapping, Sequence

from msgspec import inspect as types

from fastgw.load.document import View
from fastgw.load.problem import Problems, did_you_mean, one_of, shown

_BASIC = {types.StrType: "a text", types.IntType: "a whole number", types.FloatType: "a number",
          types.BoolType: "true or false"}


class Check:
    """not_served: section -> names of later parts, refused as such."""

    def __init__(self, problems: Problems, not_served: Mapping[str, Sequence[str]]) -> None:
        self._problems = problems
        self._not_served = not_served

    def check(self, view: View, expected: types.Type, section: str = "") -> None:
        """Report what of view does not fit; section is the name of the part it stands in."""
        told = ""
        while isinstance(expected, types.Metadata):
            told = (expected.extra_json_schema or {}).get("description", told)
            if (expected.extra_json_schema or {}).get("writeOnly"):
                self._secret(view)
                return
            expected = expected.type
        match expected:
            case types.StructType():
                self._struct(view, expected, section)
            case types.DictType():
                self._dict(view, expected)
            case types.ListType():
                self._list(view, expected, section)
            case types.UnionType():
                self._union(view, expected, section, told)
            case types.AnyType():
                return      # read, and its faults told, by who knows what it holds
            case types.LiteralType(values):
                if not any(view.value == value and type(view.value) is type(value) for value in values):
                    self._wrong_name(view, values)
            case _:
                self._basic(view, expected, told)

    def _error(self, view: View, code: str, message: str, *, at_key: bool = False) -> None:
        self._problems.error(view.key_place if at_key else view.place, code, message)

    def _secret(self, view: View) -> None:
        """A message must not show what was found."""
        if not isinstance(view.value, str):
            self._error(view, "wrong-type", f"{view.name} must be a text; put it in quotes")

    def _struct(self, view: View, expected: types.StructType, section: str) -> None:
        if not self._is(view, dict, "a mapping"):
            return
        fields = {field.encode_name: field for field in expected.fields}
        for key, value in view.items():
            if key in fields:
                self.check(value, fields[key].type, key)
            elif key in self._not_served.get(section, ()):
                self._error(value, "unserved", f"{key} is not served yet; take it out", at_key=True)
            else:
                where = f"under {section}" if section else "in a fastgw.yaml"
                self._error(value, "unknown-field", f"{shown(key)} is not known {where}; allowed are "
                            f"{one_of(fields)}{did_you_mean(key, fields)}", at_key=True)
        for name, field in fields.items():
            if field.required and name not in view.value:
                self._error(view, "missing-field", f"{view.name} has no {name}")

    def _dict(self, view: View, expected: types.DictType) -> None:
        if not self._is(view, dict, "a mapping"):
            return
        if len(view.value) < (expected.min_length or 0):
            self._error(view, "missing-field", f"{view.name} must not be empty")
        for key, value in view.items():
            self._key(key, value, expected.key_type)
            self.check(value, expected.value_type, view.name)

    def _key(self, key: str, value: View, expected: types.Type) -> None:
        told = ""
        while isinstance(expected, types.Metadata):
            told = (expected.extra_json_schema or {}).get("description", told)
            expected = expected.type
        if why := _text_fault(key, expected, told):
            self._error(value, "bad-name", f"{shown(key)} {why}", at_key=True)

    def _list(self, view: View, expected: types.ListType, section: str) -> None:
        if not self._is(view, list, "a list"):
            return
        if len(view.value) < (expected.min_length or 0):
            self._error(view, "missing-field", f"{view.name} must not be empty")
        if expected.max_length is not None and len(view.value) > expected.max_length:
            self._error(view, "out-of-range", f"{view.name} holds {len(view.value)}, at most {expected.max_length}")
        for item in view.elements():
            self.check(item, expected.item_type, section)

    def _union(self, view: View, expected: types.UnionType, section: str, told: str) -> None:
        """UNSET and None stand for "absent"; a mapping may be written out or short; of several scalars any will do."""
        real = [kind for kind in expected.types if not isinstance(kind, types.CustomType | types.NoneType)]
        if view.value is None and any(isinstance(kind, types.NoneType) for kind in expected.types):
            return
        if len(real) > 1 and any(isinstance(kind, types.StructType) for kind in real):
            written_out = isinstance(view.value, dict)
            real = [kind for kind in real if isinstance(kind, types.StructType) == written_out]
        if len(real) > 1 and any(isinstance(_bare(kind), types.ListType) for kind in real):
            real = [kind for kind in real if isinstance(_bare(kind), types.ListType) == isinstance(view.value, list)]
        if len(real) == 1:
            self.check(view, real[0], section)
        elif not any(_fits(view.value, kind) for kind in real):
            names = " or ".join(_BASIC[type(kind)] for kind in real)
            self._error(view, "wrong-type", f"{view.name} must be {names}, found {shown(view.value)}")

    def _basic(self, view: View, expected: types.Type, told: str) -> None:
        if not _fits(view.value, expected):
            quote = "; put it in quotes" if isinstance(expected, types.StrType) and \
                isinstance(view.value, int | float) else ""
            self._error(view, "wrong-type", f"{view.name} must be {_BASIC[type(expected)]}, "
                        f"found {shown(view.value)}{quote}")
            return
        if isinstance(expected, types.StrType):
            if why := _text_fault(view.value, expected, told):
                self._error(view, "bad-value", f"{view.name}: {shown(view.value)} {why}")
        elif isinstance(expected, types.IntType | types.FloatType):
            self._range(view, expected)

    def _range(self, view: View, expected: types.IntType | types.FloatType) -> None:
        value = view.value
        low = expected.ge if expected.ge is not None else expected.gt
        if low is not None and (value < low or (expected.ge is None and value == low)):
            more = "at least" if expected.ge is not None else "more than"
            self._error(view, "out-of-range", f"{view.name} must be {more} {low:,}, found {shown(value)}")
        elif expected.le is not None and value > expected.le:
            self._error(view, "out-of-range",
                        f"{view.name} must be at most {expected.le:,}, found {shown(value)}")

    def _wrong_name(self, view: View, values: Sequence[object]) -> None:
        hint = did_you_mean(view.value, [value for value in values if isinstance(value, str)]) \
            if isinstance(view.value, str) else ""
        self._error(view, "unknown-value", f"{view.name} must be {one_of(values)}, "
                    f"found {shown(view.value)}{hint}")

    def _is(self, view: View, kind: type, noun: str) -> bool:
        if isinstance(view.value, kind):
            return True
        self._error(view, "wrong-type", f"{view.name} must be {noun}, found {shown(view.value)}")
        return False


def _bare(expected: types.Type) -> types.Type:
    while isinstance(expected, types.Metadata):
        expected = expected.type
    return expected


def _fits(value: object, expected: types.Type) -> bool:
    if isinstance(value, bool):
        return isinstance(expected, types.BoolType)
    match expected:
        case types.StrType():
            return isinstance(value, str)
        case types.IntType():
            return isinstance(value, int)
        case types.FloatType():
            return isinstance(value, int | float) and value == value
    return False


def _text_fault(text: str, expected: types.StrType, told: str) -> str:
    """What is wrong with a text, or nothing."""
    if expected.min_length is not None and len(text) < expected.min_length:
        return "must not be empty"
    if expected.max_length is not None and len(text) > expected.max_length:
        return f"is longer than {expected.max_length:,} characters"
    if expected.pattern is not None and not re.fullmatch(expected.pattern, text):
        return f"must be {told}" if told else f"must match {expected.pattern}"
    return ""
