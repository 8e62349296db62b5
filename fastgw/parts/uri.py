"""Integration URIs: the group of upstreams they name, and the text that placeholders leave open."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from fastgw.model.place import Place

STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")
_URI = re.compile(r"(https?)://([^/?#]+)([^?#]*)(?:\?([^#]*))?", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\{([A-Za-z0-9._-]+)\+?\}")
PATH_SAFE = "/:@!$&'()*+,;=-._~%"
QUERY_SAFE = PATH_SAFE + "?"
"""Characters of a definition's path and query that are sent as they stand; RFC 3986 sections 3.3 and 3.4."""
AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::(\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Uri:
    """An integration URI with its stage variables put in; path and query may hold {name}."""

    scheme: str
    authority: str
    path: str
    query: str


def put_variables(text: str, variables: Mapping[str, str], place: Place) -> str:
    """text with ${stageVariables.name} put in. Raises ValueError with the place for one that is not set."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in variables:
            raise ValueError(f"{place}: error: stage variable {found[1]!r} is used in {text!r} but not set")
        return variables[found[1]]

    return STAGE_VARIABLE.sub(value, text)


def split_uri(uri: str, variables: Mapping[str, str], place: Place) -> Uri:
    """Raises ValueError with the place for a missing variable or what is no http URI."""
    filled = put_variables(uri, variables, place)
    parts = _URI.fullmatch(filled)
    if parts is None or AUTHORITY.fullmatch(parts[2]) is None:
        raise ValueError(f"{place}: error: {filled!r} is not a URI of the form http(s)://host[:port]/path")
    if {".", ".."} & set(parts[3].split("/")):
        raise ValueError(f"{place}: error: the path of {filled!r} holds a dot segment; write the path it leads to")
    return Uri(parts[1].lower(), parts[2].lower(), parts[3] or "/", parts[4] or "")


def pieces(part: str, safe: str) -> list[tuple[str, str | None]]:
    """A path or query taken apart: (literal text, percent-encoded; name of the placeholder after it, or None) each."""
    found = []
    end = 0
    for hole in _PLACEHOLDER.finditer(part):
        found.append((quote(part[end : hole.start()], safe=safe), hole[1]))
        end = hole.end()
    return [*found, (quote(part[end:], safe=safe), None)]


class Holes:
    """A path or query whose placeholders are filled request by request."""

    def __init__(self, part: str, safe: str) -> None:
        self._pieces = [(literal.encode(), name) for literal, name in pieces(part, safe)]

    def fill(self, values: Mapping[str, bytes]) -> bytes:
        """values are percent-encoded; a placeholder without one is left out."""
        out = []
        for literal, name in self._pieces:
            out.append(literal)
            if name is not None:
                out.append(values.get(name, b""))
        return b"".join(out)
