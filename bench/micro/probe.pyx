"""The engine's own functions in loops in C, over a kernel that costs nothing.

libuv's functions are replaced in this process. What is written goes the way of a stream that still has
something queued, because that way makes no system call; copying it into the queue is counted. Every
connection succeeds at once. One system call stays, because the pool's answer depends on it: the look at
an idle connection before it is used again.
"""
import socket

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from fastgw._core.accesslog cimport log_open, log_write
from fastgw._core.answer cimport AnswerEvents, answer_on
from fastgw._core.bucket cimport Bucket, bucket_of, bucket_take, nanos
from fastgw._core.bytes cimport Span, Writer, span, writer_init
from fastgw._core.cache cimport (CacheEntry, cache_close, cache_hash, cache_keep, cache_open, cache_reserve, cache_zone,
                                 entry_head)
from fastgw._core.cache_key cimport cache_key
from fastgw._core.caching cimport LOOKUP_HIT, caching_leave, caching_lookup, caching_send
from fastgw._core.cells cimport Cells
from fastgw._core.forward cimport FORWARDED, forward_head
from fastgw._core.head cimport HEAD_DONE, head_feed, request_settings
from fastgw._core.keys cimport KeyRecord, KeyTable, key_find
from fastgw._core.libuv cimport Buf, alloc_cb, read_cb, status_cb, uv
from fastgw._core.llhttp cimport HPE_OK, PARSE_REQUEST, PARSER_BYTES, ParserSettings, llhttp
from fastgw._core.logring cimport PAGE_BYTES, Counts
from fastgw._core.plan cimport Plan
from fastgw._core.pool cimport ACQUIRED, ACQUIRE_WAITS, UpstreamEvents, pool_acquire
from fastgw._core.respond cimport respond_fixed
from fastgw._core.route cimport ROUTED, route_find
from fastgw._core.state cimport Conn, Exchange, Field, Target, UpConn, core
from fastgw._core.stream cimport stream_init
from fastgw._core.target cimport Member, target_new, target_settle
from fastgw._core.upstream cimport upstream_open

cdef enum:
    HANDLE_BYTES = 1024
    HEAD_BYTES = 16384
    FIELDS = 100
    RING_BYTES = 1 << 20

cdef int socket_fd = -1
cdef void* write_request = NULL
cdef void* connect_request = NULL
cdef status_cb connect_done = NULL


# --- the kernel

cdef int take_later(void* request, void* stream, const Buf* bufs, unsigned int n, status_cb done) noexcept nogil:
    """Written when the next write comes: a request may not end within its own call."""
    global write_request
    if write_request != NULL:
        done(write_request, 0)
    write_request = request
    return 0


cdef int agree(void* loop, void* handle) noexcept nogil:
    return 0


cdef int agree_delay(void* handle, int enable) noexcept nogil:
    return 0


cdef int agree_read(void* stream, alloc_cb alloc, read_cb read) noexcept nogil:
    return 0


cdef int keep_connect(void* request, void* handle, const void* address, status_cb done) noexcept nogil:
    global connect_request, connect_done
    connect_request = request
    connect_done = done
    return 0


cdef int known_fd(const void* handle, int* fd) noexcept nogil:
    fd[0] = socket_fd
    return 0


cdef uint64_t one_time(const void* loop) noexcept nogil:
    return 1000


# --- those who listen

cdef void on_exchange(Exchange* ex) noexcept nogil:
    pass


cdef void on_failed(Exchange* ex, int why) noexcept nogil:
    pass


cdef void on_answer(Exchange* ex, UpConn* up, int status) noexcept nogil:
    pass


cdef void on_piece(Exchange* ex, UpConn* up, const char* p, uint32_t n) noexcept nogil:
    pass


cdef UpstreamEvents upstream_events
cdef AnswerEvents answer_events


