"""The engine's structs: what a worker, a connection, an exchange and an upstream are made of.

Ownership: a Conn owns at most one Exchange; an Exchange holds at most one UpConn while its request
is on the wire. Conn and UpConn die in their stream's `closed` event; an Exchange goes back to a free
list when both its request and its answer are finished. Spans of an Exchange point into its `head`
buffer unless said otherwise. An early answer ends its exchange while the request still comes: the connection lingers.
"""
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from fastgw._core.access cimport AuthPlan
from fastgw._core.allowance cimport KeyStage, UsagePlan
from fastgw._core.bucket cimport Bucket
from fastgw._core.bytes cimport Span
from fastgw._core.cells cimport CellMap
from fastgw._core.cache cimport CacheEntry, CacheZone
from fastgw._core.cache_plan cimport (CachePlan, Invalidation, INVALIDATION_ALLOWED, INVALIDATION_FAILS,
                                       INVALIDATION_IGNORED, INVALIDATION_WARNS, KEY_HEADER, KEY_PROGRAM, KEY_QUERY,
                                       KEYED_AUTHORIZATION, KEYED_COOKIE, KeyPart)
from fastgw._core.caller cimport Caller
from fastgw._core.checks cimport BodyModel, Checks
from fastgw._core.clock cimport Timer
from fastgw._core.fields cimport (Field, M_DROP, M_LISTED, M_LOOSE, Name, NameTable, R_CORS_ANSWER, R_DROP_ANSWER,
                                   R_DROP_REQUEST, R_IDENTITY, R_REMAP_ANSWER, T_ACCEPT_ENCODING, T_AGE,
                                   T_AUTHORIZATION, T_CACHE_CONTROL, T_CONNECTION, T_CONTENT_ENCODING,
                                   T_CONTENT_LENGTH, T_CONTENT_TYPE, T_COOKIE, T_CORS_METHOD, T_EXPECT, T_EXPIRES,
                                   T_FIRST_OF_PLAN, T_FORWARDED_FOR, T_FORWARDED_PORT,
                                   T_FORWARDED_PROTO, T_HOST, T_IF_MATCH, T_IF_MODIFIED_SINCE, T_IF_NONE_MATCH,
                                   T_IF_UNMODIFIED_SINCE, T_KEEP_ALIVE, T_METHOD_OVERRIDE, T_ORIGIN, T_RANGE,
                                   T_SET_COOKIE, T_TRANSFER_ENCODING, T_UNKNOWN, T_USER_AGENT, T_VARY)
from fastgw._core.firewall_plan cimport FirewallPlan, Guard
from fastgw._core.group cimport Address, Ejection, MAX_ENDPOINTS, TargetLimits
from fastgw._core.keys cimport KeyHeader, KeyRecord, KeyUse
from fastgw._core.llhttp cimport PARSER_BYTES
from fastgw._core.network cimport IpAddress
from fastgw._core.ops cimport (AnswerPlan, E_ESCAPED_PATH, E_ESCAPED_QUERY, E_HEADER, E_JSON, E_JSON_STRING,
                               E_LOG_JSON, E_LOG_JSON_VALUE, E_LOG_TEXT, E_LOG_XML, E_PATH, E_QUERY, E_RAW,
                               E_WHOLE_PATH, MAP_OVERWRITE, Mapping, Op, OP_ANSWER_BODY, OP_ANSWER_MULTI, OP_BODY, OP_CALLER,
                               OP_CONTEXT, OP_HEADER, OP_HEADER_MULTI, OP_PARAM, OP_QUERY, OP_QUERY_MULTI, OP_TEXT, Program)
from fastgw._core.permission_plan cimport PermissionPlan
from fastgw._core.replies cimport Cors, Reply
from fastgw._core.router cimport RouterMatch, RouterTable
from fastgw._core.signature_keys cimport SignatureTable
from fastgw._core.stream cimport Stream
from fastgw._core.tls cimport Secured, TlsContext
from fastgw._core.verbs cimport DELETE, GET, HEAD, NO_VERB, OPTIONS, PATCH, POST, PUT, verb_idempotent, verb_of


cdef struct Conn
cdef struct Exchange
cdef struct UpConn
cdef struct Target
cdef struct Endpoint
cdef struct StagePlan
cdef struct RoutePlan

