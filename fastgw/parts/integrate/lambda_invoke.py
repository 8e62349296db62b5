"""Where a function is invoked: by the gateway's own host, or by the Lambda API."""

from collections.abc import Awaitable
from urllib.parse import quote

from fastgw._core.step import Call, Fields, Reply, Request
from fastgw.model.function import HOST_AUTHORITY, function_of, name_of
from fastgw.model.integration import Integrated
from fastgw.model.service import ServiceUri
from fastgw.parts.aws.backend import client
from fastgw.parts.env import Env
from fastgw.parts.uri import Uri, put_variables

MAX_REPLY = 32 << 20
"""Bytes of a reply: a body of 10 MiB in base64 and what is around it."""
MAX_STREAMED = 1 << 40
"""Of one that comes in pieces, which nobody holds: as good as none."""

_WHOLE = "/2015-03-31/functions/{}/invocations"
_STREAMED = "/2021-11-15/functions/{}/response-streaming-invocations"


class Invoker:
    """One function. Raises ValueError with the place, when made, for one that cannot be invoked."""

    def __init__(self, integrated: Integrated, env: Env, streamed: bool = False) -> None:
        place = integrated.place
        uri = put_variables(integrated.uri, env.variables, place)
        reference = function_of(uri)
        name = name_of(reference) if reference else None
        if name is None:
            raise ValueError(f"{place}: error: {uri!r} is no URI of a Lambda function")
        self._timeout_ms = integrated.timeout_ms or round(env.settings.total_timeout * 1000)
        self._client = None
        self._streamed = streamed
        self._max_bytes = MAX_STREAMED if streamed else MAX_REPLY
        form = _STREAMED if streamed else _WHOLE
        if name in env.functions:
            self._host = env.groups.handle(Uri("http", HOST_AUTHORITY, "/", ""), place)
            self._path = form.format(name).encode()
        else:
            self._client = client(ServiceUri.parse(uri), integrated.credentials, integrated.timeout_ms, env, place)
            self._path = form.format(quote(reference, safe="")).encode()

    def call(self, payload: bytes, headers: Fields, request: Request) -> Call | Awaitable[Call]:
        headers = [*headers, (b"X-Amzn-Trace-Id", request.context("TRACE_ID").encode())]
        if self._client is not None:
            call = self._client.call(b"POST", self._path, [], headers, payload)
            return self._fitted(call) if isinstance(call, Call) else self._fitted_later(call)
        return Call(self._host, b"POST", self._path, headers, payload, self._timeout_ms, self._max_bytes,
                    stream=self._streamed)

    def _fitted(self, call: Call) -> Call:
        call.stream, call.max_bytes = self._streamed, self._max_bytes
        return call

    async def _fitted_later(self, call: Awaitable[Call]) -> Call:
        return self._fitted(await call)


def function_error(reply: Reply) -> bool:
    """Whether the function ran and failed: then the body is its error's document."""
    return any(name.lower() == b"x-amz-function-error" for name, _ in reply.headers)
