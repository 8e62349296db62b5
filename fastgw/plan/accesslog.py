"""An access log -> ops of the engine."""

from collections.abc import Mapping
from typing import Any

from fastgw._core.accesslog import FIRST_TEXT, KNOWN_MOST, LINE_BYTES, VALUE_MOST
from fastgw._core.program import CONTEXTS
from fastgw.model.accesslog import AccessLog, LogStyle
from fastgw.model.value import Static
from fastgw.parts.context import of_caller
from fastgw.plan.ops import CALLER, CONTEXT, TEXT, Op, caller, engine_context, merged, text

LOG_TEXT, LOG_JSON, LOG_JSON_VALUE, LOG_XML = range(8, 12)

# Variables that have a value at the end of a request only.
_AT_LOG = {
    "authorize.error": "AUTHORIZE_ERROR",
    "authorize.status": "AUTHORIZE_STATUS",
    "authorizer.error": "AUTHORIZER_ERROR",
    "authorizer.integrationLatency": "AUTHORIZER_WAIT",
    "authorizer.integrationStatus": "AUTHORIZER_ANSWER",
    "authorizer.latency": "AUTHORIZER_LATENCY",
    "authorizer.requestId": "AUTHORIZER_ID",
    "authorizer.status": "AUTHORIZER_STATUS",
    "awsEndpointRequestId": "ENDPOINT_ID",
    "integration.error": "INTEGRATION_ERROR",
    "integration.integrationStatus": "INTEGRATION_STATUS",
    "integration.latency": "INTEGRATION_LATENCY",
    "integration.requestId": "ENDPOINT_ID",
    "integration.status": "ANSWER_STATUS",
    "integrationErrorMessage": "INTEGRATION_ERROR",
    "integrationLatency": "INTEGRATION_LATENCY",
    "integrationStatus": "INTEGRATION_STATUS",
    "responseLatency": "RESPONSE_LATENCY",
    "responseLength": "RESPONSE_LENGTH",
    "fastgw.cache": "CACHE",
    "waf.latency": "GUARD_LATENCY",
    "waf.status": "GUARD_STATUS",
    "fastgw.referer": "REFERER",
}
_SECRET = frozenset({"identity.apiKey"})
"""Never written; identity.apiKeyId says which key it was."""


def compile_log(log: AccessLog | None, files: Mapping[str, int]) -> dict[str, Any] | None:
    """files: the number of each file; None where the log's file has none, and where there is no log.

    Raises ValueError, with the place in the definition, where a line could grow too long.
    """
    if log is None or log.file not in files:
        return None
    line = merged(_ops(log))
    most = sum(_most(op) for op in line) + 1
    if most > LINE_BYTES:
        raise ValueError(f"{log.place}: error: a line of this log could be {most:,} bytes long, at most {LINE_BYTES:,}")
    return {"line": line, "most": most, "file": files[log.file]}


def has_value(name: str) -> bool:
    """Whether $context.name can have a value in an access log."""
    return of_caller(name) or _engine(name) != "NOTHING"


def _engine(name: str) -> str:
    if name in _SECRET:
        return "NOTHING"
    return _AT_LOG.get(name) or engine_context(name)


def _ops(log: AccessLog) -> list[Op]:
    ops: list[Op] = []
    quoted = False      # inside a JSON string
    for part in log.parts:
        if isinstance(part, Static):
            ops.append(text(part.value))
            quoted ^= _quotes(part.value) % 2 == 1
            continue
        encode = {LogStyle.TEXT: LOG_TEXT, LogStyle.XML: LOG_XML}.get(log.style, LOG_JSON if quoted else LOG_JSON_VALUE)
        op = _value(part.name, encode)
        string = part.name == "error.messageString" and log.style is LogStyle.TEXT
        ops += [text('"'), op, text('"')] if string else [op]
    return ops


def _value(name: str, encode: int) -> Op:
    if of_caller(name) and name not in _AT_LOG:
        return caller(name, encode)
    return (CONTEXT, encode, CONTEXTS[_engine(name)], b"")


def _quotes(literal: str) -> int:
    """Quotes of JSON strings: those without a backslash before them."""
    return literal.replace("\\\\", "").replace('\\"', "").count('"')


def _most(op: Op) -> int:
    kind, _, index, literal = op
    if kind == TEXT:
        return len(literal)
    return VALUE_MOST if kind == CALLER or index >= FIRST_TEXT else KNOWN_MOST