cdef enum Phase:            # the order of a request; DESIGN "A request". LOG always runs, once.
    ACCEPT = 0
    PARSE = 1
    ROUTE = 2
    GUARD = 3
    AUTH = 4
    KEY = 5
    THROTTLE = 6
    VALIDATE = 7
    CACHE = 8
    REQUEST = 9
    INTEGRATE = 10
    RESPONSE = 11
    WRITE = 12
    LOG = 13

cdef enum Coding:           # that the gateway puts on answers
    CODING_NONE = 0
    CODING_GZIP = 1
    CODING_DEFLATE = 2

cdef enum Framing:          # how a body is delimited (RFC 9112 section 6)
    BODY_NONE = 0
    BODY_LENGTH = 1
    BODY_CHUNKED = 2
    BODY_CLOSE = 3

cdef struct Limits:         # settings of the same names; times in ms, sizes in bytes
    uint32_t head_bytes
    uint32_t head_fields
    uint32_t head_timeout
    uint64_t body_bytes
    uint32_t body_idle_timeout
    uint32_t body_min_rate
    uint32_t send_timeout
    uint32_t keepalive_timeout
    uint32_t keepalive_requests
    uint32_t max_connections
    uint32_t max_connections_per_address
    int path_flags

# --- compiled plan

cdef struct LogPlan:        # the access log of a stage
    Program line            # OP_TEXT and OP_CONTEXT
    uint32_t most           # bytes of the longest line
    uint32_t file           # number of the file it goes to

cdef enum RouteKind:
    ROUTE_PROXY = 0
    ROUTE_FIXED = 1         # an answer compiled from head to end
    ROUTE_FAIL = 2          # always failure `failure`
    ROUTE_PYTHON = 3        # a step behind a Python door

cdef struct RoutePlan:
    uint8_t kind
    uint8_t verb_in_own     # 1: upstream gets the client's own verb
    uint8_t failure
    uint8_t head_only       # ROUTE_FIXED: no body whatever the verb (204, 304)
    uint8_t coded           # ROUTE_FIXED: its fields name a coding
    uint32_t slot           # row of counters
    uint16_t status         # ROUTE_FIXED
    uint8_t keyed           # an API key is required
    uint8_t limited         # THROTTLE has something to look at
    Bucket bucket           # of the stage's method
    uint32_t concurrency    # requests with the integration at one time; 0: no limit
    uint32_t places         # first cell of its count: one for each worker
    uint8_t sends           # Verb sent upstream, 255: none of them
    uint32_t timeout_ms
    uint32_t first_byte_ms  # 0: the target's
    uint32_t target_index   # of the plan's list; `target` is filled when the engine takes the plan
    Target* target
    Span verb               # sent upstream unless verb_in_own
    Program path, query     # of the upstream; the query is that of the URI itself, without "?"
    Program own_path        # in place of `path`, where it has a value; n 0: none
    Mapping* queries
    Mapping* headers
    AnswerPlan* answers
    uint16_t nqueries, nheaders, nanswers
    uint8_t reads_body      # a mapped value comes from the request's body
    Span resource           # "/pets/{id}"
    Span operation          # "GET", "ANY", "$default"
    Span key                # "GET /pets/{id}", "$default"
    Program fixed_head      # after "HTTP/1.1 200 OK\r\n...": fixed and mapped fields
    Span fixed_body
    void* step              # ROUTE_PYTHON: the callable, owned by the Plan
    CachePlan* cache        # NULL: off
    Checks* checks          # NULL: nothing is checked
    AuthPlan* auth          # NULL: everybody may call
    uint8_t signed          # its callers are those who sign

cdef struct StagePlan:
    Span api_id, name
    uint8_t http_api
    uint8_t missing         # failure code where no route matches
    uint8_t compresses      # answers of compress_from bytes and more
    uint32_t compress_from
    RouterTable* router
    RoutePlan* routes
    uint32_t nroutes
    int32_t default_route   # row of routes for what no route matches, or -1
    Reply* replies          # by failure code
    Cors* cors
    Program always          # fields on every answer of this API
    Program forward         # fields on every request to an upstream
    Mapping* defaults       # request fields sent where the client has none; name's token in default_tokens
    uint8_t* default_tokens
    uint16_t ndefaults
    uint8_t* rules          # by token: Rule bits
    CacheZone* zone         # filled when the engine takes the plan
    FirewallPlan* firewall  # NULL: none
    LogPlan* log            # NULL: no access log
    Bucket bucket           # of the whole stage
    KeyStage* key_stages    # by number of the usage plan
    uint8_t keys_of_callers # an API key is the one that the authorizer gives, not the client
    PermissionPlan permission
    Program arn             # what policies call the request

