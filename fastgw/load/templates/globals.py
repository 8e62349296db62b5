"""Globals of a SAM template: what its resources have in common.

Source: SAM specification, "Globals section": mappings are merged, lists put one behind the other, else the resource's
own value holds.
"""

from fastgw.load.assembly import Assembly
from fastgw.load.document import Path, View


def merged(common: View | None, own: View | None, at: View) -> View:
    """at: where the result is said where neither is given."""
    if common is None or not isinstance(common.value, dict):
        return own if own is not None else Assembly(at).document().view()
    made = Assembly(own if own is not None else at)
    _merge(made, (), common, own)
    return made.document().view()


def _merge(made: Assembly, path: Path, common: View, own: View | None) -> None:
    for key, value in common.items():
        its = own.get(key) if own is not None else None
        if its is None:
            made.take((*path, key), value)
        elif isinstance(value.value, dict) and isinstance(its.value, dict):
            made.set((*path, key), {}, its)
            _merge(made, (*path, key), value, its)
        elif isinstance(value.value, list) and isinstance(its.value, list):
            made.set((*path, key), [*value.value, *its.value], its)
    for key, its in own.items() if own is not None else ():
        value = common.get(key)
        if value is None or type(value.value) is not type(its.value) or not isinstance(its.value, dict | list):
            made.take((*path, key), its)
