"""Parameter mappings: a source of the model made into a function that finds its value in a message.

Source of the grammar: developer guide, "Request and response data mapping reference".
"""

import json
from collections.abc import Callable, Sequence
from urllib.parse import quote_from_bytes

from fastgw._core.step import Failure
from fastgw.errors import CODE
from fastgw.model.value import BodyValue, Context, Mapped, RequestParameter, ResponseHeader, StageVariable, Static
from fastgw.parts.context import ENGINE_NAMES, of_caller, short_id
from fastgw.parts.env import Env
from fastgw.parts.integrate.incoming import Incoming, Message, octets
from fastgw.parts.transform.jsonpath import compile_path

Find = Callable[[Incoming, Message], bytes | None]
"""(the client's request, the message whose body a BodyValue reads: the request itself, or the reply) -> value."""


def finder(source: Mapped, env: Env) -> Find | None:
    """None where the source never has a value: a path parameter that the route has not, a variable not set."""
    match source:
        case Static(value):
            return _constant(octets(value))
        case StageVariable(name):
            value = env.variables.get(name)
            return None if value is None else _constant(octets(value))
        case Context(name):
            return _context(name, env)
        case RequestParameter(location, name, multi):
            return _parameter(location, name, multi)
        case ResponseHeader(name, multi):
            return _response_header(name, multi)
        case BodyValue(path):
            return _body(path)
    raise AssertionError(source)


def _constant(value: bytes) -> Find:
    return lambda incoming, message: value


def _context(name: str, env: Env) -> Find | None:
    if of_caller(name):
        return lambda incoming, message: octets(incoming.request.context(name)) or None
    engine = ENGINE_NAMES.get(name)
    if engine is not None:
        return lambda incoming, message: octets(incoming.request.context(engine)) or None
    fixed = {
        "accountId": env.account,
        "resourceId": short_id(env.api.id, env.route.path),
        "deploymentId": short_id(env.api.id, env.stage.name, "deployment"),
    }.get(name)
    return None if fixed is None else _constant(octets(fixed))


def _parameter(location: str, name: str, multi: bool) -> Find:
    if location == "path":
        return lambda incoming, message: incoming.parameters.get(name)
    if location == "querystring":
        return lambda incoming, message: _one(incoming.query_values(name), multi)
    lower = octets(name.lower())
    return lambda incoming, message: _one(incoming.headers(lower), multi)


def _response_header(name: str, multi: bool) -> Find:
    lower = octets(name.lower())
    return lambda incoming, message: _one(message.headers(lower), multi)


def _one(values: Sequence[bytes], multi: bool) -> bytes | None:
    if not values:
        return None
    return b",".join(values) if multi else values[-1]


def _body(path: str) -> Find:
    if path == "$":
        return lambda incoming, message: message.content or None
    compiled = compile_path(path)

    def find(incoming: Incoming, message: Message) -> bytes | None:
        value = compiled.find(message.json(), None)
        if value is None:
            return None
        if isinstance(value, str):
            return value.encode("utf-8", "replace")
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")

    return find


def in_path(value: bytes, encoded: bool = False) -> bytes:
    """A value as it stands in a URI's path. What is percent-encoded already stays as it came."""
    if value in (b".", b".."):
        raise Failure(CODE["BAD_MESSAGE"], detail="a dot segment would lead elsewhere")
    return value if encoded else quote_from_bytes(value, safe="-._~").encode()


def in_query(value: bytes, encoded: bool = False) -> bytes:
    return quote_from_bytes(value, safe="-._~%" if encoded else "-._~").encode()


def in_header(value: bytes) -> bytes:
    """Control characters are percent-encoded, so that no value ends its line (RFC 9110 section 5.5)."""
    if any(byte < 32 or byte == 127 for byte in value):
        return b"".join(
            b"%%%02X" % byte if (byte < 32 and byte != 9) or byte == 127 else bytes((byte,)) for byte in value
        )
    return value


def is_encoded(source: Mapped) -> bool:
    """Whether a source's values are percent-encoded already: path parameters stay as they came."""
    return isinstance(source, RequestParameter) and source.location == "path"
