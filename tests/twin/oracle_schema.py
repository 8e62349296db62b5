"""What a body's verdict is by Python's json and fastjsonschema, with the rules of strict JSON on top.

Where the two differ from the validator by design, the difference is a rule here:
- numbers are doubles here and exact there: the oracle has no opinion on a number that a double does not hold;
- a name twice, half a surrogate pair, NaN and depth are refused here by hand: Python's json takes them.
"""

import json
import math
from collections.abc import Callable
from decimal import Decimal

import fastjsonschema

Validate = Callable[[object], object]
DEPTH = 64


class NoOpinion(Exception):
    """The oracle's own numbers cannot tell."""


def compiled(schema: object, draft: int) -> Validate:
    uri = f"http://json-schema.org/draft-0{draft}/schema#"
    return fastjsonschema.compile({"$schema": uri, **schema}, use_default=False, use_formats=False)


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name twice")
    return made


def _constant(name: str) -> object:
    raise ValueError(name)


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value) or Decimal(repr(value)) != Decimal(text):
        raise NoOpinion(text)
    return value


def _int(text: str) -> int:
    if len(text) > 300:
        raise NoOpinion(text)
    return int(text)


def _plain(value: object, depth: int) -> None:
    """Text is Unicode, and nothing is nested too deep."""
    if isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, list | dict):
        if depth == DEPTH:
            raise ValueError("too deep")
        for one in value:
            _plain(one, depth + 1)
        if isinstance(value, dict):
            for one in value.values():
                _plain(one, depth + 1)


def parse(body: bytes) -> object:
    """The value; ValueError where strict JSON has none."""
    value = json.loads(
        body.decode("utf-8"),
        object_pairs_hook=_members,
        parse_constant=_constant,
        parse_float=_float,
        parse_int=_int,
    )
    _plain(value, 0)
    return value


def holds(validate: Validate, body: bytes) -> bool:
    try:
        validate(parse(body))
    except (ValueError, RecursionError, fastjsonschema.JsonSchemaValueException):
        return False
    return True
