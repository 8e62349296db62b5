"""Resource paths: their grammar, their canonical spelling, and the rules of a REST API's resource tree."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from fastgw.load.problem import Problems, shown
from fastgw.model.place import Place

MAX_PARAMETERS = 32
MAX_SEGMENTS = 128

_VARIABLE = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z0-9._-]+\+?")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|%(00|5[Cc]|2[Ff])|%([0-9A-Fa-f]{2})")
_REFUSED = re.compile(r"[^!-~]|[\"<>|^`\\#?]")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class BadPath(ValueError):
    """The message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class ResourcePath:
    """A checked path.

    text        canonical: escapes of unreserved characters decoded, no slash at the end
    parameters  names in order, without the "+" of a greedy one
    mixed       whether a segment mixes text and variables, which the service has not
    shape       text with the names left out: two paths of one shape match the same requests
    """

    text: str
    parameters: tuple[str, ...]
    mixed: bool
    shape: str

    @property
    def template(self) -> str:
        """The path as an upstream's: {name} for {name+}."""
        return self.text.replace("+}", "}")


def read_path(path: str) -> ResourcePath:
    """Raises BadPath."""
    if not path.startswith("/"):
        raise BadPath(f"path {shown(path)} must begin with a slash")
    if path == "/":
        return ResourcePath("/", (), False, "/")
    raw = path[1:].removesuffix("/").split("/")
    if len(raw) > MAX_SEGMENTS:
        raise BadPath(f"path {shown(path)} has more than {MAX_SEGMENTS} parts")
    segments = [_segment(segment, path) for segment in raw]
    if "" in segments:
        raise BadPath(f"path {shown(path)} has an empty part")
    if any("+}" in segment for segment in segments[:-1]):
        raise BadPath(f"path {shown(path)} goes on after a greedy variable, which takes all that is left")
    text = "/" + "/".join(segments)
    names = [name.removesuffix("+") for name in _VARIABLE.findall(text)]
    if len(names) > MAX_PARAMETERS:
        raise BadPath(f"path {shown(path)} has more than {MAX_PARAMETERS} variables")
    for name in names:
        if names.count(name) > 1:
            raise BadPath(f"path {shown(path)} has two variables named {shown(name)}")
    mixed = any("{" in segment and not _VARIABLE.fullmatch(segment) for segment in segments)
    shape = _VARIABLE.sub(lambda found: "{+}" if found[1].endswith("+") else "{}", text)
    return ResourcePath(text, tuple(names), mixed, shape)


def _segment(segment: str, path: str) -> str:
    """One part in canonical spelling."""
    pieces = _VARIABLE.split(segment)
    for name in pieces[1::2]:
        if not _NAME.fullmatch(name):
            raise BadPath(f"path {shown(path)}: {shown('{' + name + '}')} is no variable; a name has "
                          "letters, digits and . _ -, and + at its end to take all that is left")
    if "+}" in segment and not _VARIABLE.fullmatch(segment):
        raise BadPath(f"path {shown(path)}: a greedy variable must be a whole part")
    if any(not piece for piece in pieces[2:-1:2]):
        raise BadPath(f"path {shown(path)}: two variables need text between them")
    texts = [_text(piece, path) for piece in pieces[::2]]
    if segment in (".", "..") or texts in (["."], [".."]):
        raise BadPath(f"path {shown(path)} has a dot part, which no request path keeps")
    return texts[0] + "".join(
        "{" + name + "}" + text for name, text in zip(pieces[1::2], texts[1:], strict=True))


def _text(piece: str, path: str) -> str:
    if "{" in piece or "}" in piece:
        raise BadPath(f"path {shown(path)} has a brace without its partner")
    if not piece.isascii():
        piece = "".join(char if char.isascii() else quote(char) for char in piece)
    if bad := _REFUSED.search(piece):
        raise BadPath(f"path {shown(path)} holds {shown(bad[0])}, which no request path may hold")

    def canonical(found: re.Match[str]) -> str:
        if found[2] is None:
            raise BadPath(f"path {shown(path)} holds the escape {shown(found[0])}, which no request path "
                          "may hold")
        char = chr(int(found[2], 16))
        return char if char in _UNRESERVED else found[0].upper()

    return _ESCAPE.sub(canonical, piece) if "%" in piece else piece


class ResourceTree:
    """Finds routes that claim the same requests and, for a REST API, siblings the service refuses."""

    def __init__(self, problems: Problems, strict: bool) -> None:
        self._problems = problems
        self._strict = strict
        self._routes: dict[tuple[str, str], str] = {}
        self._variables: dict[str, str] = {}

    def add_resource(self, path: ResourcePath, place: Place) -> None:
        """One variable part under one parent, as the service has it."""
        if not self._strict:
            return
        if path.mixed:
            self._problems.error(place, "bad-path", f"path {shown(path.text)}: a part is either text or one "
                                 "whole variable, not both")
            return
        parent = ""
        for part in path.text[1:].split("/"):
            if part.startswith("{"):
                known = self._variables.setdefault(parent, part)
                if known != part:
                    self._problems.error(place, "sibling-variable", f"path {shown(path.text)}: A sibling "
                                         f"({known}) of this resource already has a variable path part -- "
                                         "only one is allowed")
                    return
            parent += "/" + part

    def add_route(self, method: str, path: ResourcePath, place: Place) -> bool:
        """False, with an error, where another route answers the same method on the same requests."""
        first = self._routes.get((method, path.shape))
        if first is not None:
            self._problems.error(place, "same-route", f"{method} {path.text} claims the same requests as "
                                 f"{method} {first}")
            return False
        self._routes[method, path.shape] = path.text
        return True
