"""Everything one gateway serves: listeners, APIs, stages, domains, upstreams."""

from dataclasses import dataclass, field

from fastgw.model.accesslog import AccessLog
from fastgw.model.api import Api
from fastgw.model.cache import StageCache
from fastgw.model.place import Place
from fastgw.model.usage import KeyRing, MethodSettings, Throttle, UsagePlan
from fastgw.model.validation import Mode

DEFAULT_STAGE = "$default"
ANY_HOST = "*"


@dataclass(frozen=True, slots=True)
class Listener:
    """A data-plane address: "0.0.0.0:8080", "[::]:8080" or "unix:/run/fastgw.sock"."""

    address: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """A named, served snapshot of an API. name is "$default" or [A-Za-z0-9_-]{1,128}.

    throttle  one bucket for all requests of the stage
    """

    api: str
    name: str
    variables: tuple[tuple[str, str], ...] = ()
    place: Place | None = None
    throttle: Throttle | None = None
    methods: tuple[MethodSettings, ...] = ()
    cache: StageCache | None = None
    validation: Mode = Mode.AWS
    log: AccessLog | None = None


@dataclass(frozen=True, slots=True)
class Mapping:
    """Under a domain: paths below base_path ("" or "a/b", no outer slashes) go to a stage.

    stage None means that the next path segment names the stage, and "$default" is
    taken where no stage of that name exists.
    """

    base_path: str
    api: str
    stage: str | None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Domain:
    """host in lower case without a port; "*" answers every Host that no other domain claims."""

    host: str
    mappings: tuple[Mapping, ...]
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Upstream:
    """Connection settings for one authority as integration URIs write it ("api.internal:8080").

    address          where to connect instead: "host:port", "[v6]:port" or "unix:/path"; None connects to
                     the authority itself
    allow_private    a name may resolve to loopback, link-local or private addresses
    None means the gateway-wide setting of the same name.
    """

    authority: str
    address: str | None = None
    max_connections: int | None = None
    max_pending: int | None = None
    connect_timeout_ms: int | None = None
    first_byte_timeout_ms: int | None = None
    idle_timeout_ms: int | None = None
    pool_idle_ms: int | None = None
    allow_private: bool | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Gateway:
    """The whole: what fastgw compiles into one plan.

    Every API is also reachable by the Host {id}.execute-api.* and under the path
    /_aws/execute-api/{id}/{stage}/.

    account  one bucket for everything; None sets no limit
    keys     only in the supervisor, which makes the key table of them: others are sent a Gateway without
    log      of requests that reach no stage
    """

    apis: tuple[Api, ...]
    stages: tuple[Stage, ...]
    domains: tuple[Domain, ...]
    listeners: tuple[Listener, ...] = ()
    upstreams: tuple[Upstream, ...] = ()
    account: Throttle | None = None
    plans: tuple[UsagePlan, ...] = ()
    keys: KeyRing = field(default_factory=KeyRing)
    log: AccessLog | None = None
