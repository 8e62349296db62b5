"""Relay an answer: fields by rule, the body by its own framing towards the client."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastgw._core.answer cimport answer_keep_head
from fastgw._core.answer_map cimport answer_apply, answer_find, put_answer_line
from fastgw._core.bytes cimport Span, Writer, parse_length, put, put_field, put_span, put_uint, same_case, span
from fastgw._core.cache_fill cimport Offer, fill_begin, fill_head, fill_hurries, fill_piece
from fastgw._core.caching cimport caching_put_fields
from fastgw._core.clock cimport http_date, micros
from fastgw._core.encode cimport (MEASURE_LARGE, MEASURE_UNKNOWN, encode_accepted, encode_begin, encode_leave,
                                  encode_measure, encode_some, put_coding)
from fastgw._core.exchange_memory cimport answer_hold, held_free
from fastgw._core.gather cimport gather_answer, gather_chunk, gather_crowded, gather_empty, gather_piece, to_client
from fastgw._core.libz cimport Z_FINISH, Z_NO_FLUSH, Z_SYNC_FLUSH
from fastgw._core.mapped cimport mapped_full, mapped_hides_field, mapped_text
from fastgw._core.program cimport program_write
from fastgw._core.respond cimport put_connection, put_cors
from fastgw._core.state cimport (BODY_CHUNKED, BODY_CLOSE, BODY_LENGTH, BODY_NONE, CODING_NONE, Field, HEAD, M_LISTED,
                                 R_CORS_ANSWER, R_DROP_ANSWER, R_REMAP_ANSWER, T_AGE, T_CONTENT_LENGTH, core,
                                 field_value, takes_chunks)
from fastgw._core.upstream cimport upstream_pause

cdef enum:
    MAPPED_BODY_BYTES = 102400      # of an answer's body that a mapping sees


cdef void put_weak(Writer* w, Span tag) noexcept nogil:
    """Of other bytes the tag is a weak one (RFC 9110 section 8.8.1)."""
    put(w, b"ETag: ", 6)
    if tag.n < 2 or tag.p[0] != c"W":
        put(w, b"W/", 2)
    put_span(w, tag)
    put(w, b"\r\n", 2)


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
        if ex.coding != CODING_NONE and f.name_n == 4 and same_case(up.base + f.name, b"etag", 4):
            put_weak(w, field_value(up.base, f))
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
    if ex.held_need and up.done and up.body != BODY_LENGTH:
        put(w, b"Content-Length: ", 16)
        put_uint(w, ex.held_n)
        put(w, b"\r\n", 2)
        return
    for i in range(up.nfields):
        if up.fields[i].token == T_CONTENT_LENGTH and parse_length(field_value(up.base, &up.fields[i]), &length):
            put(w, b"Content-Length: ", 16)
            put_uint(w, length)
            put(w, b"\r\n", 2)
            return


cdef void frame_by_itself(Exchange* ex) noexcept nogil:
    """For a body whose length nobody knows yet."""
    if takes_chunks(ex):
        ex.out = BODY_CHUNKED
    else:
        ex.out = BODY_CLOSE
        ex.keep = False


cdef void choose_framing(Exchange* ex, UpConn* up) noexcept nogil:
    if ex.verb == HEAD or ex.status == 204 or ex.status == 304:
        ex.out = BODY_NONE      # also where the route asks GET for it, or sends another status
    elif up.body == BODY_NONE or up.body == BODY_LENGTH:
        ex.out = up.body
    elif ex.held_need and up.done:
        ex.out = BODY_LENGTH    # all of it is held
    else:
        frame_by_itself(ex)
    if not ex.received or core.drain:
        ex.keep = False         # answered before the request was read, or the last answer before the end


cdef void keep_head(Exchange* ex, UpConn* up, bint large) noexcept nogil:
    """Where the answer may be kept, keep of its head what every client gets alike."""
    cdef Offer offer
    cdef Writer* w
    cdef uint32_t line_n
    offer.status, offer.base, offer.fields, offer.nfields = ex.up_status, up.base, up.fields, up.nfields
    offer.ends = up.body != BODY_CLOSE
    offer.length = up.body_left if up.body == BODY_LENGTH and ex.coding == CODING_NONE else 0
    w = fill_head(ex, &offer)
    if w != NULL:
        put_answer_line(w, ex, up)
        line_n = w.n
        put_fields(w, ex, up, False)
        if large:
            put_coding(w, ex)
        fill_begin(ex, &offer, line_n)


cdef void relay_head(Exchange* ex, UpConn* up, int status) noexcept nogil:
    cdef uint32_t need = 0
    ex.up_status = <unsigned short>status
    ex.answered = micros()
    answer_find(ex)
    ex.measure = <uint8_t>encode_measure(ex, up)
    if up.body != BODY_NONE and ex.answer != NULL and ex.answer.reads_body:
        need = MAPPED_BODY_BYTES
    if ex.measure == MEASURE_UNKNOWN and need < ex.stage.compress_from and encode_accepted(ex) != CODING_NONE:
        need = ex.stage.compress_from
    if need and answer_keep_head(up):
        ex.held_need = need
    else:
        write_head(ex, up)


cdef void write_head(Exchange* ex, UpConn* up) noexcept nogil:
    cdef Writer* w = &to_client.text
    cdef bint large
    answer_apply(ex)
    choose_framing(ex, up)
    large = ex.out != BODY_NONE and (ex.measure == MEASURE_LARGE or (
        ex.measure == MEASURE_UNKNOWN and (ex.held_need == 0 or ex.held_n >= ex.stage.compress_from)))
    if large and encode_begin(ex):
        frame_by_itself(ex)
    if ex.fill != NULL:
        keep_head(ex, up, large)
    put_answer_line(w, ex, up)
    put(w, b"Date: ", 6)
    put(w, http_date(), 29)
    put(w, b"\r\n", 2)
    put_fields(w, ex, up, True)
    if ex.answer != NULL:
        put_span(w, mapped_text())
        w.full = w.full or mapped_full()
    if ex.coding == CODING_NONE:
        put_length(w, ex, up)
    if large:
        put_coding(w, ex)
    if ex.out == BODY_CHUNKED:
        put(w, b"Transfer-Encoding: chunked\r\n", 28)
    program_write(&ex.stage.always, ex, w)
    if ex.route.cache != NULL:
        caching_put_fields(w, ex)
    put_cors(w, ex)
    put_connection(w, ex)
    put(w, b"\r\n", 2)


cdef void let_out(Exchange* ex, UpConn* up) noexcept nogil:
    """The head goes out, and behind it what has been held of the body."""
    write_head(ex, up)
    ex.held_need = 0
    if ex.held_n:
        send_piece(ex, ex.held, ex.held_n)
        relay_send(ex)
    held_free(ex)


# --- the body

cdef void put_piece(Exchange* ex, const char* p, uint32_t n) noexcept nogil:
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


cdef void encode(Exchange* ex, Span rest, int flush) noexcept nogil:
    cdef Span out
    cdef bint more = True
    while more:
        more = encode_some(ex, &rest, flush, &out)
        if out.n:               # an empty chunk would be the last one
            put_piece(ex, out.p, out.n)
            relay_send(ex)      # before the next piece lies where this one does


cdef void send_piece(Exchange* ex, const char* p, uint32_t n) noexcept nogil:
    if ex.coding == CODING_NONE:
        put_piece(ex, p, n)
    else:
        encode(ex, span(p, n), Z_NO_FLUSH)


cdef void relay_piece(Exchange* ex, UpConn* up, const char* p, uint32_t n) noexcept nogil:
    if ex.held_need == 0:
        send_piece(ex, p, n)
    elif not answer_hold(ex, p, n):
        let_out(ex, up)
        send_piece(ex, p, n)
    elif ex.held_n >= ex.held_need:
        let_out(ex, up)


cdef int relay_send(Exchange* ex) noexcept nogil:
    """Until this the answer can still become another one."""
    ex.answering = ex.answering or not gather_empty(&to_client)
    return gather_answer(ex)


cdef int relay_flush(Exchange* ex) noexcept nogil:
    cdef int error
    cdef UpConn* up = ex.up
    if ex.held_need:
        if not up.done:
            return 0
        let_out(ex, up)
    # A body whose length is known need not be read before its end.
    if ex.coding != CODING_NONE and (up.done or up.body != BODY_LENGTH):
        encode(ex, span(NULL, 0), Z_FINISH if up.done else Z_SYNC_FLUSH)
    if ex.out == BODY_CHUNKED and up.done:
        put(&to_client.text, b"0\r\n\r\n", 5)
    error = relay_send(ex)
    if error == 0 and ex.conn.stream.queued and not up.done and not fill_hurries(ex):
        upstream_pause(up)
    return error


cdef void relay_leave(Exchange* ex) noexcept nogil:
    encode_leave(ex)
    held_free(ex)