cdef class Probe:
    """One connection, one exchange and one upstream connection over a compiled plan."""
    cdef Plan plan
    cdef Exchange* ex
    cdef Conn* conn
    cdef Target* target
    cdef object sockets

    def __init__(self, Plan plan):
        global socket_fd
        cdef Member member
        self.plan = plan
        self.sockets = socket.socketpair()
        self.sockets[0].setblocking(False)
        socket_fd = self.sockets[0].fileno()
        uv.write = take_later
        uv.tcp_init = agree
        uv.tcp_nodelay = agree_delay
        uv.tcp_connect = keep_connect
        uv.read_start = agree_read
        uv.fileno = known_fd
        uv.now = one_time
        core.limits.head_bytes = core.upstream_head_bytes = HEAD_BYTES
        core.limits.head_fields = core.upstream_fields = FIELDS
        core.limits.body_bytes = 10485760
        core.gauges = <uint64_t*>calloc(512, sizeof(uint64_t))
        upstream_events.ready = upstream_events.flush = upstream_events.done = on_exchange
        upstream_events.writable = on_exchange
        upstream_events.failed = on_failed
        answer_events.head = on_answer
        answer_events.piece = on_piece
        upstream_open(&upstream_events)
        answer_on(&answer_events)
        self.conn = <Conn*>calloc(1, sizeof(Conn))
        stream_init(&self.conn.stream, calloc(1, HANDLE_BYTES), NULL, True, self.conn, NULL)
        self.ex = <Exchange*>calloc(1, sizeof(Exchange))
        self.ex.fields = <Field*>malloc(sizeof(Field) * FIELDS)
        self.ex.conn = self.conn
        self.ex.plan = plan.data
        self.target = target_new(span(b"bench", 5), span(b"origin.internal:8080", 20))
        self.target.limits.max_connections = self.target.limits.max_pending = 1
        self.target.limits.connect_timeout = self.target.limits.idle_timeout = 1000
        self.target.limits.pool_idle = self.target.limits.first_byte_timeout = 1000
        self.target.wanted = True
        memset(&member, 0, sizeof(member))
        member.key = span(b"10.0.0.1:80", 11)
        member.weight = member.max_connections = 1
        target_settle(self.target, &member, 1)
        if pool_acquire(self.target, self.ex) != ACQUIRE_WAITS:
            raise RuntimeError("the pool did not begin to connect")
        connect_done(connect_request, 0)
        if self.ex.up == NULL:
            raise RuntimeError("the pool did not hand out its connection")
        self.ex.received = True
        self.conn.stream.queued = 1

    def __dealloc__(self):
        free(core.gauges)
        core.gauges = NULL

    cdef int read(self, const char* p, uint32_t n) noexcept nogil:
        """One head into a fresh exchange."""
        cdef Exchange* ex = self.ex
        cdef uint32_t used = 0
        ex.head_n = ex.verb_n = ex.target_n = ex.nfields = 0
        ex.in_field = ex.in_body = ex.body = ex.expects = 0
        ex.body_left = 0
        llhttp.init(ex.parser, PARSE_REQUEST, &request_settings)
        return head_feed(ex, p, n, &used)

    def parse(self, bytes head, int times) -> None:
        """Parse and judge a request head; ValueError when it is refused."""
        cdef const char* p = head
        cdef uint32_t n = <uint32_t>len(head)
        cdef int i, result = HEAD_DONE
        with nogil:
            for i in range(times):
                result = self.read(p, n)
                if result != HEAD_DONE:
                    break
        if result != HEAD_DONE:
            raise ValueError(f"the head is refused with failure {result}")

    def route(self, bytes head) -> None:
        """Parse head and find its route; ValueError when there is none."""
        self.parse(head, 1)
        if route_find(self.ex) != ROUTED:
            raise ValueError("no route")

    def write_request(self, int times) -> None:
        """The routed request's head for the upstream."""
        cdef int i, result = FORWARDED
        self.ex.up.stream.queued = 1
        with nogil:
            for i in range(times):
                result = forward_head(self.ex)
                if result != FORWARDED:
                    break
        if result != FORWARDED:
            raise ValueError(f"the request is not forwarded: {result}")

    def write_answer(self, int times) -> None:
        """The routed request's fixed answer."""
        cdef int i, result = 0
        with nogil:
            for i in range(times):
                result |= respond_fixed(self.ex)
        if result < 0:
            raise OSError(-result, "the answer is not written")

    def write_line(self, int times) -> None:
        """The line of the routed request, into a ring whose reader keeps up."""
        cdef int i
        cdef bytearray region = bytearray(PAGE_BYTES + RING_BYTES)
        cdef char* memory = region
        cdef Counts* counts = <Counts*>memory
        log_open(memory, PAGE_BYTES + RING_BYTES)
        self.ex.status = 200
        self.ex.ended = self.ex.started + 1500
        with nogil:
            for i in range(times):
                log_write(self.ex, self.ex.stage.log)
                counts.tail = counts.head
        log_open(NULL, 0)

    def keep(self, bytes head, bytes answer, int others) -> None:
        """Put an answer ("HTTP/1.1 200 OK" and a body) for a routed head in the cache, and others beside it."""
        cdef uint64_t secret[2]
        cdef char text[4096]
        cdef Writer key
        cdef CacheEntry* e
        cdef uint32_t other
        cdef int i
        secret[0], secret[1] = 1, 2
        cache_close()
        cache_open(<uint64_t>1 << 32, secret)
        self.route(head)
        self.ex.stage.zone = cache_zone(span(b"bench", 5))
        for i in range(others + 1):
            writer_init(&key, text, 4096)
            cache_key(self.ex, 0, &key)
            other = i + 1
            if i < others:
                memcpy(key.p + key.n - 4, &other, 4)    # the number of key parts: nobody asks for such a key
            e = cache_reserve(self.ex.stage.zone, span(key.p, key.n), cache_hash(span(key.p, key.n)), len(answer))
            memcpy(entry_head(e), <const char*>answer, len(answer))
            e.line_n = e.head_n = 17
            e.body_n = len(answer) - 17
            e.stored = 1000
            e.expires = <uint64_t>-1
            cache_keep(e)

    def hit(self, int times) -> None:
        """Look the kept answer up and write it; LookupError where it is not found."""
        cdef int i, result = LOOKUP_HIT
        cdef Exchange* ex = self.ex
        with nogil:
            for i in range(times):
                ex.answering = False
                result = caching_lookup(ex)
                if result != LOOKUP_HIT:
                    break
                caching_send(ex)
                caching_leave(ex)
        if result != LOOKUP_HIT:
            raise LookupError("the answer is not in the cache")

    def pool(self, bytes answer, int times) -> None:
        """Release the upstream connection, by a complete answer, and acquire it again."""
        cdef const char* p = answer
        cdef uint32_t n = <uint32_t>len(answer)
        cdef UpConn* up
        cdef int i, result = ACQUIRED
        self.ex.up.stream.queued = 0        # a connection with unsent bytes would not be kept
        with nogil:
            for i in range(times):
                up = self.ex.up
                up.stream.on.data(up, p, n)
                result = pool_acquire(self.target, self.ex)
                if result != ACQUIRED:
                    break
        if result != ACQUIRED:
            raise ValueError("the connection did not come back to the pool")


