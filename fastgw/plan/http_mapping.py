"""The parameter mappings of HTTP APIs -> what the engine applies to requests and answers."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from fastgw.model.http_mapping import (
    APPEND,
    HEADER,
    OVERWRITE,
    PATH,
    QUERY,
    REMOVE,
    STATUS,
    Body,
    Change,
    Part,
    RequestPath,
    ResponseChanges,
    ResponseHeader,
    Value,
    body_steps,
)
from fastgw.plan.ops import (
    ANSWER_BODY,
    ANSWER_MULTI,
    BODY,
    ESCAPED_QUERY,
    IN_HEADER,
    IN_QUERY,
    RAW,
    WHOLE_PATH,
    Op,
    context,
    merged,
    of_source,
    text,
)
from fastgw.plan.replies import status_line

ACTIONS = {OVERWRITE: 0, APPEND: 1, REMOVE: 2}
"""The engine's numbers: ops.Action."""

Row = tuple[bytes, list[Op], int]


def request_changes(
    changes: Sequence[Change], variables: Mapping[str, str], parameters: Sequence[str]
) -> dict[str, Any]:
    """queries, headers and own_path of a route. Raises ValueError for an unknown context variable."""
    paths = [change for change in changes if change.location == PATH]
    own_path = (_ops(paths[-1].value, variables, parameters, WHOLE_PATH) if paths else None) or []
    return {
        "queries": _rows(changes, QUERY, variables, parameters, IN_QUERY),
        "headers": _rows(changes, HEADER, variables, parameters, IN_HEADER),
        "own_path": own_path,
        "reads_body": any(_reads_body(change) for change in changes),
    }


def answer_changes(
    responses: Sequence[ResponseChanges], variables: Mapping[str, str], parameters: Sequence[str]
) -> list[dict[str, Any]]:
    """answers of a route; the values of requests are none of theirs."""
    return [_answer(response, variables, parameters) for response in responses]


def _answer(response: ResponseChanges, variables: Mapping[str, str], parameters: Sequence[str]) -> dict[str, Any]:
    says: list[Op] = []
    for change in response.changes:
        if change.location == STATUS:
            says = _ops(change.value, variables, parameters, RAW) or []
    fixed = b"".join(op[3] for op in says) if all(op[0] == text("")[0] for op in says) else b""
    sends = int(fixed) if fixed.isdigit() and 200 <= int(fixed) <= 599 else 0
    return {
        "status": response.status,
        "fields": _rows(response.changes, HEADER, variables, parameters, IN_HEADER),
        "sends": sends,
        "reads_body": any(_reads_body(change) for change in response.changes),
        "status_line": status_line(sends) if sends else b"",
        "says": says,
    }


def _rows(
    changes: Sequence[Change], location: str, variables: Mapping[str, str], parameters: Sequence[str], encode: int
) -> list[Row]:
    found: list[Row] = []
    for change in changes:
        if change.location != location:
            continue
        ops = _ops(change.value, variables, parameters, encode)
        # A value that can never be there leaves the message as it is; an empty text is one.
        if ops is not None:
            found.append((change.name.encode(), ops, ACTIONS[change.action]))
    return found


def _ops(
    value: Value | None, variables: Mapping[str, str], parameters: Sequence[str], encode: int
) -> list[Op] | None:
    """A value's program; None where its only part can have no value."""
    if value is None:
        return []
    ops = [_op(part, variables, parameters, encode) for part in value.parts]
    if len(ops) == 1 and ops[0] is None:
        return None
    return merged([op for op in ops if op is not None])


def _reads_body(change: Change) -> bool:
    return change.value is not None and change.value.reads_body()


def way(path: str) -> bytes:
    """A JSONPath of names and positions, as the engine walks it: see json_find.pxd."""
    steps = body_steps(path)
    if steps is None:
        raise ValueError(f"{path} is not of names and positions only")
    packed = [b"i" + struct.pack("=I", step) if isinstance(step, int) else
              b"k" + struct.pack("=H", len(step.encode())) + step.encode() for step in steps]
    return b"".join(packed)


def _op(part: Part, variables: Mapping[str, str], parameters: Sequence[str], encode: int) -> Op | None:
    if isinstance(part, RequestPath):
        return context("BELOW_STAGE", ESCAPED_QUERY if encode == IN_QUERY else RAW)
    if isinstance(part, ResponseHeader):
        return (ANSWER_MULTI, encode, 0, part.name.encode())
    if isinstance(part, Body):
        return (BODY if part.side == "request" else ANSWER_BODY, encode, 0, way(part.path))
    return of_source(part, variables, parameters, encode)
