"""One invocation, and the words in which the service reports what went wrong with it."""

import json
import time
import uuid
from collections.abc import Callable

from fastgw.functions.http import Connection


class Invocation:
    """An event on its way to a process and back.

    done   called once with (body of the reply, whether it is an error); None where nobody waits for the result
    piece  takes a reply that comes in pieces, each with the connection it comes from; None where it is to be whole.
           done is called after the last one, with an empty body or with what went wrong
    """

    __slots__ = ("arn", "client_context", "deadline_ms", "done", "id", "payload", "piece", "trace")

    def __init__(
        self, payload: bytes, arn: bytes, trace: bytes | None = None, client_context: bytes | None = None
    ) -> None:
        self.id = str(uuid.uuid4())
        self.payload, self.arn, self.trace, self.client_context = payload, arn, trace, client_context
        self.done: Callable[[bytes, bool], None] | None = None
        self.piece: Callable[[bytes, Connection], None] | None = None
        self.deadline_ms = 0

    def due(self, timeout_ms: int) -> None:
        """Starts its time."""
        self.deadline_ms = time.time_ns() // 1_000_000 + timeout_ms

    def finish(self, body: bytes, failed: bool) -> None:
        done, self.done = self.done, None
        if done is not None:
            done(body, failed)


def fault(kind: str, message: str) -> bytes:
    """The payload of a function error. Source: AWS Lambda developer guide, "Lambda Runtime API"."""
    return json.dumps({"errorType": kind, "errorMessage": message}, ensure_ascii=False).encode()


def timed_out(invocation: Invocation, timeout_ms: int) -> bytes:
    seconds = f"{timeout_ms / 1000:.2f}"
    return fault("Sandbox.Timedout", f"RequestId: {invocation.id} Error: Task timed out after {seconds} seconds")


def exited(request_id: str, status: int) -> bytes:
    """status as subprocess gives it: below zero the number of a signal."""
    if status == 0:
        why = "Runtime exited without providing a reason"
    else:
        why = f"Runtime exited with error: {signal_words(status) if status < 0 else f'exit status {status}'}"
    return fault("Runtime.ExitError", f"RequestId: {request_id} Error: {why}")


def signal_words(status: int) -> str:
    """As Go prints a signal, which is what the service shows."""
    words = {9: "killed", 11: "segmentation fault", 6: "aborted", 15: "terminated"}
    return f"signal: {words.get(-status, -status)}"
