"""The downstream side of the engine."""
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from fastgw._core.ahead cimport ahead_add, ahead_drop
from fastgw._core.bytes cimport span
from fastgw._core.client_cert cimport client_cert_leave
from fastgw._core.clock cimport TIMER_CONN, Timer, micros, timer_drop, timer_init, timer_set, wheel_handler
from fastgw._core.counters cimport (H_BYTES_IN, H_CONNECTIONS_ACCEPTED, H_CONNECTIONS_OPEN, H_CONNECTIONS_REFUSED,
                                   H_TLS_FAILED, H_TLS_HANDSHAKES, H_TLS_RESUMED)
from fastgw._core.exchange cimport (ConnEvents, exchange_abort, exchange_body, exchange_drained, exchange_expire, exchange_fail,
                                    exchange_new, exchange_open, exchange_refuse, exchange_start)
from fastgw._core.failure cimport F_BAD_MESSAGE, F_REQUEST_TIMEOUT
from fastgw._core.h2 cimport (h2_close, h2_data, h2_deadline, h2_drain, h2_drained, h2_free, h2_greeted, h2_late,
                              h2_leave, h2_open, h2_secured)
from fastgw._core.h2_state cimport H2Events
from fastgw._core.head cimport HEAD_DONE, HEAD_MORE, head_feed
from fastgw._core.libuv cimport UV_NAMED_PIPE, UV_TCP, uv
from fastgw._core.network cimport address_unmap
from fastgw._core.peers cimport peer_enter, peer_leave
from fastgw._core.proxy cimport PROXY_BAD, PROXY_MORE, ProxyHeader, proxy_read
from fastgw._core.state cimport BODY_LENGTH, DRAIN_NOW, EX_HEAD, EX_WAIT, Exchange, core, count
from fastgw._core.stream cimport (STREAM_BROKEN, STREAM_CUT, STREAM_PLAIN, StreamEvents, stream_accept, stream_close,
                                  stream_finish, stream_init, stream_read, stream_secure, stream_unread)
from fastgw._core.tls cimport tls_resumed, tls_secured

cdef extern from "<netinet/in.h>" nogil:
    enum: AF_INET, AF_INET6
    struct in_addr:
        pass
    struct sockaddr_in:
        unsigned short sin_family, sin_port
        in_addr sin_addr
    struct sockaddr_in6:
        unsigned short sin6_family, sin6_port
        in_addr sin6_addr
    struct sockaddr_storage:
        unsigned short ss_family

cdef enum:
    LINGER_MS = 2000        # how long a closing connection still reads, so that no RST eats the answer
    RATE_WINDOW_MS = 5000   # how often the rate of a body is judged
    BLANK_BYTES = 4         # CR and LF before a request line (RFC 9112 section 2.2)

cdef StreamEvents stream_events
cdef ConnEvents conn_events
cdef H2Events h2_events


cdef inline uint64_t now_ms() noexcept nogil:
    return uv.now(core.loop)


# --- deadlines

cdef void arm(Conn* c) noexcept nogil:
    """Set the timer for what the connection is waiting for now."""
    cdef Exchange* ex = c.ex
    cdef uint64_t deadline = 0
    if c.stream.closing:
        return
    if c.lingering:
        if c.outer == NULL:
            return
        deadline = now_ms() + core.limits.send_timeout      # the rest of the answer, at the pace of its client
    elif c.h2 != NULL:
        deadline = h2_deadline(c)
    elif c.stream.queued:
        deadline = now_ms() + core.limits.send_timeout
    elif ex == NULL:
        deadline = now_ms() + (core.limits.keepalive_timeout if c.requests else core.limits.head_timeout)
    elif ex.state == EX_HEAD or ex.state == EX_WAIT:
        deadline = ex.wait_deadline
    elif not ex.received and c.stream.reading:
        deadline = ex.rate_check
        if c.activity + core.limits.body_idle_timeout < deadline:
            deadline = c.activity + core.limits.body_idle_timeout
    timer_set(&c.timer, deadline)


