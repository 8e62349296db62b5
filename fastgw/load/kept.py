"""Keys that a state directory holds, added to those of a definition."""

from collections.abc import Iterable

from fastgw.load.problem import Problem, Problems
from fastgw.load.usage import Keys
from fastgw.model.gateway import Gateway
from fastgw.model.place import Place


def add_kept_keys(
    gateway: Gateway, kept: Iterable[tuple[str, str, tuple[str, ...]]], file: str
) -> tuple[Problem, ...]:
    """kept: name, value and plans of each key, as this file holds them. What the definition has goes before: a key
    that does not fit it, by its name, its value or its plans, is left out and told.
    """
    kept = list(kept)
    if not kept:
        return ()
    problems = Problems()
    keys = Keys(gateway.plans, problems, gateway.keys)
    place = Place(file, 1, 1)
    for name, value, plans in kept:
        keys.add(name, value, True, plans, lambda: place)
    return problems.by_place()
