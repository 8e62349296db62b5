"""Integration URIs: the group of upstreams they name, and the text that placeholders leave open."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fastgw.model.place import Place

_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")
_URI = re.compile(r"(https?)://([^/?#]+)([^?#]*)(?:\?([^#]*))?", re.IGNORECASE)
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

    return _VARIABLE.sub(value, text)


def split_uri(uri: str, variables: Mapping[str, str], place: Place) -> Uri:
    """Raises ValueError with the place for a missing variable or what is no http URI."""
    filled = put_variables(uri, variables, place)
    parts = _URI.fullmatch(filled)
    if parts is None or AUTHORITY.fullmatch(parts[2]) is None:
        raise ValueError(f"{place}: error: {filled!r} is not a URI of the form http://host[:port]/path")
    if {".", ".."} & set(parts[3].split("/")):
        raise ValueError(f"{place}: error: the path of {filled!r} holds a dot segment; write the path it leads to")
    return Uri(parts[1].lower(), parts[2].lower(), parts[3] or "/", parts[4] or "")
