"""Authorizers that are functions: on the gateway's own host, or where a Lambda API is."""

from collections.abc import Awaitable

from fastgw._core.step import Allowed, Call, Denied, Failure, Reply, Request, Sent
from fastgw.errors import CODE
from fastgw.model.api import ApiKind
from fastgw.model.authorizer import RequestAuthorizer
from fastgw.model.integration import Integrated
from fastgw.parts.ask import ask
from fastgw.parts.auth.authorizer_event import Identity, asked_event
from fastgw.parts.auth.authorizer_reply import reply_reader
from fastgw.parts.env import Env
from fastgw.parts.integrate.lambda_backend import error_message
from fastgw.parts.integrate.lambda_invoke import Invoker, function_error

TIMEOUT_MS = {ApiKind.REST: 29_000, ApiKind.HTTP: 10_000}
"""The service's, for the whole of an authorizer's answer."""

UNAUTHORIZED = "Unauthorized"
"""The message of the error by which a function says that it does not know the caller."""

_JSON = (b"Content-Type", b"application/json")


class FunctionAuthorizer:
    """Raises ValueError with the place, when made, for a function that cannot be invoked."""

    def __init__(self, authorizer: RequestAuthorizer, env: Env) -> None:
        self._invoker = Invoker(Integrated("AWS_PROXY", "POST", authorizer.uri, authorizer.place,
                                           credentials=authorizer.credentials,
                                           timeout_ms=TIMEOUT_MS[env.api.kind]), env)
        self._event = asked_event(authorizer, env)
        self._read = reply_reader(authorizer, env.api.kind)

    def __call__(self, request: Request, identity: Identity) -> Sent | Awaitable[Sent]:
        call = self._invoker.call(self._event(request, identity), [_JSON], request)
        return ask(call if isinstance(call, Call) else _signed(call), self._then)

    def _then(self, request: Request, reply: Reply) -> Allowed | Denied:
        request.note(status=reply.status, id=_id(reply))
        if reply.status != 200:
            raise Failure(CODE["AUTHORIZER_CONFIGURATION_ERROR"],
                          detail=f"the authorizer was not run: its invocation was answered {reply.status}")
        if function_error(reply):
            if error_message(reply.body) == UNAUTHORIZED:
                raise Failure(CODE["UNAUTHORIZED"])
            raise Failure(CODE["AUTHORIZER_FAILURE"], detail="the authorizer's function failed")
        return self._read(reply.body)


async def _signed(call: Awaitable[Call]) -> Call:
    try:
        return await call
    except Failure as failure:
        raise Failure(CODE["AUTHORIZER_CONFIGURATION_ERROR"], detail=failure.detail) from None


def _id(reply: Reply) -> str | None:
    found = next((value for name, value in reply.headers if name.lower() == b"x-amzn-requestid"), None)
    return None if found is None else found.decode("latin-1")