cdef void begin_rate(Conn* c, Exchange* ex) noexcept nogil:
    ex.body_started = c.activity
    ex.body_mark = ex.body_seen
    ex.rate_check = c.activity + RATE_WINDOW_MS


cdef bint body_too_slow(Conn* c, Exchange* ex) noexcept nogil:
    """A pause too long, or too low an average rate over the time that we did read."""
    cdef uint64_t now = now_ms()
    if now - c.activity >= core.limits.body_idle_timeout:
        return True
    if now < ex.rate_check:
        return False
    ex.rate_check = now + RATE_WINDOW_MS
    return (ex.body_seen - ex.body_mark) * 1000 < <uint64_t>core.limits.body_min_rate * (now - ex.body_started)


cdef void on_timer(Timer* timer) noexcept nogil:
    cdef Conn* c = <Conn*>(<char*>timer - <size_t>&(<Conn*>NULL).timer)
    cdef Exchange* ex = c.ex
    if c.h2 != NULL and not c.lingering:
        h2_late(c)
    elif c.lingering or ex == NULL:
        close(c)
    elif c.stream.queued:
        cut(c)                      # the client does not read
    elif ex.state == EX_HEAD:
        exchange_refuse(ex, F_REQUEST_TIMEOUT)
    elif ex.state == EX_WAIT:
        exchange_expire(ex)
    elif not ex.received and c.stream.reading and body_too_slow(c, ex):
        exchange_fail(ex, F_REQUEST_TIMEOUT)
    else:
        arm(c)


# --- closing

cdef void close(Conn* c) noexcept nogil:
    cdef Exchange* ex = c.ex
    if c.stream.closing:
        return
    timer_drop(&c.timer)
    stream_close(&c.stream)
    if ex != NULL:
        exchange_abort(ex)
    if c.h2 != NULL:
        h2_leave(c)


cdef void cut(Conn* c) noexcept nogil:
    c.stream.reset = True
    close(c)


cdef void linger(Conn* c) noexcept nogil:
    """Send FIN, then read and forget until the client's FIN: a RST could overtake the answer."""
    ahead_drop(c)
    c.lingering = True
    if c.h2 != NULL:
        h2_leave(c)
    stream_finish(&c.stream)
    if c.outer != NULL:
        arm(c)                      # HTTP/2 closes it when all of its answer has left
        return
    if c.stream.ended:
        timer_set(&c.timer, now_ms() + (core.limits.send_timeout if c.stream.queued else 1))
        return
    stream_read(&c.stream, True)
    timer_set(&c.timer, now_ms() + (core.limits.send_timeout if c.stream.queued else LINGER_MS))


cdef void on_exchange_ended(Conn* c, bint keep, bint whole) noexcept nogil:
    if c.stream.closing:
        return
    c.activity = now_ms()
    if c.outer != NULL:
        linger(c)
    elif not keep or core.drain == DRAIN_NOW or c.stream.ended:
        if whole and c.stream.queued == 0 and c.pend_n == 0:
            close(c)
        else:
            linger(c)
    elif not c.feeding:
        run(c)


cdef void on_exchange_broken(Conn* c) noexcept nogil:
    cut(c)


# --- reading

cdef bint skip_blank(Conn* c, const char* p, uint32_t n, uint32_t* at) noexcept nogil:
    """Skip at most two empty lines before a request line (RFC 9112 section 2.2); False: something else is there."""
    while at[0] < n and c.blank <= BLANK_BYTES:
        if p[at[0]] != (c"\n" if c.blank & 1 else c"\r"):
            break
        at[0] += 1
        c.blank += 1
    return c.blank <= BLANK_BYTES and (at[0] == n or (c.blank & 1 == 0 and p[at[0]] != c"\n"))


