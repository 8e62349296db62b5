"""What a mapping template reads: $input, $util, and the maps of $context that it may change."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote_plus, unquote_plus

import orjson

from .jsonpath import MISSING, compile_path
from .vtl.errors import BodyError, RenderError
from .vtl.limits import current
from .vtl.printing import as_json, show
from .vtl.values import Exposed, QuietMap

_STRING = frozenset((str,))

_LONG_INTEGER = re.compile(rb"[0-9]{19}")
_DOUBLE = re.compile(rb"[0-9]\.[0-9]|[0-9][eE][+-]?[0-9]")


class Input(Exposed):
    """$input: the body, and the parameters as one value each.

    body is bytes of JSON or of anything else; an empty one reads as {}. Of a name that is a path, query and header
    parameter the path's counts, then the query's. Header names are compared as they came, then in any case.
    """

    __slots__ = ("_doubles", "_raw", "_value", "header", "path", "querystring")

    def __init__(
        self, body: bytes, path: Mapping[str, str], query: Mapping[str, str], headers: Mapping[str, str]
    ):
        self._raw = body or b"{}"
        self._value: Any = MISSING
        self._doubles = False
        self.path = path
        self.querystring = query
        self.header = headers

    def value(self) -> Any:
        """The body as JSON. Raises BodyError."""
        if self._value is MISSING:
            self._value = parsed(self._raw)
            self._doubles = _DOUBLE.search(self._raw) is not None
        return self._value

    def found(self, path: str) -> Any:
        """$input.path()"""
        value = compile_path(path).find(self.value())
        return None if value is MISSING else value

    def json(self, path: str) -> str:
        """$input.json(): where the path finds nothing, the JSON of an empty string."""
        value = compile_path(path).find(self.value())
        if value is MISSING:
            return '""'
        if not self._doubles:
            try:
                return orjson.dumps(value).decode()
            except TypeError:
                pass
        return as_json(value, current())

    def parameter(self, name: str) -> str:
        """$input.params(name)"""
        if name in self.path:
            return self.path[name]
        if name in self.querystring:
            return self.querystring[name]
        if name in self.header:
            return self.header[name]
        folded = name.lower()
        return next((value for known, value in self.header.items() if known.lower() == folded), "")

    def parameters(self) -> dict[str, dict[str, str]]:
        """$input.params(), as maps that a template cannot change for others."""
        return {"path": dict(self.path), "querystring": dict(self.querystring), "header": dict(self.header)}

    @property
    def text(self) -> str:
        """$input.body"""
        return self._raw.decode(errors="replace")

    PROPERTIES: ClassVar = {"body": lambda self: self.text}
    METHODS: ClassVar = {
        "getBody/0": (((), lambda self: self.text),),
        "json/1": (((_STRING,), json),),
        "path/1": (((_STRING,), found),),
        "params/0": (((), parameters),),
        "params/1": (((_STRING,), parameter),),
    }


def parsed(raw: bytes) -> Any:
    """JSON; integers of any length stay exact. Raises BodyError."""
    try:
        if _LONG_INTEGER.search(raw):
            return json.loads(raw.decode(), parse_constant=_refuse)
        return orjson.loads(raw)
    except (ValueError, RecursionError):
        raise BodyError("the body is not JSON") from None


def _refuse(name: str) -> Any:
    raise ValueError(name)


# -- $util

_ESCAPED = re.compile(r"""["'\\/]|[^ -~]""")
_NAMED = {"\b": "\\b", "\n": "\\n", "\t": "\\t", "\f": "\\f", "\r": "\\r"}


def escape_javascript(text: str) -> str:
    """As a string of JavaScript: quotes of both kinds, backslash and slash escaped, and all beyond ASCII."""
    return _ESCAPED.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    if char in "\"'\\/":
        return f"\\{char}"
    if char in _NAMED:
        return _NAMED[char]
    code = ord(char)
    if code > 0xFFFF:
        code -= 0x10000
        return f"\\u{0xD800 + (code >> 10):04X}\\u{0xDC00 + (code & 0x3FF):04X}"
    return f"\\u{code:04X}"


def url_encode(text: str) -> str:
    """application/x-www-form-urlencoded: a blank is +, and of marks only . - * _ stay."""
    return quote_plus(text, safe="*-._", errors="replace").replace("~", "%7E")


_BAD_PERCENT = re.compile("%(?![0-9a-fA-F]{2})")


def url_decode(text: str) -> str:
    if _BAD_PERCENT.search(text):
        raise RenderError("urlDecode(): a % without two digits")
    return unquote_plus(text, errors="replace")


def parse_json(text: str) -> Any:
    try:
        return parsed(text.encode(errors="replace"))
    except BodyError:
        raise RenderError("parseJson(): the text is not JSON") from None


def base64_decode(text: str) -> str:
    try:
        return base64.b64decode(text, validate=False).decode(errors="replace")
    except binascii.Error as error:
        raise RenderError(f"base64Decode(): {error}") from None


class Util(Exposed):
    """$util. It has no state; one is enough."""

    __slots__ = ()

    METHODS: ClassVar = {
        "escapeJavaScript/1": (((None,), lambda self, value: escape_javascript(_text(value))),),
        "parseJson/1": (((_STRING,), lambda self, text: parse_json(text)),),
        "toJson/1": (((None,), lambda self, value: as_json(value, current())),),
        "urlEncode/1": (((None,), lambda self, value: url_encode(_text(value))),),
        "urlDecode/1": (((_STRING,), lambda self, text: url_decode(text)),),
        "base64Encode/1": (
            ((None,), lambda self, value: base64.b64encode(_text(value).encode(errors="replace")).decode()),
        ),
        "base64Decode/1": (((_STRING,), lambda self, text: base64_decode(text)),),
    }


def _text(value: Any) -> str:
    return value if value.__class__ is str else show(value, current())


UTIL = Util()


def overrides() -> dict[str, Any]:
    """The maps of $context that a template may write to; what it has set there is read after it was rendered."""
    return {
        "requestOverride": QuietMap(header={}, path={}, querystring={}),
        "responseOverride": QuietMap(header={}),
    }
