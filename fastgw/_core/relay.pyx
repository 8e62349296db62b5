"""Relay an answer: fields by rule, the body by its own framing towards the client."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastgw._core.answer_map cimport answer_map, put_answer_line
from fastgw._core.bytes cimport Writer, parse_length, put, put_field, put_span, put_uint
from fastgw._core.cache_fill cimport fill_begin, fill_head, fill_hurries, fill_piece
from fastgw._core.caching cimport caching_put_fields
from fastgw._core.clock cimport http_date, micros
from fastgw._core.gather cimport (gather_answer, gather_chunk, gather_crowded, gather_empty, gather_piece, to_client)
from fastgw._core.mapped cimport mapped_full, mapped_hides_field, mapped_text
from fastgw._core.program cimport program_write
from fastgw._core.respond cimport put_connection, put_cors
from fastgw._core.state cimport (BODY_CHUNKED, BODY_CLOSE, BODY_LENGTH, BODY_NONE, Field, HEAD, M_LISTED,
                                 R_CORS_ANSWER, R_DROP_ANSWER, R_REMAP_ANSWER, T_AGE, T_CONTENT_LENGTH, core, field_value)
from fastgw._core.upstream cimport upstream_pause


cdef void put_fields(Writer* w, Exchange* ex, UpConn* up, bint aged) noexcept nogil:
    """The upstream's fields by the plan's rules; aged: with Age, which a cache counts on itself."""
    cdef uint32_t i
    cdef uint8_t rule
    cdef Field* f
    for i in range(up.nfields):
        f = &up.fields[i]
        rule = ex.stage.rules[f.token] if f.token else 0
        if f.token == T_AGE and not aged:
            continue
        if rule & R_DROP_ANSWER or (rule & R_CORS_ANSWER and ex.stage.cors != NULL):
            continue
        if rule & R_REMAP_ANSWER:
            put_span(w, ex.plan.remap_prefix)
        elif f.marks & M_LISTED:
            continue
        if ex.answer != NULL and mapped_hides_field(up.base + f.name, f.name_n):
            continue
        put_field(w, up.base, f.name, f.name_n, f.value, f.value_n)


cdef void put_length(Writer* w, Exchange* ex, UpConn* up) noexcept nogil:
    """Content-Length where the upstream gave one: of the body, or of what a HEAD or 304 answer speaks of."""
    cdef uint64_t length = 0
    cdef uint32_t i
    cdef bint bodiless = ex.sends == HEAD or ((ex.up_status == 204 or ex.up_status == 304) and ex.status != 304)
    if ex.status == 204:
        return
    if bodiless and ex.verb != HEAD:
        put(w, b"Content-Length: 0\r\n", 19)      # the upstream sent no body where the client expects one
        return
    for i in range(up.nfields):
        if up.fields[i].token == T_CONTENT_LENGTH and parse_length(field_value(up.base, &up.fields[i]), &length):
            put(w, b"Content-Length: ", 16)
            put_uint(w, length)
            put(w, b"\r\n", 2)
            return


cdef void choose_framing(Exchange* ex, UpConn* up) noexcept nogil:
    if ex.verb == HEAD or ex.status == 204 or ex.status == 304:
        ex.out = BODY_NONE      # also where the route asks GET for it, or sends another status
    elif up.body == BODY_NONE or up.body == BODY_LENGTH:
        ex.out = up.body
    elif ex.minor:
        ex.out = BODY_CHUNKED
    else:
        ex.out = BODY_CLOSE     # HTTP/1.0 knows no chunks
        ex.keep = False
    if not ex.received or core.drain:
        ex.keep = False         # answered before the request was read, or the last answer before the end


cdef void keep_head(Exchange* ex, UpConn* up, int status) noexcept nogil:
    """Where the answer may be kept, keep of its head what every client gets alike."""
    cdef Writer* w = fill_head(ex, up, status)
    cdef uint32_t line_n
    if w != NULL:
        put_answer_line(w, ex, up)
        line_n = w.n
        put_fields(w, ex, up, False)
        fill_begin(ex, up, line_n)


cdef void relay_head(Exchange* ex, UpConn* up, int status) noexcept nogil:
    cdef Writer* w = &to_client.text
    ex.up_status = <unsigned short>status
    ex.answered = micros()
    answer_map(ex, status)
    choose_framing(ex, up)
    if ex.fill != NULL:
        keep_head(ex, up, status)
    put_answer_line(w, ex, up)
    put(w, b"Date: ", 6)
    put(w, http_date(), 29)
    put(w, b"\r\n", 2)
    put_fields(w, ex, up, True)
    if ex.answer != NULL:
        put_span(w, mapped_text())
        w.full = w.full or mapped_full()
    put_length(w, ex, up)
    if ex.out == BODY_CHUNKED:
        put(w, b"Transfer-Encoding: chunked\r\n", 28)
    program_write(&ex.stage.always, ex, w)
    if ex.route.cache != NULL:
        caching_put_fields(w, ex)
    put_cors(w, ex)
    put_connection(w, ex)
    put(w, b"\r\n", 2)


cdef void relay_piece(Exchange* ex, UpConn* up, const char* p, uint32_t n) noexcept nogil:
    if ex.fill != NULL:
        fill_piece(ex, p, n)
    if ex.out == BODY_NONE:
        return
    ex.body_out += n
    if gather_crowded(&to_client):
        relay_send(ex)          # an error shows again at the next send
    if ex.out == BODY_CHUNKED:
        gather_chunk(&to_client, p, n)
    else:
        gather_piece(&to_client, p, n)


cdef int relay_send(Exchange* ex) noexcept nogil:
    """Until this the answer can still become another one."""
    ex.answering = ex.answering or not gather_empty(&to_client)
    return gather_answer(ex)


cdef int relay_flush(Exchange* ex) noexcept nogil:
    cdef int error
    if ex.out == BODY_CHUNKED and ex.up.done:
        put(&to_client.text, b"0\r\n\r\n", 5)
    error = relay_send(ex)
    if error == 0 and ex.conn.stream.queued and not ex.up.done and not fill_hurries(ex):
        upstream_pause(ex.up)
    return error
