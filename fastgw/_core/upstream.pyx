"""Upstream connections on the wire: their events, their clocks, and what an answer or a failure means for the pool."""
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free

from fastgw._core.answer cimport ANSWER_BAD, ANSWER_DONE, ANSWER_LEFT, answer_ended, answer_feed
from fastgw._core.breaker cimport breaker_sample, retry_affordable
from fastgw._core.clock cimport TIMER_UPSTREAM, Timer, micros, timer_set, wheel_handler
from fastgw._core.counters cimport (H_UPSTREAM_BYTES_IN, H_UPSTREAM_TLS_FAILURES, H_UPSTREAM_TLS_HANDSHAKES,
                                    H_UPSTREAM_TLS_RESUMED)
from fastgw._core.health cimport endpoint_good
from fastgw._core.libuv cimport uv
from fastgw._core.pool cimport (UP_BROKEN, UP_INSECURE, UP_LOST, UP_SILENT, UP_TIMEOUT, UP_TRIED, UP_UNREACHABLE, pool_assign,
                                pool_close, pool_closed_at_rest, pool_connect_failed, pool_drop, pool_elsewhere,
                                pool_hasty, pool_judge, pool_offer, pool_open, pool_part, pool_refill, repeatable)
from fastgw._core.group cimport TargetLimits
from fastgw._core.state cimport (Endpoint, Exchange, Target, UP_BUSY, UP_CONNECTING, UP_IDLE, UP_PARTING, UP_RESERVED,
                                 core, count)
from fastgw._core.stream cimport STREAM_BROKEN, STREAM_CUT, StreamEvents, stream_fresh, stream_read
from fastgw._core.tls cimport tls_reason, tls_resumed

cdef failed_cb failed
cdef StreamEvents stream_events


cdef inline uint64_t now_ms() noexcept nogil:
    return uv.now(core.loop)


# --- stream events

cdef void on_connected(void* owner, int error) noexcept nogil:
    cdef UpConn* up = <UpConn*>owner
    cdef Exchange* ex = up.ex
    if up.state != UP_CONNECTING and up.state != UP_RESERVED:
        return
    if error < 0:
        if shaking_hands(up):
            handshake_failed(up, error)
        pool_connect_failed(up, UP_UNREACHABLE if up.tls_error == NULL else UP_INSECURE)
        return
    if up.stream.tls != NULL:
        count(H_UPSTREAM_TLS_HANDSHAKES)
        if tls_resumed(up.stream.tls):
            count(H_UPSTREAM_TLS_RESUMED)
    stream_read(&up.stream, True)
    if up.state == UP_RESERVED:
        pool_assign(up, ex)
        ex.requester.ready(ex)
        return
    up.endpoint.nconnecting -= 1
    up.state = UP_BUSY          # neither idle nor connecting until it is offered
    pool_offer(up)


cdef inline bint shaking_hands(const UpConn* up) noexcept nogil:
    """Of a connection that is being made: TCP is there, and TLS is not."""
    return up.stream.tls != NULL and up.stream.fd >= 0


cdef void handshake_failed(UpConn* up, int error) noexcept nogil:
    """error: as of a stream, or 0 for its time being over. Also an alert that comes behind the handshake is its end: with
    TLS 1.3 that is how a server refuses our certificate (RFC 8446 section 4.4.2.4)."""
    cdef Endpoint* e = up.endpoint
    if error == STREAM_BROKEN:
        up.tls_error = tls_reason(up.stream.tls)
    elif error == 0:
        up.tls_error = b"the TLS handshake took too long"
    else:
        up.tls_error = b"the connection closed within the TLS handshake"
    e.insecure = up.tls_error
    e.insecure_n += 1
    count(H_UPSTREAM_TLS_FAILURES)


cdef void fail(UpConn* up, int why) noexcept nogil:
    """A busy connection broke: close it, tell its exchange."""
    cdef Exchange* ex = up.ex
    cdef Endpoint* e = up.endpoint
    if why == UP_BROKEN and not up.got_bytes:
        why = UP_SILENT if up.served else UP_LOST
    if why == UP_TIMEOUT or why == UP_TRIED:
        e.timeouts += 1
        if ex != NULL and ex.sent and e.target.limits.max_latency:
            breaker_sample(e.target, micros() - ex.sent, now_ms())
    else:
        e.failures += 1
    if ex != NULL:
        ex.tried |= e.bit
        ex.tls_error = up.tls_error
    pool_drop(up)
    if why == UP_SILENT:
        pool_hasty(e)           # a habit, no fault
    else:
        pool_judge(e)
    if ex != NULL:
        failed(ex, why)


cdef bint upstream_refused(UpConn* up) noexcept nogil:
    """With TLS 1.3 a handshake is over for us before the server has looked at our certificate: its alert can be read
    though the connection was reset behind it."""
    if up == NULL or up.stream.tls == NULL or up.served or stream_fresh(&up.stream) or not up.stream.tls.error:
        return False
    handshake_failed(up, STREAM_BROKEN)
    fail(up, UP_BROKEN)
    return True