cdef uint32_t feed_head(Conn* c, Exchange* ex, const char* p, uint32_t n) noexcept nogil:
    """Read a head; when it is complete, start the exchange with the body bytes at hand."""
    cdef uint32_t used = 0
    cdef bint first = ex.head_n == 0
    cdef int result = head_feed(ex, p, n, &used)
    if result == HEAD_MORE:
        return used
    if result != HEAD_DONE:
        exchange_refuse(ex, result)
        return n
    c.taken = 0
    if not first:
        ex.began = micros()
    if ex.body == BODY_LENGTH:
        ex.body_now = p + used
        ex.body_now_n = n - used if n - used < ex.body_left else <uint32_t>ex.body_left
    begin_rate(c, ex)
    exchange_start(ex)
    if c.ex == ex:
        ex.body_now = NULL
        ex.body_now_n = 0
    return used + c.taken


cdef uint32_t feed(Conn* c, const char* p, uint32_t n) noexcept nogil:
    """Handle bytes in order; returns how many. The rest must wait for the exchange or the client."""
    cdef uint32_t at = 0, used
    cdef Exchange* ex
    cdef bint blank
    while at < n and not c.stream.closing and not c.lingering and c.stream.queued == 0:
        ex = c.ex
        if ex == NULL:
            blank = skip_blank(c, p, n, &at)
            if blank and at == n:
                break
            c.blank = 0
            ex = exchange_new(c)
            if ex == NULL:
                cut(c)
                break
            if not blank:
                exchange_refuse(ex, F_BAD_MESSAGE)
                return n
            ex.wait_deadline = now_ms() + core.limits.head_timeout
        if ex.state == EX_HEAD:
            at += feed_head(c, ex, p + at, n - at)
            continue
        if ex.received:
            break
        used = 0
        if not exchange_body(ex, p + at, n - at, &used):
            return n
        if used == 0:
            break
        at += used
    return at


cdef inline bint upload_blocked(Conn* c) noexcept nogil:
    """The upstream has not taken what it was sent: the next read would only be held here."""
    return c.ex != NULL and not c.ex.received and c.ex.up != NULL and c.ex.up.stream.queued > 0


cdef void take(Conn* c, const char* p, uint32_t n) noexcept nogil:
    """Feed fresh bytes, keep what could not be handled, stop reading while there is such a rest."""
    cdef uint32_t used
    c.feeding = True
    used = feed(c, p, n)
    c.feeding = False
    if c.stream.closing or c.lingering:
        return
    if used < n:
        if not ahead_add(c, p + used, n - used):
            cut(c)
            return
        stream_read(&c.stream, False)
    elif upload_blocked(c):
        stream_read(&c.stream, False)
    arm(c)


cdef void run(Conn* c) noexcept nogil:
    """The exchange or the client moved on: handle what was read ahead, then read again."""
    cdef uint32_t used
    if c.feeding or c.stream.closing or c.lingering:
        return
    if c.pend_n:
        c.feeding = True
        used = feed(c, c.pend + c.pend_at, c.pend_n)
        c.feeding = False
        if c.stream.closing or c.lingering:
            return
        c.pend_at += used
        c.pend_n -= used
    if c.pend_n == 0:
        ahead_drop(c)
        if c.ex != NULL and not c.stream.reading:
            c.activity = now_ms()       # the time we did not read is not the client's
            begin_rate(c, c.ex)
        stream_read(&c.stream, not upload_blocked(c))
    arm(c)


cdef bint secure(Conn* c) noexcept nogil:
    return core.plan.tls != NULL and stream_secure(&c.stream, core.plan.tls, True, span(NULL, 0)) == 0


cdef bint admit(Conn* c) noexcept nogil:
    """Whether its address has room for one more connection, and TLS can begin where it is due; closed where not."""
    if peer_enter(c) and (not c.secure or secure(c)):
        return True
    count(H_CONNECTIONS_REFUSED)
    close(c)
    return False


cdef void receive(Conn* c, const char* p, uint32_t n) noexcept nogil:
    if c.h2 != NULL:
        h2_data(c, p, n)
    elif not c.http2 or not h2_greeted(c, p, n):
        take(c, p, n)


