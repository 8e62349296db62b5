"""The Lambda backend of integrations of type AWS: the body that a template made is the event."""

import json
from collections.abc import Awaitable

from fastgw._core.step import Call, Reply, Request
from fastgw.model.integration import Integrated
from fastgw.parts.env import Env
from fastgw.parts.integrate.backend import Outgoing
from fastgw.parts.integrate.lambda_invoke import Invoker, function_error
from fastgw.parts.integrate.lambda_proxy import refused

_PASSED = frozenset({b"x-amz-invocation-type", b"x-amz-client-context", b"x-amz-log-type", b"content-type"})
"""Fields of the Invoke API that a mapping may set; a function sees no others."""


class LambdaBackend:
    """Raises ValueError with the place, when made, for a function that cannot be invoked."""

    def __init__(self, integrated: Integrated, env: Env) -> None:
        self._invoker = Invoker(integrated, env)

    def request(self, outgoing: Outgoing, request: Request) -> Call | Awaitable[Call]:
        headers = [field for field in outgoing.headers if field[0].lower() in _PASSED]
        return self._invoker.call(outgoing.body, headers, request)

    def outcome(self, reply: Reply) -> str:
        """The errorMessage of a function that failed; nothing of one that did not, which is the default response.

        Raises Failure where the function was not run.
        """
        if reply.status not in (200, 202, 204):
            raise refused(reply)
        return error_message(reply.body) if function_error(reply) else ""


def error_message(document: bytes) -> str:
    try:
        found = json.loads(document)
    except ValueError:
        return ""
    return str(found.get("errorMessage") or "") if isinstance(found, dict) else ""
