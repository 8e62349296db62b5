"""What a fastgw.yaml may hold. These types are the file's manual, its check and its JSON Schema at once.

Durations are in seconds; None means the gateway-wide setting of the same name.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from fastgw.load.firewall_schema import FirewallFile, Pattern, RuleGroupFile, SetName, Words
from fastgw.load.guards import ALLOWABLE
from fastgw.model import iam
from fastgw.model.authorizer import ACCOUNT_ID
from fastgw.model.authorizer import MAX_TTL as MAX_DECISION_TTL
from fastgw.model.cache import MAX_TTL
from fastgw.model.function import ARN, MAX_MEMORY_MB, MAX_TIMEOUT_SECONDS, MIN_MEMORY_MB, RUNTIME
from fastgw.model.gateway import DEFAULT_ACCOUNT, DEFAULT_REGION
from fastgw.model.issuer import ISSUER, USER_POOL
from fastgw.model.service import SERVICE
from fastgw.model.usage import AWAY, MAX_BURST, MAX_RATE, PERIODS

Text = Annotated[str, Meta(min_length=1, max_length=4096)]
STAGE_NAME = r"^(\$default|[A-Za-z0-9_-]{1,128})$"
StageName = Annotated[str, Meta(
    pattern=STAGE_NAME,
    description='"$default" (answers at the root) or 1 to 128 letters, digits, - and _')]
VariableName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_]{1,64}$")]
VariableValue = Annotated[str, Meta(
    pattern=r"^[A-Za-z0-9\-._~:/?#&=,]{0,512}$",
    description="at most 512 letters, digits and - . _ ~ : / ? # & = ,")]
ApiId = Annotated[str, Meta(pattern=r"^[a-z0-9]{1,63}$",
    description="1 to 63 lower-case letters and digits: the id in {id}.execute-api.*")]
BasePath = Annotated[str, Meta(
    pattern=r"^/?([A-Za-z0-9$\-_.+!*'()]+(/[A-Za-z0-9$\-_.+!*'()]+)*)?/?$",
    description='"" for the whole host, or a prefix such as v1/pets')]
Host = Annotated[str, Meta(
    pattern=r"^(\*|[A-Za-z0-9]([A-Za-z0-9._-]{0,252}))$",
    description='a host name without port, or "*" for every host that no other domain claims')]
Authority = Annotated[str, Meta(
    pattern=r"^(([A-Za-z0-9][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?"
            r"|arn:aws[a-z-]*:(elasticloadbalancing|servicediscovery):[A-Za-z0-9:/_-]{1,512})$",
    description="host or host:port as integration URIs write it, or the ARN that a private integration names")]
Address = Annotated[str, Meta(
    pattern=r"^(unix:/.{1,107}|([A-Za-z0-9][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\]):[0-9]{1,5})$",
    description="host:port, [v6]:port or unix:/path")]
HashOn = Annotated[str, Meta(
    pattern=r"^(source_ip|path|header:[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128})$",
    description="source_ip, path or header:NAME")]
ListenAddress = Annotated[str, Meta(
    pattern=r"^(unix:/.{1,107}|([A-Za-z0-9._-]*|\*|\[[0-9A-Fa-f:.]{2,45}\]):[0-9]{1,5})$",
    description="host:port, [v6]:port or unix:/path")]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Secret = Annotated[str, Meta(description="not shown in messages", extra_json_schema={"writeOnly": True})]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]


class ListenerFile(Struct, forbid_unknown_fields=True):
    """A data-plane address."""

    address: ListenAddress
    proxy_protocol: Annotated[bool, Meta(
        description="connections begin with a header of the PROXY protocol, version 1 or 2")] = False
    http2: Annotated[bool, Meta(
        description="clients may begin with HTTP/2 (prior knowledge); those of TLS ask for it by ALPN")] = False
    tls: Annotated[bool, Meta(description="clients speak TLS there, with the certificates of the section tls")] = False


Ttl = Annotated[int, Meta(ge=0, le=MAX_TTL, description="seconds; 0 is off")]
Invalidation = Annotated[Literal["allow", "require"], Meta(
    description="who may ask for a fresh answer by Cache-Control: everybody, or who has the permission")]
Strategy = Annotated[Literal["FAIL_WITH_403", "SUCCEED_WITH_RESPONSE_HEADER", "SUCCEED_WITHOUT_RESPONSE_HEADER"],
                     Meta(description="what others get that ask for it")]


class CacheFile(Struct, forbid_unknown_fields=True):
    """The cache of a stage."""

    enabled: bool = True
    ttl: Ttl = 300
    invalidation: Invalidation = "require"
    unauthorized: Strategy = "SUCCEED_WITH_RESPONSE_HEADER"
    x_cache: Annotated[bool, Meta(description="answers say X-Cache: HIT, MISS or BYPASS")] = False
    cache_control: Annotated[Literal["obey", "ignore"], Meta(
        description="Cache-Control and Expires of an upstream's answer; ignore: as the service")] = "obey"


class MethodCacheFile(Struct, forbid_unknown_fields=True):
    """What differs for one method."""

    enabled: bool | UnsetType = UNSET
    ttl: Ttl | UnsetType = UNSET
    invalidation: Invalidation | UnsetType = UNSET
    unauthorized: Strategy | UnsetType = UNSET


class ThrottleFile(Struct, forbid_unknown_fields=True):
    """A token bucket."""

    rate: Annotated[float, Meta(ge=0, le=MAX_RATE, description="requests per second; 0 never refills the bucket")]
    burst: Annotated[int, Meta(ge=0, le=MAX_BURST, description="requests at once")]


class MethodFile(Struct, forbid_unknown_fields=True):
    """What a stage says of one of its methods."""

    throttle: ThrottleFile | UnsetType = UNSET
    concurrency: Annotated[Count, Meta(
        description="requests that may be with the integration at one time")] | UnsetType = UNSET
    cache: MethodCacheFile | UnsetType = UNSET


class LogFile(Struct, forbid_unknown_fields=True):
    """An access log: a preset or a format."""

    file: Annotated[Text, Meta(description='where lines go, relative to this file; "-" is standard output')]
    preset: Literal["json", "clf", "combined", "aws"] | UnsetType = UNSET
    format: Annotated[Text, Meta(description="a line with $context.NAME for values; it must hold "
                                 "$context.requestId or $context.extendedRequestId")] | UnsetType = UNSET


class StageFile(Struct, forbid_unknown_fields=True):
    """A served stage of an API."""

    variables: dict[VariableName, VariableValue] = {}
    throttle: Annotated[ThrottleFile, Meta(description="one bucket for the whole stage")] | UnsetType = UNSET
    validation: Annotated[Literal["aws", "strict"], Meta(
        description="aws: what request validators ask for, as the service checks it; strict: all that the "
                    "definition says")] | UnsetType = UNSET
    cache: CacheFile | UnsetType = UNSET
    methods: Annotated[dict[Text, MethodFile], Meta(
        description='by "GET /pets/{id}"; "*/*" is the default of each method')] = {}
    log: LogFile | UnsetType = UNSET
    firewall: Annotated[Text, Meta(description="a name under firewalls")] | UnsetType = UNSET
    client_certificate: Annotated[Text, Meta(
        description="a name under client_certificates: what HTTP upstreams are shown that are spoken to over TLS")
        ] | UnsetType = UNSET


class BranchFile(Struct, forbid_unknown_fields=True):
    """A call of a composed route: the fields of an x-amazon-apigateway-integration, and two more."""

    uri: Annotated[Text, Meta(description="what is called")]
    type: Annotated[Literal["HTTP", "AWS"], Meta(description="AWS: a service or a function, by its ARN")] = "HTTP"
    httpMethod: Annotated[Text, Meta(description="absent: the client's own")] | UnsetType = UNSET
    credentials: Annotated[Text, Meta(description="role to sign as")] | UnsetType = UNSET
    requestParameters: dict[Text, Text] = {}
    requestTemplates: dict[Text, str] = {}
    passthroughBehavior: Literal["WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER"] | UnsetType = UNSET
    timeoutInMillis: Annotated[Count, Meta(description="of this call")] | UnsetType = UNSET
    required: Annotated[bool, Meta(description="whether the whole fails with it")] = True
    success: Annotated[Text, Meta(description="regular expression of the statuses that are a success")
                       ] | UnsetType = UNSET


class ComposeFile(Struct, forbid_unknown_fields=True):
    """A route answered from several backends that are called side by side."""

    branches: Annotated[dict[Text, BranchFile], Meta(min_length=1, max_length=16)]
    type: Literal["compose"] = "compose"
    template: Annotated[str, Meta(description="what is answered; absent: the bodies as one JSON object")
                        ] | UnsetType = UNSET
    status: Annotated[int, Meta(ge=200, le=599)] = 200
    contentType: Text = "application/json"
    timeoutInMillis: Annotated[Count, Meta(description="of each call at most")] | UnsetType = UNSET


class AuthorizerFile(Struct, forbid_unknown_fields=True):
    """Who says who calls: one asked at a URL, a function, or an issuer whose tokens are verified."""

    url: Annotated[Text, Meta(description="an HTTP endpoint, asked with the event of a request")] | UnsetType = UNSET
    function: Annotated[Text, Meta(description="name or ARN of a function")] | UnsetType = UNSET
    issuer: Annotated[str, Meta(
        pattern=f"^{ISSUER.pattern}$", description="an issuer of tokens, as they have it in iss")] | UnsetType = UNSET
    audience: Annotated[list[Text], Meta(
        max_length=50, description="of an issuer's tokens: one of these they must name")] = []
    type: Annotated[Literal["request", "token"], Meta(
        description="what it is told: the request, or the one identity alone")] = "request"
    identity: Annotated[list[Text], Meta(
        description="what a request must have: method.request.header.NAME, method.request.querystring.NAME, "
                    "context.NAME, stageVariables.NAME")] = []
    validation: Annotated[Text, Meta(
        description="regular expression that all of a token must fit")] | UnsetType = UNSET
    ttl: Annotated[int, Meta(ge=0, le=MAX_DECISION_TTL, description="seconds for which a decision is kept; absent: "
                             "300, or 0 without an identity")] | UnsetType = UNSET
    payload: Annotated[Literal["1.0", "2.0"], Meta(description="format of an HTTP API's event")] = "2.0"
    simple: Annotated[bool, Meta(description="a function of an HTTP API answers isAuthorized, not a policy")] = False


class ApiFile(Struct, forbid_unknown_fields=True):
    """One API: its definition and what only the operator can say about it."""

    definition: Annotated[Text | Annotated[list[Text], Meta(min_length=1, max_length=100)], Meta(
        description="path of the definition, relative to this file, or several that make up one API")]
    mode: Annotated[Literal["merge", "overwrite"], Meta(
        description="of several definitions: put together, or only the last one counts")] = "merge"
    fail_on_warnings: Annotated[bool, Meta(description="what would be a warning is an error")] = False
    id: ApiId | UnsetType = UNSET
    kind: Literal["REST", "HTTP"] | UnsetType = UNSET
    basepath: Annotated[Literal["ignore", "prepend", "split"],
                        Meta(description="what the definition's own base path does")] | UnsetType = UNSET
    upstream: Annotated[Text,
                        Meta(description="where operations without an integration go")] | UnsetType = UNSET
    parameters: Annotated[dict[str, str | int | float | bool],
                          Meta(description="values of ${NAME}; --param goes before them")] = {}
    allow_unenforced: Annotated[list[Literal[ALLOWABLE]],
                                Meta(description="checks to leave out that are not made yet")] = []
    policy: Annotated[dict[str, Any], Meta(
        description="who may call, as a policy document; it replaces the definition's")] | UnsetType = UNSET
    authorizers: Annotated[dict[Text, AuthorizerFile],
                           Meta(description="by the name of the security scheme that each stands for")] = {}
    compose: Annotated[dict[Text, ComposeFile],
                       Meta(description='routes of the definition by "GET /path", answered from several backends')] = {}
    stages: Annotated[dict[StageName, StageFile | None],
                      Meta(description='absent: one stage, "$default"')] | UnsetType = UNSET


class MappingFile(Struct, forbid_unknown_fields=True):
    """Paths of a domain that go to an API."""

    api: Annotated[Text, Meta(description="a name under apis")]
    base_path: BasePath = ""
    stage: Annotated[StageName, Meta(
        description="absent: the next path segment names the stage")] | UnsetType = UNSET


class AddressFile(Struct, forbid_unknown_fields=True):
    """One place to connect to; a name stands for all its addresses."""

    address: Address
    weight: Annotated[int, Meta(ge=1, le=1000)] = 1
    max_connections: Count | UnsetType = UNSET


class EjectionFile(Struct, forbid_unknown_fields=True, frozen=True):
    """When an endpoint that fails gets no requests for a while."""

    failures: Annotated[int, Meta(ge=0, le=100, description="gateway errors in a row; 0 ejects nobody")] = 5
    duration: Annotated[float, Meta(gt=0, le=3600, description="seconds; the n-th in a row lasts n times as long")] = 10
    percent: Annotated[int, Meta(ge=0, le=100, description="of the endpoints that may be ejected at a time")] = 50
    status_5xx: Annotated[bool, Meta(description="an answer of 500 or more is a gateway error")] = False


class HealthFile(Struct, forbid_unknown_fields=True, frozen=True):
    """Active checks of each endpoint."""

    kind: Literal["http", "tcp"] = "http"
    path: Annotated[str, Meta(pattern=r"^/[!-~]{0,1023}$", description="a path of visible ASCII")] = "/"
    host: Authority | UnsetType = UNSET
    statuses: Annotated[list[Annotated[int, Meta(ge=100, le=599)]], Meta(
        min_length=1, description="absent: 200 to 399")] | UnsetType = UNSET
    interval: Annotated[float, Meta(ge=0.1, le=3600)] = 5
    timeout: Annotated[float, Meta(ge=0.01, le=3600, description="absent: 1, or the interval where that is shorter")] \
        | UnsetType = UNSET
    fall: Annotated[int, Meta(ge=1, le=100)] = 2
    rise: Annotated[int, Meta(ge=1, le=100)] = 2


class ClientCertificateFile(Struct, forbid_unknown_fields=True):
    """What the gateway shows of itself to upstreams. Both files are PEM, relative to this file."""

    certificate: Annotated[Text, Meta(description="its own certificate, then those of its issuers")]
    key: Annotated[Text, Meta(description="its private key, not encrypted")]


class UpstreamTlsFile(Struct, forbid_unknown_fields=True):
    """TLS to an upstream."""

    server_name: Annotated[str, Meta(
        pattern=r"^([A-Za-z0-9]([A-Za-z0-9._-]{0,252})|[0-9A-Fa-f:.]{2,45})$",
        description="a name or an IP address, without a port; absent: the URI's host")] | UnsetType = UNSET
    ca_file: Annotated[Text, Meta(
        description="PEM of the authorities that are trusted, and no others, relative to this file")
        ] | UnsetType = UNSET
    verify: Annotated[Literal["full", "private", "none"], Meta(
        description="full: issuer, dates and name; private: any issuer whose root the upstream sends; "
                    "none: anybody is believed")] = "full"
    certificate: Annotated[Text, Meta(
        description="PEM of a client certificate, then those of its issuers, relative to this file")
        ] | UnsetType = UNSET
    key: Annotated[Text, Meta(description="PEM of its private key, relative to this file")] | UnsetType = UNSET
    alpn: Annotated[Literal["http/1.1", "none"], Meta(description="the protocol that is offered")] = "http/1.1"


class UpstreamFile(Struct, forbid_unknown_fields=True):
    """Endpoints of one authority, and connections to them."""

    address: Address | UnsetType = UNSET
    addresses: Annotated[list[Address | AddressFile], Meta(min_length=1, max_length=64)] | UnsetType = UNSET
    srv: Annotated[str, Meta(
        pattern=r"^[A-Za-z0-9_]([A-Za-z0-9._-]{0,252})$",
        description="a name with SRV records, such as _http._tcp.api.internal")] | UnsetType = UNSET
    file: Annotated[Text, Meta(description="path of a file of addresses, relative to this file")] | UnsetType = UNSET
    policy: Literal["round_robin", "least_connections", "consistent_hash"] = "round_robin"
    hash_on: HashOn | UnsetType = UNSET
    slow_start: Annotated[float, Meta(ge=0, le=3600)] = 0
    ejection: EjectionFile = EjectionFile()
    health: HealthFile | UnsetType = UNSET
    max_connections: Count | UnsetType = UNSET
    max_pending: Annotated[int, Meta(ge=0, le=1_000_000)] | UnsetType = UNSET
    connect_timeout: Seconds | UnsetType = UNSET
    first_byte_timeout: Seconds | UnsetType = UNSET
    try_timeout: Seconds | UnsetType = UNSET
    idle_timeout: Seconds | UnsetType = UNSET
    pool_idle: Annotated[float, Meta(ge=0, le=86_400)] | UnsetType = UNSET
    max_latency: Annotated[float, Meta(gt=0, le=900)] | UnsetType = UNSET
    allow_private: bool | UnsetType = UNSET
    tls: Annotated[bool | UpstreamTlsFile, Meta(
        description="whatever the scheme of the URIs: true and a mapping are TLS, false is none")] | UnsetType = UNSET


class KeyFile(Struct, forbid_unknown_fields=True):
    """An API key."""

    value: Secret | UnsetType = UNSET
    value_file: Annotated[Text, Meta(description="path of the value, relative to this file")] | UnsetType = UNSET
    enabled: bool = True
    plans: list[Text] = []


class QuotaFile(Struct, forbid_unknown_fields=True):
    """Requests within a period of UTC."""

    limit: Annotated[int, Meta(ge=1, le=1_000_000_000_000)]
    period: Literal[PERIODS]
    offset: Annotated[int, Meta(
        ge=0, le=27, description="first day of the period: of a WEEK 0 is Sunday, of a MONTH 0 is the 1st")] = 0


class PlanStageFile(Struct, forbid_unknown_fields=True):
    """A stage that a plan opens to its keys."""

    api: Annotated[Text, Meta(description="a name under apis")]
    stage: StageName
    methods: Annotated[dict[Text, ThrottleFile], Meta(description='"GET /pets/{id}" -> a throttle for each key')] = {}


class NodesFile(Struct, forbid_unknown_fields=True):
    """How several nodes that serve a plan's keys go together."""

    share: Annotated[bool, Meta(description="one limit over all nodes, held in Redis")] = False
    away: Annotated[Literal[AWAY], Meta(
        description="while Redis is away: the node's part of each limit, no limit, or no request")] = "local"


