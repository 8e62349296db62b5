"""The life of an exchange. Phases without a step here cost nothing; later parts add theirs to the table."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastgw._core.address cimport address_settle
from fastgw._core.allowance cimport LEVEL_OVERLOAD
from fastgw._core.ask cimport ask_open
from fastgw._core.asking cimport AskingEvents, asking_open
from fastgw._core.attempt cimport attempt_begin, attempt_open, attempt_send
from fastgw._core.authorize cimport AUTHORIZED, AUTHORIZING, AUTH_ANSWERED, AUTH_WANTS_BODY, authorize
from fastgw._core.bytes cimport Span, span
from fastgw._core.cache_fill cimport FillEvents, fill_close, fill_done, fill_hand_over, fill_open
from fastgw._core.caching cimport (LOOKUP_HIT, LOOKUP_MISS, LOOKUP_WAITS, caching_leave, caching_lookup, caching_send,
                                   caching_sent)
from fastgw._core.clock cimport micros
from fastgw._core.counters cimport H_EXCHANGES_LIVE, H_OVERLOAD_REFUSED
from fastgw._core.encode cimport encode_close
from fastgw._core.exchange_memory cimport body_free, body_hold, exchange_give, exchange_take, exchanges_close
from fastgw._core.failure cimport (F_ACCESS_DENIED, F_AUTHORIZER_FAILURE, F_BAD_MESSAGE, F_INTEGRATION_TIMEOUT,
                                   F_OVERLOADED, F_REQUEST_TOO_LARGE)
from fastgw._core.decode cimport decode_body, decode_wants
from fastgw._core.door cimport DoorEvents, door_open, door_run
from fastgw._core.forward cimport FORWARDED, forward_body, forward_head, forward_piece
from fastgw._core.gather cimport gather_clear, to_client
from fastgw._core.guard cimport step_guard
from fastgw._core.head cimport chunks_feed, head_on_piece, request_settings
from fastgw._core.libuv cimport uv
from fastgw._core.limits cimport ALLOWED, ASKED, limits_enter, limits_key, limits_leave, limits_throttle
from fastgw._core.llhttp cimport HPE_OK, HPE_PAUSED, PARSE_REQUEST, llhttp
from fastgw._core.pool cimport pool_cancel, pool_drop
from fastgw._core.relay cimport relay_flush, relay_head, relay_leave, relay_piece
from fastgw._core.respond cimport (respond_asterisk, respond_continue, respond_failure, respond_fixed, respond_log,
                                   respond_preflight)
from fastgw._core.route cimport ROUTED, route_find, route_is_preflight
from fastgw._core.state cimport (ACCEPT, AUTH, BODY_LENGTH, BODY_NONE, CACHE, EX_COLLECT, EX_HEAD, EX_SENDING, EX_WAIT,
                                 GUARD, INTEGRATE, KEY, LOG, PARSE, REQUEST, ROUTE, ROUTE_FIXED, ROUTE_PROXY,
                                 ROUTE_PYTHON, Requester, THROTTLE, VALIDATE, core, count, random64)
from fastgw._core.ticket cimport ticket_drained, ticket_leave
from fastgw._core.upstream cimport upstream_resume
from fastgw._core.validate cimport VALID, validate_body, validate_head

cdef enum:
    STATUS_CLIENT_GONE = 499    # counted where the client left before its answer; never sent

ctypedef Verdict (*step_fn)(Exchange* ex) noexcept nogil

cdef step_fn steps[LOG + 1]     # the fixed list of phases
cdef uint8_t next_phase[LOG + 1]    # the next one that has a step; INTEGRATE is the last of a walk
cdef const ConnEvents* conn_events
cdef Requester requester
cdef DoorEvents door_events
cdef FillEvents fill_events
cdef AskingEvents asking_events


# --- life

cdef Exchange* exchange_new(Conn* c) noexcept nogil:
    cdef Exchange* ex = exchange_take(core.plan)
    if ex == NULL:
        return NULL
    ex.conn = c
    ex.requester = &requester
    ex.state = EX_HEAD
    ex.phase = PARSE
    ex.minor = 1
    ex.verb = 255
    ex.started = ex.began = micros()
    ex.id_high = random64()
    ex.id_low = random64()
    llhttp.init(ex.parser, PARSE_REQUEST, &request_settings)
    c.ex = ex
    c.requests += 1
    core.live.exchanges += 1
    core.gauges[H_EXCHANGES_LIVE] = core.live.exchanges
    return ex


cdef void release(Exchange* ex) noexcept nogil:
    """Back to the free list; the connection has no exchange now."""
    limits_leave(ex)
    ex.conn.ex = NULL
    core.live.exchanges -= 1
    core.gauges[H_EXCHANGES_LIVE] = core.live.exchanges
    exchange_give(ex)


cdef void exchange_close() noexcept nogil:
    fill_close()
    encode_close()
    exchanges_close()


cdef void finish(Exchange* ex, int error) noexcept nogil:
    """The answer is out (or the client is gone, error < 0): LOG, then the connection goes on."""
    cdef Conn* c = ex.conn
    cdef bint keep = ex.keep, whole = ex.received
    ex.phase = LOG
    ticket_leave(ex)
    caching_leave(ex)
    body_free(ex)
    relay_leave(ex)
    respond_log(ex)
    release(ex)
    if error < 0:
        conn_events.broken(c)
    else:
        conn_events.ended(c, keep, whole)


cdef void leave(Exchange* ex) noexcept nogil:
    """Let go of whatever the exchange waits for, and of what was gathered for its client."""
    gather_clear(&to_client)
    ticket_leave(ex)
    caching_leave(ex)
    body_free(ex)
    relay_leave(ex)
    pool_cancel(ex)
    if ex.up != NULL:
        pool_drop(ex.up)


cdef inline void settle_connection(Exchange* ex) noexcept nogil:
    if core.drain or core.memory_step or ex.conn.requests >= core.limits.keepalive_requests or ex.conn.stream.ended:
        ex.keep = False


cdef void settle(Exchange* ex) noexcept nogil:
    """Decide whether the connection outlives an answer that the gateway gives itself."""
    cdef Conn* c = ex.conn
    if not ex.received:
        if ex.body == BODY_LENGTH and ex.body_now != NULL and ex.body_now_n == ex.body_left and not ex.expects:
            c.taken = ex.body_now_n     # the whole body has arrived: skip it
            ex.received = True
        else:
            ex.keep = False             # close after an early answer
    settle_connection(ex)


cdef void exchange_fail(Exchange* ex, int code) noexcept nogil:
    cdef Conn* c = ex.conn
    leave(ex)
    if ex.answering:            # too late for another answer: cut it where everybody can see
        respond_log(ex)
        release(ex)
        conn_events.broken(c)
        return
    settle(ex)
    finish(ex, respond_failure(ex, code))


cdef void exchange_refuse(Exchange* ex, int code) noexcept nogil:
    ex.keep = False
    ex.received = False
    finish(ex, respond_failure(ex, code))


cdef void exchange_abort(Exchange* ex) noexcept nogil:
    fill_hand_over(ex)
    leave(ex)
    if not ex.answering:
        ex.status = STATUS_CLIENT_GONE
    if ex.state != EX_HEAD:
        respond_log(ex)
    release(ex)


# --- the walk

cdef void exchange_start(Exchange* ex) noexcept nogil:
    """Walk the phases from ROUTE; a step ends the walk (DONE) or stops it until an event (WAIT)."""
    ex.keep_asked = ex.keep
    ex.received = ex.body == BODY_NONE
    if ex.received:
        ex.expects = False
    ex.state = EX_WAIT
    address_settle(ex)
    if core.overload >= 2:          # before any work is put into it
        count(H_OVERLOAD_REFUSED)
        ex.level = LEVEL_OVERLOAD
        exchange_fail(ex, F_OVERLOADED)
        return
    ex.phase = ROUTE
    walk(ex)


cdef void walk(Exchange* ex) noexcept nogil:
    while steps[ex.phase](ex) == NEXT:
        ex.phase = next_phase[ex.phase]


cdef void exchange_resume(Exchange* ex) noexcept nogil:
    cdef Conn* c = ex.conn
    walk(ex)
    moved_on(c, ex)


cdef void moved_on(Conn* c, Exchange* ex) noexcept nogil:
    """What the exchange waits for has changed, unless it has ended."""
    if c.ex == ex and ex.received:
        conn_events.rearm(c)
    elif c.ex == ex:
        conn_events.resume(c)


cdef bint body_here(Exchange* ex, Span* body) noexcept nogil:
    """The whole body where it has arrived: one that came with its head where it lies, else in ex.collected."""
    if ex.received:
        body[0] = span(ex.collected, <uint32_t>ex.body_seen)
        return True
    if ex.body == BODY_LENGTH and ex.body_now != NULL and ex.body_now_n == ex.body_left:
        body[0] = span(ex.body_now, ex.body_now_n)
        return True
    return False


cdef Verdict want_body(Exchange* ex, Span* body) noexcept nogil:
    """NEXT with the whole body; else WAIT, and the walk comes back to this phase with it."""
    if body_here(ex, body):
        return NEXT
    collect_all(ex)
    return WAIT


cdef void collect_all(Exchange* ex) noexcept nogil:
    """Hold the body until all of it is here; then the walk comes back to this phase."""
    ex.holds = True
    ex.guard.ahead = False
    ex.state = EX_COLLECT
    if ex.expects and ex.body_now_n == 0 and respond_continue(ex) < 0:
        finish_broken(ex)


cdef void want_beginning(Exchange* ex, uint32_t n) noexcept nogil:
    """Hold the body until n bytes of it are here, or all; the rest is not held for this."""
    ex.guard.looks = n
    collect_all(ex)


cdef Verdict step_route(Exchange* ex) noexcept nogil:
    if ex.asterisk:
        settle(ex)
        finish(ex, respond_asterisk(ex))
        return DONE
    ex.guard.routed = route_find(ex)
    if ex.guard.staged and ex.stage.firewall != NULL:
        return NEXT         # it sees every request of its stage, also one without a route; then GUARD goes on here
    return exchange_routed(ex, ex.guard.routed)


cdef Verdict exchange_routed(Exchange* ex, int result) noexcept nogil:
    if route_is_preflight(ex):
        settle(ex)
        finish(ex, respond_preflight(ex))
        return DONE
    if result != ROUTED:
        exchange_fail(ex, result)
        return DONE
    return NEXT


cdef Verdict step_auth(Exchange* ex) noexcept nogil:
    cdef Span body
    cdef int result = authorize(ex, &body if body_here(ex, &body) else NULL)
    if result == AUTHORIZED:
        return NEXT
    if result == AUTH_WANTS_BODY:
        collect_all(ex)
        return WAIT
    if result == AUTHORIZING:
        return WAIT
    if result != AUTH_ANSWERED:
        exchange_fail(ex, result)
    return DONE


cdef void exchange_expire(Exchange* ex) noexcept nogil:
    exchange_fail(ex, F_AUTHORIZER_FAILURE if ex.phase == AUTH else F_INTEGRATION_TIMEOUT)


cdef Verdict step_validate(Exchange* ex) noexcept nogil:
    cdef Span body
    cdef bint coded
    cdef int result = VALID
    if ex.route.checks != NULL and ex.model == NULL:    # else the body has been waited for
        result = validate_head(ex)
    if result == VALID:
        result = decode_wants(ex, &coded)
    if result == VALID and coded:
        if want_body(ex, &body) == WAIT:
            return WAIT
        result = decode_body(ex, body)
    if result == VALID and ex.model != NULL:
        if want_body(ex, &body) == WAIT:
            return WAIT
        result = validate_body(ex, body)
    if result == VALID:
        return NEXT
    exchange_fail(ex, result)
    return DONE


cdef Verdict step_cache(Exchange* ex) noexcept nogil:
    cdef int found = caching_lookup(ex)
    if found == LOOKUP_MISS:
        return NEXT
    if found == LOOKUP_WAITS:
        ex.wait_deadline = uv.now(core.loop) + ex.route.timeout_ms
        return WAIT
    if found == LOOKUP_HIT:
        settle(ex)
        send_hit(ex)
    else:
        exchange_fail(ex, F_ACCESS_DENIED)
    return DONE


cdef void send_hit(Exchange* ex) noexcept nogil:
    """As much as the client takes now; exchange_drained goes on."""
    cdef int error = 0
    while error == 0 and ex.conn.stream.queued == 0:
        error = caching_send(ex)
        if error < 0 or caching_sent(ex):
            finish(ex, error)
            return


cdef Verdict passed(Exchange* ex, int code) noexcept nogil:
    """What a phase that only judges found: ALLOWED, or the failure that the request ends with."""
    if code == ALLOWED:
        return NEXT
    if code == ASKED:
        return WAIT
    exchange_fail(ex, code)
    return DONE


cdef Verdict step_key(Exchange* ex) noexcept nogil:
    return passed(ex, limits_key(ex))


cdef Verdict step_throttle(Exchange* ex) noexcept nogil:
    return passed(ex, limits_throttle(ex))


cdef Verdict step_request(Exchange* ex) noexcept nogil:
    """What is mapped from a body needs all of it."""
    if not ex.route.reads_body or ex.received:
        return NEXT
    collect_all(ex)
    return WAIT


cdef Verdict step_integrate(Exchange* ex) noexcept nogil:
    if passed(ex, limits_enter(ex)) != NEXT:
        return DONE
    if ex.route.kind == ROUTE_PROXY:
        attempt_begin(ex, ex.route.target)
    elif ex.route.kind == ROUTE_PYTHON:
        step(ex)
    elif ex.route.kind == ROUTE_FIXED:
        return fixed(ex)
    else:
        exchange_fail(ex, ex.route.failure)
        return DONE
    return WAIT


cdef Verdict fixed(Exchange* ex) noexcept nogil:
    """Answer once the body, which nobody needs, has gone by; at once where the client waits for a 100."""
    settle(ex)
    if not ex.received and not ex.expects:
        ex.keep = ex.keep_asked
        ex.state = EX_COLLECT
        return WAIT
    finish(ex, respond_fixed(ex))
    return DONE


# --- taking the body

cdef void step(Exchange* ex) noexcept nogil:
    """Run the route's step, with the whole body once it is here."""
    if not ex.received:
        collect_all(ex)
        return
    ex.state = EX_WAIT
    ex.wait_deadline = uv.now(core.loop) + ex.route.timeout_ms
    settle_connection(ex)
    door_run(ex)


