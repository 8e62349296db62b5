"""Values of HTTP APIs' parameter mappings, where they are wanted outside the compiled path."""

import json
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from fastgw.model.http_mapping import BODY_BYTES, Body, Part, RequestPath, ResponseHeader, Value
from fastgw.model.value import RequestParameter
from fastgw.parts.env import Env
from fastgw.parts.integrate.incoming import Incoming
from fastgw.parts.integrate.mapping import finder
from fastgw.parts.transform.jsonpath import compile_path

Find = Callable[[Incoming], bytes | None]


def value(found: Value, env: Env) -> Find:
    """None for a value of one part that the request has not; in a mix such a part is left out."""
    finds = [_part(part, env) for part in found.parts]
    if len(finds) == 1:
        return finds[0]
    return lambda incoming: b"".join(find(incoming) or b"" for find in finds)


def _part(part: Part, env: Env) -> Find:
    if isinstance(part, RequestPath):
        return lambda incoming: incoming.request.path
    if isinstance(part, Body):
        return _body(part.path)
    if isinstance(part, ResponseHeader):
        raise AssertionError(part)
    find = finder(part, env)
    if find is None:
        return lambda incoming: None
    if isinstance(part, RequestParameter) and part.location == "path":
        return lambda incoming: _decoded(find(incoming, incoming))
    return lambda incoming: find(incoming, incoming)


def _decoded(value: bytes | None) -> bytes | None:
    return None if value is None else unquote_to_bytes(value)


def _body(path: str) -> Find:
    if path == "$":
        return lambda incoming: incoming.content or None
    compiled = compile_path(path)

    def find(incoming: Incoming) -> bytes | None:
        if len(incoming.content) > BODY_BYTES:
            return None
        found = compiled.find(incoming.json(), None)
        if found is None:
            return None
        text = found if isinstance(found, str) else json.dumps(found, separators=(",", ":"), ensure_ascii=False)
        return text.encode("utf-8", "replace")

    return find