class PlanFile(Struct, forbid_unknown_fields=True):
    """A usage plan; throttle and quota are those of each of its keys."""

    stages: Annotated[list[PlanStageFile], Meta(min_length=1)]
    throttle: ThrottleFile | UnsetType = UNSET
    quota: QuotaFile | UnsetType = UNSET
    nodes: NodesFile | UnsetType = UNSET


class AccountFile(Struct, forbid_unknown_fields=True):
    """What all APIs share."""

    throttle: ThrottleFile | UnsetType = UNSET


class FunctionFile(Struct, forbid_unknown_fields=True):
    """A function that the gateway's own host runs."""

    code: Annotated[Text, Meta(description="path of the handler's directory, relative to this file")]
    handler: Annotated[Text, Meta(description="as the runtime reads it: app.handler")]
    runtime: Annotated[str, Meta(
        pattern=f"^({RUNTIME.pattern})$", description="a runtime such as python3.12, nodejs22.x or provided.al2023")]
    arn: Annotated[str, Meta(
        pattern=f"^{ARN.pattern}$", description="the ARN of a function, without version or alias")] | UnsetType = UNSET
    environment: Annotated[dict[Annotated[str, Meta(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,255}$", description="letters, digits and _")],
        str | int | float | bool | None], Meta(
            description="variables; one without a value has that of the gateway's own environment")] = {}
    timeout: Annotated[float, Meta(gt=0, le=MAX_TIMEOUT_SECONDS, description="seconds of one invocation")] = 3
    memory: Annotated[int, Meta(ge=MIN_MEMORY_MB, le=MAX_MEMORY_MB, description="MiB of a process")] = 128
    concurrency: Annotated[int, Meta(ge=1, le=10_000, description="processes, and so invocations, at one time")] = 1_000
    queue: Annotated[int, Meta(
        ge=0, le=100_000, description="invocations that may wait for a process; beyond it 429")] = 1_000
    idle: Annotated[float, Meta(
        gt=0, le=86_400, description="seconds without an invocation after which a process ends")] = 300


Endpoint = Annotated[str, Meta(
    pattern=r"^https?://([A-Za-z0-9][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?/?$",
    description="http:// or https://, then host or host:port")]
Region = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,32}$", description="a region such as eu-west-1")]


