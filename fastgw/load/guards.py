"""What a definition asks to be checked and this version does not check: refused, or allowed by name.

Each kind of demand is reported once, at its first place, with the number of operations behind it.
"""

from collections.abc import Collection
from dataclasses import dataclass

from fastgw.load.problem import Problems
from fastgw.load.reader import Reader
from fastgw.model.place import Place

ALLOWABLE = ("key", "authorizer", "validator")
"""The names that --allow-unenforced takes."""


KEY_HEADER = "x-api-key"
"""Where a request has its API key."""


@dataclass(slots=True)
class _Demand:
    place: Place
    count: int = 0


class Guards:
    """Collects demands while operations are read; report() tells them all."""

    def __init__(self, reader: Reader, allowed: Collection[str]) -> None:
        self._reader = reader
        self._allowed = allowed
        self._demands: dict[tuple[str, str], _Demand] = {}

    def demand(self, name: str, what: str, place: Place, count: int = 0) -> None:
        """name of ALLOWABLE; what completes "asks for"; count 1 for an operation's demand."""
        demand = self._demands.setdefault((name, what), _Demand(place))
        demand.count += count

    def allows(self, name: str) -> bool:
        """Whether what cannot be checked may be left out."""
        return name in self._allowed

    def report(self) -> None:
        problems: Problems = self._reader.problems
        for (name, what), demand in self._demands.items():
            where = ""
            if demand.count > 1:
                where = f" (for {demand.count} operations, the first of them here)"
            if name in self._allowed:
                problems.warning(demand.place, "unenforced", f"the definition asks for {what}{where}: "
                                 f"not checked, as --allow-unenforced {name} says")
            else:
                problems.error(demand.place, "unenforced", f"the definition asks for {what}{where}, which is "
                               f"not checked yet; --allow-unenforced {name} serves it unchecked")
