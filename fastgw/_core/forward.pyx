"""Build and send the upstream's request."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memchr

from fastgw._core.bytes cimport Span, Writer, put, put_char, put_field, put_span, put_uint, writer_init
from fastgw._core.clock cimport micros
from fastgw._core.exchange_memory cimport body_free
from fastgw._core.failure cimport (F_BAD_MESSAGE, F_BAD_REQUEST_PARAMETERS, F_HEADERS_TOO_LARGE, F_REQUEST_TOO_LARGE)
from fastgw._core.gather cimport (gather_chunk, gather_clear, gather_crowded, gather_piece, gather_send, to_upstream)
from fastgw._core.head cimport chunks_feed
from fastgw._core.llhttp cimport HPE_OK, HPE_PAUSED
from fastgw._core.mapped cimport (mapped_fields, mapped_full, mapped_has, mapped_hides_field, mapped_hides_query,
                                  mapped_queries, mapped_text)
from fastgw._core.names cimport name_token
from fastgw._core.program cimport PROGRAM_MISSING, PROGRAM_OK, PROGRAM_REFUSED, program_write, query_next
from fastgw._core.state cimport (BODY_CHUNKED, BODY_LENGTH, BODY_NONE, Field, M_DROP, M_LISTED, M_LOOSE, PATCH, POST,
                                 PUT, R_DROP_REQUEST, R_IDENTITY, RoutePlan, StagePlan, T_AUTHORIZATION, T_HOST,
                                 core)
from fastgw._core.upstream cimport upstream_progress, upstream_sent

cdef enum:
    PATH_BYTES = 32768

cdef char path_bytes[PATH_BYTES]


cdef inline bint seen(const uint64_t* tokens, uint8_t token) noexcept nogil:
    return tokens[token >> 6] >> (token & 63) & 1


cdef inline void see(uint64_t* tokens, uint8_t token) noexcept nogil:
    tokens[token >> 6] |= <uint64_t>1 << (token & 63)


# --- target

cdef void put_client_query(Writer* w, Exchange* ex, char* mark) noexcept nogil:
    """The client's query as it came, without the parameters that the route sets or removes."""
    cdef uint32_t at = 0
    cdef Span name, value
    if ex.route.nqueries == 0:
        if ex.query.n:
            put_char(w, mark[0])
            put_span(w, ex.query)
            mark[0] = c"&"
        return
    while query_next(ex.query, &at, &name, &value):
        if mapped_hides_query(name):
            continue
        put_char(w, mark[0])
        mark[0] = c"&"
        put_span(w, name)
        if value.n or value.p != name.p + name.n:
            put_char(w, c"=")
            put_span(w, value)


cdef bint has_dot_segment(const char* p, uint32_t n) noexcept nogil:
    cdef const char* end = p + n
    cdef const char* dot = <const char*>memchr(p, c".", n)
    cdef const char* after
    while dot != NULL:
        after = dot + 1
        if dot > p and (dot - 1)[0] == c"/":
            if after < end and after[0] == c".":
                after += 1
            if after == end or after[0] == c"/":
                return True
        dot = <const char*>memchr(after, c".", end - after)
    return False


cdef int put_own_path(Writer* w, Exchange* ex) noexcept nogil:
    """The path that the route maps; PROGRAM_MISSING where it has no value for this request."""
    cdef Writer own
    cdef uint32_t before = w.n
    cdef int result
    writer_init(&own, path_bytes, PATH_BYTES)
    result = program_write(&ex.route.own_path, ex, &own)
    if result == PROGRAM_MISSING and ex.route.own_path.n == 1:
        return PROGRAM_MISSING
    if own.n == 0 or own.p[0] != c"/":
        put_char(w, c"/")
    put(w, own.p, own.n)
    w.full = w.full or own.full
    return PROGRAM_REFUSED if has_dot_segment(w.p + before, w.n - before) else PROGRAM_OK


cdef int put_path(Writer* w, Exchange* ex) noexcept nogil:
    cdef RoutePlan* route = ex.route
    cdef uint32_t before = w.n
    cdef int result = PROGRAM_MISSING
    if route.own_path.n:
        result = put_own_path(w, ex)
    if result == PROGRAM_MISSING:
        result = program_write(&route.path, ex, w)
        # Values may make a dot segment together with the text around them.
        if route.path.n > 1 and has_dot_segment(w.p + before, w.n - before):
            return PROGRAM_REFUSED
    return result


