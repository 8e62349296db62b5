"""What a route's step in Python is made of: what it is given, what it answers, and the calls that it may make.

A step is a callable `step(request) -> Answer | Sent | Awaitable[Answer | Sent]`. It runs on the worker's loop and must
not block it. It may raise Failure, which is answered by the stage's gateway responses. Anything else that it raises is
a 500 and a line in the log.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from fastgw._core.handle import Handle
from fastgw._core.request import Request

Fields = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class Answer:
    """What a step answers; framing, connection and Date fields are the engine's: a step's own are dropped.

    A body may come in pieces: the head goes out at once, each piece as it comes, and the next is not asked for while
    the client has not taken the last. What the iterator raises cuts the answer, where the client can see it; a client
    that leaves cancels it. An iterator with aclose() is closed in any case.
    """

    status: int
    headers: Fields = field(default_factory=list)
    body: bytes | AsyncIterator[bytes] = b""


class Failure(Exception):
    """A request ends here. code: a row of the failure table; message in place of its own; detail: why, for the log and
    for $context.error.validationErrorString; challenge: value of the answer's WWW-Authenticate field."""

    def __init__(self, code: int, message: str | None = None, detail: str | None = None,
                 challenge: str | None = None) -> None:
        super().__init__(code, message, detail, challenge)
        self.code, self.message, self.detail, self.challenge = code, message, detail, challenge


@dataclass(slots=True)
class Call:
    """One HTTP exchange with a group of upstreams, on the engine's pooled connections.

    target        a handle of the plan's (Plan.handle)
    path          with its query, encoded
    headers       Host is the group's authority unless it is here; framing fields are the engine's
    timeout_ms    of the whole call: waiting, connecting, sending, and the answer to its end
    max_bytes     of the answer's body; a larger one is INTEGRATION_BAD_ANSWER
    stream        the Reply comes with the head, and its body is an iterator of pieces. The upstream is not read while
                  the pieces are not; that time does not count. What goes wrong later the iterator raises, as CallFailed
    """

    target: Handle
    method: bytes
    path: bytes
    headers: Fields = field(default_factory=list)
    body: bytes = b""
    timeout_ms: int = 29_000
    max_bytes: int = 10 << 20
    stream: bool = False


@dataclass(slots=True)
class Reply:
    """An upstream's answer: its fields in order without the hop-by-hop ones (RFC 9110 section 7.6.1), its whole body
    without framing, and the microseconds from the request sent to the answer complete; of a streamed one an iterator
    with aclose(), which gives the rest up, and the microseconds to its head."""

    status: int
    headers: Fields
    body: bytes | AsyncIterator[bytes]
    us: int


class CallFailed(Exception):
    """No answer came. code: a row of the failure table: INTEGRATION_FAILURE, INTEGRATION_TIMEOUT,
    INTEGRATION_BAD_ANSWER or UPSTREAM_OVERLOADED; detail: what the log says of it, where that is more than the row."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail


@dataclass(slots=True)
class Sent:
    """What a step returns to have one call made without a task of its own: then(request, outcome) goes on."""

    call: Call
    then: Callable[[Request, Reply | CallFailed], "Outcome"]


@dataclass(slots=True)
class Allowed:
    """What an authorizer found out about a caller. It is kept and given to requests of the same identity.

    principal    $context.authorizer.principalId, or None
    values       further context variables by name: "authorizer.claims.sub", "identity.user"
    told         $context.authorizer for templates and events, or None
    scopes       of which a route may ask for one
    policy       what the caller may do, looked at for each request, or None: it may do everything
    usage_key    value of an API key, where keys come from authorizers
    ttl_seconds  for which it may be kept
    """

    principal: str | None = None
    values: dict[str, str] = field(default_factory=dict)
    told: Mapping[str, object] | None = None
    scopes: tuple[str, ...] = ()
    policy: object | None = None
    usage_key: str | None = None
    ttl_seconds: float = 0.0


@dataclass(slots=True)
class Denied:
    """Nobody passes with this identity: 403. Kept as what is allowed is."""

    ttl_seconds: float = 0.0


Decided = Allowed | Denied | Sent | Awaitable[Allowed | Denied | Sent]
Authorize = Callable[[Request, tuple[bytes, ...]], Decided]
"""authorize(request, identity): identity has the values of the route's identity sources, in their order. It raises
Failure for whom it does not know. The request is the one that asked first: what it reads of it it reads before it first
waits, for then the request may leave while others wait for the same decision."""

Outcome = Answer | Sent | Awaitable[Answer | Sent]
Step = Callable[[Request], Outcome]
