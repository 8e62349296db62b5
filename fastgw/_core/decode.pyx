"""Decode gzip and deflate."""
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, realloc

from fastgw._core.bytes cimport same_case, trim
from fastgw._core.counters cimport H_DECODED
from fastgw._core.exchange_memory cimport body_replace
from fastgw._core.failure cimport F_BAD_REQUEST_BODY, F_REQUEST_TOO_LARGE, F_UNSUPPORTED_MEDIA_TYPE
from fastgw._core.libz cimport (WINDOW_GZIP, WINDOW_RAW, WINDOW_ZLIB, ZStream, Z_BUF_ERROR, Z_OK, Z_STREAM_END, inflate,
                                inflate_end, inflate_init, inflate_reset)
from fastgw._core.state cimport BODY_NONE, T_CONTENT_ENCODING, core, count, field_value

cdef enum:
    FIRST_ROOM = 16384


cdef int content_of(Exchange* ex) noexcept nogil:
    cdef uint32_t i
    cdef int found = CONTENT_PLAIN
    cdef Span value
    for i in range(ex.nfields):
        if ex.fields[i].token != T_CONTENT_ENCODING:
            continue
        value = trim(field_value(ex.head, &ex.fields[i]))
        if value.n == 0 or (value.n == 8 and same_case(value.p, b"identity", 8)):
            continue
        if found != CONTENT_PLAIN:
            return -1
        if (value.n == 4 and same_case(value.p, b"gzip", 4)) or (value.n == 6 and same_case(value.p, b"x-gzip", 6)):
            found = CONTENT_GZIP
        elif value.n == 7 and same_case(value.p, b"deflate", 7):
            found = CONTENT_DEFLATE
        else:
            return -1
    return found


cdef int decode_wants(Exchange* ex, bint* wanted) noexcept nogil:
    cdef int content
    wanted[0] = False
    if ex.body == BODY_NONE or ex.stage.http_api:
        return DECODED
    if ex.content == CONTENT_UNSEEN:
        content = content_of(ex)
        if content < 0:
            return F_UNSUPPORTED_MEDIA_TYPE
        ex.content = <uint8_t>content
    wanted[0] = ex.content != CONTENT_PLAIN
    return DECODED


cdef int window_of(bint gzip, Span body) noexcept nogil:
    """What is called deflate is the zlib format (RFC 9110 section 8.4.1.2); some senders leave its wrapper out."""
    cdef const uint8_t* p = <const uint8_t*>body.p
    if gzip:
        return WINDOW_GZIP
    if body.n >= 2 and (p[0] & 15) == 8 and (p[0] * 256 + p[1]) % 31 == 0:
        return WINDOW_ZLIB
    return WINDOW_RAW


cdef bint grow(char** out, uint64_t* cap, uint64_t limit) noexcept nogil:
    cdef uint64_t wanted = min(cap[0] * 2 if cap[0] else <uint64_t>FIRST_ROOM, limit)
    cdef char* grown = <char*>realloc(out[0], wanted)
    if grown == NULL:
        return False
    out[0] = grown
    cap[0] = wanted
    return True


cdef int inflate_all(ZStream* z, bint gzip, uint64_t limit, char** out, uint64_t* n) noexcept nogil:
    """limit is one more than may come out: reaching it is too much."""
    cdef uint64_t cap = 0
    cdef int result
    while True:
        if n[0] == cap:
            if cap == limit:
                return F_REQUEST_TOO_LARGE
            if not grow(out, &cap, limit):
                return F_REQUEST_TOO_LARGE
        z.next_out = <uint8_t*>out[0] + n[0]
        z.avail_out = <unsigned int>(cap - n[0])
        result = inflate(z)
        n[0] = cap - z.avail_out
        if result == Z_STREAM_END:
            if z.avail_in == 0:
                return F_REQUEST_TOO_LARGE if n[0] == limit else <int>DECODED
            if not gzip or inflate_reset(z) != Z_OK:    # another member may follow (RFC 1952 section 2.2)
                return F_UNSUPPORTED_MEDIA_TYPE
        elif result == Z_BUF_ERROR or (result == Z_OK and z.avail_in == 0 and z.avail_out):
            return F_BAD_REQUEST_BODY                   # right so far, and cut
        elif result != Z_OK:
            return F_UNSUPPORTED_MEDIA_TYPE             # not what it was said to be


cdef int decode_bytes(bint gzip, Span body, uint64_t limit, char** out, uint32_t* n) noexcept nogil:
    cdef ZStream z
    cdef uint64_t room = DECODE_FREE + <uint64_t>DECODE_RATIO * body.n, written = 0
    cdef uint64_t most = <uint64_t>0xFFFFFFF0
    cdef int result
    out[0] = NULL
    n[0] = 0
    if body.n == 0:
        return DECODED
    if inflate_init(&z, window_of(gzip, body)) != Z_OK:
        return F_REQUEST_TOO_LARGE
    z.next_in = <const uint8_t*>body.p
    z.avail_in = body.n
    most = min(most, min(limit, room))
    result = inflate_all(&z, gzip, most + 1, out, &written)
    inflate_end(&z)
    if result != DECODED:
        free(out[0])
        out[0] = NULL
        return result
    n[0] = <uint32_t>written
    return DECODED


cdef int decode_body(Exchange* ex, Span body) noexcept nogil:
    cdef char* out
    cdef uint32_t n
    cdef int result = decode_bytes(ex.content == CONTENT_GZIP, body, core.limits.body_bytes, &out, &n)
    if result != DECODED:
        return result
    body_replace(ex, out, n)
    ex.content = CONTENT_PLAIN
    count(H_DECODED)
    return DECODED
