"""Values that a definition leaves open: ${NAME}, Fn::Sub, Fn::GetAtt, Fn::Join, Ref.

NAME is given by --param, or by the fastgw.yaml, or is one of CloudFormation's pseudo parameters.
${stageVariables.x} is not a parameter: it stays for the stage to fill, as do ${request.x}, ${response.x} and
${context.x} of parameter mappings, which a request fills.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fastgw.load.document import View

PSEUDO = {
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "000000000000",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "fastgw",
    "AWS::StackId": "fastgw",
}
"""What CloudFormation's own names stand for where nobody says otherwise."""

MAX_TEXT = 65_536
"""Characters of a value once everything is put in."""

_HOLE = re.compile(r"\$(\$?)\{(!?)([^{}]*)\}")
_LATER = ("stageVariables.", "request.", "response.", "context.")


def as_text(value: object) -> str:
    """A value as a YAML file writes it, for what can only be a text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class Filled:
    """text with every known value put in; missing names those that nobody gave.

    text is None where the value is no text at all, or a function that is not read; why says so.
    """

    text: str | None
    missing: tuple[str, ...] = ()
    why: str = ""


class Params:
    """values: name -> value, those of --param first. An attribute (Fn::GetAtt) is named "Resource.Attr"."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {**PSEUDO, **values}

    def with_defaults(self, defaults: Mapping[str, str]) -> "Params":
        """These values over a template's own defaults."""
        return Params({**defaults, **self._values})

    def fill(self, view: View) -> Filled:
        """The text of a scalar or of a CloudFormation function."""
        return self._fill(view.value, 0)

    def fill_value(self, value: object) -> Filled:
        """The same of a plain value."""
        return self._fill(value, 0)

    def get(self, name: str) -> str | None:
        return self._values.get(name)

    def put_known(self, text: str) -> str:
        """text with the names that are known put in and everything else left alone."""
        return self._holes(text, {}).text or text

    def _fill(self, value: object, depth: int) -> Filled:
        if isinstance(value, str):
            return self._holes(value, {}) if "${" in value else Filled(value)
        if isinstance(value, bool):
            return Filled("true" if value else "false")
        if isinstance(value, int | float):
            return Filled(str(value))
        if isinstance(value, dict) and len(value) == 1 and depth < 8:
            name, argument = next(iter(value.items()))
            read = _FUNCTIONS.get(name)
            if read is not None:
                return read(self, argument, depth + 1)
            if name.startswith("Fn::"):
                return Filled(None, why=f"{name} is not read; give the value itself")
        return Filled(None, why="text expected")

    def _holes(self, text: str, local: Mapping[str, str]) -> Filled:
        missing: dict[str, None] = {}
        room = MAX_TEXT - len(text)

        def put(match: re.Match[str]) -> str:
            nonlocal room
            if room < 0:
                return ""
            doubled, literal, name = match.groups()
            if doubled or literal:
                return "${" + name + "}"
            name = name.strip()
            if name.startswith(_LATER):
                return match[0]
            value = local.get(name, self._values.get(name))
            if value is None:
                missing[name] = None
                return match[0]
            room -= len(value)
            return value

        whole = _HOLE.sub(put, text)
        if room < 0:
            return Filled(None, why=f"longer than {MAX_TEXT:,} characters")
        return Filled(whole, tuple(missing))

    def _named(self, name: str) -> Filled:
        value = self._values.get(name)
        return Filled("${" + name + "}", (name,)) if value is None else Filled(value)

    def _sub(self, argument: object, depth: int) -> Filled:
        if isinstance(argument, str):
            return self._holes(argument, {})
        match argument:
            case [str(text), dict(local)]:
                filled = {name: self._fill(value, depth) for name, value in local.items()}
                known = {name: part.text for name, part in filled.items() if part.text is not None}
                whole = self._holes(text, known)
                return Filled(whole.text, _names(whole, *filled.values()))
        return Filled(None, why="Fn::Sub takes a text, or a list of a text and a mapping")

    def _get_att(self, argument: object, depth: int) -> Filled:
        match argument:
            case str(name):
                return self._named(name)
            case [str(resource), str(attribute)]:
                return self._named(f"{resource}.{attribute}")
        return Filled(None, why="Fn::GetAtt takes Resource.Attribute")

    def _join(self, argument: object, depth: int) -> Filled:
        match argument:
            case [str(separator), list(parts)] if len(parts) <= 1000:
                filled = [self._fill(part, depth) for part in parts]
                if all(part.text is not None for part in filled):
                    room = MAX_TEXT - len(separator) * max(len(parts) - 1, 0)
                    if sum(len(part.text) for part in filled) > room:
                        return Filled(None, why=f"longer than {MAX_TEXT:,} characters")
                    return Filled(separator.join(part.text for part in filled), _names(*filled))
                return next(part for part in filled if part.text is None)
        return Filled(None, why="Fn::Join takes a list of a separator and a list of texts")

    def _ref(self, argument: object, depth: int) -> Filled:
        if isinstance(argument, str):
            return self._named(argument)
        return Filled(None, why="Ref takes a name")


def _names(*filled: Filled) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in filled for name in part.missing))


_FUNCTIONS = {
    "Fn::Sub": Params._sub,
    "Fn::GetAtt": Params._get_att,
    "Fn::Join": Params._join,
    "Ref": Params._ref,
}