cdef void on_collected_piece(Exchange* ex, const char* p, uint32_t n) noexcept nogil:
    if ex.body_seen + n > core.limits.body_bytes:
        ex.aborted = True
    elif not ex.holds:
        ex.body_seen += n
    elif not body_hold(ex, p, n):
        ex.aborted = True


cdef int collect(Exchange* ex, const char* p, uint32_t n, uint32_t* used) noexcept nogil:
    """Take body bytes; FORWARDED, or a failure code."""
    cdef int error
    if ex.body == BODY_LENGTH:
        used[0] = n if n < ex.body_left else <uint32_t>ex.body_left
        on_collected_piece(ex, p, used[0])
        ex.body_left -= used[0]
        ex.received = ex.body_left == 0
    else:
        error = chunks_feed(ex, p, n, used)
        if error != HPE_OK and error != HPE_PAUSED:
            return F_BAD_MESSAGE
        ex.received = error == HPE_PAUSED
    return F_REQUEST_TOO_LARGE if ex.aborted else <int>FORWARDED


# --- the upstream side

cdef void on_waits(Exchange* ex) noexcept nogil:
    ex.wait_deadline = uv.now(core.loop) + ex.route.timeout_ms
    conn_events.rearm(ex.conn)


cdef int on_send(Exchange* ex) noexcept nogil:
    cdef int result
    settle_connection(ex)
    result = forward_head(ex)
    if result == FORWARDED and not ex.received and ex.expects:
        if ex.body_seen:
            ex.expects = False      # the client did not wait
        elif respond_continue(ex) < 0:
            finish_broken(ex)
    return result


