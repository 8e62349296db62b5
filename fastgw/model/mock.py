"""What the request of a MOCK integration says: the status that selects its integration response."""

import json
import re

_LOOSE = re.compile(r"""\s*\{(?:[^{}]*,)?\s*(["']?)statusCode\1\s*:\s*(["']?)([0-9]{3})\2\s*(?:,[^{}]*)?\}\s*""")


def mock_status(text: str) -> int | None:
    """The statusCode of {"statusCode": 200}; keys without quotes are taken too (recorded). None where there is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        found = _LOOSE.fullmatch(text)
        value = {"statusCode": found[3]} if found else None
    status = value.get("statusCode") if isinstance(value, dict) else None
    if isinstance(status, str) and status.isascii() and status.isdigit() and len(status) == 3:
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or not 100 <= status <= 599:
        return None
    return status