def take_tokens(Cells cells, uint32_t number, int times) -> None:
    """Tokens from one bucket that is never empty; the clock is read each time, as a request reads it."""
    cdef Bucket bucket = bucket_of(1e9, 1000000000)
    cdef uint64_t* word = cells.at(number)
    cdef bint taken = True
    cdef int i
    with nogil:
        for i in range(times):
            taken = taken and bucket_take(word, &bucket, nanos())
    if not taken:
        raise ValueError("the bucket is empty")


def find_key(KeyTable table, bytes value, int times) -> None:
    cdef Span wanted = span(value, <uint32_t>len(value))
    cdef KeyRecord* found = NULL
    cdef int i
    with nogil:
        for i in range(times):
            found = key_find(table.header, wanted)
    if found == NULL:
        raise ValueError("no such key")


def reference(bytes head, int times) -> None:
    """The bare parser over a head, no callback set: the measure of the machine's speed."""
    cdef char parser[PARSER_BYTES]
    cdef ParserSettings settings
    cdef const char* p = head
    cdef size_t n = len(head)
    cdef int i, error = HPE_OK
    memset(&settings, 0, sizeof(settings))
    with nogil:
        for i in range(times):
            llhttp.init(parser, PARSE_REQUEST, &settings)
            error |= llhttp.execute(parser, p, n)
    if error != HPE_OK:
        raise ValueError(f"llhttp refuses the head with error {error}")
