"""Everything one gateway serves: listeners, APIs, stages, domains, upstreams."""

from dataclasses import dataclass, field

from fastgw.model.accesslog import AccessLog
from fastgw.model.api import Api
from fastgw.model.cache import StageCache
from fastgw.model.firewall import Firewall
from fastgw.model.function import Function
from fastgw.model.iam import Iam
from fastgw.model.issuer import Issuer
from fastgw.model.place import Place
from fastgw.model.service import Identity, Service
from fastgw.model.tls import TlsDomain
from fastgw.model.upstream_tls import ClientCertificate, UpstreamTls
from fastgw.model.usage import KeyRing, MethodSettings, Throttle, UsagePlan
from fastgw.model.validation import Mode

DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"
DEFAULT_STAGE = "$default"
ANY_HOST = "*"


@dataclass(frozen=True, slots=True)
class Listener:
    """A data-plane address: "0.0.0.0:8080", "[::]:8080" or "unix:/run/fastgw.sock".

    proxy_protocol  connections begin with a header of the PROXY protocol
    http2           a plain one: clients may begin with HTTP/2 (prior knowledge)
    tls             clients speak TLS there
    """

    address: str
    place: Place | None = None
    proxy_protocol: bool = False
    http2: bool = False
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """A named, served snapshot of an API. name is "$default" or [A-Za-z0-9_-]{1,128}.

    throttle     one bucket for all requests of the stage
    firewall     the name of one of the gateway's
    certificate  shown to HTTP upstreams that are spoken to over TLS and have none of their own
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
    firewall: str | None = None
    certificate: ClientCertificate | None = None


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
class UpstreamAddress:
    """One place to connect to: "host:port", "[v6]:port" or "unix:/path". A name stands for all its addresses.

    max_connections None means as many as the group may have.
    """

    address: str
    weight: int = 1
    max_connections: int | None = None


@dataclass(frozen=True, slots=True)
class Ejection:
    """Passive health: an endpoint with so many gateway errors in a row gets no requests for a while.

    failures     in a row; 0 ejects nobody
    duration_ms  of the first ejection; the n-th in a row lasts n times as long
    percent      of the group that may be ejected at a time
    status_5xx   an answer of 500 or more counts as a gateway error
    """

    failures: int = 5
    duration_ms: int = 10_000
    percent: int = 50
    status_5xx: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """Active checks of each endpoint, made once for the node.

    path        asked with GET; None checks only that a connection can be made
    host        value of Host; None is the authority
    statuses    that are healthy; empty means 200 to 399
    fall, rise  checks in a row that make an endpoint down, and up again
    """

    path: str | None = "/"
    host: str | None = None
    statuses: tuple[int, ...] = ()
    interval_ms: int = 5000
    timeout_ms: int = 1000
    fall: int = 2
    rise: int = 2


@dataclass(frozen=True, slots=True)
class Upstream:
    """Endpoints and connection settings for one authority as integration URIs write it ("api.internal:8080").

    addresses        where to connect instead; none connects to the authority itself
    policy           "round_robin", "least_connections" or "consistent_hash"
    hash_on          for consistent_hash: "source_ip", "path" or "header:NAME"
    slow_start_ms    time in which an endpoint that is new or back comes to its whole share
    try_timeout_ms   time to the first byte of an answer, for requests that may be tried again at another endpoint
    srv, file        a name with SRV records, and a file of addresses: endpoints besides those of addresses
    max_latency_ms   mean time to the first byte above which fewer requests are let through
    allow_private    a name may resolve to loopback, link-local or private addresses
    tls              TLS, whatever the scheme of the URIs
    clear            no TLS, whatever the scheme of the URIs
    None means the gateway-wide setting of the same name, or off where there is none.
    """

    authority: str
    addresses: tuple[UpstreamAddress, ...] = ()
    policy: str = "round_robin"
    hash_on: str = "source_ip"
    max_connections: int | None = None
    max_pending: int | None = None
    connect_timeout_ms: int | None = None
    first_byte_timeout_ms: int | None = None
    idle_timeout_ms: int | None = None
    pool_idle_ms: int | None = None
    try_timeout_ms: int | None = None
    max_latency_ms: int | None = None
    slow_start_ms: int = 0
    ejection: Ejection = Ejection()
    health: Health | None = None
    srv: str | None = None
    file: str | None = None
    allow_private: bool | None = None
    tls: UpstreamTls | None = None
    clear: bool = False
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Gateway:
    """The whole: what fastgw compiles into one plan.

    Every API is also reachable by the Host {id}.execute-api.* and under the path
    /_aws/execute-api/{id}/{stage}/.

    account  one bucket for everything; None sets no limit
    keys     only in the supervisor, which makes the key table of them: others are sent a Gateway without
    log      of requests that reach no stage
    functions   those of the gateway's own host; others are invoked where the service is
    services    where AWS services are asked, those that are not asked where they are
    identity    who the gateway is to them
    iam         who may sign requests; None: nobody
    account_id, region  in which it stands for callers: in the ARNs of its methods
    issuers     of tokens, where the operator says where their keys are; others say it themselves
    tls         by name, for listeners with TLS; its keys are in the supervisor and the workers alone
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
    functions: tuple[Function, ...] = ()
    services: tuple[Service, ...] = ()
    identity: Identity = field(default_factory=Identity)
    iam: Iam | None = None
    account_id: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
    issuers: tuple[Issuer, ...] = ()
    tls: tuple[TlsDomain, ...] = ()
    firewalls: tuple[Firewall, ...] = ()
