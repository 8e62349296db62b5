"""An API as its definition says it: routes, responses, CORS."""

from dataclasses import dataclass
from enum import Enum

from fastgw.model.authorizer import Access, Authorizer
from fastgw.model.integration import GatewayResponse, Integration
from fastgw.model.place import Place
from fastgw.model.policy import Policy
from fastgw.model.validation import Checks


class ApiKind(Enum):
    """REST (v1): unmatched is 403 Missing Authentication Token. HTTP (v2): 404 Not Found, $default route."""

    REST = "rest"
    HTTP = "http"


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ANY = "ANY"
DEFAULT_ROUTE = "$default"


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one resource.

    method      a verb of METHODS, or "ANY"
    path        "/pets/{id}" or "/files/{proxy+}"; "$default" for an HTTP API's catch-all route
    key         an API key is required
    checks      of its requests; None: the definition declares nothing that could be checked
    access      what is asked of callers; None: nothing
    """

    method: str
    path: str
    integration: Integration
    place: Place
    key: bool = False
    checks: Checks | None = None
    access: Access | None = None

    @property
    def name(self) -> str:
        """What stages and plans call it: "GET /pets/{id}", "ANY /files/{proxy+}", "$default"."""
        return DEFAULT_ROUTE if self.path == DEFAULT_ROUTE else f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Cors:
    """x-amazon-apigateway-cors: preflight is answered by the gateway, and backend CORS headers replaced.

    max_age in seconds; None sends no Access-Control-Max-Age.
    """

    allow_origins: tuple[str, ...]
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age: int | None = None
    allow_credentials: bool = False


@dataclass(frozen=True, slots=True)
class Api:
    """name is the key in fastgw.yaml or the definition's title; id is the execute-api id ([a-z0-9]+).

    binary_types   media types in lower case whose bodies are bytes and not text: "image/png", "image/*", "*/*"
    authorizers    those that a route names, and maybe others
    policy         who may call, where and when; None: whoever the routes let in
    execute_api    reachable by its id, too: at its execute-api host and below /_aws/execute-api
    keys_of_callers  API keys are those that authorizers give, not those of a header
    compress_from  bytes from which on answers are compressed for those who take it; None: never
    security_policy  name of one of fastgw.model.tls, for the names that the API is served under; None: theirs
    """

    name: str
    id: str
    kind: ApiKind
    routes: tuple[Route, ...]
    place: Place
    gateway_responses: tuple[GatewayResponse, ...] = ()
    cors: Cors | None = None
    binary_types: tuple[str, ...] = ()
    compress_from: int | None = None
    authorizers: tuple[Authorizer, ...] = ()
    keys_of_callers: bool = False
    policy: Policy | None = None
    execute_api: bool = True
    security_policy: str | None = None