class ServiceFile(Struct, forbid_unknown_fields=True):
    """Where an AWS service is asked, and for which region."""

    endpoint: Endpoint | UnsetType = UNSET
    region: Region | UnsetType = UNSET


class CredentialsFile(Struct, forbid_unknown_fields=True):
    """Who the gateway is to AWS services. Keys themselves are never in this file."""

    profile: Annotated[Text, Meta(description="of the shared files; without it the sources of the SDKs are asked one "
                                  "after the other")] | UnsetType = UNSET
    roles: Annotated[Literal["assume", "own"], Meta(
        description="a role that an integration names is assumed, or every request is the gateway's own")] = "assume"


UserPool = Annotated[str, Meta(
    pattern=f"^{USER_POOL.pattern}$", description="arn:aws:cognito-idp:REGION:ACCOUNT:userpool/ID")]


class IssuerFile(Struct, forbid_unknown_fields=True):
    """Where the keys of an issuer of tokens are, instead of where its discovery document says."""

    jwks: Annotated[Text, Meta(
        description="URL of its key set, or a file relative to this one, which is read again at each reload")
    ] | UnsetType = UNSET
    allow_private: Annotated[bool, Meta(
        description="its host may be at a loopback, link-local or private address")] | UnsetType = UNSET
    refresh: Annotated[float, Meta(
        ge=60, le=86_400, description="seconds after which its keys are asked for anew, while they go on being used")
    ] = 3_600
    user_pools: Annotated[list[UserPool], Meta(description="user pools in definitions that it stands for")] = []