cdef void finish_broken(Exchange* ex) noexcept nogil:
    cdef Conn* c = ex.conn
    exchange_abort(ex)
    conn_events.broken(c)


cdef void on_ready(Exchange* ex) noexcept nogil:
    cdef Conn* c = ex.conn
    attempt_send(ex)
    moved_on(c, ex)


cdef void on_flush(Exchange* ex) noexcept nogil:
    if relay_flush(ex) < 0:
        finish_broken(ex)
    elif ex.conn.stream.queued:
        conn_events.rearm(ex.conn)      # from now on the client must take what is queued


cdef void on_done(Exchange* ex) noexcept nogil:
    fill_done(ex)
    finish(ex, 0)


cdef void on_queued(Exchange* ex) noexcept nogil:
    conn_events.rearm(ex.conn)


cdef void on_writable(Exchange* ex) noexcept nogil:
    conn_events.resume(ex.conn)


cdef void exchange_drained(Exchange* ex) noexcept nogil:
    if ex.hit != NULL:
        send_hit(ex)
    elif ex.up != NULL:
        upstream_resume(ex.up)
    else:
        ticket_drained(ex)


cdef bint exchange_body(Exchange* ex, const char* p, uint32_t n, uint32_t* used) noexcept nogil:
    cdef int result
    used[0] = 0
    if ex.state == EX_COLLECT:
        result = collect(ex, p, n, used)
        if result == FORWARDED:
            if ex.received or (ex.guard.looks and ex.body_seen >= ex.guard.looks):
                if not ex.received:
                    ex.holds = False
                    ex.guard.ahead = True
                ex.guard.looks = 0
                ex.state = EX_WAIT
                walk(ex)
            return True
    elif ex.state == EX_SENDING and ex.up != NULL:
        result = forward_body(ex, p, n, used)
        if result == FORWARDED:
            return True
    else:
        return True
    exchange_fail(ex, result)
    return False


