"""Authorizers that are HTTP endpoints, an extra of this gateway: asked with the event that a function would get.

POST, application/json. 200 with a decision as functions answer it, simple or with a policy; 401 for whom it does not
know; 403 for whom it does not let in. Anything else lets nobody in.
"""

from fastgw._core.step import Allowed, Call, Denied, Failure, Reply, Request, Sent
from fastgw.errors import CODE
from fastgw.model.authorizer import RequestAuthorizer
from fastgw.parts.ask import ask
from fastgw.parts.auth.authorizer_event import Identity, asked_event
from fastgw.parts.auth.authorizer_reply import reply_reader
from fastgw.parts.auth.function_authorizer import TIMEOUT_MS
from fastgw.parts.env import Env
from fastgw.parts.uri import split_uri

MAX_ANSWER = 1 << 20
"""Bytes."""

_FIELDS = [(b"Content-Type", b"application/json"), (b"Accept", b"application/json")]


class HttpAuthorizer:
    """Raises ValueError with the place, when made, for a URL that cannot be served."""

    def __init__(self, authorizer: RequestAuthorizer, env: Env) -> None:
        uri = split_uri(authorizer.uri, {}, authorizer.place)
        self._target = env.groups.handle(uri, authorizer.place)
        self._path = (f"{uri.path}?{uri.query}" if uri.query else uri.path).encode()
        self._timeout_ms = TIMEOUT_MS[env.api.kind]
        self._event = asked_event(authorizer, env)
        self._read = reply_reader(authorizer, env.api.kind, either=True)

    def __call__(self, request: Request, identity: Identity) -> Sent:
        traced = (b"X-Amzn-Trace-Id", request.context("TRACE_ID").encode())
        call = Call(self._target, b"POST", self._path, [*_FIELDS, traced], self._event(request, identity),
                    self._timeout_ms, MAX_ANSWER)
        return ask(call, self._then)

    def _then(self, request: Request, reply: Reply) -> Allowed | Denied:
        request.note(status=reply.status)
        if reply.status == 401:
            raise Failure(CODE["UNAUTHORIZED"])
        if reply.status == 403:
            raise Failure(CODE["ACCESS_DENIED"])
        if reply.status != 200:
            raise Failure(CODE["AUTHORIZER_FAILURE"], detail=f"the authorizer answered {reply.status}")
        return self._read(reply.body)