cdef struct StageName:
    Span name
    StagePlan* stage

cdef struct ApiPlan:
    StageName* stages
    uint16_t nstages
    StagePlan* fallback     # the $default stage, or NULL
    StagePlan* any          # whose replies an unknown stage gets

cdef struct BasePath:
    Span prefix             # "" or "/a/b"
    ApiPlan* api            # NULL: the next segment is one of the labels and names it
    StagePlan* stage        # fixed; NULL: the next segment names it

cdef struct HostPlan:
    Span host
    BasePath* paths         # longest prefix first
    uint16_t npaths
    HostPlan* next          # same bucket

cdef struct PlanData:
    HostPlan** hosts
    uint32_t host_mask
    uint64_t host_seed
    HostPlan* any_host
    StagePlan** stages
    uint32_t nstages
    Span label_marker       # hosts "{label}.{marker}.anything" are looked up by label
    HostPlan** labels
    uint32_t label_mask
    NameTable* names
    Span remap_prefix
    Reply* replies          # by failure code, where no API has been chosen
    LogPlan* log            # of requests that reach no stage; NULL: none
    KeyHeader* keys         # the table of API keys; NULL: the plan has none
    uint8_t key_token       # of the field that carries a key
    SignatureTable* signatures  # who may sign requests; NULL: no route asks for it
    UsagePlan* usage_plans
    Bucket account          # of everything
    TlsContext* tls         # of listeners that speak TLS; NULL: none can
    uint8_t asks_certificates   # of clients, under one of its names
    uint32_t refs           # exchanges that hold the plan

# --- upstreams

cdef struct Waiters:        # exchanges that wait, oldest first, by their next and prev
    Exchange* first
    Exchange* last
    uint32_t n

cdef struct Endpoint:       # one address of a group, with its pool
    Target* target
    Endpoint* next          # of those that left the group and still have connections
    Span key                # "10.0.0.1:80", "[::1]:80" or "unix:/path", NUL-terminated, owned
    const char* unix_path   # within key; NULL: TCP
    Address address
    uint64_t bit            # of Exchange.tried
    uint64_t hash           # of key
    uint32_t weight
    uint32_t max_connections
    UpConn* idle            # LIFO
    Waiters waiting         # for the connections that are being made
    uint32_t nidle
    uint32_t nconns         # connecting, busy and idle
    uint32_t nconnecting    # of those that any waiter may have
    uint32_t trust          # reuses in a row that went well; see upstream.pyx, "Reuse"
    uint64_t careful_until  # ms; no reuse before it for what cannot be sent again
    uint64_t starved_until  # ms; no new connection before it: this machine has no port or descriptor left
    int64_t credit          # smooth weighted round robin
    uint8_t gone            # no longer in the group
    uint8_t failing         # failures in a row
    uint8_t trial           # back from an ejection: a request now and then until one goes well
    uint8_t was_down        # by the active checks, when last looked at
    uint32_t ejections      # the next one lasts so much longer
    uint64_t ejected_until  # ms
    uint64_t next_trial     # ms
    uint64_t returned_at    # ms; start of the slow start
    const uint8_t* down     # of the active checks, in shared memory; NULL: none
    void* session           # of TLS, for the next connection to resume; NULL: none
    const char* insecure    # why the last TLS handshake that failed did; NULL: none has
    uint64_t insecure_n     # so many have
    uint32_t latency_us     # average to the first byte, the latest answers counting most
    uint64_t connects, reuses, failures, timeouts, ejected

cdef struct Target:         # a group of endpoints behind one authority
    Target* next
    Span key                # owned
    Span authority          # value of Host, owned
    Endpoint* only          # where there is one and no more: nothing is to be chosen
    Endpoint* endpoints[MAX_ENDPOINTS]
    uint32_t nendpoints
    Endpoint* leaving
    uint8_t failed          # the last resolution failed
    uint8_t wanted          # in the newest plan
    uint8_t policy
    uint8_t checked         # has active checks
    Span hash_header        # P_HASH_HEADER, owned
    TlsContext* tls         # NULL: spoken to in clear
    Span tls_name           # server name, owned
    TargetLimits limits
    Ejection ejection
    Waiters waiting         # for room
    uint32_t nconns         # of all endpoints
    uint32_t nidle
    uint32_t turn
    int32_t retry_credit    # in fifths of a retry; see breaker.pyx
    uint32_t admits         # requests at a time; see breaker.pyx
    uint32_t samples
    uint64_t samples_us
    uint64_t judged_at      # ms
    uint64_t retries, refused

