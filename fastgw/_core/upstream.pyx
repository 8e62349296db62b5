"""Pools of upstream connections."""
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy

from fastgw._core.answer cimport ANSWER_BAD, ANSWER_DONE, ANSWER_LEFT, answer_begin, answer_ended, answer_feed
from fastgw._core.clock cimport TIMER_UPSTREAM, Timer, timer_drop, timer_init, timer_set, wheel_handler
from fastgw._core.counters cimport (H_UPSTREAM_BYTES_IN, H_UPSTREAM_CONNECT_FAILURES, H_UPSTREAM_CONNECTS,
                                    H_UPSTREAM_OPEN, H_UPSTREAM_REUSES)
from fastgw._core.libuv cimport UV_NAMED_PIPE, UV_TCP, uv
from fastgw._core.state cimport (BODY_NONE, Field, UP_BUSY, UP_CLOSED, UP_CONNECTING, UP_IDLE,
                                 UP_RESERVED, core, count, verb_idempotent)
from fastgw._core.stream cimport (StreamEvents, stream_close, stream_connect, stream_fresh, stream_init, stream_read)

cdef const UpstreamEvents* events
cdef StreamEvents stream_events


cdef inline uint64_t now_ms() noexcept nogil:
    return uv.now(core.loop)


# --- targets

cdef Target* target_find(Span key) noexcept nogil:
    cdef Target* t = core.targets
    while t != NULL:
        if t.key.n == key.n and memcmp(t.key.p, key.p, key.n) == 0:
            return t
        t = t.next
    return NULL


cdef char* copy_text(const char* p, uint32_t n) noexcept nogil:
    cdef char* copy = <char*>malloc(n + 1)
    if copy != NULL:
        memcpy(copy, p, n)
        copy[n] = 0
    return copy


cdef Target* target_new(Span key, Span authority, const char* unix_path, const TargetLimits* limits) noexcept nogil:
    cdef Target* t = <Target*>calloc(1, sizeof(Target))
    cdef uint32_t n = 0
    if t == NULL:
        return NULL
    t.key.p = copy_text(key.p, key.n)
    t.key.n = key.n
    t.authority.p = copy_text(authority.p, authority.n)
    t.authority.n = authority.n
    if unix_path != NULL:
        while unix_path[n]:
            n += 1
        t.unix_path = copy_text(unix_path, n)
    t.limits = limits[0]
    t.next = core.targets
    core.targets = t
    return t


cdef void target_free(Target* t) noexcept nogil:
    free(<void*>t.key.p)
    free(<void*>t.authority.p)
    free(t.unix_path)
    free(t)


cdef void targets_sweep() noexcept nogil:
    cdef Target** link = &core.targets
    cdef Target* t
    while link[0] != NULL:
        t = link[0]
        if not t.wanted:
            while t.idle != NULL:
                up_close(t.idle)
        if not t.wanted and t.nconns == 0 and t.nwaiters == 0:
            link[0] = t.next
            target_free(t)
        else:
            link = &t.next


cdef void target_resolved(Target* t, bint failed) noexcept nogil:
    t.failed = failed
    if t.naddresses:
        connect_for_waiters(t)
        return
    while failed and t.first_waiter != NULL:
        fail_first_waiter(t, UP_UNREACHABLE)


# --- waiters

cdef void enqueue(Target* t, Exchange* ex) noexcept nogil:
    ex.waiting = t
    ex.next = NULL
    ex.prev = t.last_waiter
    if t.last_waiter != NULL:
        t.last_waiter.next = ex
    else:
        t.first_waiter = ex
    t.last_waiter = ex
    t.nwaiters += 1


cdef void upstream_cancel(Exchange* ex) noexcept nogil:
    cdef Target* t = ex.waiting
    if t == NULL:
        return
    if ex.prev != NULL:
        ex.prev.next = ex.next
    else:
        t.first_waiter = ex.next
    if ex.next != NULL:
        ex.next.prev = ex.prev
    else:
        t.last_waiter = ex.prev
    t.nwaiters -= 1
    ex.waiting = NULL
    ex.next = ex.prev = NULL


