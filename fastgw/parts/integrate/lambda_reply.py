"""The reply of a Lambda function as the answer to the client, by the rules of REST APIs and of HTTP APIs.

Source: developer guide, "Output format of a Lambda function for proxy integration" and "Lambda function response for
format 1.0" and "2.0"; what is malformed, and what is only odd, as recorded.
"""

import base64
import binascii
import re
from collections.abc import Callable

import msgspec

from fastgw._core.step import Answer, Failure, Fields
from fastgw.errors import CODE
from fastgw.model.api import ApiKind
from fastgw.parts.env import Env
from fastgw.parts.integrate.binary import BinaryTypes
from fastgw.parts.integrate.headers import answered

ALLOWED = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})
"""All that a reply to a REST API may hold: anything else makes it malformed (recorded)."""

_HTTP_DROPPED = frozenset({b"connection", b"content-length", b"date", b"apigw-requestid", b"keep-alive", b"te",
                           b"trailer", b"transfer-encoding", b"upgrade", b"proxy-authenticate", b"proxy-connection"})
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")
_STATUS = re.compile(r"\s*(\d{3})\s*")

Reply = dict[str, object]
Reader = Callable[[bytes, bytes | None], Answer]

_decode = msgspec.json.Decoder().decode


class Malformed(ValueError):
    """A reply that is no answer; the message says why, for the log."""


def reply_reader(payload: str, env: Env) -> Reader:
    """read(payload of the reply, the first media type of the request's Accept). Raises Failure."""
    if env.api.kind is ApiKind.REST:
        return _RestReply(env).read
    return _http_2 if payload == "2.0" else _http_1


class _RestReply:
    def __init__(self, env: Env) -> None:
        self._binary = BinaryTypes(env.api.binary_types)

    def read(self, payload: bytes, accepted: bytes | None) -> Answer:
        try:
            reply = _object(payload)
            if not reply or not reply.keys() <= ALLOWED:
                raise Malformed(f"unknown keys {sorted(reply.keys() - ALLOWED)}" if reply else "an empty reply")
            status, fields, body = _status(reply), _headers(reply), _text_of(reply)
        except Malformed as wrong:
            raise _malformed(wrong, "INTEGRATION_BAD_ANSWER") from None
        _complete(fields, b"application/json")
        content = body.encode()
        if reply.get("isBase64Encoded") is True and self._binary.holds((accepted or b"").decode("latin-1")):
            content = _from_base64(body)
        return Answer(status, answered("AWS_PROXY", fields), content)


def streamed_head(head: bytes) -> tuple[int, Fields]:
    """Status and fields of a reply in pieces: what stands before its body. Raises Malformed."""
    reply = _object(head)
    cookies = reply.get("cookies") or []
    if not isinstance(cookies, list):
        raise Malformed("cookies is no list")
    fields = _headers(reply) + [_field("Set-Cookie", cookie) for cookie in cookies]
    _complete(fields, b"application/octet-stream")
    return _status(reply), answered("AWS_PROXY", fields)


def _http_1(payload: bytes, accepted: bytes | None) -> Answer:
    """Format 1.0 of an HTTP API: as a REST API's, but bodies are decoded without being asked."""
    try:
        reply = _object(payload)
        status, fields = _status(reply), _headers(reply)
        return _http_answer(status, fields, _text_of(reply), reply)
    except Malformed as wrong:
        raise _malformed(wrong, "API_CONFIGURATION_ERROR") from None


def _http_2(payload: bytes, accepted: bytes | None) -> Answer:
    """Format 2.0: JSON without a statusCode is itself the body of a 200."""
    try:
        reply = _decode(payload)
    except msgspec.DecodeError:
        raise _malformed(Malformed("no JSON"), "API_CONFIGURATION_ERROR") from None
    if not isinstance(reply, dict) or "statusCode" not in reply:
        return Answer(200, [(b"Content-Type", b"application/json")], payload)
    try:
        status, fields = _status(reply), _headers({"headers": reply.get("headers")})
        cookies = reply.get("cookies") or []
        if not isinstance(cookies, list):
            raise Malformed("cookies is no list")
        fields += [_field("Set-Cookie", cookie) for cookie in cookies]
        return _http_answer(status, fields, _text_of(reply), reply)
    except Malformed as wrong:
        raise _malformed(wrong, "API_CONFIGURATION_ERROR") from None


def _http_answer(status: int, fields: Fields, body: str, reply: Reply) -> Answer:
    _complete(fields, b"text/plain; charset=utf-8")
    kept = [field for field in fields if field[0].lower() not in _HTTP_DROPPED]
    return Answer(status, kept, _from_base64(body) if reply.get("isBase64Encoded") is True else body.encode())


def _malformed(why: Malformed, code: str) -> Failure:
    return Failure(CODE[code], detail=f"Malformed Lambda proxy response: {why}")


def _object(payload: bytes) -> Reply:
    try:
        found = _decode(payload)
    except msgspec.DecodeError:
        raise Malformed("no JSON") from None
    if not isinstance(found, dict):
        raise Malformed("no object")
    return found


def _status(reply: Reply) -> int:
    """A number, or a text that is one; 200 where none is said."""
    given = reply.get("statusCode", 200)
    if given is None or isinstance(given, bool):
        raise Malformed("statusCode is no number")
    found = _STATUS.fullmatch(str(given))
    if found is None or not 200 <= int(found[1]) <= 599:
        raise Malformed("statusCode is no number from 200 to 599")
    return int(found[1])


def _headers(reply: Reply) -> Fields:
    """headers and multiValueHeaders together: a name in both has one field, in the spelling of headers."""
    single = reply.get("headers") or {}
    many = reply.get("multiValueHeaders") or {}
    if not isinstance(single, dict) or not isinstance(many, dict):
        raise Malformed("headers is no map")
    fields: Fields = []
    spelled = {name.lower(): name for name in single}
    for name, values in many.items():
        if not isinstance(values, list):
            raise Malformed("a multi-value header is no list")
        own = spelled.pop(name.lower(), None)
        if own is None or name.lower() == "set-cookie":
            fields += [_field(name, value) for value in values]
            if own is not None:
                fields.append(_field(own, single[own]))
        else:
            fields.append(_field(own, ", ".join(map(_printed, [*values, single[own]]))))
    return fields + [_field(name, single[name]) for name in spelled.values()]


def _field(name: str, value: object) -> tuple[bytes, bytes]:
    text = _printed(value)
    if not _NAME.fullmatch(name) or not _VALUE.fullmatch(text):
        raise Malformed("a header that cannot be sent")
    return name.encode(), text.strip(" \t").encode()


def _printed(value: object) -> str:
    """A value that is no text prints as JSON does."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return msgspec.json.encode(value).decode()
    raise Malformed("the value of a header is a list or an object")


def _text_of(reply: Reply) -> str:
    body = reply.get("body")
    if isinstance(body, dict | list):
        raise Malformed("body is no text")
    return _printed(body)


def _complete(fields: Fields, kind: bytes) -> None:
    if not any(name.lower() == b"content-type" for name, _ in fields):
        fields.append((b"Content-Type", kind))


def _from_base64(body: str) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise Failure(CODE["API_CONFIGURATION_ERROR"], detail="the body is not base64") from None