cdef enum UpState:
    UP_CONNECTING = 0
    UP_IDLE = 1
    UP_BUSY = 2
    UP_CLOSED = 3
    UP_RESERVED = 4         # connecting for `ex` alone, which may not have a used connection
    UP_PARTING = 5          # the upstream said that it closes: it is left to go first

cdef struct UpConn:
    char parser[PARSER_BYTES]   # first: callbacks cast it back
    Stream stream
    Timer timer
    Target* target
    Endpoint* endpoint      # NULL once UP_PARTING
    UpConn* next            # idle list
    UpConn* prev
    UpConn* all_next        # every upstream connection of the worker
    UpConn* all_prev
    Exchange* ex
    uint8_t state
    uint8_t in_head
    uint8_t in_field        # last span was of a name
    uint8_t body            # Framing of the answer
    uint8_t done            # the answer is complete
    uint8_t minor           # HTTP/1.minor
    uint8_t keep
    uint8_t paused_by_client
    uint8_t got_bytes       # of this answer
    uint8_t trying          # its try_timeout runs
    uint32_t served         # requests answered on this connection
    const char* tls_error   # why TLS on it came to nothing; NULL: it did not. Nobody frees it
    uint64_t body_left
    uint64_t rested_at      # ms; when the last answer on this connection ended
    uint64_t deadline       # of the whole answer, ms
    uint64_t first_by       # ms; of its first byte
    uint64_t paused_at
    const char* base        # of the head being parsed
    char* stash
    uint32_t stash_n
    uint32_t stash_cap
    uint32_t trailer_bytes
    uint32_t reason_off
    uint32_t reason_n
    uint32_t nfields
    Field* fields           # upstream_fields of them

# --- downstream

cdef struct Requester:      # who asks an upstream: a client's exchange or a call. What comes of it; see attempt.pxd
    void (*waits)(Exchange* ex) noexcept nogil              # for a connection: its deadline is the requester's
    void (*ready)(Exchange* ex) noexcept nogil              # that wait is over: ex.up is set; attempt_send is due
    int (*send)(Exchange* ex) noexcept nogil                # write the request to ex.up; as forward_head
    void (*failed)(Exchange* ex, int code) noexcept nogil   # after the last try
    void (*head)(Exchange* ex, UpConn* up, int status) noexcept nogil       # the final head; up.body says the framing
    void (*piece)(Exchange* ex, UpConn* up, const char* p, uint32_t n) noexcept nogil
    void (*flush)(Exchange* ex) noexcept nogil              # end of one read
    void (*done)(Exchange* ex) noexcept nogil               # the answer is complete; the upstream is released
    void (*writable)(Exchange* ex) noexcept nogil           # the upstream took what was queued

cdef struct Calling:        # a call under way: the exchange without a client that a Python step asked for
    Timer timer             # its deadline while it waits for a connection
    Exchange* ex            # NULL: not begun, or over
    void* flight            # the Flight that this is part of, which lives at least as long
    Span head               # of the request; it and the body lie in bytes that the flight holds
    Span body
    uint64_t most           # bytes of the answer's body
    uint64_t seen           # of them
    uint8_t streams
    uint64_t key            # by which a policy that hashes chooses, where keyed
    uint8_t keyed

cdef enum ExState:
    EX_HEAD = 0             # reading the head
    EX_WAIT = 1             # waiting for an upstream connection or a Python step
    EX_SENDING = 2          # on an upstream connection
    EX_COLLECT = 3          # taking the whole body, for a phase that needs it or for nobody

cdef enum CacheState:       # what the cache did for a request
    CACHE_NONE = 0          # its route has none
    CACHE_HIT = 1
    CACHE_MISS = 2
    CACHE_BYPASS = 3        # this request may not use it

cdef struct CacheFill:      # an answer on its way into the cache
    CacheFill* next         # of the same bucket of those that equal requests wait for
    CacheZone* zone
    CacheEntry* entry       # NULL: not kept
    Exchange* leader        # whose answer it is
    Waiters waiters
    uint64_t hash
    uint64_t asked          # ms
    uint32_t generation     # of the zone, when it was asked for
    uint32_t age            # seconds, by the upstream
    uint64_t lifetime       # ms, by the answer's own word
    char* key               # owned
    uint32_t key_n
    uint8_t open            # equal requests wait for it
    uint8_t handed          # its first client left, a waiter asked anew
    uint8_t credentials     # kept only where the answer is public
    uint8_t codings         # that the request takes
    uint8_t public

