"""What a route does with a request: one frozen type per integration kind."""

from dataclasses import dataclass, field

from fastgw.model.place import Place
from fastgw.model.value import Source, Text


@dataclass(frozen=True, slots=True)
class ParameterMapping:
    """integration.request.{path|querystring|header}.name <- source.

    A source that has no value for a request is left out, as the service does.
    """

    location: str
    name: str
    source: Source


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
    """

    method: str | None
    uri: str
    place: Place
    mappings: tuple[ParameterMapping, ...] = ()
    timeout_ms: int | None = None
    cache_keys: tuple[Source, ...] | None = None
    cache_namespace: str | None = None


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


@dataclass(frozen=True, slots=True)
class Unserved:
    """An integration this version does not run: the route answers 500 API_CONFIGURATION_ERROR.

    what    the kind found, for messages: "AWS_PROXY"
    """

    what: str
    place: Place


Integration = HttpProxy | Mock | Unserved


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
