"""Intrinsic functions of a CloudFormation template -> plain values, each with the place where it was written.

What a function leaves open because a value is not given stays as it stands, so that whoever needs the value says so.
Source: AWS CloudFormation user guide, "Intrinsic function reference".
"""

import base64
import json
from collections.abc import Callable, Mapping
from os.path import dirname, join

from fastgw.load.assembly import Origins
from fastgw.load.document import MAX_DEPTH, Document, Path, View, read
from fastgw.load.params import Params
from fastgw.load.problem import did_you_mean, shown
from fastgw.load.reader import Reader

NO_VALUE = object()
"""What { Ref: AWS::NoValue } is: its key or item is left out."""

MAX_INCLUDES = 50

_TEXT_FUNCTIONS = ("Fn::Sub", "Fn::GetAtt", "Fn::Join", "Ref")

Names = Callable[[str], object]
"""The value of { Ref: name }; None where nobody knows."""


class Resolver:
    """ref gives values of names; params those of texts, attributes (Resource.Attribute) among them."""

    def __init__(self, reader: Reader, root: View, params: Params, ref: Names) -> None:
        self._problems = reader.problems
        self._params = params
        self._ref = ref
        self._mappings = root.get("Mappings")
        self._conditions = root.get("Conditions")
        self._known: dict[str, bool | None] = {}
        self._includes = 0
        self._depth = 0

    def document(self, view: View) -> Document:
        """A value with its functions worked out."""
        origins = Origins(view)
        value = self._walk(view, (), origins)
        return Document(view.document.file, {} if value is NO_VALUE else value, origins.locate)

    def text(self, view: View | None) -> str | None:
        """A scalar, where everything it needs is known."""
        if view is None:
            return None
        filled = self._params.fill_value(self._walk(view, (), Origins(view)))
        return None if filled.missing else filled.text

    def holds(self, name: str, view: View) -> bool:
        """Whether a condition is met; view is where it is asked for. What cannot be told is told and is false."""
        if name not in self._known:
            if self._depth > MAX_DEPTH:
                self._problems.error(view.place, "too-large", f"conditions lead to each other over {MAX_DEPTH} levels")
                return False
            self._known[name] = None
            self._depth += 1
            condition = self._conditions.get(name) if self._conditions is not None else None
            if condition is None:
                known = self._conditions.value if self._conditions is not None else ()
                self._problems.error(view.place, "unknown-value", f"no condition is named {shown(name)}"
                                     f"{did_you_mean(name, known)}")
                self._known[name] = False
            else:
                self._known[name] = self._condition(condition, 0)
            self._depth -= 1
        found = self._known[name]
        if found is None:
            self._problems.error(view.place, "reference-loop", f"condition {shown(name)} depends on itself")
        return bool(found)

    # --- values

    def _walk(self, view: View, path: Path, origins: Origins) -> object:
        value = view.value
        if isinstance(value, dict):
            if len(value) == 1:
                name = next(iter(value))
                function = _FUNCTIONS.get(name)
                if function is not None or name in _TEXT_FUNCTIONS:
                    return self._call(name, function, view, path, origins)
            if "Fn::Transform" in value:
                return self._included(view, path, origins)
            return self._mapping(view, path, origins)
        if isinstance(value, list):
            return self._items(view, path, origins)
        return value

    def _mapping(self, view: View, path: Path, origins: Origins) -> dict:
        changed: dict | None = None
        for key, child in view.items():
            if type(child.value) not in (dict, list):
                continue
            found = self._walk(child, (*path, key), origins)
            if found is child.value:
                continue
            if changed is None:
                changed = dict(view.value)
            if found is NO_VALUE:
                del changed[key]
            else:
                changed[key] = found
        return view.value if changed is None else changed

    def _items(self, view: View, path: Path, origins: Origins) -> list:
        found, changed = [], False
        for child in view.elements():
            item = self._walk(child, (*path, len(found)), origins)
            changed = changed or item is not child.value
            if item is not NO_VALUE:
                if changed:
                    origins.add((*path, len(found)), child)
                found.append(item)
        return found if changed else view.value

    def _call(self, name: str, function: "_Function | None", view: View, path: Path, origins: Origins) -> object:
        if len(path) > MAX_DEPTH:
            self._problems.error(view.place, "too-large", f"functions nested deeper than {MAX_DEPTH} levels")
            return None
        origins.add(path, view)
        if function is not None:
            return function(self, view.get(name), path, origins)
        argument = self._walk(view.get(name), (*path, name), origins)
        if name == "Ref" and isinstance(argument, str):
            if argument == "AWS::NoValue":
                return NO_VALUE
            found = self._ref(argument)
            if found is not None:
                return found
        call = {name: argument}
        filled = self._params.fill_value(call)
        return call if filled.text is None or filled.missing else filled.text

    def _if(self, argument: View, path: Path, origins: Origins) -> object:
        parts = list(argument.elements())
        if len(parts) != 3 or not isinstance(parts[0].value, str):
            return self._wrong(argument, "Fn::If takes a condition's name and two values")
        chosen = parts[1] if self.holds(parts[0].value, parts[0]) else parts[2]
        origins.add(path, chosen)
        return self._walk(chosen, path, origins)

    def _find_in_map(self, argument: View, path: Path, origins: Origins) -> object:
        parts = list(argument.elements())
        if len(parts) not in (3, 4):
            return self._wrong(argument, "Fn::FindInMap takes a map's name and two keys")
        keys = [self.text(part) for part in parts[:3]]
        if None in keys:
            return self._left_open(argument, "Fn::FindInMap")
        found = self._mappings
        for key, part in zip(keys, parts, strict=False):
            below = found.get(key) if found is not None else None
            if below is None:
                default = parts[3].get("DefaultValue") if len(parts) == 4 else None
                if default is not None:
                    return self._walk(default, path, origins)
                known = found.value if found is not None and isinstance(found.value, dict) else ()
                self._problems.error(part.place, "unknown-value", f"Fn::FindInMap finds no {shown(key)}"
                                     f"{did_you_mean(key, known)}")
                return ""
            found = below
        return found.value

    def _select(self, argument: View, path: Path, origins: Origins) -> object:
        parts = list(argument.elements())
        if len(parts) != 2:
            return self._wrong(argument, "Fn::Select takes an index and a list")
        index = self.text(parts[0])
        items = self._walk(parts[1], (*path, "Fn::Select", 1), origins)
        if index is None or not isinstance(items, list):
            return self._left_open(argument, "Fn::Select")
        if not index.isascii() or not index.isdigit() or int(index) >= len(items):
            return self._wrong(argument, f"Fn::Select: there is no item {shown(index)} among {len(items)}")
        return items[int(index)]

    def _split(self, argument: View, path: Path, origins: Origins) -> object:
        parts = list(argument.elements())
        if len(parts) != 2 or not isinstance(parts[0].value, str) or not parts[0].value:
            return self._wrong(argument, "Fn::Split takes a separator and a text")
        text = self.text(parts[1])
        return self._left_open(argument, "Fn::Split") if text is None else text.split(parts[0].value)

    def _base64(self, argument: View, path: Path, origins: Origins) -> object:
        text = self.text(argument)
        return self._left_open(argument, "Fn::Base64") if text is None else base64.b64encode(text.encode()).decode()

    def _import_value(self, argument: View, path: Path, origins: Origins) -> object:
        name = self.text(argument)
        given = self._params.get(name) if name is not None else None
        return {"Ref": name} if given is None and name is not None else given

    def _to_json(self, argument: View, path: Path, origins: Origins) -> object:
        return json.dumps(self._walk(argument, (*path, "Fn::ToJsonString"), origins))

    def _length(self, argument: View, path: Path, origins: Origins) -> object:
        items = self._walk(argument, (*path, "Fn::Length"), origins)
        return len(items) if isinstance(items, list) else self._left_open(argument, "Fn::Length")

    def _left_open(self, argument: View, name: str) -> dict:
        """What is missing, for whoever needs its value; else the function as it stands."""
        for part in (argument, *argument.elements()):
            filled = self._params.fill_value(self._walk(part, (), Origins(part)))
            if filled.missing:
                return {"Ref": filled.missing[0]}
        return {name: argument.value}

    def _wrong(self, argument: View, message: str) -> str:
        self._problems.error(argument.place, "wrong-type", message)
        return ""

    # --- conditions

    def _condition(self, view: View, depth: int) -> bool:
        value = view.value
        if not isinstance(value, dict) or len(value) != 1 or depth > 16:
            self._wrong(view, "a condition is one of Fn::Equals, Fn::And, Fn::Or, Fn::Not and Condition")
            return False
        name = next(iter(value))
        argument = view.get(name)
        if name == "Condition" and isinstance(argument.value, str):
            return self.holds(argument.value, argument)
        parts = list(argument.elements())
        if name == "Fn::Equals" and len(parts) == 2:
            return self._equals(*parts)
        if name in ("Fn::And", "Fn::Or") and 2 <= len(parts) <= 10:
            found = [self._condition(part, depth + 1) for part in parts]
            return all(found) if name == "Fn::And" else any(found)
        if name == "Fn::Not" and len(parts) == 1:
            return not self._condition(parts[0], depth + 1)
        self._wrong(view, f"{shown(name)} with {len(parts)} values is no condition; one is Fn::Equals, Fn::And, "
                    "Fn::Or, Fn::Not or Condition")
        return False

    def _equals(self, left: View, right: View) -> bool:
        found = []
        for side in (left, right):
            filled = self._params.fill_value(self._walk(side, (), Origins(side)))
            if filled.text is None or filled.missing:
                names = ", ".join(filled.missing)
                self._problems.error(side.place, "missing-parameter", f"a condition needs a value for {names}; give "
                                     "it with --param NAME=VALUE" if names else f"a condition compares texts: "
                                     f"{filled.why}")
            found.append(filled.text)
        return found[0] == found[1]

    # --- other files

    def _included(self, view: View, path: Path, origins: Origins) -> object:
        """AWS::Include of a local file: its content stands among what is beside it."""
        transform = view.get("Fn::Transform")
        beside = {key: value for key, value in view.value.items() if key != "Fn::Transform"}
        parameters = transform.get("Parameters")
        location = self.text(parameters.get("Location")) if parameters is not None else None
        name = transform.get("Name")
        if name is None or name.value != "AWS::Include" or location is None:
            self._problems.error(transform.place, "unserved", "of Fn::Transform only AWS::Include with a known "
                                 "Location is followed")
            return beside
        found = self.file(location, parameters.get("Location"))
        if found is None:
            return beside
        if not isinstance(found.value, dict):
            self._problems.error(transform.place, "wrong-type", f"{location} must hold a mapping")
            return beside
        whole = dict(beside)
        for key, child in found.view().items():
            origins.add((*path, key), child)
            whole[key] = child.value
        for key, child in view.items():
            if key in beside and key not in found.value:
                whole[key] = self._walk(child, (*path, key), origins)
        return whole

    def file(self, location: str, named: View) -> Document | None:
        """A file beside the template, its functions worked out; None, and told, where there is none."""
        self._includes += 1
        if "://" in location:
            self._problems.error(named.place, "unserved", f"{shown(location)} is not fetched; name a local file, "
                                 "relative to the template")
            return None
        if self._includes > MAX_INCLUDES:
            self._problems.error(named.place, "too-many", f"more than {MAX_INCLUDES} files are included")
            return None
        document = read(join(dirname(named.place.file), location), self._problems, named.place)
        return self.document(document.view()) if document is not None else None


_Function = Callable[[Resolver, View, Path, Origins], object]

_FUNCTIONS: Mapping[str, _Function] = {
    "Fn::If": Resolver._if,
    "Fn::FindInMap": Resolver._find_in_map,
    "Fn::Select": Resolver._select,
    "Fn::Split": Resolver._split,
    "Fn::Base64": Resolver._base64,
    "Fn::ImportValue": Resolver._import_value,
    "Fn::ToJsonString": Resolver._to_json,
    "Fn::Length": Resolver._length,
}