cdef struct Exchange:
    char parser[PARSER_BYTES]   # first: callbacks cast it back
    Conn* conn              # NULL: a call
    Calling* calling        # of a call
    PlanData* plan
    StagePlan* stage
    RoutePlan* route
    const Requester* requester
    Target* target          # whose connections it asks for
    UpConn* up
    Waiters* waiting        # the queue it stands in
    Exchange* next          # waiters, or the free list
    Exchange* prev
    uint8_t state
    uint8_t phase
    uint8_t verb
    uint8_t sends           # Verb sent upstream
    uint8_t minor
    uint8_t in_field
    uint8_t in_body         # header callbacks are trailers now
    uint8_t body            # Framing of the request
    uint8_t received        # the request is complete
    uint8_t expects         # 100 Continue is owed
    uint8_t keep            # the connection outlives this exchange
    uint8_t keep_asked      # as far as the client is concerned
    uint8_t retried
    uint8_t asks, unheard   # for leased tokens; the last had no answer: see ask.pxd
    uint8_t answering       # head of the answer has gone out
    uint8_t out             # Framing of the answer
    uint8_t aborted         # the request was given up by the upstream side: read no more of it
    uint8_t failure         # failure code + 1; 0: none
    uint8_t holds           # the body is held until all of it is here
    uint8_t level           # Level of the limit that refused it
    uint16_t status
    uint64_t body_left
    uint64_t body_seen
    uint64_t body_started   # ms; the body's average rate counts from here
    uint64_t rate_check     # ms; when it is judged next
    uint64_t body_mark      # body_seen at that time
    uint64_t started        # us
    uint64_t sent           # us; request handed to the upstream
    uint64_t answered       # us; head of the upstream's answer complete
    uint64_t ended          # us; 0 before LOG
    uint64_t body_out       # bytes of the answer's body
    uint64_t bytes_out      # of the answer, its framing and interim answers included
    uint64_t began          # us; the head was complete: `started` where it came in one piece
    uint8_t content         # coding of the request's body; see decode.pyx
    uint8_t accepts         # Coding that the client wants, + 1; 0: nobody has looked
    uint8_t coding          # Coding of the answer, by the gateway
    uint8_t measure         # of the upstream's answer; see encode.pxd
    void* encoder           # its stream, or NULL
    char* held              # the answer's body so far, where its head has to wait for it
    uint32_t held_n, held_cap
    uint32_t held_need      # when it is as long as that the head goes out; 0: nothing is held
    uint16_t up_status      # of the upstream's answer; 0: none
    const AnswerPlan* answer    # what the route makes of it; NULL: nothing
    uint16_t told_status    # that a step read out of it, where that is another; 0: none
    Span told_error         # that a step has for the log; owned
    const char* tls_error   # why TLS with the upstream came to nothing; NULL: it did not. Nobody frees it
    Span told_id            # by which the upstream knows the request; owned
    uint64_t wait_deadline  # ms
    uint64_t tried          # bits of the endpoints that failed it
    uint64_t up_deadline    # ms; of the whole answer, whatever the tries. 0: nothing has been sent
    uint64_t id_high, id_low
    uint32_t extension_bytes    # chunk extensions and trailers seen
    uint32_t extension_part     # pieces of the name or value of an extension that is being read
    const char* base        # of the head while parsing
    char* head
    uint32_t head_n
    uint32_t head_cap
    uint32_t target_off, target_n
    uint32_t verb_off, verb_n
    uint32_t nfields
    Field* fields           # head_fields of them
    uint8_t asterisk        # the target was "*"
    Span raw_path
    Span path               # canonical
    Span rest               # what the router saw: path below base path and stage
    Span query
    Span host               # lower case, without port
    const char* body_now    # body bytes at hand during a feed, or NULL
    uint32_t body_now_n
    const BodyModel* model  # that the body is held against; NULL before VALIDATE and where there is none
    Span message            # in place of the failure's own; p NULL: that one. Good while the failure is answered
    Span detail             # why a body was refused; the same
    const KeyRecord* key    # whose request it is, where the route asks for a key
    const KeyUse* use       # of that key, under the plan that opens the stage
    uint64_t* place         # the count that holds its place with the integration, or NULL
    void* ticket            # the Ticket of Python work that is under way, or NULL
    char* collected         # the body so far, where it is held
    uint32_t collected_cap
    uint8_t forwarded       # the peer is a hop we trust; see address.pxd
    IpAddress client        # where it is
    Span identity           # who asks, by an authorizer; p NULL: nobody has looked, or what is known does not say
    Caller* caller          # held; NULL: nobody has been asked
    uint8_t auth            # AuthState
    uint8_t api_says        # policy.Saying of the API's policy
    uint16_t auth_status    # of the answer of the authorizer's function or endpoint; 0: none
    uint64_t auth_since     # us; when the authorizer was asked last; 0: it was not
    uint64_t auth_us        # of waiting for it
    Span auth_id            # by which it knows the request; owned
    Span challenge          # of WWW-Authenticate. Good while the failure is answered
    Guard guard
    const Reply* instead    # of the failure's own answer; NULL: that one
    uint8_t cache           # CacheState
    uint8_t cache_warns     # the route's warning is due
    uint8_t cache_waited    # for an equal request: not again
    CacheFill* fill         # its answer goes into the cache
    Waiters* waits_in       # for an equal request
    CacheEntry* hit         # held while it is sent
    uint32_t hit_at         # bytes of its body sent so far
    RouterMatch match

