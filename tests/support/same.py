"""Compare models that were read from different files."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from fastgw.model.place import Place
from fastgw.model.usage import KeyRing


def without_places(value: object) -> object:
    """A model as plain values; two that say the same are equal wherever it was said."""
    if isinstance(value, Place):
        return None
    if isinstance(value, KeyRing):
        return list(value)
    if is_dataclass(value):
        return type(value).__name__, {one.name: without_places(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple | list):
        return [without_places(item) for item in value]
    if isinstance(value, Mapping):
        return {key: without_places(item) for key, item in value.items()}
    return value
