"""Write the gateway's own answers; count every answer."""
from libc.stdint cimport uint32_t

from fastgw._core.accesslog cimport log_write
from fastgw._core.bytes cimport Span, put, put_span, put_uint, same_case, span, writer_init
from fastgw._core.clock cimport http_date, micros
from fastgw._core.encode cimport encode_varies, encode_whole, put_coding
from fastgw._core.failure cimport F_METHOD_NOT_ALLOWED
from fastgw._core.gather cimport gather_answer, gather_clear, gather_piece, to_client
from fastgw._core.program cimport PROGRAM_OK, program_write
from fastgw._core.state cimport Cors, HEAD, LogPlan, Reply, RoutePlan, T_ORIGIN, field_value
from fastgw._core.tally cimport tally_failure, tally_request

cdef enum:
    BODY_BYTES = 65536

cdef char body_text[BODY_BYTES]
cdef const char* ALLOW = b"Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"
cdef const char* TOO_LARGE = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


cdef void put_connection(Writer* w, Exchange* ex) noexcept nogil:
    if ex.keep:
        put(w, b"Connection: keep-alive\r\n", 24)
    else:
        put(w, b"Connection: close\r\n", 19)


cdef bint origin_allowed(const Cors* cors, Span origin) noexcept nogil:
    """"*", an origin, or "scheme://*"."""
    cdef uint32_t i
    cdef Span allowed
    if cors.any_origin:
        return True
    for i in range(cors.norigins):
        allowed = cors.origins[i]
        if allowed.n == origin.n and same_case(allowed.p, origin.p, origin.n):
            return True
        if allowed.n > 4 and allowed.p[allowed.n - 1] == c"*" and origin.n >= allowed.n \
                and same_case(allowed.p, origin.p, allowed.n - 1):
            return True
    return False


cdef bint put_allow_origin(Writer* w, Exchange* ex) noexcept nogil:
    cdef Cors* cors = ex.stage.cors
    cdef Span origin = span(NULL, 0)
    cdef uint32_t i
    for i in range(ex.nfields):
        if ex.fields[i].token == T_ORIGIN:
            origin = field_value(ex.head, &ex.fields[i])
    if origin.n == 0 or not origin_allowed(cors, origin):
        if not cors.any_origin:
            put(w, b"Vary: Origin\r\n", 14)        # another origin gets another answer
        return False
    put(w, b"Access-Control-Allow-Origin: ", 29)
    if cors.any_origin and not cors.credentials:
        put(w, b"*\r\n", 3)
    else:
        put_span(w, origin)
        put(w, b"\r\nVary: Origin\r\n", 16)
    if cors.credentials:
        put(w, b"Access-Control-Allow-Credentials: true\r\n", 40)
    return True


cdef void put_cors(Writer* w, Exchange* ex) noexcept nogil:
    """The CORS fields of an answer to a cross-origin request, where the API has a CORS configuration."""
    if ex.stage != NULL and ex.stage.cors != NULL and put_allow_origin(w, ex):
        put_span(w, ex.stage.cors.expose)


cdef void put_mapped(Writer* w, Exchange* ex, const Reply* reply) noexcept nogil:
    cdef uint32_t i, before
    for i in range(reply.nheaders):
        before = w.n
        put_span(w, reply.headers[i].name)
        put(w, b": ", 2)
        if program_write(&reply.headers[i].value, ex, w) == PROGRAM_OK:
            put(w, b"\r\n", 2)
        else:
            w.n = before


cdef int respond_failure(Exchange* ex, int code) noexcept nogil:
    cdef const Reply* reply = ex.instead
    cdef Writer* w = &to_client.text
    cdef Writer body
    if reply == NULL:
        reply = &(ex.stage.replies if ex.stage != NULL else ex.plan.replies)[code]
    ex.failure = <unsigned char>(code + 1)
    ex.status = reply.status
    tally_failure(ex, code)
    writer_init(&body, body_text, BODY_BYTES)
    program_write(&reply.body, ex, &body)
    if reply.status == 204 or reply.status == 304:
        body.n = 0
    put_span(w, reply.status_line)
    put(w, b"Date: ", 6)
    put(w, http_date(), 29)
    put(w, b"\r\n", 2)
    if reply.status != 204 and reply.status != 304:
        put(w, b"Content-Length: ", 16)
        put_uint(w, body.n)
        put(w, b"\r\n", 2)
    if code == F_METHOD_NOT_ALLOWED:
        put(w, ALLOW, 53)
    program_write(&reply.head, ex, w)
    put_mapped(w, ex, reply)
    put_cors(w, ex)
    put_connection(w, ex)
    put(w, b"\r\n", 2)
    if ex.verb != HEAD:
        put(w, body.p, body.n)
        ex.body_out = body.n
    return send_whole(ex, body.full)


cdef int send_whole(Exchange* ex, bint cut) noexcept nogil:
    """Send an answer of the gateway's own; one that mapped values made larger than its room becomes a bare 500."""
    if cut or to_client.text.full:
        gather_clear(&to_client)
        ex.status = 500
        ex.keep = False
        ex.body_out = 0
        put(&to_client.text, TOO_LARGE, 76)
    ex.answering = True
    return gather_answer(ex)


cdef int respond_fixed(Exchange* ex) noexcept nogil:
    cdef RoutePlan* route = ex.route
    cdef Writer* w = &to_client.text
    cdef Span body = route.fixed_body
    ex.status = route.status
    if ex.verb != HEAD and not route.head_only and not route.coded:
        encode_whole(ex, &body)
    program_write(&route.fixed_head, ex, w)
    if not route.head_only:
        put(w, b"Content-Length: ", 16)
        put_uint(w, body.n)
        put(w, b"\r\n", 2)
    if not route.coded and encode_varies(ex, route.fixed_body.n):
        put_coding(w, ex)
    put_cors(w, ex)
    put_connection(w, ex)
    put(w, b"\r\n", 2)
    if ex.verb != HEAD and not route.head_only and body.n:
        gather_piece(&to_client, body.p, body.n)
        ex.body_out = body.n
    return send_whole(ex, False)


cdef int respond_preflight(Exchange* ex) noexcept nogil:
    cdef Writer* w = &to_client.text
    ex.status = 204
    put(w, b"HTTP/1.1 204 No Content\r\nDate: ", 31)
    put(w, http_date(), 29)
    put(w, b"\r\n", 2)
    if put_allow_origin(w, ex):
        put_span(w, ex.stage.cors.preflight)
    program_write(&ex.stage.always, ex, w)
    put_connection(w, ex)
    put(w, b"\r\n", 2)
    ex.answering = True
    return gather_answer(ex)


cdef int respond_asterisk(Exchange* ex) noexcept nogil:
    cdef Writer* w = &to_client.text
    ex.status = 204
    put(w, b"HTTP/1.1 204 No Content\r\nDate: ", 31)
    put(w, http_date(), 29)
    put(w, b"\r\n", 2)
    put(w, ALLOW, 53)
    put_connection(w, ex)
    put(w, b"\r\n", 2)
    ex.answering = True
    return gather_answer(ex)


cdef int respond_continue(Exchange* ex) noexcept nogil:
    ex.expects = False
    put(&to_client.text, b"HTTP/1.1 100 Continue\r\n\r\n", 25)
    return gather_answer(ex)


cdef void respond_log(Exchange* ex) noexcept nogil:
    cdef const LogPlan* log = ex.stage.log if ex.stage != NULL else ex.plan.log
    ex.ended = micros()
    tally_request(ex)
    if log != NULL:
        log_write(ex, log)
