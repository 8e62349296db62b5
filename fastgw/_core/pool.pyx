"""Pools of upstream connections."""
from libc.errno cimport EADDRNOTAVAIL, EMFILE, ENFILE, ENOBUFS, ENOMEM
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc

from fastgw._core.answer cimport answer_begin
from fastgw._core.balance cimport balance_choose, has_room
from fastgw._core.breaker cimport breaker_open, retry_earn, retry_pay
from fastgw._core.clock cimport TIMER_UPSTREAM, timer_drop, timer_init, timer_set
from fastgw._core.counters cimport (H_UPSTREAM_CONNECT_FAILURES, H_UPSTREAM_CONNECTS, H_UPSTREAM_OPEN,
                                    H_UPSTREAM_RETRIES, H_UPSTREAM_REUSES)
from fastgw._core.health cimport endpoint_bad
from fastgw._core.libuv cimport UV_NAMED_PIPE, UV_TCP, uv
from fastgw._core.state cimport (BODY_NONE, Field, UP_BUSY, UP_CLOSED, UP_CONNECTING, UP_IDLE, UP_PARTING,
                                 UP_RESERVED, Waiters, core, count)
from fastgw._core.stream cimport stream_close, stream_connect, stream_fresh, stream_init, stream_read, stream_secure
from fastgw._core.tls cimport tls_resume

cdef failed_cb failed
cdef const StreamEvents* stream_events

cdef enum:
    NO_ROOM = -1            # of an endpoint; besides Acquired
    STARVED_MS = 100        # no new connection for so long after this machine had no port or descriptor for one
    PART_MS = 100           # an upstream that said it closes may take so long to do it


cdef inline uint64_t now_ms() noexcept nogil:
    return uv.now(core.loop)


cdef void pool_open(failed_cb on_failed, const StreamEvents* of_streams) noexcept nogil:
    global failed, stream_events
    failed = on_failed
    stream_events = of_streams


# --- waiters

cdef void enqueue(Waiters* waiting, Exchange* ex) noexcept nogil:
    ex.waiting = waiting
    ex.next = NULL
    ex.prev = waiting.last
    if waiting.last != NULL:
        waiting.last.next = ex
    else:
        waiting.first = ex
    waiting.last = ex
    waiting.n += 1


cdef void pool_cancel(Exchange* ex) noexcept nogil:
    cdef Waiters* waiting = ex.waiting
    if waiting == NULL:
        return
    if ex.prev != NULL:
        ex.prev.next = ex.next
    else:
        waiting.first = ex.next
    if ex.next != NULL:
        ex.next.prev = ex.prev
    else:
        waiting.last = ex.prev
    waiting.n -= 1
    ex.waiting = NULL
    ex.next = ex.prev = NULL


cdef Exchange* first_of(Waiters* waiting) noexcept nogil:
    """Out of its queue; NULL: nobody waits."""
    cdef Exchange* ex = waiting.first
    if ex != NULL:
        pool_cancel(ex)
    return ex


# --- Reuse
#
# An upstream may close a connection right behind an answer, or after a short rest, and say so in no field. A request
# that meets the close on its way cannot be sent again unless it is idempotent and has no body. So such a request only
# gets a used connection that has rested for REST_MS, long enough for a close behind the answer to have been seen; and
# none at all for CAREFUL_MS after an upstream was seen to close soon. TRUSTED reuses in a row end the caution. A request
# that could be sent again is treated alike, and gets new connections only, while the budget of retries is overdrawn.

cdef enum:
    TRUSTED = 1000
    REST_MS = 2
    HASTY_MS = 50           # a close this soon after an answer is a habit of the upstream
    CAREFUL_MS = 2000
    LOOK_AT = 16            # idle connections looked at for one that has rested


cdef inline bint cautious(Endpoint* e, Exchange* ex) noexcept nogil:
    """A request that cannot be sent again, or should not be: the budget of retries is spent."""
    return e.trust < TRUSTED and not (repeatable(ex) and e.target.retry_credit >= 0)


cdef inline bint wants_new(Endpoint* e, Exchange* ex) noexcept nogil:
    """No used connection at all: the upstream was just seen to close soon, or the retries of that kind are overdrawn."""
    return cautious(e, ex) and (now_ms() < e.careful_until or e.target.retry_credit < 0)


cdef UpConn* pick_idle(Endpoint* e, Exchange* ex) noexcept nogil:
    """The idle connection that served last; for a cautious request the last one that has rested."""
    cdef UpConn* up = e.idle
    cdef int looked = 0
    cdef uint64_t now
    if up == NULL or not cautious(e, ex):
        return up
    now = now_ms()
    while up != NULL and looked < LOOK_AT:
        if now - up.rested_at >= REST_MS:
            return up
        up = up.next
        looked += 1
    return NULL