cdef struct Conn:
    Stream stream
    Timer timer
    Conn* next              # all connections of the worker
    Conn* prev
    Exchange* ex
    Conn* outer             # of a stream of HTTP/2: the connection that carries it. NULL: it is one itself
    void* h2                # the H2 of a connection that speaks HTTP/2, or NULL
    char* pend              # bytes read ahead of the exchange
    uint32_t pend_n
    uint32_t pend_cap
    uint32_t pend_at
    uint32_t requests
    uint32_t taken          # body bytes of the current feed that the exchange has dealt with
    uint16_t local_port     # that the client connected to, as far as we know
    uint8_t feeding         # feed() is on the stack
    uint8_t lingering
    uint8_t counted         # in the table of peers
    uint8_t secure          # its listener speaks TLS
    uint8_t proxied         # a header of the PROXY protocol is still due
    Secured secured         # once its handshake is done
    uint8_t blank           # CR and LF skipped before a request line
    uint8_t http2           # its listener takes HTTP/2 from clients that begin with it
    uint8_t preface         # bytes of HTTP/2's preface that have come
    IpAddress address       # of the peer
    uint64_t activity       # ms

# --- the worker

cdef struct Live:
    uint32_t connections
    uint32_t exchanges
    uint32_t buffers        # read-ahead buffers of connections
    uint32_t upstreams
    uint32_t calls          # exchanges without a client
    uint32_t sessions       # connections that speak HTTP/2
    uint32_t streams        # on them

cdef enum Drain:
    DRAIN_NOT = 0
    DRAIN_GENTLY = 1        # a connection goes with an answer that says so
    DRAIN_NOW = 2           # and with any other

cdef struct Core:
    void* loop
    Limits limits
    uint32_t upstream_head_bytes
    uint32_t upstream_fields
    uint32_t drain          # Drain
    uint8_t overload        # step 0 to 3; see overload.pyx
    uint8_t memory_step     # the part of it that memory is the reason for
    PlanData* plan
    Conn* conns
    Exchange* free_exchanges
    uint32_t nfree
    UpConn* upconns
    Target* targets
    Live live
    uint64_t* gauges        # this worker's page of counters
    char* rows              # 512 bytes per route slot
    uint32_t nrows
    CellMap* cells          # shared with the other processes; NULL: there are none
    uint32_t worker         # number of this one
    uint32_t nodes          # that share usage plans
    uint64_t random[4]
    uint64_t seed

cdef Core core

cdef inline void count(int index) noexcept nogil:
    core.gauges[index] += 1

cdef inline bint takes_chunks(Exchange* ex) noexcept nogil:
    """The client knows chunks: HTTP/1.0 and HTTP/2 do not, their bodies end with the connection and the stream."""
    return ex.minor and ex.conn.outer == NULL

cdef inline Span field_name(const char* base, const Field* f) noexcept nogil:
    cdef Span s
    s.p = base + f.name
    s.n = f.name_n
    return s

cdef inline Span field_value(const char* base, const Field* f) noexcept nogil:
    cdef Span s
    s.p = base + f.value
    s.n = f.value_n
    return s

cdef uint64_t random64() noexcept nogil
