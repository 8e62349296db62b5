"""Bodies as text and as bytes: which of the two one is, and what contentHandling makes of it.

Source: developer guide, "Content type conversions in API Gateway" (its two tables), and 44 recorded exchanges with S3.
A body is binary where its media type is one of the API's binaryMediaTypes; otherwise it is UTF-8 text, and what is no
UTF-8 in it becomes U+FFFD.
"""

import base64
import binascii

from fastgw._core.step import Failure
from fastgw.errors import CODE
from fastgw.model.integration import CONVERT_TO_BINARY, CONVERT_TO_TEXT


class BinaryTypes:
    """binaryMediaTypes of an API, in lower case: type/subtype, type/*, */*. */subtype holds nothing (recorded)."""

    def __init__(self, types: tuple[str, ...]) -> None:
        self._exact = frozenset(kind for kind in types if not kind.startswith("*/"))
        self._ranges = tuple(kind[:-1] for kind in types if kind.endswith("/*") and kind != "*/*")
        self._all = "*/*" in types

    def holds(self, media_type: str) -> bool:
        """media_type in lower case, without parameters; "" where none is said."""
        return self._all or media_type in self._exact or (bool(self._ranges) and media_type.startswith(self._ranges))


def request_body(body: bytes, binary: bool, handling: str | None) -> bytes:
    """What templates and the backend get of a request's body."""
    if binary:
        return base64.b64encode(body) if handling == CONVERT_TO_TEXT else body
    return _from_base64(body) if handling == CONVERT_TO_BINARY else _as_text(body)


def response_body(body: bytes, binary: bool, accepts_binary: bool, handling: str | None) -> bytes:
    """What templates and the client get of a backend's body."""
    if binary:
        to_text = handling == CONVERT_TO_TEXT or (handling is None and not accepts_binary)
        return base64.b64encode(body) if to_text else body
    to_binary = handling == CONVERT_TO_BINARY or (handling is None and accepts_binary)
    return _from_base64(body) if to_binary else _as_text(body)


def _from_base64(body: bytes) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise Failure(CODE["API_CONFIGURATION_ERROR"], detail="the body is not base64") from None


def _as_text(body: bytes) -> bytes:
    return body if body.isascii() else body.decode("utf-8", "replace").encode()