cdef void fail_first_waiter(Target* t, int why) noexcept nogil:
    cdef Exchange* ex = t.first_waiter
    if ex != NULL:
        upstream_cancel(ex)
        events.failed(ex, why)


# --- Reuse
#
# An upstream may close a connection right behind an answer, or after a short rest, and say so in no field. A request
# that meets the close on its way cannot be sent again unless it is idempotent and has no body. So such a request only
# gets a used connection that has rested for REST_MS, long enough for a close behind the answer to have been seen; and
# none at all for CAREFUL_MS after an upstream was seen to close soon. TRUSTED reuses in a row end the caution.

cdef enum:
    TRUSTED = 1000
    REST_MS = 2
    HASTY_MS = 50           # a close this soon after an answer is a habit of the upstream
    CAREFUL_MS = 2000
    LOOK_AT = 16            # idle connections looked at for one that has rested


cdef inline bint cautious(Target* t, Exchange* ex) noexcept nogil:
    return t.trust < TRUSTED and (ex.body != BODY_NONE or not verb_idempotent(ex.sends))


cdef UpConn* pick_idle(Target* t, Exchange* ex) noexcept nogil:
    """The idle connection that served last; for a cautious request the last one that has rested."""
    cdef UpConn* up = t.idle
    cdef int looked = 0
    cdef uint64_t now
    if up == NULL or not cautious(t, ex):
        return up
    now = now_ms()
    while up != NULL and looked < LOOK_AT:
        if now - up.rested_at >= REST_MS:
            return up
        up = up.next
        looked += 1
    return NULL


cdef void seen_hasty(Target* t) noexcept nogil:
    t.trust = 0
    t.careful_until = now_ms() + CAREFUL_MS


cdef void closed_at_rest(UpConn* up) noexcept nogil:
    if now_ms() - up.rested_at < HASTY_MS:
        seen_hasty(up.target)


# --- connections

cdef void take_idle(UpConn* up) noexcept nogil:
    cdef Target* t = up.target
    if up.prev != NULL:
        up.prev.next = up.next
    else:
        t.idle = up.next
    if up.next != NULL:
        up.next.prev = up.prev
    up.next = up.prev = NULL
    t.nidle -= 1


cdef void up_close(UpConn* up) noexcept nogil:
    """Close without an event; whoever needs to know has been told."""
    cdef Target* t = up.target
    if up.state == UP_CLOSED:
        return
    if up.state == UP_IDLE:
        take_idle(up)
    elif up.state == UP_CONNECTING:
        t.nconnecting -= 1
    up.state = UP_CLOSED
    up.ex = NULL
    t.nconns -= 1
    timer_drop(&up.timer)
    stream_close(&up.stream)
    core.gauges[H_UPSTREAM_OPEN] -= 1


cdef void upstream_drop(UpConn* up) noexcept nogil:
    cdef Target* t = up.target
    if up.ex != NULL:
        up.ex.up = NULL
    up_close(up)
    connect_for_waiters(t)


cdef void fail(UpConn* up, int why) noexcept nogil:
    """A busy connection broke: close it, tell its exchange."""
    cdef Exchange* ex = up.ex
    cdef Target* t = up.target
    if why == UP_BROKEN and up.served and not up.got_bytes:
        why = UP_SILENT
        seen_hasty(t)
    if why == UP_TIMEOUT:
        t.timeouts += 1
    else:
        t.failures += 1
    upstream_drop(up)
    if ex != NULL:
        events.failed(ex, why)


cdef bint tries_again(Target* t, Exchange* ex) noexcept nogil:
    """Nothing has been sent, so the next address of the target is always worth a try."""
    ex.attempts += 1
    return ex.attempts < t.naddresses


