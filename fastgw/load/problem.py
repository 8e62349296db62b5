"""What is wrong with a definition: every problem with its place, collected before any is reported."""

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from fastgw.model.place import Place

ERROR, WARNING = "error", "warning"

_MAX_MESSAGE = 1_000


@dataclass(frozen=True, slots=True)
class Problem:
    """severity is "error" (nothing is served) or "warning" (served, but not as the text may suggest).

    code is a stable short name for machines; message is for people.
    """

    severity: str
    place: Place
    message: str
    code: str

    def __str__(self) -> str:
        return f"{self.place}: {self.severity}: {self.message}"


class Problems:
    """A collector: reading goes on after a problem, so that one run names them all."""

    def __init__(self) -> None:
        self._found: dict[Problem, None] = {}

    def error(self, place: Place, code: str, message: str) -> None:
        self._found[Problem(ERROR, place, _printable(message), code)] = None

    def warning(self, place: Place, code: str, message: str) -> None:
        self._found[Problem(WARNING, place, _printable(message), code)] = None

    def absorb(self, other: "Problems", fail_on_warnings: bool = False) -> None:
        """Take over what another collector has found; fail_on_warnings: its warnings are errors here."""
        for problem in other._found:
            severity = ERROR if fail_on_warnings else problem.severity
            self._found[replace(problem, severity=severity)] = None

    def has_errors(self) -> bool:
        return any(problem.severity == ERROR for problem in self._found)

    def by_place(self) -> tuple[Problem, ...]:
        return tuple(sorted(self._found, key=lambda p: (p.place.file, p.place.line, p.place.column)))


def _printable(message: str) -> str:
    """Names from a definition may hold anything; a terminal or a log must not act on it."""
    if len(message) > _MAX_MESSAGE:
        message = message[:_MAX_MESSAGE] + " ..."
    if message.isprintable():
        return message
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in message)


def nearest(word: str, allowed: Iterable[str], likeness: float = 0.6) -> str | None:
    """The allowed name that word was probably meant to be; likeness 1 takes only the name itself."""
    lowered = {name.lower(): name for name in allowed}
    # difflib's cost grows with the product of the lengths: a hostile key must not buy time.
    found = difflib.get_close_matches(word[:80].lower(), lowered, n=1, cutoff=likeness)
    return lowered[found[0]] if found else None


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """'; did you mean "x"?', or nothing where no allowed name is near."""
    name = nearest(word, allowed)
    return f'; did you mean "{name}"?' if name is not None else ""


def one_of(allowed: Iterable[object]) -> str:
    """'"a", "b" or "c"', for messages."""
    names = [shown(name) for name in allowed]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]


def shown(value: object) -> str:
    """A value as it may stand in a message: one line, printable, short."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:76] + '..."'
