"""Java's regular expressions, on PCRE2 with a bound on the work of a match.

The two agree on nearly all that mapping templates use. What PCRE2 reads otherwise is translated, or refused by
name: intersections of classes, and classes within classes.
"""

from functools import lru_cache

from fastgw._core.pcre import Pattern, TooMuch

from .errors import RenderError
from .limits import current

LONGEST = 1000
"""Characters of a pattern."""

_PROPERTIES = {
    "Lower": "a-z", "Upper": "A-Z", "Alpha": "a-zA-Z", "Digit": "0-9", "Alnum": "a-zA-Z0-9",
    "Punct": r"!-\/:-@\[-`{-~", "Graph": "!-~", "Print": " -~", "Blank": r" \t", "Cntrl": r"\x00-\x1f\x7f",
    "XDigit": "0-9a-fA-F", "Space": r" \t\n\x0b\f\r", "ASCII": r"\x00-\x7f",
    "IsAlphabetic": r"\p{L}\p{Nl}", "IsDigit": r"\p{Nd}", "IsLetter": r"\p{L}", "IsUppercase": r"\p{Lu}",
    "IsLowercase": r"\p{Ll}", "javaLowerCase": r"\p{Ll}", "javaUpperCase": r"\p{Lu}",
}


def matches(pattern: str, text: str) -> bool:
    """String.matches(): the whole text."""
    return bool(_spans(_compiled(rf"(?:{translated(pattern)})\z"), text.encode(errors="replace"), 0, True))


def replace(pattern: str, text: str, new: str, every: bool) -> str:
    """replaceAll and replaceFirst: $1 and ${name} in the new text are groups, a backslash takes the next as it is."""
    compiled, data = _compiled(translated(pattern)), text.encode(errors="replace")
    parts = _template(new)
    pieces: list[bytes] = []
    last = at = size = 0
    budget = current()
    while spans := _spans(compiled, data, at, False):
        begin, end = spans[0]
        pieces += [data[last:begin], *(_group(part, spans, compiled, data) for part in parts)]
        last = end
        at = end if end > begin else _after(data, end)
        size += sum(map(len, pieces[-1 - len(parts) :]))
        budget.bound(size)
        if not every or at > len(data):
            break
    return b"".join((*pieces, data[last:])).decode(errors="replace")


def split(pattern: str, text: str, limit: int = 0) -> list[str]:
    """String.split(): empty strings at the end are left out unless a limit is given."""
    compiled, data = _compiled(translated(pattern)), text.encode(errors="replace")
    parts: list[str] = []
    last = at = 0
    budget = current()
    while (limit <= 0 or len(parts) < limit - 1) and (spans := _spans(compiled, data, at, False)):
        budget.check()
        begin, end = spans[0]
        if end == begin:
            at = _after(data, end)
            if begin >= len(data):
                break
            if begin == 0:
                continue
        else:
            at = end
            if end == 0:
                continue
        if not (begin == 0 and last == 0 and end == 0):
            parts.append(data[last:begin].decode(errors="replace"))
        last = end
    if not parts and last == 0:
        return [text]
    parts.append(data[last:].decode(errors="replace"))
    while limit == 0 and len(parts) > 1 and not parts[-1]:
        parts.pop()
    if limit == 0 and parts == [""] and text:
        return []
    return parts


def translated(pattern: str) -> str:
    """The pattern in PCRE2's syntax. Raises RenderError for what has no equal there."""
    if len(pattern) > LONGEST:
        raise RenderError(f"a regular expression is longer than {LONGEST} characters")
    out: list[str] = []
    at, depth, size = 0, 0, len(pattern)
    while at < size:
        char = pattern[at]
        step = 1
        if char == "\\" and at + 1 < size:
            piece, step = _escape(pattern, at, depth > 0)
            out.append(piece)
        elif char == "[" and depth:
            raise RenderError("a class within a class of a regular expression is not supported")
        elif char == "[":
            depth = 1
            for start in ("[^]", "[]"):
                if pattern.startswith(start, at):
                    step = len(start)
            out.append(pattern[at : at + step])
        elif char == "]" and depth:
            depth = 0
            out.append(char)
        elif depth and pattern.startswith("&&", at):
            raise RenderError("the intersection of classes of a regular expression is not supported")
        else:
            out.append(char)
        at += step
    return "".join(out)


def _escape(pattern: str, at: int, inside: bool) -> tuple[str, int]:
    """One escape and its length."""
    char = pattern[at + 1]
    if char == "u" and len(pattern) >= at + 6:
        return f"\\x{{{pattern[at + 2 : at + 6]}}}", 6
    if char == "Q":
        end = pattern.find("\\E", at + 2)
        quoted = pattern[at + 2 : end if end >= 0 else len(pattern)]
        return "".join(f"\\{one}" if not one.isalnum() and one.isascii() else one for one in quoted), \
            (end + 2 if end >= 0 else len(pattern)) - at
    if char in "pP" and pattern.startswith("{", at + 2):
        end = pattern.find("}", at)
        name = pattern[at + 3 : end]
        if name in _PROPERTIES:
            members = _PROPERTIES[name]
            if inside and char == "P":
                raise RenderError(f"\\P{{{name}}} within a class of a regular expression is not supported")
            return (members if inside else f"[{'^' if char == 'P' else ''}{members}]"), end + 1 - at
    return pattern[at : at + 2], 2


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Pattern:
    try:
        return Pattern(pattern.encode(errors="replace"))
    except ValueError as error:
        raise RenderError(f"a regular expression: {error}") from None


def _spans(pattern: Pattern, data: bytes, at: int, anchored: bool) -> tuple[tuple[int, int], ...]:
    try:
        return pattern.find(data, at, anchored)
    except TooMuch:
        raise RenderError("a regular expression takes too many steps on this text") from None


def _after(data: bytes, at: int) -> int:
    """The next character's begin."""
    at += 1
    while at < len(data) and data[at] & 0xC0 == 0x80:
        at += 1
    return at


def _template(new: str) -> list[bytes | int | str]:
    """Text, group numbers and group names."""
    parts: list[bytes | int | str] = []
    at = 0
    while at < len(new):
        char = new[at]
        if char == "\\":
            if at + 1 == len(new):
                raise RenderError("character to be escaped is missing")
            parts.append(new[at + 1].encode(errors="replace"))
            at += 2
        elif char != "$":
            parts.append(char.encode(errors="replace"))
            at += 1
        elif new.startswith("{", at + 1):
            end = new.find("}", at)
            if end < 0:
                raise RenderError("named capturing group is missing trailing '}'")
            parts.append(new[at + 2 : end])
            at = end + 1
        elif new[at + 1 : at + 2].isdigit():
            parts.append(int(new[at + 1]))
            at += 2
        else:
            raise RenderError("Illegal group reference")
    return parts


def _group(part: bytes | int | str, spans: tuple[tuple[int, int], ...], pattern: Pattern, data: bytes) -> bytes:
    if isinstance(part, bytes):
        return part
    number = pattern.group(part.encode()) if isinstance(part, str) else part
    if not 0 <= number <= pattern.groups:
        raise RenderError(f"No group {part}")
    begin, end = spans[number] if number < len(spans) else (-1, -1)
    return data[begin:end] if begin >= 0 else b""