cdef void on_piece(Exchange* ex, const char* p, uint32_t n) noexcept nogil:
    if ex.state == EX_COLLECT:
        on_collected_piece(ex, p, n)
    else:
        forward_piece(ex, p, n)


cdef void chain_phases() noexcept nogil:
    cdef int phase, following = INTEGRATE
    for phase in range(INTEGRATE - 1, ACCEPT - 1, -1):
        next_phase[phase] = following
        if steps[phase] != NULL:
            following = phase


cdef void exchange_open(const ConnEvents* events, object loop):
    global conn_events
    conn_events = events
    door_events.answered = finish
    door_events.failed = exchange_fail
    door_events.queued = on_queued
    door_open(&door_events, loop)
    fill_events.resume = exchange_resume
    fill_open(&fill_events, core.loop)
    ask_open(exchange_resume)
    asking_events.decided = exchange_resume
    asking_events.failed = exchange_fail
    asking_open(&asking_events)
    head_on_piece(on_piece)
    steps[<int>ROUTE] = step_route
    steps[<int>GUARD] = step_guard
    steps[<int>AUTH] = step_auth
    steps[<int>VALIDATE] = step_validate
    steps[<int>CACHE] = step_cache
    steps[<int>KEY] = step_key
    steps[<int>THROTTLE] = step_throttle
    steps[<int>REQUEST] = step_request
    steps[<int>INTEGRATE] = step_integrate
    chain_phases()
    requester.waits = on_waits
    requester.ready = on_ready
    requester.send = on_send
    requester.failed = exchange_fail
    requester.head = relay_head
    requester.piece = relay_piece
    requester.flush = on_flush
    requester.done = on_done
    requester.writable = on_writable
    attempt_open()