cdef int put_target(Writer* w, Exchange* ex) noexcept nogil:
    cdef RoutePlan* route = ex.route
    cdef char mark = c"?"
    cdef Span mapped
    if put_path(w, ex) == PROGRAM_REFUSED:
        return PROGRAM_REFUSED
    if route.query.n:
        put_char(w, c"?")
        mark = c"&"
        if program_write(&route.query, ex, w) == PROGRAM_REFUSED:
            return PROGRAM_REFUSED
    if route.nqueries:
        mapped_queries(ex, route.queries, route.nqueries)
    put_client_query(w, ex, &mark)
    if route.nqueries:
        mapped = mapped_text()
        if mapped.n:
            put_char(w, mark)
            put(w, mapped.p + 1, mapped.n - 1)
        w.full = w.full or mapped_full()
    return PROGRAM_OK


# --- fields

cdef void see_mapped(Exchange* ex, uint64_t* tokens) noexcept nogil:
    """What the route maps is not for the gateway to fill in."""
    cdef RoutePlan* route = ex.route
    cdef uint16_t i
    cdef bint exact
    for i in range(route.nheaders):
        if mapped_has(i):
            see(tokens, name_token(ex.plan.names, route.headers[i].name.p, route.headers[i].name.n, &exact))


cdef void put_client_fields(Writer* w, Exchange* ex, uint64_t* tokens) noexcept nogil:
    """The client's fields less the hop-by-hop ones, those the gateway sets, and those the route maps."""
    cdef uint8_t* rules = ex.stage.rules
    cdef uint32_t i
    cdef uint8_t rule
    cdef Field* f
    for i in range(ex.nfields):
        f = &ex.fields[i]
        if f.marks & M_DROP:
            continue
        if f.token:
            rule = rules[f.token]
            if rule & R_IDENTITY or (rule & R_DROP_REQUEST and not f.marks & M_LOOSE):
                continue
        if f.marks & M_LISTED and f.token != T_AUTHORIZATION:
            continue
        if ex.route.nheaders and mapped_hides_field(ex.head + f.name, f.name_n):
            continue
        if f.token and not f.marks & M_LOOSE:
            see(tokens, f.token)
        put_field(w, ex.head, f.name, f.name_n, f.value, f.value_n)


cdef void put_framing(Writer* w, Exchange* ex) noexcept nogil:
    if ex.holds or ex.body == BODY_LENGTH:
        put(w, b"Content-Length: ", 16)
        put_uint(w, ex.body_seen if ex.holds else ex.body_left + (ex.body_seen if ex.guard.ahead else 0))
        put(w, b"\r\n", 2)
    elif ex.body == BODY_CHUNKED:
        put(w, b"Transfer-Encoding: chunked\r\n", 28)
    elif ex.sends == POST or ex.sends == PUT or ex.sends == PATCH:
        put(w, b"Content-Length: 0\r\n", 19)


cdef int forward_build(Exchange* ex) noexcept nogil:
    cdef StagePlan* stage = ex.stage
    cdef RoutePlan* route = ex.route
    cdef Writer* w = &to_upstream.text
    cdef uint64_t tokens[2]
    cdef uint32_t i
    tokens[0] = tokens[1] = 0
    if route.verb_in_own:
        put(w, ex.head + ex.verb_off, ex.verb_n)
    else:
        put_span(w, route.verb)
    put_char(w, c" ")
    if put_target(w, ex) == PROGRAM_REFUSED:
        return F_BAD_REQUEST_PARAMETERS
    put(w, b" HTTP/1.1\r\n", 11)
    if route.nheaders:
        mapped_fields(ex, route.headers, route.nheaders)
        see_mapped(ex, tokens)
    if not seen(tokens, T_HOST):
        put(w, b"Host: ", 6)
        put_span(w, ex.up.target.authority)
        put(w, b"\r\n", 2)
    put_client_fields(w, ex, tokens)
    if route.nheaders:
        put_span(w, mapped_text())
    for i in range(stage.ndefaults):
        if not seen(tokens, stage.default_tokens[i]):
            put_span(w, stage.defaults[i].name)
            put(w, b": ", 2)
            program_write(&stage.defaults[i].value, ex, w)
            put(w, b"\r\n", 2)
    program_write(&stage.forward, ex, w)
    put_framing(w, ex)
    put(w, b"\r\n", 2)
    if w.full or (route.nheaders and mapped_full()):
        return F_HEADERS_TOO_LARGE
    return FORWARDED


