"""The walk of one request through its integration: request side, backend, response side."""

from collections.abc import Awaitable

from fastgw._core.step import Answer, Failure, Reply, Request, Sent
from fastgw.errors import CODE
from fastgw.model.integration import Integrated
from fastgw.model.mock import mock_status
from fastgw.parts.ask import Then, ask
from fastgw.parts.context import variables
from fastgw.parts.env import Env
from fastgw.parts.integrate.backend import Backend
from fastgw.parts.integrate.incoming import Incoming, Message
from fastgw.parts.integrate.request import RequestSide
from fastgw.parts.integrate.response import ResponseSide


class Mock:
    """A MOCK whose answer depends on the request. There is no backend: the request's own body selects the answer."""

    def __init__(self, integrated: Integrated, env: Env) -> None:
        self._env = env
        self._request = RequestSide(integrated, env)
        self._response = ResponseSide(integrated, env)

    def __call__(self, request: Request) -> Answer:
        context = variables(request, self._env)
        incoming = self._request.read(request)
        status = mock_status(self._request.body(incoming, context).decode("utf-8", "replace"))
        if status is None:
            raise Failure(CODE["API_CONFIGURATION_ERROR"], detail="Unable to parse statusCode. It should be an "
                          "integer that is defined in the request template.")
        chosen = self._response.select(str(status))
        return self._response.answer(chosen, incoming, Message([], b""), context)


class Walk:
    """An integration with a backend."""

    def __init__(self, integrated: Integrated, env: Env, backend: Backend) -> None:
        self._env = env
        self._backend = backend
        self._request = RequestSide(integrated, env)
        self._response = ResponseSide(integrated, env)
        self._proxy = integrated.type.endswith("_PROXY")

    def __call__(self, request: Request) -> Sent | Awaitable[Sent]:
        context = variables(request, self._env)
        incoming = self._request.read(request)
        call = self._backend.request(self._request.outgoing(incoming, context), request)
        return ask(call, self._then(incoming, context))

    def _then(self, incoming: Incoming, context: dict[str, object]) -> Then:
        def then(request: Request, reply: Reply) -> Answer:
            message = Message(reply.headers, reply.body)
            if self._proxy:
                return self._response.passed_on(message, reply.status)
            return self._response.answer(
                self._response.select(self._backend.outcome(reply)), incoming, message, context
            )

        return then