cdef void pass_on(Conn* c) noexcept nogil:
    """What came behind the header is the client's, or its TLS's; what becomes of it may be read ahead in turn."""
    cdef char* held = c.pend
    cdef uint32_t at = c.pend_at, n = c.pend_n
    c.pend = NULL
    c.pend_at = c.pend_n = 0
    if c.secure:
        stream_unread(&c.stream, held + at, n)
    else:
        receive(c, held + at, n)
    free(held)
    core.live.buffers -= 1


cdef void take_proxied(Conn* c, const char* p, uint32_t n) noexcept nogil:
    """The header that comes before the client's first byte; the time for it is that of a request's head."""
    cdef ProxyHeader header
    cdef int used
    if not ahead_add(c, p, n):
        cut(c)
        return
    used = proxy_read(c.pend, c.pend_n, &header)
    if used == PROXY_MORE:
        return
    if used == PROXY_BAD:
        count(H_CONNECTIONS_REFUSED)
        cut(c)
        return
    c.proxied = False
    if header.told:
        c.address = header.source
        c.local_port = header.port
    if not admit(c):
        return
    c.pend_at = used
    c.pend_n -= used
    pass_on(c)


cdef void on_data(void* owner, const char* p, uint32_t n) noexcept nogil:
    cdef Conn* c = <Conn*>owner
    core.gauges[H_BYTES_IN] += n
    c.activity = now_ms()
    if c.proxied:
        take_proxied(c, p, n)
    elif not c.lingering:
        receive(c, p, n)


cdef void refuse_plain(Conn* c) noexcept nogil:
    """Plain HTTP where TLS is spoken: 400, plain."""
    cdef Exchange* ex = exchange_new(c)
    if ex == NULL:
        cut(c)
    else:
        exchange_refuse(ex, F_BAD_MESSAGE)


cdef void on_secured(void* owner, int error) noexcept nogil:
    """The TLS handshake is done."""
    cdef Conn* c = <Conn*>owner
    c.secured = tls_secured(c.stream.tls)
    if c.secured.mark and c.secured.certificate == NULL:
        cut(c)          # no memory: nobody could say who it is
        return
    count(H_TLS_HANDSHAKES)
    if tls_resumed(c.stream.tls):
        count(H_TLS_RESUMED)
    h2_secured(c)


cdef void take_carried(Conn* c, const char* p, uint32_t n) noexcept nogil:
    """Bytes of the request of a stream of HTTP/2, which come as long as its window is open."""
    if c.lingering or c.stream.closing:
        return
    c.activity = now_ms()
    if c.pend_n == 0:
        take(c, p, n)
    elif not ahead_add(c, p, n):
        cut(c)


cdef void on_ended(void* owner, int error) noexcept nogil:
    cdef Conn* c = <Conn*>owner
    cdef Exchange* ex = c.ex
    if error == STREAM_PLAIN:
        refuse_plain(c)
    elif error == STREAM_BROKEN and ex == NULL:
        linger(c)       # a RST could overtake the alert
    elif error < 0 and error != STREAM_CUT:     # a request says itself how long it is
        cut(c)
    elif c.h2 != NULL and not c.lingering:
        close(c)
    elif ex == NULL and c.stream.queued:
        if not c.lingering:
            linger(c)
    elif ex == NULL or ex.state == EX_HEAD or not ex.received:
        close(c)
    # Otherwise a half-close: the answer is still owed.


cdef void on_drained(void* owner) noexcept nogil:
    cdef Conn* c = <Conn*>owner
    if c.lingering:
        if c.stream.ended:
            close(c)
        else:
            timer_set(&c.timer, now_ms() + LINGER_MS)
        return
    if c.h2 != NULL:
        h2_drained(c)
        return
    if c.ex != NULL:
        exchange_drained(c.ex)
    elif core.drain == DRAIN_NOW:
        linger(c)
        return
    run(c)