cdef void pool_hasty(Endpoint* e) noexcept nogil:
    e.trust = 0
    e.careful_until = now_ms() + CAREFUL_MS


cdef void pool_closed_at_rest(UpConn* up) noexcept nogil:
    if now_ms() - up.rested_at < HASTY_MS:
        pool_hasty(up.endpoint)


# --- connections

cdef void take_idle(UpConn* up) noexcept nogil:
    cdef Endpoint* e = up.endpoint
    if up.prev != NULL:
        up.prev.next = up.next
    else:
        e.idle = up.next
    if up.next != NULL:
        up.next.prev = up.prev
    up.next = up.prev = NULL
    e.nidle -= 1
    e.target.nidle -= 1


cdef void leave_pool(UpConn* up) noexcept nogil:
    cdef Endpoint* e = up.endpoint
    if up.stream.tls != NULL:
        up.stream.tls.session = NULL        # the endpoint's, which may go before it
    if up.state == UP_IDLE:
        take_idle(up)
    elif up.state == UP_CONNECTING:
        e.nconnecting -= 1
    e.nconns -= 1
    e.target.nconns -= 1
    up.endpoint = NULL
    up.ex = NULL


cdef void pool_close(UpConn* up) noexcept nogil:
    """Close without an event; whoever needs to know has been told."""
    if up.state == UP_CLOSED:
        return
    if up.state != UP_PARTING:
        leave_pool(up)
    up.state = UP_CLOSED
    timer_drop(&up.timer)
    stream_close(&up.stream)
    core.gauges[H_UPSTREAM_OPEN] -= 1


cdef void pool_part(UpConn* up) noexcept nogil:
    """The upstream said that it closes, and does so right behind its answer. Whoever closes first keeps the port busy for
    a minute (TIME-WAIT, RFC 9293 section 3.6.1): let it be the upstream's, not one of our few."""
    leave_pool(up)
    up.state = UP_PARTING
    stream_read(&up.stream, True)
    timer_set(&up.timer, now_ms() + PART_MS)


cdef void pool_drop(UpConn* up) noexcept nogil:
    cdef Endpoint* e = up.endpoint
    if up.ex != NULL:
        up.ex.up = NULL
    pool_close(up)
    if e != NULL:
        pool_refill(e)


cdef void endpoint_rest_closed(Endpoint* e) noexcept nogil:
    while e.idle != NULL:
        pool_close(e.idle)


# --- failures

cdef void pool_judge(Endpoint* e) noexcept nogil:
    """A gateway error; where the endpoint is ejected for it, its waiters need not find out one by one."""
    if endpoint_bad(e, now_ms()):
        endpoint_waiters_move(e)


cdef bint pool_elsewhere(Target* t, Exchange* ex) noexcept nogil:
    cdef uint32_t i
    for i in range(t.nendpoints):
        if not t.endpoints[i].bit & ex.tried:
            return True
    return False


cdef void try_next(Target* t, Exchange* ex, bint fresh, int why) noexcept nogil:
    """Nothing has been sent, so every other endpoint is worth a try."""
    cdef int got
    if pool_elsewhere(t, ex):
        got = find(t, ex, fresh)
        if got == ACQUIRED:
            ex.requester.ready(ex)
            return
        if got == ACQUIRE_WAITS:
            return
        if got == ACQUIRE_FULL:
            why = UP_FULL
    failed(ex, why)


cdef void pool_connect_failed(UpConn* up, int why) noexcept nogil:
    """One waiter pays for one failed attempt; the others get attempts of their own."""
    cdef Endpoint* e = up.endpoint
    cdef Exchange* ex = up.ex
    cdef bint fresh = ex != NULL
    e.failures += 1
    count(H_UPSTREAM_CONNECT_FAILURES)
    pool_close(up)
    if ex == NULL:
        ex = first_of(&e.waiting)
    if ex != NULL:
        ex.up = NULL
        ex.tried |= e.bit
        ex.tls_error = up.tls_error
        try_next(e.target, ex, fresh, why)
    pool_judge(e)
    pool_refill(e)


cdef void endpoint_waiters_move(Endpoint* e) noexcept nogil:
    cdef Exchange* ex
    cdef uint32_t n = e.waiting.n       # and none who comes anew meanwhile
    while n and e.waiting.first != NULL:
        ex = first_of(&e.waiting)
        ex.tried |= e.bit
        try_next(e.target, ex, False, UP_UNREACHABLE)
        n -= 1


# --- making connections

