"""JSON of strangers: one reading only. What two readers could read differently is refused."""

import json
import math


class NotStrict(ValueError):
    """It is no JSON, or some reader could read it as something else."""


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotStrict("a member is there twice")
    return found


def _number(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise NotStrict("a number is too large")
    return found


def _constant(text: str) -> object:
    raise NotStrict(f"{text} is no JSON")


_decode = json.JSONDecoder(object_pairs_hook=_members, parse_float=_number, parse_constant=_constant).decode


def read_object(text: bytes) -> dict[str, object]:
    """An object: UTF-8 without a byte order mark, no member twice in any object of it, finite numbers, no surrogate
    without its other half. Its size is the caller's to limit. Raises NotStrict."""
    try:
        found = _decode(text.decode())
        if b"\\u" in text:
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        # Not the parser's own words: they hold a piece of the text.
        raise NotStrict("it is no JSON that is read in one way only") from None
    if not isinstance(found, dict):
        raise NotStrict("it is no object")
    return found
