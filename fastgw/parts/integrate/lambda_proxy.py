"""AWS_PROXY of a Lambda function: the request as an event, its reply as the answer."""

from collections.abc import Awaitable

from fastgw._core.step import Answer, Failure, Reply, Request, Sent
from fastgw.errors import CODE
from fastgw.model.api import ApiKind
from fastgw.model.integration import Integrated
from fastgw.parts.ask import ask
from fastgw.parts.env import Env
from fastgw.parts.integrate.incoming import first_accepted
from fastgw.parts.integrate.lambda_event import event_maker
from fastgw.parts.integrate.lambda_invoke import Invoker, function_error
from fastgw.parts.integrate.lambda_reply import reply_reader

_JSON = (b"Content-Type", b"application/json")


class LambdaProxy:
    """Raises ValueError with the place, when made, for a function that cannot be invoked."""

    def __init__(self, integrated: Integrated, env: Env) -> None:
        self._invoker = Invoker(integrated, env)
        self._event = event_maker(integrated.payload, env)
        self._reply = reply_reader(integrated.payload, env)
        self._http = env.api.kind is ApiKind.HTTP

    def __call__(self, request: Request) -> Sent | Awaitable[Sent]:
        call = self._invoker.call(self._event(request), [_JSON], request)
        return ask(call, self._then)

    def _then(self, request: Request, reply: Reply) -> Answer:
        if reply.status != 200:
            raise refused(reply)
        if function_error(reply):
            code = "API_CONFIGURATION_ERROR" if self._http else "INTEGRATION_BAD_ANSWER"
            raise Failure(CODE[code], detail="Lambda execution failed with status 200 due to customer function error")
        answer = self._reply(reply.body, _accepted(request))
        if not self._http:
            answer.headers.append((b"X-Amzn-Trace-Id", request.context("TRACE_ID").encode()))
        return answer


def refused(reply: Reply) -> Failure:
    """The Lambda API did not run the function. One that has no room now may have some later."""
    if reply.status == 429:
        return Failure(CODE["UPSTREAM_OVERLOADED"], detail="Lambda invocation failed with status: 429")
    return Failure(CODE["API_CONFIGURATION_ERROR"], detail=f"Lambda invocation failed with status: {reply.status}")


def _accepted(request: Request) -> bytes | None:
    for name, value in request.headers:
        if name.lower() == b"accept":
            return first_accepted(value).encode("latin-1", "replace")
    return None
