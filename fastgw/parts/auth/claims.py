"""Claims as the service prints them, for $context, templates, events and logs: every value is a text.

HTTP APIs print lists and maps as Go does ("[a b]", "map[k:v]"), REST APIs as Java's clients of user pools do: lists
with commas, dates in words. Sources: events recorded by their users.
"""

import json
import time
from collections.abc import Mapping

_DATES = ("exp", "iat", "nbf")


def printed_in_http_api(claims: Mapping[str, object]) -> dict[str, str]:
    return {name: _as_go(value) for name, value in claims.items()}


def printed_in_rest_api(claims: Mapping[str, object]) -> dict[str, str]:
    return {name: _as_java(name, value) for name, value in claims.items()}


def _as_go(value: object) -> str:
    if isinstance(value, list):
        return "[" + " ".join(map(_as_go, value)) + "]"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{name}:{_as_go(value[name])}" for name in sorted(value)) + "]"
    return "<nil>" if value is None else _scalar(value)


def _as_java(name: str, value: object) -> str:
    if isinstance(value, list):
        return ",".join(_as_java("", element) for element in value)
    if isinstance(value, dict):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if name in _DATES and isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**35:
        return _date(int(value))
    return "null" if value is None else _scalar(value)


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        # A whole number is one however it was written.
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return str(value)


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _date(seconds: int) -> str:
    """"Thu Dec 05 20:48:02 UTC 2019", in English whatever the locale."""
    at = time.gmtime(seconds)
    clock = f"{at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d}"
    return f"{_DAYS[at.tm_wday]} {_MONTHS[at.tm_mon - 1]} {at.tm_mday:02d} {clock} UTC {at.tm_year}"
