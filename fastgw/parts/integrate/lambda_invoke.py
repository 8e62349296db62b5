"""Where a function is invoked: by the gateway's own host."""

from fastgw._core.step import Call, Fields, Reply, Request
from fastgw.model.function import HOST_AUTHORITY, function_of, name_of
from fastgw.model.integration import Integrated
from fastgw.parts.env import Env
from fastgw.parts.uri import Uri, put_variables

MAX_REPLY = 32 << 20
"""Bytes of a reply: a body of 10 MiB in base64 and what is around it."""


class Invoker:
    """One function. Raises ValueError with the place, when made, for one that cannot be invoked."""

    def __init__(self, integrated: Integrated, env: Env) -> None:
        place = integrated.place
        uri = put_variables(integrated.uri, env.variables, place)
        reference = function_of(uri)
        name = name_of(reference) if reference else None
        if name is None:
            raise ValueError(f"{place}: error: {uri!r} is no URI of a Lambda function")
        self._timeout_ms = integrated.timeout_ms or round(env.settings.total_timeout * 1000)
        if name in env.functions:
            self._host = env.groups.handle(Uri("http", HOST_AUTHORITY, "/", ""), place)
            self._path = f"/2015-03-31/functions/{name}/invocations".encode()
        else:
            raise ValueError(f"{place}: error: no function is named {name!r}")

    def call(self, payload: bytes, headers: Fields, request: Request) -> Call:
        headers = [*headers, (b"X-Amzn-Trace-Id", request.context("TRACE_ID").encode())]
        return Call(self._host, b"POST", self._path, headers, payload, self._timeout_ms, MAX_REPLY)


def function_error(reply: Reply) -> bool:
    """Whether the function ran and failed: then the body is its error's document."""
    return any(name.lower() == b"x-amz-function-error" for name, _ in reply.headers)