TlsName = Annotated[str, Meta(
    pattern=r"^(\*|(\*\.)?[A-Za-z0-9]([A-Za-z0-9._-]{0,252}))$",
    description='a host name, "*." and a host name for names of one label more, or "*" for every other name')]


class TlsDomainFile(Struct, forbid_unknown_fields=True):
    """What clients get, and have to show, that ask for one name. Paths are relative to this file."""

    certificate: Annotated[Text, Meta(description="path of the certificate, PEM, with those it is signed by behind it")]
    key: Annotated[Text, Meta(description="path of its key, PEM, without a password")]
    policy: Annotated[Text, Meta(description="security policy by name; absent: what the APIs served under the name "
                                 "ask for, else tls.policy")] | UnsetType = UNSET
    ocsp: Annotated[Text, Meta(description="path of an OCSP response, DER, that is stapled")] | UnsetType = UNSET
    truststore: Annotated[Text, Meta(description="path of certificates, PEM: clients must show one that comes from "
                                     "one of these")] | UnsetType = UNSET
    crl: Annotated[Text, Meta(description="path of lists of revoked certificates, PEM, one of each authority of a "
                              "chain")] | UnsetType = UNSET


class TlsFile(Struct, forbid_unknown_fields=True):
    """TLS of the listeners with tls: true."""

    domains: Annotated[dict[TlsName, TlsDomainFile], Meta(min_length=1)]
    policy: Annotated[Text, Meta(description="of names without one of their own; absent: TLS_1_2")] | UnsetType = UNSET


