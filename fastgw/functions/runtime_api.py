"""The Lambda Runtime API, for one process.

Source: AWS Lambda developer guide, "Using the Lambda runtime API" (version 2018-06-01).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from fastgw.functions.http import MAX_PAYLOAD, Connection, Request
from fastgw.functions.invocation import fault

if TYPE_CHECKING:
    from fastgw.functions.process import Process

_NEXT = b"/2018-06-01/runtime/invocation/next"
_INIT_ERROR = b"/2018-06-01/runtime/init/error"
_RESULT = re.compile(rb"/2018-06-01/runtime/invocation/([^/?]+)/(response|error)")

_MODE, _ERROR_TYPE = b"lambda-runtime-function-response-mode", b"lambda-runtime-function-error-type"

_OK = b'{"status":"OK"}'
_TOO_LARGE = fault(
    "Function.ResponseSizeTooLarge",
    f"Response payload size exceeded maximum allowed payload size ({MAX_PAYLOAD} bytes).",
)


def serve(process: Process, request: Request, connection: Connection) -> None:
    if request.target == _NEXT and request.method == b"GET":
        process.wants(connection)
        return
    if request.method != b"POST":
        _refuse(connection, 405, "InvalidMethod", f"{request.method.decode('latin-1')} is not served here")
        return
    if found := _RESULT.fullmatch(request.target):
        _result(process, found[1], found[2] == b"error", request, connection)
    elif request.target == _INIT_ERROR:
        process.init_failed(_error_of(request))
        connection.answer(202, _OK)
    else:
        _refuse(connection, 404, "InvalidPath", "the Runtime API has next, response, error and init error")


def sink_of(
    process: Process, target: bytes, headers: dict[bytes, bytes], connection: Connection
) -> Callable[[bytes], None] | None:
    """Who takes the pieces of a streamed response: the invocation, where it is one that wants them."""
    found = _RESULT.fullmatch(target)
    current = process.invocation
    if found is None or headers.get(_MODE) != b"streaming" or current is None or current.id.encode() != found[1]:
        return None
    take = current.piece
    return None if take is None else lambda data: take(data, connection)


def _result(process: Process, id_: bytes, failed: bool, request: Request, connection: Connection) -> None:
    current = process.invocation
    if current is None or current.id.encode() != id_:
        _refuse(connection, 400, "InvalidRequestID", "Invalid request ID")
        return
    failed = failed or _ERROR_TYPE in request.headers       # also of a trailer
    if request.body is None:
        process.finished(_TOO_LARGE, True)
        _refuse(connection, 413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size "
                f"({MAX_PAYLOAD} bytes).")
        return
    process.finished(_error_of(request) if failed else request.body, failed)
    connection.answer(202, _OK)


def _error_of(request: Request) -> bytes:
    """The error's own document; where the client sent none, one with the type of its header."""
    body = request.body or b""
    try:
        if isinstance(json.loads(body), dict):
            return body
    except ValueError:
        pass
    kind = request.headers.get(_ERROR_TYPE, b"Runtime.Unknown").decode("latin-1")
    return fault(kind, body.decode("utf-8", "replace"))


def _refuse(connection: Connection, status: int, kind: str, message: str) -> None:
    connection.answer(status, fault(kind, message))