cdef void succeed(UpConn* up, Exchange* ex) noexcept nogil:
    """What a complete answer says about its endpoint."""
    cdef Endpoint* e = up.endpoint
    ex.tls_error = NULL         # of a try before this one
    cdef int64_t us = <int64_t>(ex.answered - ex.sent)
    if up.served:
        e.trust += 1
    up.served += 1
    e.latency_us += <int32_t>((us - e.latency_us) // 8)
    if e.target.limits.max_latency:
        breaker_sample(e.target, us, now_ms())
    if ex.up_status >= 500 and e.target.ejection.status_5xx:
        pool_judge(e)
    else:
        endpoint_good(e, now_ms())


cdef void finish(UpConn* up, bint clean) noexcept nogil:
    """The answer is complete: give the connection to the next, then let the exchange end."""
    cdef Exchange* ex = up.ex
    cdef bint settled = clean and ex.received and up.stream.queued == 0 and not up.stream.ended
    cdef Endpoint* e = up.endpoint
    succeed(up, ex)
    ex.requester.flush(ex)
    if up.ex != ex:
        return
    ex.up = NULL
    up.ex = NULL
    if settled and up.keep:
        pool_offer(up)
    else:
        if settled:
            pool_part(up)
        else:
            pool_close(up)
        pool_refill(e)
    ex.requester.done(ex)


cdef void on_data(void* owner, const char* p, uint32_t n) noexcept nogil:
    cdef UpConn* up = <UpConn*>owner
    cdef Exchange* ex = up.ex
    cdef uint32_t used = 0
    cdef int result
    core.gauges[H_UPSTREAM_BYTES_IN] += n
    if up.state != UP_BUSY or ex == NULL:
        pool_drop(up)       # bytes that nobody asked for
        return
    result = answer_feed(up, p, n, &used)
    if result == ANSWER_LEFT or up.ex != ex:
        return
    if result == ANSWER_DONE:
        finish(up, used == n)
    elif result == ANSWER_BAD:
        fail(up, UP_BROKEN)
    else:
        ex.requester.flush(ex)
        if up.ex == ex and not up.paused_by_client and up.deadline:
            set_read_deadline(up)


cdef void set_read_deadline(UpConn* up) noexcept nogil:
    cdef uint64_t deadline = now_ms() + up.target.limits.idle_timeout
    timer_set(&up.timer, up.deadline if up.deadline < deadline else deadline)


cdef void on_ended(void* owner, int error) noexcept nogil:
    cdef UpConn* up = <UpConn*>owner
    if up.state == UP_PARTING:
        pool_close(up)
    elif up.state == UP_IDLE or up.ex == NULL:
        pool_closed_at_rest(up)
        pool_drop(up)
    elif error == 0 and answer_ended(up) == ANSWER_DONE:
        finish(up, True)
    else:
        if error == STREAM_BROKEN:
            handshake_failed(up, error)
        elif error == STREAM_CUT:
            up.tls_error = b"the connection closed without close_notify"
        fail(up, UP_BROKEN)


cdef void on_drained(void* owner) noexcept nogil:
    cdef UpConn* up = <UpConn*>owner
    if up.ex != NULL:
        upstream_progress(up)
        up.ex.requester.writable(up.ex)


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
        if shaking_hands(up):
            handshake_failed(up, 0)
        pool_connect_failed(up, UP_TIMEOUT)
    elif up.state == UP_IDLE or up.state == UP_PARTING:
        pool_drop(up)
    elif up.state == UP_BUSY and up.trying and not up.got_bytes:
        try_over(up)
    elif up.state == UP_BUSY and not up.paused_by_client:
        up.got_bytes = True     # a timeout is never silent: no retry
        fail(up, UP_TIMEOUT)


cdef void try_over(UpConn* up) noexcept nogil:
    """Try another endpoint where there is one and the budget allows; else wait on, as a request without tries does."""
    cdef Target* t = up.target
    up.trying = False
    up.ex.tried |= up.endpoint.bit
    if retry_affordable(t) and pool_elsewhere(t, up.ex):
        fail(up, UP_TRIED)
        return
    timer_set(&up.timer, up.first_by)
    up.endpoint.timeouts += 1
    pool_judge(up.endpoint)


cdef void upstream_sent(UpConn* up, uint32_t timeout_ms, uint32_t first_byte_ms) noexcept nogil:
    cdef uint64_t now = now_ms()
    cdef const TargetLimits* limits = &up.target.limits
    cdef Exchange* ex = up.ex
    if ex.up_deadline == 0:
        ex.up_deadline = now + timeout_ms       # of all tries together
    up.deadline = ex.up_deadline
    up.first_by = min(up.deadline, now + (first_byte_ms if first_byte_ms else limits.first_byte_timeout))
    up.trying = limits.try_timeout != 0 and not ex.retried and repeatable(ex)
    timer_set(&up.timer, min(up.first_by, now + limits.try_timeout) if up.trying else up.first_by)


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


cdef void upstream_open(failed_cb on_failed) noexcept nogil:
    global failed
    failed = on_failed
    pool_open(on_failed, &stream_events)
    stream_events.data = on_data
    stream_events.ended = on_ended
    stream_events.drained = on_drained
    stream_events.connected = on_connected
    stream_events.closed = on_closed
    wheel_handler(TIMER_UPSTREAM, on_timer)


cdef void upstream_close_all() noexcept nogil:
    cdef UpConn* up = core.upconns
    while up != NULL:
        pool_close(up)
        up = up.all_next
