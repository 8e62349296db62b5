"""AWS_PROXY of a Lambda function whose reply comes in pieces (responseTransferMode STREAM).

The reply is one JSON object with statusCode, headers, multiValueHeaders and cookies, eight NUL bytes, and the body.
Source: developer guide, "Stream the integration response for your proxy integrations"; event messages: AWS Lambda API
reference, InvokeWithResponseStream.
"""

import json
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable

from fastgw._core.step import Answer, Failure, Fields, Reply, Request, Sent
from fastgw.errors import CODE
from fastgw.model.integration import Integrated
from fastgw.parts.ask import ask
from fastgw.parts.env import Env
from fastgw.parts.integrate.lambda_event import event_maker
from fastgw.parts.integrate.lambda_invoke import Invoker
from fastgw.parts.integrate.lambda_proxy import refused
from fastgw.parts.integrate.lambda_reply import Malformed, streamed_head

MAX_HEAD = 65_536
"""Bytes of a reply before its eight NULs."""
MAX_MESSAGE = 16 << 20

_GAP = b"\0" * 8
_JSON = (b"Content-Type", b"application/json")
_STRING = 7


class Broken(Exception):
    """The stream ended with an error, or is none; the answer is cut where the client can see it."""


class LambdaStream:
    """Raises ValueError with the place, when made, for a function that cannot be invoked."""

    def __init__(self, integrated: Integrated, env: Env) -> None:
        self._invoker = Invoker(integrated, env, streamed=True)
        self._event = event_maker(integrated.payload, env)

    def __call__(self, request: Request) -> Sent | Awaitable[Sent]:
        call = self._invoker.call(self._event(request), [_JSON], request)
        return ask(call, self._then)

    def _then(self, request: Request, reply: Reply) -> Awaitable[Answer]:
        if reply.status != 200:
            raise refused(reply)
        return _opened(reply.body, request.context("TRACE_ID").encode())


async def _opened(body: AsyncIterator[bytes], trace: bytes) -> Answer:
    """The answer, once its head is there. Raises Failure where the function failed before."""
    pieces = payloads(body)
    try:
        status, fields, rest = await _head(pieces)
    except (Broken, Malformed) as wrong:
        await _closed(pieces, body)
        raise Failure(CODE["INTEGRATION_BAD_ANSWER"], detail=f"Malformed Lambda proxy response: {wrong}") from None
    except BaseException:
        await _closed(pieces, body)
        raise
    return Answer(status, [*fields, (b"X-Amzn-Trace-Id", trace)], _Rest(rest, pieces, body))


async def _head(pieces: AsyncIterator[bytes]) -> tuple[int, Fields, bytes]:
    """Status, fields, and what came of the body with them. Raises Broken or Malformed."""
    head = b""
    async for piece in pieces:
        head += piece
        if _GAP in head or len(head) > MAX_HEAD:
            break
    before, gap, rest = head.partition(_GAP)
    if not gap:
        raise Malformed("no head before eight NUL bytes")
    return *streamed_head(before), rest


async def _closed(pieces: AsyncIterator[bytes], body: AsyncIterator[bytes]) -> None:
    await pieces.aclose()   # type: ignore[attr-defined]
    await body.aclose()     # type: ignore[attr-defined]


class _Rest:
    """The body: what came with the head, then the other pieces."""

    def __init__(self, first: bytes, pieces: AsyncIterator[bytes], body: AsyncIterator[bytes]) -> None:
        self._first, self._pieces, self._body = first, pieces, body

    def __aiter__(self) -> "_Rest":
        return self

    async def __anext__(self) -> bytes:
        first, self._first = self._first, b""
        return first or await anext(self._pieces)

    async def aclose(self) -> None:
        await _closed(self._pieces, self._body)


async def payloads(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The function's own bytes. Raises Broken where it failed, or the messages are none."""
    held = b""
    async for data in body:
        held += data
        while (message := _message(held)) is not None:
            size, kind, payload = message
            held = held[size:]
            if kind == "PayloadChunk":
                if payload:
                    yield payload
            elif kind == "InvokeComplete":
                _check_end(payload)
                return
    raise Broken("the stream ended before the function did")


def _check_end(payload: bytes) -> None:
    """Raises Broken where the function failed."""
    try:
        told = json.loads(payload or b"{}")
    except ValueError:
        raise Broken("an end that is no JSON") from None
    if not isinstance(told, dict) or told.get("ErrorCode"):
        raise Broken("the function failed")


def _message(held: bytes) -> tuple[int, str, bytes] | None:
    """(size, type, payload) of the first event message; None until it is whole. Raises Broken."""
    if len(held) < 12:
        return None
    size, headers, check = struct.unpack_from(">III", held)
    if zlib.crc32(held[:8]) != check or not 16 + headers <= size <= MAX_MESSAGE:
        raise Broken("no event message")
    if len(held) < size:
        return None
    if zlib.crc32(held[:size - 4]) != struct.unpack_from(">I", held, size - 4)[0]:
        raise Broken("an event message that was damaged")
    return size, _event_type(held[12:12 + headers]), held[12 + headers:size - 4]


def _event_type(headers: bytes) -> str:
    """:event-type; all headers of these messages are texts."""
    at = 0
    while at < len(headers):
        end = at + 1 + headers[at]
        name = headers[at + 1:end]
        if len(headers) < end + 3 or headers[end] != _STRING:
            raise Broken("a header that is no text")
        length = struct.unpack_from(">H", headers, end + 1)[0]
        value = headers[end + 3:end + 3 + length]
        if name == b":event-type":
            return value.decode("latin-1")
        at = end + 3 + length
    return ""