cdef void request_out(Exchange* ex) noexcept nogil:
    ex.received = True
    upstream_sent(ex.up, ex.route.timeout_ms, ex.route.first_byte_ms)


cdef int forward_head(Exchange* ex) noexcept nogil:
    cdef int result = forward_build(ex)
    if result != FORWARDED:
        gather_clear(&to_upstream)
        return result
    if ex.holds:
        if ex.body_seen:
            gather_piece(&to_upstream, ex.collected, <uint32_t>ex.body_seen)
    elif ex.guard.ahead and ex.body == BODY_CHUNKED:
        gather_chunk(&to_upstream, ex.collected, <uint32_t>ex.body_seen)
    elif ex.guard.ahead:
        gather_piece(&to_upstream, ex.collected, <uint32_t>ex.body_seen)
    elif ex.body_now_n:
        gather_piece(&to_upstream, ex.body_now, ex.body_now_n)
    if gather_send(&to_upstream, &ex.up.stream) < 0:
        return FORWARD_BROKEN
    ex.sent = micros()
    if ex.holds:
        request_out(ex)
        return FORWARDED
    if ex.guard.ahead:
        ex.guard.ahead = False
        body_free(ex)
    if ex.body_now_n:
        ex.conn.taken = ex.body_now_n
        ex.body_left -= ex.body_now_n
        ex.body_seen += ex.body_now_n
        ex.body_now_n = 0
    if ex.body == BODY_NONE or (ex.body == BODY_LENGTH and ex.body_left == 0):
        request_out(ex)
    else:
        upstream_progress(ex.up)
    return FORWARDED


# --- body

cdef void forward_piece(Exchange* ex, const char* p, uint32_t n) noexcept nogil:
    ex.body_seen += n
    if ex.aborted or ex.body_seen > core.limits.body_bytes:
        return
    if gather_crowded(&to_upstream) and gather_send(&to_upstream, &ex.up.stream) < 0:
        ex.aborted = True
    else:
        gather_chunk(&to_upstream, p, n)


cdef int forward_chunks(Exchange* ex, const char* p, uint32_t n, uint32_t* used) noexcept nogil:
    cdef int error = chunks_feed(ex, p, n, used)
    if ex.body_seen > core.limits.body_bytes:
        gather_clear(&to_upstream)
        return F_REQUEST_TOO_LARGE
    if error != HPE_OK and error != HPE_PAUSED:
        gather_clear(&to_upstream)
        return F_BAD_MESSAGE
    if error == HPE_PAUSED:
        put(&to_upstream.text, b"0\r\n\r\n", 5)
    if gather_send(&to_upstream, &ex.up.stream) < 0:
        ex.aborted = True
    if error == HPE_PAUSED:
        request_out(ex)
    else:
        upstream_progress(ex.up)
    return FORWARDED


cdef int forward_body(Exchange* ex, const char* p, uint32_t n, uint32_t* used) noexcept nogil:
    used[0] = 0
    if ex.up.stream.queued or ex.aborted:
        return FORWARDED
    if ex.body == BODY_CHUNKED:
        return forward_chunks(ex, p, n, used)
    used[0] = n if n < ex.body_left else <uint32_t>ex.body_left
    gather_piece(&to_upstream, p, used[0])
    if gather_send(&to_upstream, &ex.up.stream) < 0:
        ex.aborted = True       # the upstream no longer reads: its answer, or its end, follows
    ex.body_left -= used[0]
    ex.body_seen += used[0]
    if ex.body_left == 0:
        request_out(ex)
    else:
        upstream_progress(ex.up)
    return FORWARDED

