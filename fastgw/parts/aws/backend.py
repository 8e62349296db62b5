"""The AWS backend of integrations: one action or path of one service."""

from collections.abc import Awaitable

from fastgw._core.step import Call, Failure, Fields, Reply, Request
from fastgw.errors import CODE
from fastgw.model.integration import Integrated
from fastgw.model.service import BadArn, ServiceUri
from fastgw.parts.aws.client import Client
from fastgw.parts.aws.services import Unfilled, fill_path, fill_query, shape
from fastgw.parts.aws.sigv4 import encoded
from fastgw.parts.env import Env
from fastgw.parts.integrate.backend import Outgoing
from fastgw.parts.uri import put_variables

PROXIED = frozenset({b"accept", b"user-agent", b"x-amzn-trace-id"})
"""What AWS_PROXY sends of a request's fields, besides its own: a client's X-Amz-Target must not choose what is done
with the gateway's rights."""

_TELLING = (b"application/x-amz-", b"x-amz-", b"application/x-www-form-urlencoded")
"""Content types that only a mapping can have given: the client's own, or the one that stands for none, says nothing of
what a template made."""


def service_uri(integrated: Integrated, env: Env) -> ServiceUri:
    """Raises ValueError with the place."""
    text = put_variables(integrated.uri, env.variables, integrated.place)
    try:
        return ServiceUri.parse(text)
    except BadArn as error:
        raise ValueError(f"{integrated.place}: error: {text!r} {error}") from None


def client(uri: ServiceUri, credentials: str | None, timeout_ms: int | None, env: Env, place: object) -> Client:
    """Raises ValueError with the place."""
    try:
        location = env.services.locate(uri)
    except ValueError as error:
        raise ValueError(f"{place}: error: {error}") from None
    role = put_variables(credentials, env.variables, place) if credentials else None
    return Client(location, env.groups.handle(location.uri, place), env.services.provider(role, location.region),
                  timeout_ms or round(env.settings.total_timeout * 1000))


class ServiceBackend:
    """Raises ValueError with the place, when made, for what cannot be asked."""

    def __init__(self, integrated: Integrated, env: Env) -> None:
        uri = service_uri(integrated, env)
        try:
            self._shape = shape(uri)
        except ValueError as error:
            raise ValueError(f"{integrated.place}: error: {error}") from None
        self._client = client(uri, integrated.credentials, integrated.timeout_ms, env, integrated.place)
        self._proxy = integrated.type.endswith("_PROXY")

    def request(self, outgoing: Outgoing, request: Request) -> Call | Awaitable[Call]:
        form = self._shape
        try:
            path = fill_path(form.path, outgoing.path)
            query = fill_query(form.query, outgoing.path)
        except Unfilled as error:
            raise Failure(CODE["BAD_MESSAGE"], detail=str(error)) from None
        headers = outgoing.headers
        if self._proxy:
            headers = [field for field in headers if field[0].lower() in PROXIED]
        else:
            query = [*query, *((encoded(name), encoded(value)) for name, value in outgoing.query)]
        return self._client.call(form.method or outgoing.method, path, query, self._completed(headers), outgoing.body)

    def _completed(self, headers: Fields) -> Fields:
        """With the fields that the protocol asks for, where nothing was mapped to them."""
        for name, value in self._shape.headers:
            present = [own for field, own in headers if field.lower() == name.lower()]
            if name == b"Content-Type":
                if present and present[-1].startswith(_TELLING):
                    continue
                headers = [field for field in headers if field[0].lower() != b"content-type"]
            elif present:
                continue
            headers = [*headers, (name, value)]
        return headers

    def outcome(self, reply: Reply) -> str:
        return str(reply.status)
