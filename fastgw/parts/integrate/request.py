"""Integration request: from the client's request to what the backend is sent."""

from collections.abc import Mapping

from fastgw._core.step import Failure, Request
from fastgw.errors import CODE
from fastgw.model.api import ApiKind
from fastgw.model.integration import Integrated, reserved_header
from fastgw.parts.env import Env
from fastgw.parts.integrate.backend import Outgoing
from fastgw.parts.integrate.binary import BinaryTypes, request_body
from fastgw.parts.integrate.headers import NOT_PROXIED, Fields, left_out
from fastgw.parts.integrate.incoming import Incoming, media_type, octets
from fastgw.parts.integrate.mapping import finder, in_header, in_path, in_query, is_encoded
from fastgw.parts.integrate.templates import compiled, for_request, render
from fastgw.parts.transform.vtl import Limits

_WITHOUT_BODY = (b"GET", b"HEAD", b"OPTIONS")


class RequestSide:
    """One integration's request side, its mappings and templates compiled."""

    def __init__(self, integrated: Integrated, env: Env) -> None:
        self._integrated = integrated
        self._env = env
        self._binary = BinaryTypes(env.api.binary_types)
        self._mappings = [
            (mapping.location, mapping.name, is_encoded(mapping.source), find)
            for mapping in integrated.mappings
            if (find := finder(mapping.source, env)) is not None
        ]
        self._queries = {mapping.name for mapping in integrated.mappings if mapping.location == "querystring"}
        self._templates = compiled(integrated.templates, f"request template of {env.route.name}",
                                   Limits.of(env.settings))
        self._proxy = integrated.type.endswith("_PROXY")

    def read(self, request: Request) -> Incoming:
        """The request as mappings and templates see it: its body converted as contentHandling says."""
        body = request.body
        if body:
            kind = next((value for name, value in request.headers if name.lower() == b"content-type"), None)
            binary = self._binary.holds(media_type(kind) if kind else "")
            if not self._proxy or self._integrated.content_handling is not None:
                body = request_body(body, binary, self._integrated.content_handling)
        return Incoming(request, self._env.parameters, body)

    def outgoing(self, incoming: Incoming, context: dict[str, object]) -> Outgoing:
        """What is sent. Raises Failure: 415 without a template, 400 or 500 for values that cannot be sent."""
        paths, queries, headers = self._mapped(incoming)
        body = self.body(incoming, context)
        overrides = context["requestOverride"]
        for name, value in _values(overrides, "path"):
            paths[name] = in_path(value)
        for name, value in _values(overrides, "querystring"):
            written = in_query(octets(name))
            queries = [*(item for item in queries if item[0] != written), (written, in_query(value))]
        for name, value in _values(overrides, "header"):
            if reserved_header(self._integrated.type, name):
                raise Failure(CODE["API_CONFIGURATION_ERROR"], detail=f"header {name} cannot be overridden")
            headers = [field for field in headers if field[0].lower() != octets(name.lower())]
            headers.append((octets(name), in_header(value)))
        fields = [field for field in headers if not left_out(self._integrated.type, field[0])]
        self._complete(incoming, fields)
        method = self._integrated.method
        return Outgoing(octets(method) if method else incoming.request.method, paths, queries, fields, body)

    def _mapped(self, incoming: Incoming) -> tuple[dict[str, bytes], Fields, Fields]:
        paths = {name: in_path(value, encoded=True) for name, value in incoming.parameters.items()}
        queries = self._client_queries(incoming)
        headers = [field for field in incoming.fields if field[0].lower() not in NOT_PROXIED] if self._proxy else []
        for location, name, encoded, find in self._mappings:
            value = find(incoming, incoming)
            if value is None:
                continue
            if location == "path":
                paths[name] = in_path(value, encoded)
            elif location == "querystring":
                queries.append((in_query(octets(name)), in_query(value, encoded)))
            else:
                lower = octets(name.lower())
                headers = [field for field in headers if field[0].lower() != lower]
                headers.append((octets(name), in_header(value)))
        return paths, queries, headers

    def _client_queries(self, incoming: Incoming) -> list[tuple[bytes, bytes]]:
        """A proxy passes the client's parameters on, without those that it sets itself."""
        if not self._proxy:
            return []
        own = [(name, value) for name, value in incoming.query if name not in self._queries]
        return [(in_query(octets(name)), in_query(value)) for name, value in own]

    def body(self, incoming: Incoming, context: dict[str, object]) -> bytes:
        """What is sent of the body. Raises Failure: 415 without a template."""
        if self._proxy:
            return incoming.content
        kind = media_type(incoming.header(b"content-type"))
        template = for_request(self._templates, kind, self._integrated.passthrough)
        if template is None:
            return incoming.content
        return render(template, incoming, incoming, context, self._env.variables)

    def _complete(self, incoming: Incoming, fields: list[tuple[bytes, bytes]]) -> None:
        """The fields that the gateway itself puts on a request to a backend, where none was mapped."""
        request, kind = incoming.request, self._integrated.type
        present = {name.lower() for name, _ in fields}

        def default(name: bytes, value: bytes | None) -> None:
            if value is not None and name.lower() not in present:
                fields.append((name, value))

        default(b"Accept", b"application/json")
        default(b"User-Agent", octets(f"AmazonAPIGateway_{self._env.api.id}"))
        if not self._proxy and request.method not in _WITHOUT_BODY:
            default(b"Content-Type", incoming.header(b"content-type"))
        fields.append((b"X-Amzn-Trace-Id", octets(request.context("TRACE_ID"))))
        if not kind.startswith("AWS"):
            if self._env.api.kind is ApiKind.REST:
                fields.append((b"X-Amzn-Apigateway-Api-Id", octets(self._env.api.id)))
            if self._env.settings.x_forwarded:
                for name in ("For", "Port", "Proto"):
                    fields.append((octets(f"X-Forwarded-{name}"), octets(request.context(f"FORWARDED_{name.upper()}"))))


def _values(overrides: object, part: str) -> list[tuple[str, bytes]]:
    """What a template left in one map of requestOverride: texts, and what prints as one."""
    found = overrides.get(part) if isinstance(overrides, Mapping) else None
    if not isinstance(found, Mapping):
        return []
    return [(str(name), octets(printed(value))) for name, value in found.items() if value is not None]


def printed(value: object) -> str:
    """A template's value as the text of a parameter."""
    return str(value).lower() if isinstance(value, bool) else str(value)