IamName = Annotated[str, Meta(
    pattern=f"^{iam.NAME.pattern}$", description="1 to 64 letters, digits and + = , . @ _ -")]
Policies = Annotated[dict[Text, Any], Meta(
    description="identity policies by name: each a document with Version and Statement")]


class AccessKeyFile(Struct, forbid_unknown_fields=True):
    """An access key: its secret, encrypted or in a file of its own."""

    secret: Annotated[Secret, Meta(description="encrypted, as fastgw iam encrypt makes it")] | UnsetType = UNSET
    secret_file: Annotated[Text, Meta(
        description="file that holds the secret in one line, relative to this file")] | UnsetType = UNSET
    session_token_file: Annotated[Text, Meta(
        description="file with the session token that requests must carry as well, of a key that another system "
                    "issued for a time")] | UnsetType = UNSET
    enabled: bool = True


class UserFile(Struct, forbid_unknown_fields=True):
    """A user and its access keys."""

    keys: Annotated[dict[Annotated[str, Meta(
        pattern=f"^{iam.ACCESS_KEY.pattern}$", description="4 to 128 letters, digits and _")], AccessKeyFile],
        Meta(description="by the access key's id")] = {}
    groups: list[IamName] = []
    policies: Policies = {}


class GroupFile(Struct, forbid_unknown_fields=True):
    """What all users of a group may do."""

    policies: Policies = {}