cdef UpConn* new_connection(Endpoint* e, int* error) noexcept nogil:
    cdef bint tcp = e.unix_path == NULL
    cdef size_t struct_bytes = (sizeof(UpConn) + 15) & ~<size_t>15
    cdef UpConn* up = <UpConn*>calloc(1, struct_bytes + uv.handle_size(UV_TCP if tcp else UV_NAMED_PIPE))
    error[0] = -ENOMEM
    if up == NULL:
        return NULL
    up.fields = <Field*>malloc(sizeof(Field) * core.upstream_fields)
    if up.fields != NULL:
        error[0] = stream_init(&up.stream, <char*>up + struct_bytes, core.loop, tcp, up, stream_events)
    if error[0] < 0:
        free(up.fields)
        free(up)
        return NULL
    up.target = e.target
    up.endpoint = e
    timer_init(&up.timer, TIMER_UPSTREAM)
    up.all_next = core.upconns
    if core.upconns != NULL:
        core.upconns.all_prev = up
    core.upconns = up
    core.live.upstreams += 1
    core.gauges[H_UPSTREAM_OPEN] += 1
    return up


cdef void not_started(Endpoint* e, int error) noexcept nogil:
    count(H_UPSTREAM_CONNECT_FAILURES)
    e.failures += 1
    if error == -EADDRNOTAVAIL or error == -EMFILE or error == -ENFILE or error == -ENOBUFS or error == -ENOMEM:
        e.starved_until = now_ms() + STARVED_MS     # our lack, not its fault
    else:
        pool_judge(e)


cdef int start(UpConn* up, Endpoint* e) noexcept nogil:
    """0, or a negative errno."""
    if e.target.tls != NULL:
        if stream_secure(&up.stream, e.target.tls, False, e.target.tls_name) < 0:
            return -ENOMEM
        tls_resume(up.stream.tls, &e.session)
    if e.unix_path == NULL:
        return stream_connect(&up.stream, e.address.bytes, NULL)
    return stream_connect(&up.stream, NULL, e.unix_path)


cdef UpConn* connect(Endpoint* e, Exchange* reserved_for) noexcept nogil:
    """Start a connection, for the first waiter or for one exchange alone. NULL: not even started."""
    cdef int error
    cdef UpConn* up = new_connection(e, &error)
    if up == NULL:
        not_started(e, error)
        return NULL
    up.state = UP_CONNECTING if reserved_for == NULL else UP_RESERVED
    e.nconns += 1
    e.target.nconns += 1
    if reserved_for == NULL:
        e.nconnecting += 1
    e.connects += 1
    count(H_UPSTREAM_CONNECTS)
    error = start(up, e)
    if error < 0:
        pool_close(up)
        not_started(e, error)
        return NULL
    timer_set(&up.timer, now_ms() + e.target.limits.connect_timeout)
    if reserved_for != NULL:
        up.ex = reserved_for
        reserved_for.up = up
    return up


cdef void make_room(Endpoint* e) noexcept nogil:
    """At a limit, an idle connection that the request may not have, or another endpoint's, makes place for a new one."""
    cdef Target* t = e.target
    cdef uint32_t i
    if e.nconns >= e.max_connections or t.nconns >= t.limits.max_connections:
        if e.idle != NULL:
            pool_close(e.idle)
    i = 0
    while t.nconns >= t.limits.max_connections and t.nidle and i < t.nendpoints:
        if t.endpoints[i].idle != NULL:
            pool_close(t.endpoints[i].idle)
        i += 1


cdef inline bint can_connect(const Endpoint* e) noexcept nogil:
    return e.nconns < e.max_connections and e.target.nconns < e.target.limits.max_connections


cdef void pool_refill(Endpoint* e) noexcept nogil:
    """As many attempts under way as exchanges wait, within the limit; then whoever waits for room."""
    cdef Exchange* ex
    while e.nconnecting < e.waiting.n and can_connect(e):
        if now_ms() >= e.starved_until and connect(e, NULL) != NULL:
            continue
        ex = first_of(&e.waiting)
        if ex != NULL:
            ex.tried |= e.bit
            try_next(e.target, ex, False, UP_FULL if now_ms() < e.starved_until else UP_UNREACHABLE)
    target_serve(e.target)


cdef void target_serve(Target* t) noexcept nogil:
    cdef Exchange* ex = t.waiting.first
    cdef Endpoint* e
    cdef int got
    while ex != NULL:
        if t.nendpoints == 0 and t.failed:
            pool_cancel(ex)
            failed(ex, UP_UNREACHABLE)
        else:
            e = t.only if t.only != NULL else balance_choose(t, ex)
            if e == NULL or not has_room(e):
                return
            pool_cancel(ex)
            got = acquire_at(e, ex, False)
            if got == ACQUIRED:
                ex.requester.ready(ex)
            elif got != ACQUIRE_WAITS:
                ex.tried |= e.bit
                try_next(t, ex, False, UP_FULL if got == ACQUIRE_FULL else UP_UNREACHABLE)
        ex = t.waiting.first