cdef void connect_failed(UpConn* up, int why) noexcept nogil:
    """One waiter pays for one failed attempt; the others get attempts of their own."""
    cdef Target* t = up.target
    cdef Exchange* ex = up.ex
    t.failures += 1
    count(H_UPSTREAM_CONNECT_FAILURES)
    up_close(up)
    if ex != NULL:
        ex.up = NULL
        if not tries_again(t, ex) or connect(t, ex) == NULL:
            events.failed(ex, why)
    elif t.first_waiter != NULL and not tries_again(t, t.first_waiter):
        fail_first_waiter(t, why)
    connect_for_waiters(t)


cdef inline bint can_connect(Target* t) noexcept nogil:
    return t.nconns < t.limits.max_connections and (t.naddresses > 0 or t.unix_path != NULL)


cdef UpConn* connect(Target* t, Exchange* reserved_for) noexcept nogil:
    """Start a connection, for the first waiter or for one exchange alone. NULL: not even started."""
    cdef bint tcp = t.unix_path == NULL
    cdef size_t struct_bytes = (sizeof(UpConn) + 15) & ~<size_t>15
    cdef UpConn* up = <UpConn*>calloc(1, struct_bytes + uv.handle_size(UV_TCP if tcp else UV_NAMED_PIPE))
    cdef int error
    if up == NULL:
        return NULL
    up.fields = <Field*>malloc(sizeof(Field) * core.upstream_fields)
    up.target = t
    up.state = UP_CONNECTING if reserved_for == NULL else UP_RESERVED
    timer_init(&up.timer, TIMER_UPSTREAM)
    if up.fields == NULL or stream_init(&up.stream, <char*>up + struct_bytes, core.loop, tcp, up, &stream_events) < 0:
        free(up.fields)
        free(up)
        return NULL
    up.all_next = core.upconns
    if core.upconns != NULL:
        core.upconns.all_prev = up
    core.upconns = up
    core.live.upstreams += 1
    core.gauges[H_UPSTREAM_OPEN] += 1
    t.nconns += 1
    if reserved_for == NULL:
        t.nconnecting += 1
    t.connects += 1
    count(H_UPSTREAM_CONNECTS)
    if tcp:
        error = stream_connect(&up.stream, t.addresses[t.turn % t.naddresses].bytes, NULL)
        t.turn += 1
    else:
        error = stream_connect(&up.stream, NULL, t.unix_path)
    if error < 0:
        t.failures += 1
        count(H_UPSTREAM_CONNECT_FAILURES)
        up_close(up)
        return NULL
    timer_set(&up.timer, now_ms() + t.limits.connect_timeout)
    if reserved_for != NULL:
        up.ex = reserved_for
        reserved_for.up = up
    return up


cdef void connect_for_waiters(Target* t) noexcept nogil:
    """As many attempts under way as exchanges wait, within the limit."""
    while t.nconnecting < t.nwaiters and can_connect(t):
        if connect(t, NULL) == NULL:
            fail_first_waiter(t, UP_UNREACHABLE)


cdef void assign(UpConn* up, Exchange* ex) noexcept nogil:
    up.state = UP_BUSY
    up.ex = ex
    up.paused_by_client = False
    up.deadline = 0
    ex.up = up
    answer_begin(up)
    timer_set(&up.timer, 0)     # the upstream owes nothing before the request is out


