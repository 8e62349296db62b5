"""What every part of the loader has in hand while it reads: problems, parameters, and checked access."""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import unquote

from fastgw.load.document import View
from fastgw.load.names import PREFIX
from fastgw.load.params import Params
from fastgw.load.problem import Problems, did_you_mean, nearest, one_of, shown

MAX_REFERENCES = 32
"""$ref hops from one place; more is a loop."""

_BESIDE_REFERENCE = ("$ref", "summary", "description")
"""What OpenAPI 3.1 lets stand beside a $ref."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Methods return None where the value is absent or wrong; wrong ones are reported."""

    problems: Problems
    params: Params

    def mapping(self, view: View | None) -> View | None:
        return self._typed(view, dict, "a mapping")

    def list(self, view: View | None) -> View | None:
        return self._typed(view, list, "a list")

    def _typed(self, view: View | None, kind: type, noun: str) -> View | None:
        if view is None:
            return None
        if not isinstance(view.value, kind):
            self.problems.error(view.place, "wrong-type",
                                f"{view.name} must be {noun}, found {shown(view.value)}")
            return None
        return view

    def text(self, view: View | None) -> str | None:
        """A scalar as text, parameters put in."""
        if view is None:
            return None
        filled = self.params.fill(view)
        if filled.text is None:
            self.problems.error(view.place, "wrong-type",
                                f"{view.name} must be a text, found {shown(view.value)}: {filled.why}")
            return None
        if filled.missing:
            names = ", ".join(filled.missing)
            self.problems.error(view.place, "missing-parameter",
                                f"{view.name} needs a value for {names}; give it with --param NAME=VALUE")
            return None
        return filled.text

    def name(self, view: View | None, allowed: Collection[str]) -> str | None:
        """One of the allowed names, in any case; returned as allowed spells it."""
        text = self.text(view)
        if view is None or text is None:
            return None
        for name in allowed:
            if name.lower() == text.lower():
                return name
        self.problems.error(view.place, "unknown-value", f"{view.name} must be {one_of(allowed)}, "
                            f"found {shown(text)}{did_you_mean(text, allowed)}")
        return None

    def integer(self, view: View | None, low: int, high: int) -> int | None:
        """A whole number, as a number or as text."""
        if view is None:
            return None
        value = view.value
        if isinstance(value, int) and not isinstance(value, bool):
            number = value
        else:
            text = self.text(view)
            if text is None:
                return None
            number = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None
        if number is None or not low <= number <= high:
            self.problems.error(view.place, "out-of-range", f"{view.name} must be a whole number from "
                                f"{low:,} to {high:,}, found {shown(value)}")
            return None
        return number

    def flag(self, view: View | None) -> bool | None:
        if view is None:
            return None
        value = view.value
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        self.problems.error(view.place, "wrong-type",
                            f"{view.name} must be true or false, found {shown(value)}")
        return None

    def texts(self, view: View | None) -> tuple[str, ...]:
        """A list of texts."""
        if view is None or self.list(view) is None:
            return ()
        found = [self.text(item) for item in view.elements()]
        return tuple(text for text in found if text is not None)

    def known_keys(self, view: View, allowed: Collection[str], what: str, strict: bool = False) -> None:
        """Report keys that are no field of what: an error where strict, or where a field was surely meant."""
        for key in view.value:
            if key in allowed or key.startswith(("x-", "X-")):
                continue
            wrong = strict or nearest(key, allowed, 0.8) is not None
            report = self.problems.error if wrong else self.problems.warning
            report(view.get(key).key_place, "unknown-field", f"{shown(key)} is no field of {what}"
                   f"{'' if wrong else ' and is ignored'}{did_you_mean(key, allowed)}")

    def follow(self, view: View) -> View | None:
        """What a $ref leads to, or the view itself; only inside the document, never the network."""
        seen = 0
        while (reference := view.get("$ref")) is not None:
            target = reference.value
            if not isinstance(target, str):
                self.problems.error(reference.place, "wrong-type", f"$ref must be a text, found {shown(target)}")
                return None
            self._refuse_what_is_lost(view)
            seen += 1
            if seen > MAX_REFERENCES:
                self.problems.error(view.place, "reference-loop", f"$ref {shown(target)} leads in a circle")
                return None
            found = self._pointed(view, target)
            if found is None:
                return None
            view = found
        return view

    def _refuse_what_is_lost(self, view: View) -> None:
        """A $ref stands for all of its mapping: what stands beside it would silently have no effect."""
        for key, beside in view.items():
            if key not in _BESIDE_REFERENCE and (key.startswith(PREFIX) or not key.startswith(("x-", "X-"))):
                self.problems.error(beside.key_place, "beside-reference",
                                    f"{shown(key)} stands beside a $ref, which leaves it out; move it to where "
                                    "the $ref leads")

    def _pointed(self, view: View, target: str) -> View | None:
        place = view.get("$ref").place
        if not target.startswith("#"):
            self.problems.error(place, "outside-reference", f"$ref {shown(target)} leads out of this file; "
                                "only references inside it (#/...) are followed")
            return None
        found: View | None = view.document.view()
        start, *parts = unquote(target[1:]).split("/")
        if start:
            self.problems.error(place, "broken-reference", f"$ref {shown(target)} is no pointer; write #/...")
            return None
        for part in parts:
            key = part.replace("~1", "/").replace("~0", "~")
            below = found.get(key)
            if below is None:
                names = found.value if isinstance(found.value, dict) else ()
                self.problems.error(place, "broken-reference",
                                    f"$ref {shown(target)} finds no {shown(key)}{did_you_mean(key, names)}")
                return None
            found = below
        return found
