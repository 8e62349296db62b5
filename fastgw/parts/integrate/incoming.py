"""What an integration reads of a message: parameters by name, the body as text and as JSON."""

import json
from urllib.parse import unquote_to_bytes

from fastgw._core.step import Request
from fastgw.parts.integrate.headers import UNSEEN

JSON = "application/json"
_NOTHING = object()


def text(value: bytes) -> str:
    """A header's or parameter's bytes for a template. octets() gives the same bytes back, whatever they were."""
    return value.decode("utf-8", "surrogateescape")


def octets(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def media_type(value: bytes | None) -> str:
    """type/subtype of a Content-Type in lower case, without its parameters; application/json where there is none."""
    kind = text(value or b"").partition(";")[0].strip().lower()
    return kind or JSON


def first_accepted(value: bytes | None) -> str:
    """The first media type of an Accept field: the service looks at no other."""
    return text(value or b"").partition(",")[0].partition(";")[0].strip().lower()


class Message:
    """Fields and body of a request or of a reply. content is the body that mappings and templates read."""

    __slots__ = ("_json", "content", "fields")

    def __init__(self, fields: list[tuple[bytes, bytes]], content: bytes) -> None:
        self.fields = fields
        self.content = content
        self._json: object = _NOTHING

    def header(self, name: bytes) -> bytes | None:
        """The last value of a field; name in lower case."""
        for own, value in reversed(self.fields):
            if own.lower() == name:
                return value
        return None

    def headers(self, name: bytes) -> list[bytes]:
        return [value for own, value in self.fields if own.lower() == name]

    def json(self) -> object:
        """The body read as JSON; None where it is none."""
        if self._json is _NOTHING:
            try:
                self._json = json.loads(self.content)
            except (ValueError, RecursionError):
                self._json = None
        return self._json


class Incoming(Message):
    """A client's request."""

    __slots__ = ("_maps", "parameters", "query", "request")

    def __init__(self, request: Request, names: tuple[str, ...], content: bytes) -> None:
        super().__init__([field for field in request.headers if field[0].lower() not in UNSEEN], content)
        self.request = request
        self.parameters = dict(zip(names, request.parameters, strict=False))
        self.query = pairs(request.query)
        self._maps: tuple[dict[str, str], dict[str, str], dict[str, str]] | None = None

    def maps(self) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
        """Path parameters, query and header fields as templates see them; of several values the last."""
        if self._maps is None:
            self._maps = (
                {name: text(value) for name, value in self.parameters.items()},
                {name: text(value) for name, value in self.query},
                last_values(self.fields),
            )
        return self._maps

    def query_values(self, name: str) -> list[bytes]:
        return [value for own, value in self.query if own == name]


def last_values(fields: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """name -> value of header fields; of several the last."""
    return {
        name.decode("latin-1"): value.decode("utf-8", "surrogateescape") for name, value in fields
    }


def pairs(query: bytes) -> list[tuple[str, bytes]]:
    """The parameters of a query in order, decoded; "+" is a space."""
    found = []
    for item in query.split(b"&"):
        if item:
            name, _, value = item.partition(b"=")
            found.append((text(_decoded(name)), _decoded(value)))
    return found


def _decoded(value: bytes) -> bytes:
    if b"+" in value:
        value = value.replace(b"+", b" ")
    return unquote_to_bytes(value) if b"%" in value else value