cdef void offer(UpConn* up) noexcept nogil:
    """A connection is free: the longest waiter has it, else it rests on the idle stack."""
    cdef Target* t = up.target
    cdef Exchange* ex = t.first_waiter
    cdef bint unsure = ex != NULL and up.served and cautious(t, ex)
    if unsure and (now_ms() < t.careful_until
                   or (t.nconns >= t.limits.max_connections and not stream_fresh(&up.stream))):
        up_close(up)
        connect_for_waiters(t)
        return
    if ex != NULL and not (unsure and t.nconns < t.limits.max_connections):
        upstream_cancel(ex)
        assign(up, ex)
        if up.served:
            t.reuses += 1
            count(H_UPSTREAM_REUSES)
        events.ready(ex)
        return
    if not t.wanted:
        up_close(up)
        return
    up.state = UP_IDLE
    up.ex = NULL
    up.rested_at = now_ms()
    up.prev = NULL
    up.next = t.idle
    if t.idle != NULL:
        t.idle.prev = up
    t.idle = up
    t.nidle += 1
    timer_set(&up.timer, now_ms() + t.limits.pool_idle)
    connect_for_waiters(t)      # who could not take this one


cdef int upstream_acquire(Target* t, Exchange* ex, bint fresh) noexcept nogil:
    cdef UpConn* up
    if now_ms() < t.careful_until and cautious(t, ex):
        fresh = True
    up = NULL if fresh else pick_idle(t, ex)
    while up != NULL:
        if not stream_fresh(&up.stream):    # closed by the peer, or poisoned by stray bytes
            closed_at_rest(up)
            up_close(up)
            up = pick_idle(t, ex)
            continue
        take_idle(up)
        assign(up, ex)
        t.reuses += 1
        count(H_UPSTREAM_REUSES)
        return ACQUIRED
    if t.nconns >= t.limits.max_connections and t.idle != NULL:
        up_close(t.idle)        # make room: an idle connection is offered to nobody
    if not can_connect(t):
        if t.nwaiters >= t.limits.max_pending + t.nconnecting:     # those have a connection on its way
            t.refused += 1
            return ACQUIRE_FULL
        if t.failed and t.naddresses == 0 and t.unix_path == NULL:
            return ACQUIRE_FAILED
        enqueue(t, ex)
        return ACQUIRE_WAITS
    if fresh:
        return ACQUIRE_FAILED if connect(t, ex) == NULL else ACQUIRE_WAITS
    enqueue(t, ex)
    if t.nconnecting < t.nwaiters and connect(t, NULL) == NULL:
        upstream_cancel(ex)
        return ACQUIRE_FAILED
    return ACQUIRE_WAITS


# --- stream events

cdef void on_connected(void* owner, int error) noexcept nogil:
    cdef UpConn* up = <UpConn*>owner
    cdef Exchange* ex = up.ex
    if up.state != UP_CONNECTING and up.state != UP_RESERVED:
        return
    if error < 0:
        connect_failed(up, UP_UNREACHABLE)
        return
    stream_read(&up.stream, True)
    if up.state == UP_RESERVED:
        assign(up, ex)
        events.ready(ex)
        return
    up.target.nconnecting -= 1
    up.state = UP_BUSY          # neither idle nor connecting until it is offered
    offer(up)


cdef void finish(UpConn* up, bint clean) noexcept nogil:
    """The answer is complete: give the connection to the next, then let the exchange end."""
    cdef Exchange* ex = up.ex
    cdef bint keep = up.keep and clean and ex.received and up.stream.queued == 0 and not up.stream.ended
    cdef Target* t = up.target
    if up.served:
        t.trust += 1
    up.served += 1
    events.flush(ex)
    if up.ex != ex:
        return
    ex.up = NULL
    up.ex = NULL
    if keep:
        offer(up)
    else:
        up_close(up)
        connect_for_waiters(t)
    events.done(ex)


cdef void on_data(void* owner, const char* p, uint32_t n) noexcept nogil:
    cdef UpConn* up = <UpConn*>owner
    cdef Exchange* ex = up.ex
    cdef uint32_t used = 0
    cdef int result
    core.gauges[H_UPSTREAM_BYTES_IN] += n
    if up.state != UP_BUSY or ex == NULL:
        upstream_drop(up)       # bytes that nobody asked for
        return
    result = answer_feed(up, p, n, &used)
    if result == ANSWER_LEFT or up.ex != ex:
        return
    if result == ANSWER_DONE:
        finish(up, used == n)
    elif result == ANSWER_BAD:
        fail(up, UP_BROKEN)
    else:
        events.flush(ex)
        if up.ex == ex and not up.paused_by_client and up.deadline:
            set_read_deadline(up)


