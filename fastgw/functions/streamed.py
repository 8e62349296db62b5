"""Replies in pieces: InvokeWithResponseStream of the Lambda API.

Source: AWS Lambda API reference (version 2021-11-15), and "Event stream encoding" of the Transcribe guide.
"""

from __future__ import annotations

import json
import struct
import zlib

from fastgw.functions.http import Connection
from fastgw.functions.invocation import Invocation

_STRING = 7


def frame(kind: str, payload: bytes, media_type: str = "application/octet-stream") -> bytes:
    """One event message."""
    fields = {":event-type": kind, ":content-type": media_type, ":message-type": "event"}
    headers = b"".join(
        struct.pack(f">B{len(name)}sBH", len(name), name.encode(), _STRING, len(value)) + value.encode()
        for name, value in fields.items()
    )
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    head = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return head + struct.pack(">I", zlib.crc32(head))


class Streamed:
    """One invocation's answer. A reply that comes whole is one piece."""

    def __init__(self, invocation: Invocation, connection: Connection) -> None:
        self._invocation = invocation
        self._connection = connection
        self._begun = False
        invocation.piece, invocation.done = self._piece, self._done

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._connection.begin((
                (b"Content-Type", b"application/vnd.amazon.eventstream"),
                (b"x-amzn-RequestId", self._invocation.id.encode()),
            ))

    def _piece(self, data: bytes, source: Connection) -> None:
        self._begin()
        self._connection.source = source
        self._connection.piece(frame("PayloadChunk", data))

    def _done(self, body: bytes, failed: bool) -> None:
        self._begin()
        complete: dict[str, str] = {}
        if failed:
            complete = {"ErrorCode": "Unhandled", "ErrorDetails": body.decode("utf-8", "replace")}
        elif body:
            self._connection.piece(frame("PayloadChunk", body))
        told = json.dumps(complete).encode()
        self._connection.piece(frame("InvokeComplete", told, "application/json"))
        self._connection.end()
