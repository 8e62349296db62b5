"""What the texts of a policy mean: variables, numbers, dates, ranges of addresses, globs of actions."""

import base64
import binascii
import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from fastgw.model.policy import key_of

_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,6})?")
_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_LITERALS = ("*", "?", "$")
_DEFAULT = re.compile(r"'([^']*)'")


@dataclass(frozen=True, slots=True)
class Variable:
    """${aws:username, 'nobody'} within a text: the value of a key, or default. With neither, nothing fits the text."""

    key: str
    default: str | None = None


def pieces(text: str, variables: bool) -> list[str | Variable]:
    """A text with its variables apart. A "*" or "?" of a literal has a backslash before it where it is meant as itself,
    and so has a backslash. Raises ValueError for what is no variable.
    """
    found: list[str | Variable] = []
    at = 0
    if not variables:
        return [text.replace("\\", "\\\\")]
    for match in _VARIABLE.finditer(text):
        found.append(text[at:match.start()].replace("\\", "\\\\"))
        at = match.end()
        inside = match[1].strip()
        if inside in _LITERALS:
            found.append("\\" + inside if inside != "$" else "$")
            continue
        name, comma, given = (part.strip() for part in inside.partition(","))
        key = key_of(name)
        default = _DEFAULT.fullmatch(given)
        if key is None or (comma and default is None):
            raise ValueError(match[0])
        found.append(Variable(key, default[1] if default is not None else None))
    rest = text[at:]
    if "${" in rest:
        raise ValueError(rest[rest.index("${"):][:40])
    return [*(part for part in found if part), rest.replace("\\", "\\\\")]


def number_of(text: str) -> int:
    """In millionths, exactly. Raises ValueError."""
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(text)
    whole, _, part = text.partition(".")
    millionths = int(part.ljust(6, "0")) if part else 0
    return int(whole) * 1_000_000 + (-millionths if text.startswith("-") else millionths)


def date_of(text: str) -> int:
    """Microseconds since the epoch, of a date of ISO 8601 or of a number of seconds. Raises ValueError."""
    if _NUMBER.fullmatch(text) is not None:
        return number_of(text)
    try:
        when = datetime.fromisoformat(text)
        when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
        since = when - datetime(1970, 1, 1, tzinfo=UTC)
    except OverflowError:
        raise ValueError(text) from None
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def network_of(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """An address or a range. Raises ValueError."""
    return ipaddress.ip_network(text, strict=False)


def bytes_of(text: str) -> bytes:
    """Of base64. Raises ValueError."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(text) from error


def flag_of(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def action_fits(glob: str, action: str) -> bool:
    """Whether an action is one of those that a glob names, in any case."""
    return glob_fits(glob.lower(), action.lower())


def glob_fits(glob: str, text: str) -> bool:
    """In steps of at most one's length times the other's; for short texts that no request brings."""
    at = position = 0
    star, back = -1, 0
    while position < len(text):
        if at < len(glob) and glob[at] in ("?", text[position]):
            at, position = at + 1, position + 1
        elif at < len(glob) and glob[at] == "*":
            star, back, at = at, position, at + 1
        elif star >= 0:
            back += 1
            at, position = star + 1, back
        else:
            return False
    return not glob[at:].strip("*")


def arn_parts(text: str) -> list[str]:
    """The six parts of a pattern of ARNs; a colon within a variable parts nothing. One that ends in "*" before its
    sixth part has the rest of them as "*", as IAM completes it. Raises ValueError for one that is short otherwise.
    """
    hidden = _VARIABLE.sub(lambda match: match[0].replace(":", "\0"), text)
    parts = [part.replace("\0", ":") for part in hidden.split(":", 5)]
    if len(parts) < 6 and not text.endswith("*"):
        raise ValueError(f"an ARN has six parts, found {len(parts)}")
    return parts + ["*"] * (6 - len(parts))