cdef void set_read_deadline(UpConn* up) noexcept nogil:
    cdef uint64_t deadline = now_ms() + up.target.limits.idle_timeout
    timer_set(&up.timer, up.deadline if up.deadline < deadline else deadline)


cdef void on_ended(void* owner, int error) noexcept nogil:
    cdef UpConn* up = <UpConn*>owner
    if up.state == UP_IDLE or up.ex == NULL:
        closed_at_rest(up)
        upstream_drop(up)
    elif error == 0 and answer_ended(up) == ANSWER_DONE:
        finish(up, True)
    else:
        fail(up, UP_BROKEN)


cdef void on_drained(void* owner) noexcept nogil:
    cdef UpConn* up = <UpConn*>owner
    if up.ex != NULL:
        upstream_progress(up)
        events.writable(up.ex)


cdef void on_closed(void* owner) noexcept nogil:
    cdef UpConn* up = <UpConn*>owner
    if up.all_prev != NULL:
        up.all_prev.all_next = up.all_next
    else:
        core.upconns = up.all_next
    if up.all_next != NULL:
        up.all_next.all_prev = up.all_prev
    core.live.upstreams -= 1
    free(up.stash)
    free(up.fields)
    free(up)


# --- time

cdef void on_timer(Timer* timer) noexcept nogil:
    cdef UpConn* up = <UpConn*>(<char*>timer - <size_t>&(<UpConn*>NULL).timer)
    if up.state == UP_CONNECTING or up.state == UP_RESERVED:
        connect_failed(up, UP_TIMEOUT)
    elif up.state == UP_IDLE:
        upstream_drop(up)
    elif up.state == UP_BUSY and not up.paused_by_client:
        up.got_bytes = True     # a timeout is never silent: no retry
        fail(up, UP_TIMEOUT)


cdef void upstream_sent(UpConn* up, uint32_t timeout_ms, uint32_t first_byte_ms) noexcept nogil:
    cdef uint64_t now = now_ms()
    cdef uint64_t first = now + (first_byte_ms if first_byte_ms else up.target.limits.first_byte_timeout)
    up.deadline = now + timeout_ms
    timer_set(&up.timer, first if first < up.deadline else up.deadline)


cdef void upstream_progress(UpConn* up) noexcept nogil:
    """While the request is still going out, the upstream only owes the reading of what is queued."""
    if up.deadline == 0:
        timer_set(&up.timer, now_ms() + up.target.limits.idle_timeout if up.stream.queued else 0)


cdef void upstream_pause(UpConn* up) noexcept nogil:
    if not up.paused_by_client:
        up.paused_by_client = True
        up.paused_at = now_ms()
        timer_set(&up.timer, 0)
        stream_read(&up.stream, False)


cdef void upstream_resume(UpConn* up) noexcept nogil:
    if up.paused_by_client:
        up.paused_by_client = False
        if up.deadline:
            up.deadline += now_ms() - up.paused_at
            set_read_deadline(up)
        stream_read(&up.stream, True)


cdef void upstream_open(const UpstreamEvents* table) noexcept nogil:
    global events
    events = table
    stream_events.data = on_data
    stream_events.ended = on_ended
    stream_events.drained = on_drained
    stream_events.connected = on_connected
    stream_events.closed = on_closed
    wheel_handler(TIMER_UPSTREAM, on_timer)


cdef void upstream_close_all() noexcept nogil:
    cdef UpConn* up = core.upconns
    while up != NULL:
        up_close(up)
        up = up.all_next
