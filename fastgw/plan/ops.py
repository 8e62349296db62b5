"""Sources and texts of the model -> ops of the engine's programs.

An op is (kind, encode, index, text), with the numbers of fastgw/_core/state.pxd.
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from fastgw._core.program import CONTEXTS
from fastgw.model.value import Context, RequestParameter, Source, StageVariable, Static, Text
from fastgw.parts.context import ENGINE_NAMES, of_caller
from fastgw.parts.uri import PATH_SAFE, QUERY_SAFE, pieces

Op = tuple[int, int, int, bytes]

TEXT, PARAM, QUERY, QUERY_MULTI, HEADER, HEADER_MULTI, CONTEXT, ANSWER_MULTI, BODY, ANSWER_BODY, CALLER = range(11)
RAW, PATH, IN_QUERY, ESCAPED_QUERY, IN_HEADER, IN_JSON, JSON_STRING, ESCAPED_PATH = range(8)
WHOLE_PATH = 12

# Names of the service that never have a value here.
_EMPTY = re.compile(
    r"(accountId|deploymentId|resourceId|isCanaryRequest"
    r"|xrayTraceId|integration(Status|Latency|ErrorMessage)?|responseL(atency|ength)"
    r"|(authorizer|authorize|authenticate|integration|waf|customDomain|identity|requestOverride|responseOverride)\..+)"
)


def text(value: str) -> Op:
    """Literal bytes."""
    return (TEXT, RAW, 0, value.encode())


def context(name: str, encode: int = RAW) -> Op:
    """A context variable by the engine's name."""
    return (CONTEXT, encode, CONTEXTS[name], b"")


def caller(name: str, encode: int = RAW) -> Op:
    """A variable of the caller, by the service's name."""
    return (CALLER, encode, 0, name.encode())


def context_known(name: str) -> bool:
    """Whether $context.name is a variable of the service."""
    return name in ENGINE_NAMES or _EMPTY.fullmatch(name) is not None


def engine_context(name: str) -> str:
    """The engine's name of $context.name; "NOTHING" where it never has a value."""
    return ENGINE_NAMES.get(name, "NOTHING")


def of_source(source: Source, variables: Mapping[str, str], parameters: Sequence[str], encode: int) -> Op | None:
    """The op of one source in a place of one encoding; None where it can have no value: a path parameter
    that the route does not have, a variable that the stage does not set.

    variables are the stage's; parameters the route's path parameters in order. Raises ValueError for
    an unknown context variable.
    """
    if isinstance(source, Static):
        return text(_literal(source.value, encode))
    if isinstance(source, StageVariable):
        value = variables.get(source.name)
        return None if value is None else text(_literal(value, encode))
    if isinstance(source, Context):
        if not context_known(source.name):
            raise ValueError(f"$context.{source.name} is not a variable of the service")
        if of_caller(source.name):
            return caller(source.name, encode)
        name = engine_context(source.name)
        if source.name == "error.messageString":
            encode = JSON_STRING
        return context(name, encode)
    if source.location == "path":
        if source.name not in parameters:
            return None
        # Path parameters stay percent-encoded, as the service passes them.
        kept = {PATH: ESCAPED_PATH, WHOLE_PATH: ESCAPED_PATH, IN_QUERY: ESCAPED_QUERY}.get(encode, encode)
        return (PARAM, kept, parameters.index(source.name), b"")
    if source.location == "querystring":
        return (QUERY_MULTI if source.multi else QUERY, encode, 0, source.name.encode())
    return (HEADER_MULTI if source.multi else HEADER, encode, 0, source.name.encode())


def _literal(value: str, encode: int) -> str:
    if encode == PATH:
        return quote(value, safe="-._~")
    if encode == IN_QUERY:
        return quote(value, safe="-._~")
    if encode == WHOLE_PATH:
        return quote(value, safe=PATH_SAFE)
    return value


def of_text(value: Text, variables: Mapping[str, str], parameters: Sequence[str], encode: int) -> list[Op]:
    """A text with values put in; literals stand as they are, values are encoded."""
    ops = []
    for part in value.parts:
        op = text(part.value) if isinstance(part, Static) else of_source(part, variables, parameters, encode)
        if op is not None:
            ops.append(op)
    return merged(ops)


def of_uri_part(
    part: str, sources: Mapping[str, Source], variables: Mapping[str, str], parameters: Sequence[str], query: bool
) -> list[Op]:
    """A URI's path or query with {name} placeholders filled from sources, then from path parameters."""
    ops: list[Op] = []
    for literal, name in pieces(part, QUERY_SAFE if query else PATH_SAFE):
        ops.append(text(literal))
        if name is not None:
            source = sources.get(name, RequestParameter("path", name))
            op = of_source(source, variables, parameters, IN_QUERY if query else PATH)
            if op is not None:
                ops.append(op)
    return merged(ops)


def merged(ops: Sequence[Op]) -> list[Op]:
    """The same program with neighbouring literals joined and empty ones left out."""
    out: list[Op] = []
    for op in ops:
        if op[0] == TEXT and out and out[-1][0] == TEXT:
            out[-1] = (TEXT, RAW, 0, out[-1][3] + op[3])
        elif op[0] != TEXT or op[3]:
            out.append(op)
    return out