cdef void on_closed(void* owner) noexcept nogil:
    cdef Conn* c = <Conn*>owner
    ahead_drop(c)
    peer_leave(c)
    if c.secure and c.secured.version == NULL:
        count(H_TLS_FAILED)
    client_cert_leave(c.secured.certificate)
    if c.h2 != NULL:
        h2_free(c)
    if c.prev != NULL:
        c.prev.next = c.next
    else:
        core.conns = c.next
    if c.next != NULL:
        c.next.prev = c.prev
    core.live.connections -= 1
    core.gauges[H_CONNECTIONS_OPEN] = core.live.connections
    free(c)


# --- accepting

cdef void read_address(Conn* c) noexcept nogil:
    cdef sockaddr_storage storage
    cdef int n = sizeof(storage)
    cdef sockaddr_in* v4 = <sockaddr_in*>&storage
    cdef sockaddr_in6* v6 = <sockaddr_in6*>&storage
    if uv.tcp_getpeername(c.stream.handle, &storage, &n) < 0:
        return
    if storage.ss_family == AF_INET:
        c.address.family = 4
        memcpy(c.address.bytes, &v4.sin_addr, 4)
    elif storage.ss_family == AF_INET6:
        c.address.family = 6
        memcpy(c.address.bytes, &v6.sin6_addr, 16)
        address_unmap(&c.address)


cdef void conn_accept(void* server, const Entrance* by) noexcept nogil:
    cdef size_t struct_bytes = (sizeof(Conn) + 15) & ~<size_t>15
    cdef Conn* c = <Conn*>calloc(1, struct_bytes + uv.handle_size(UV_TCP if by.tcp else UV_NAMED_PIPE))
    if c == NULL:
        return
    if stream_init(&c.stream, <char*>c + struct_bytes, core.loop, by.tcp, c, &stream_events) < 0:
        free(c)
        return
    timer_init(&c.timer, TIMER_CONN)
    c.local_port = by.port
    c.proxied = by.proxied
    c.secure = by.tls
    c.http2 = by.http2
    c.next = core.conns
    if core.conns != NULL:
        core.conns.prev = c
    core.conns = c
    core.live.connections += 1
    core.gauges[H_CONNECTIONS_OPEN] = core.live.connections
    if stream_accept(&c.stream, server) < 0:
        close(c)
        return
    count(H_CONNECTIONS_ACCEPTED)
    if by.tcp:
        uv.tcp_nodelay(c.stream.handle, 1)
        read_address(c)
    if core.drain or core.overload >= 3 or core.live.connections > core.limits.max_connections:
        count(H_CONNECTIONS_REFUSED)
        close(c)
        return
    if not c.proxied and not admit(c):
        return
    c.activity = now_ms()
    stream_read(&c.stream, True)
    arm(c)


cdef void conns_drain(uint64_t lull_ms) noexcept nogil:
    cdef Conn* c = core.conns
    while c != NULL:
        if c.h2 != NULL:
            if not c.lingering and not c.stream.closing:
                h2_drain(c, lull_ms)
        elif c.ex == NULL and c.stream.queued == 0 and not c.lingering and now_ms() - c.activity >= lull_ms:
            close(c)
        c = c.next


cdef void conns_close() noexcept nogil:
    cdef Conn* c = core.conns
    while c != NULL:
        close(c)
        c = c.next
    h2_close()


cdef void conn_open(object loop):
    stream_events.data = on_data
    stream_events.ended = on_ended
    stream_events.drained = on_drained
    stream_events.connected = on_secured
    stream_events.closed = on_closed
    conn_events.ended = on_exchange_ended
    conn_events.resume = run
    conn_events.rearm = arm
    conn_events.broken = on_exchange_broken
    h2_events.stream = &stream_events
    h2_events.take = take_carried
    h2_events.arm = arm
    h2_events.close = close
    h2_events.cut = cut
    h2_events.linger = linger
    h2_events.end = ahead_drop
    h2_open(&h2_events, core.loop)
    exchange_open(&conn_events, loop)
    wheel_handler(TIMER_CONN, on_timer)