class RoleFile(Struct, forbid_unknown_fields=True):
    """A role, whose sessions fastgw iam session issues."""

    session: Annotated[int, Meta(
        ge=iam.MIN_SESSION, le=iam.MAX_SESSION, description="seconds that a session may last")] = 3600
    policies: Policies = {}


class IamFile(Struct, forbid_unknown_fields=True):
    """Who may sign requests to routes that ask for signatures."""

    users: dict[IamName, UserFile] = {}
    groups: dict[IamName, GroupFile] = {}
    roles: dict[IamName, RoleFile] = {}


class File(Struct, forbid_unknown_fields=True):
    """A fastgw.yaml."""

    fastgw: Annotated[Literal[1], Meta(description="version of this format")]
    apis: Annotated[dict[Text, ApiFile], Meta(min_length=1)]
    listeners: list[ListenerFile] = []
    domains: dict[Host, list[MappingFile]] | UnsetType = UNSET
    tls: TlsFile | UnsetType = UNSET
    upstreams: dict[Authority, UpstreamFile] = {}
    log: Annotated[LogFile, Meta(description="of requests that reach no stage, and of every stage without a log "
                                 "of its own")] | UnsetType = UNSET
    account: AccountFile | UnsetType = UNSET
    account_id: Annotated[str, Meta(
        pattern=f"^{ACCOUNT_ID.pattern}$", description="12 digits: the account in the ARNs of methods; write it in "
                                                       "quotes")] = DEFAULT_ACCOUNT
    region: Annotated[Region, Meta(description="the region in the ARNs of methods")] = DEFAULT_REGION
    keys: dict[Text, KeyFile] = {}
    key_files: Annotated[list[Text], Meta(
        description="files of keys in the service's CSV form, relative to this file")] = []
    plans: dict[Text, PlanFile] = {}
    iam: IamFile | UnsetType = UNSET
    functions: dict[Annotated[str, Meta(
        pattern=r"^[A-Za-z0-9_-]{1,64}$", description="1 to 64 letters, digits, - and _")], FunctionFile] = {}
    services: dict[Annotated[str, Meta(
        pattern=SERVICE.pattern, description='a service as integration URIs write it, or "default"')], ServiceFile] = {}
    credentials: CredentialsFile | UnsetType = UNSET
    issuers: dict[Annotated[str, Meta(
        pattern=f"^{ISSUER.pattern}$", description="an issuer as its tokens have it in iss: https:// with a host, "
                                                   "perhaps a port and a path")], IssuerFile] = {}
    firewalls: dict[SetName, FirewallFile] = {}
    rule_groups: dict[SetName, RuleGroupFile] = {}
    ip_sets: dict[SetName, Annotated[list[Words], Meta(max_length=100_000)]] = {}
    regex_sets: dict[SetName, Annotated[list[Pattern], Meta(min_length=1, max_length=1000)]] = {}
    geo_database: Annotated[Text, Meta(
        description="path of an MMDB file with countries, for geo statements of firewalls")] | UnsetType = UNSET
    client_certificates: dict[Text, ClientCertificateFile] = {}
    settings: Annotated[dict[str, str | int | float | bool], Meta(
        description="settings by name, as fastgw environ lists them in lower case")] = {}


NOT_SERVED = {
    "": ("api_keys", "authorizers", "cache", "certificates", "cluster", "cors",
         "groups", "logs", "plugins", "redis", "store", "throttle",
         "usage_plans"),
    "apis": ("cors", "functions", "keys", "log", "throttle", "tls"),
    "stages": ("canary", "tracing"),
    "domains": ("rules", "stage_rules"),
    "upstreams": ("retry", "weights"),
}
"""Names of later parts, refused as such: by the section they would stand in."""


def json_schema() -> dict:
    """The JSON Schema (2020-12) of a fastgw.yaml."""
    schema = msgspec.json.schema(File)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "fastgw.yaml", **schema}
