"""What a route does with a request: one frozen type per integration kind."""

from dataclasses import dataclass, field

from fastgw.model.compose import Composed
from fastgw.model.http_mapping import Change, ResponseChanges
from fastgw.model.place import Place
from fastgw.model.subtype import ServiceAction
from fastgw.model.upstream_tls import TlsConfig
from fastgw.model.value import Mapped, Source, Text


@dataclass(frozen=True, slots=True)
class ParameterMapping:
    """integration.request.{path|querystring|header}.name <- source.

    A source that has no value for a request is left out, as the service does.
    """

    location: str
    name: str
    source: Mapped


@dataclass(frozen=True, slots=True)
class HttpProxy:
    """HTTP_PROXY: the request passed on to uri, streamed both ways.

    method     the verb sent upstream, or None for the client's own
    uri        as written; {name} placeholders are filled from mappings of location "path" first,
               then from the route's own path parameters; ${stageVariables.name} from the stage
    mappings   in the order of the definition
    timeout_ms time for the whole answer, counted from the last byte of the request sent;
               None takes the gateway-wide setting
    cache_keys what of a request tells two cached answers of one path apart; None: its whole query
    cache_namespace  resources of one namespace share their cached answers
    changes    mappings of an HTTP API, in the order of the definition
    answers    the same, of its answers
    private    of an HTTP API: the upstream's name, an ARN in lower case, in place of a uri; the stage's name stays in
               the path
    """

    method: str | None
    uri: str
    place: Place
    mappings: tuple[ParameterMapping, ...] = ()
    timeout_ms: int | None = None
    cache_keys: tuple[Source, ...] | None = None
    cache_namespace: str | None = None
    changes: tuple[Change, ...] = ()
    answers: tuple[ResponseChanges, ...] = ()
    private: str | None = None
    tls: TlsConfig | None = None


@dataclass(frozen=True, slots=True)
class Mock:
    """MOCK with a fixed answer: the integration response chosen when the definition was read.

    headers  response header name -> source (static, stage variable, context)
    body     sent as it stands
    """

    status: int
    place: Place
    headers: tuple[tuple[str, Source], ...] = ()
    body: bytes = b""
    content_type: str = "application/json"


WHEN_NO_MATCH, WHEN_NO_TEMPLATES, NEVER = "WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER"
"""What happens to a body whose media type has no request template: passed on; passed on where no template is
defined at all, else 415; always 415."""

CONVERT_TO_TEXT, CONVERT_TO_BINARY = "CONVERT_TO_TEXT", "CONVERT_TO_BINARY"

_RESERVED = frozenset({"content-length", "transfer-encoding", "x-amzn-trace-id", "x-amzn-apigateway-api-id"})
_RESERVED_AWS = _RESERVED | {"authorization", "connection", "expect", "proxy-authenticate", "te"}


def reserved_header(type: str, name: str) -> bool:
    """Whether the service answers 500 where a request's mapping or override names this header. Recorded."""
    return name.lower() in (_RESERVED_AWS if type.startswith("AWS") else _RESERVED)


Templates = tuple[tuple[str, str], ...]
"""(media type in lower case, without parameters; template) each, in the order of the definition."""


@dataclass(frozen=True, slots=True)
class IntegrationResponse:
    """One entry of an integration's responses.

    pattern   Java regular expression that must fit all of the outcome; None for the default
    status    of the method response
    headers   method.response.header.{name} <- source
    templates by the media type asked for (Accept); empty passes the body on
    content_handling  CONVERT_TO_TEXT, CONVERT_TO_BINARY or None
    """

    pattern: str | None
    status: int
    place: Place
    headers: tuple[tuple[str, Mapped], ...] = ()
    templates: Templates = ()
    content_handling: str | None = None


@dataclass(frozen=True, slots=True)
class Integrated:
    """An integration whose requests or answers are worked on: all that the compiled path does not carry.

    type        HTTP, HTTP_PROXY, MOCK, AWS or AWS_PROXY
    method      the verb sent to the backend, or None for the client's own
    uri         as written: http(s)://..., arn:aws:apigateway:..., or "" for a MOCK; {name} placeholders are filled from
                mappings of location "path", then from the route's path parameters;
                ${stageVariables.name} from the stage
    credentials ARN of the role to sign as, or None for the gateway's own identity; may hold ${stageVariables.name}
    timeout_ms  time for the whole answer; None takes the gateway-wide setting
    mappings    in the order of the definition
    templates   by the media type of the request's body
    passthrough WHEN_NO_MATCH, WHEN_NO_TEMPLATES or NEVER
    content_handling  of the request's body: CONVERT_TO_TEXT, CONVERT_TO_BINARY or None
    responses   in the order of the definition, the default among them; unused by the proxy types
    streamed    a function's reply is passed on in the pieces in which it comes
    cache_keys, cache_namespace  as of HttpProxy
    payload     format of the events and replies of an HTTP API's functions: 1.0 or 2.0
    tls         as of HttpProxy
    """

    type: str
    method: str | None
    uri: str
    place: Place
    credentials: str | None = None
    timeout_ms: int | None = None
    mappings: tuple[ParameterMapping, ...] = ()
    templates: Templates = ()
    passthrough: str = WHEN_NO_MATCH
    content_handling: str | None = None
    responses: tuple[IntegrationResponse, ...] = ()
    payload: str = "1.0"
    streamed: bool = False
    cache_keys: tuple[Source, ...] | None = None
    cache_namespace: str | None = None
    tls: TlsConfig | None = None

    @property
    def cached(self) -> bool:
        """Whether a stage cache may hold its answers. A MOCK needs none, and a stream is not to be waited for."""
        return self.type != "MOCK" and not self.streamed


@dataclass(frozen=True, slots=True)
class Unserved:
    """An integration this version does not run: the route answers 500 API_CONFIGURATION_ERROR.

    what    the kind found, for messages: "AWS_PROXY"
    """

    what: str
    place: Place


Integration = HttpProxy | Mock | Integrated | Composed | ServiceAction | Unserved


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """x-amazon-apigateway-gateway-responses entry: what one failure type answers.

    status     None keeps the type's own default
    headers    header name -> source; RequestParameter, Context, StageVariable or Static
    templates  MIME type -> Text; substitution only, the service runs no VTL here
    """

    type: str
    place: Place
    status: int | None = None
    headers: tuple[tuple[str, Source], ...] = ()
    templates: tuple[tuple[str, Text], ...] = field(default=())