# --- giving them out

cdef void pool_assign(UpConn* up, Exchange* ex) noexcept nogil:
    up.state = UP_BUSY
    up.ex = ex
    up.paused_by_client = False
    up.trying = False
    up.deadline = 0
    ex.up = up
    answer_begin(up)
    timer_set(&up.timer, 0)     # the upstream owes nothing before the request is out


cdef inline void count_reuse(Endpoint* e) noexcept nogil:
    e.reuses += 1
    count(H_UPSTREAM_REUSES)


cdef void pool_offer(UpConn* up) noexcept nogil:
    """A connection is free: the longest waiter has it, else it rests on the idle stack."""
    cdef Endpoint* e = up.endpoint
    cdef Exchange* ex = e.waiting.first if e.waiting.first != NULL else e.target.waiting.first
    cdef bint unsure = ex != NULL and up.served and cautious(e, ex)
    if e.gone or (unsure and (wants_new(e, ex) or not (can_connect(e) or stream_fresh(&up.stream)))):
        pool_close(up)
        pool_refill(e)
        return
    if ex != NULL and not (unsure and can_connect(e)):
        pool_cancel(ex)
        pool_assign(up, ex)
        if up.served:
            count_reuse(e)
        ex.requester.ready(ex)
        return
    rest(up)
    pool_refill(e)      # who could not take this one


cdef void rest(UpConn* up) noexcept nogil:
    cdef Endpoint* e = up.endpoint
    up.state = UP_IDLE
    up.ex = NULL
    up.rested_at = now_ms()
    up.prev = NULL
    up.next = e.idle
    if e.idle != NULL:
        e.idle.prev = up
    e.idle = up
    e.nidle += 1
    e.target.nidle += 1
    timer_set(&up.timer, now_ms() + e.target.limits.pool_idle)


cdef int acquire_at(Endpoint* e, Exchange* ex, bint fresh) noexcept nogil:
    """Acquired, or NO_ROOM."""
    cdef UpConn* up
    fresh = fresh or wants_new(e, ex)
    up = NULL if fresh else pick_idle(e, ex)
    while up != NULL:
        if not stream_fresh(&up.stream):    # closed by the peer, or poisoned by stray bytes
            pool_closed_at_rest(up)
            pool_close(up)
            up = pick_idle(e, ex)
            continue
        take_idle(up)
        pool_assign(up, ex)
        count_reuse(e)
        return ACQUIRED
    if not can_connect(e):
        make_room(e)
        if not can_connect(e):
            return NO_ROOM
    if now_ms() < e.starved_until:
        return ACQUIRE_FULL
    if fresh:
        if connect(e, ex) != NULL:
            return ACQUIRE_WAITS
    else:
        enqueue(&e.waiting, ex)
        if e.nconnecting >= e.waiting.n or connect(e, NULL) != NULL:
            return ACQUIRE_WAITS
        pool_cancel(ex)
    return ACQUIRE_FULL if now_ms() < e.starved_until else ACQUIRE_FAILED


cdef int find(Target* t, Exchange* ex, bint fresh) noexcept nogil:
    """A connection of the endpoint that the policy chooses; of the next where none can be started there."""
    cdef Endpoint* e
    cdef int got
    while True:
        e = t.only
        if e == NULL:
            e = balance_choose(t, ex) if t.nendpoints else NULL
            if e == NULL:
                return wait_for_room(t, ex)
        got = acquire_at(e, ex, fresh)
        if got == NO_ROOM:
            return wait_for_room(t, ex)
        if got == ACQUIRED or got == ACQUIRE_WAITS:
            return got
        ex.tried |= e.bit
        if not pool_elsewhere(t, ex):
            if got == ACQUIRE_FULL:
                t.refused += 1
            return got


cdef int wait_for_room(Target* t, Exchange* ex) noexcept nogil:
    if t.waiting.n >= t.limits.max_pending:
        t.refused += 1
        return ACQUIRE_FULL
    if t.failed and t.nendpoints == 0:
        return ACQUIRE_FAILED
    enqueue(&t.waiting, ex)
    return ACQUIRE_WAITS


cdef int pool_acquire(Target* t, Exchange* ex) noexcept nogil:
    retry_earn(t)
    if breaker_open(t):
        t.refused += 1
        return ACQUIRE_FULL
    return find(t, ex, False)


cdef int pool_retry(Target* t, Exchange* ex) noexcept nogil:
    retry_pay(t)
    t.retries += 1
    count(H_UPSTREAM_RETRIES)
    if not pool_elsewhere(t, ex):
        ex.tried = 0
    return find(t, ex, True)
