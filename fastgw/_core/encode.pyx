"""Negotiate, and compress."""
from libc.stdint cimport uint8_t, uint16_t
from libc.stdlib cimport free, malloc, realloc

from fastgw._core.bytes cimport coding_name, list_has, list_next, put, same_case, span, trim
from fastgw._core.counters cimport H_ENCODED, H_ENCODERS
from fastgw._core.libz cimport (WINDOW_GZIP, WINDOW_ZLIB, ZStream, Z_FINISH, Z_OK, deflate, deflate_end, deflate_init,
                                deflate_reset, libz_open)
from fastgw._core.state cimport (BODY_LENGTH, BODY_NONE, CODING_DEFLATE, CODING_GZIP, CODING_NONE, Field,
                                 T_ACCEPT_ENCODING, T_CACHE_CONTROL, T_CONTENT_ENCODING, T_CONTENT_TYPE,
                                 core, count, field_value)

cdef enum:
    MOST_STREAMS = 256      # of one worker, 256 KB each; answers beyond them go out as they are
    KEPT_STREAMS = 4        # of each coding, for reuse
    PIECE_BYTES = 32768
    WHOLE_KEPT = 262144     # bytes of the buffer of whole bodies that stay for the next one
    FULL_WEIGHT = 1000

cdef struct Encoder:
    ZStream z
    Encoder* next           # kept
    uint8_t coding

cdef Encoder* kept[3]       # by Coding
cdef uint32_t nkept[3]
cdef uint32_t live = 0
cdef char piece_bytes[PIECE_BYTES]
cdef char* whole_bytes = NULL
cdef uint64_t whole_cap = 0


# --- Accept-Encoding

cdef int weight_of(Span parameters) noexcept nogil:
    """";q=0.5" in thousandths (RFC 9110 section 12.4.2); what is none weighs nothing."""
    cdef Span s = trim(parameters)
    cdef int value, unit = 100
    cdef uint32_t i
    if s.n == 0:
        return FULL_WEIGHT
    s = trim(span(s.p + 1, s.n - 1))        # behind the semicolon
    if s.n < 3 or (s.p[0] | 32) != c"q" or s.p[1] != c"=" or not c"0" <= s.p[2] <= c"1" or s.n > 7:
        return 0
    value = FULL_WEIGHT * (s.p[2] - c"0")
    if s.n > 3 and s.p[3] != c".":
        return 0
    for i in range(4, s.n):
        if not c"0" <= s.p[i] <= c"9":
            return 0
        value += unit * (s.p[i] - c"0")
        unit //= 10
    return value if value <= FULL_WEIGHT else 0


cdef void weigh(Span accepted, int* weights) noexcept nogil:
    """Weights by Coding; of identity at CODING_NONE. "*" names no coding: the service does not compress for it."""
    cdef uint32_t at = 0
    cdef Span one, name, parameters
    cdef int coding
    while list_next(accepted, &at, &one):
        name = coding_name(one, &parameters)
        if name.n == 4 and same_case(name.p, b"gzip", 4) or name.n == 6 and same_case(name.p, b"x-gzip", 6):
            coding = CODING_GZIP
        elif name.n == 7 and same_case(name.p, b"deflate", 7):
            coding = CODING_DEFLATE
        elif name.n == 8 and same_case(name.p, b"identity", 8):
            coding = CODING_NONE
        else:
            continue
        weights[coding] = weight_of(parameters)


cdef int encode_accepted(Exchange* ex) noexcept nogil:
    cdef int weights[3]
    cdef int coding = CODING_NONE
    cdef uint32_t i
    if ex.accepts:
        return ex.accepts - 1
    weights[0] = weights[1] = weights[2] = 0
    for i in range(ex.nfields):
        if ex.fields[i].token == T_ACCEPT_ENCODING:
            weigh(field_value(ex.head, &ex.fields[i]), weights)
    if weights[<int>CODING_GZIP] and weights[<int>CODING_GZIP] >= weights[<int>CODING_DEFLATE]:
        coding = CODING_GZIP
    elif weights[<int>CODING_DEFLATE]:
        coding = CODING_DEFLATE
    if weights[coding] < weights[<int>CODING_NONE]:
        coding = CODING_NONE            # asked for, and preferred
    ex.accepts = <uint8_t>(coding + 1)
    return coding


# --- which answers

cdef inline bint may_be_coded(int status) noexcept nogil:
    return status != 204 and status != 206 and status != 304


cdef bint encode_varies(Exchange* ex, uint64_t length) noexcept nogil:
    return ex.stage.compresses and length >= ex.stage.compress_from and may_be_coded(ex.status)


cdef int encode_measure(Exchange* ex, UpConn* up) noexcept nogil:
    cdef uint32_t i
    cdef Field* f
    cdef Span value
    if not ex.stage.compresses or not may_be_coded(ex.up_status) or up.body == BODY_NONE:
        return MEASURE_NO
    for i in range(up.nfields):
        f = &up.fields[i]
        value = field_value(up.base, f)
        if f.token == T_CONTENT_ENCODING or (f.token == T_CACHE_CONTROL
                                             and list_has(value.p, value.n, b"no-transform", 12)):
            return MEASURE_NO
        if f.token == T_CONTENT_TYPE and value.n >= 17 and same_case(value.p, b"text/event-stream", 17):
            return MEASURE_NO           # each event goes out as it comes
    if up.body == BODY_LENGTH:
        return MEASURE_LARGE if up.body_left >= ex.stage.compress_from else MEASURE_SMALL
    return MEASURE_UNKNOWN if ex.stage.compress_from else MEASURE_LARGE


cdef void put_coding(Writer* w, Exchange* ex) noexcept nogil:
    if ex.coding == CODING_GZIP:
        put(w, b"Content-Encoding: gzip\r\n", 24)
    elif ex.coding == CODING_DEFLATE:
        put(w, b"Content-Encoding: deflate\r\n", 27)
    put(w, b"Vary: Accept-Encoding\r\n", 23)


# --- streams

cdef Encoder* take(int coding) noexcept nogil:
    global live
    cdef Encoder* e = kept[coding]
    if live >= MOST_STREAMS:
        return NULL
    if e != NULL:
        kept[coding] = e.next
        nkept[coding] -= 1
    else:
        e = <Encoder*>malloc(sizeof(Encoder))
        if e == NULL:
            return NULL
        if deflate_init(&e.z, WINDOW_GZIP if coding == CODING_GZIP else WINDOW_ZLIB) != Z_OK:
            free(e)
            return NULL
        e.coding = <uint8_t>coding
    live += 1
    core.gauges[H_ENCODERS] = live
    count(H_ENCODED)
    return e


cdef void drop(Encoder* e) noexcept nogil:
    deflate_end(&e.z)
    free(e)


cdef void give(Encoder* e) noexcept nogil:
    global live
    live -= 1
    core.gauges[H_ENCODERS] = live
    if nkept[e.coding] >= KEPT_STREAMS or deflate_reset(&e.z) != Z_OK:
        drop(e)
        return
    e.next = kept[e.coding]
    kept[e.coding] = e
    nkept[e.coding] += 1


cdef bint encode_begin(Exchange* ex) noexcept nogil:
    cdef int coding = encode_accepted(ex)
    if coding == CODING_NONE:
        return False
    ex.encoder = take(coding)
    if ex.encoder == NULL:
        return False
    ex.coding = <uint8_t>coding
    return True


cdef bint encode_some(Exchange* ex, Span* rest, int flush, Span* out) noexcept nogil:
    cdef ZStream* z = &(<Encoder*>ex.encoder).z
    z.next_in = <const uint8_t*>rest.p
    z.avail_in = rest.n
    z.next_out = <uint8_t*>piece_bytes
    z.avail_out = PIECE_BYTES
    deflate(z, flush)               # with room for output it can only go on
    rest.p = <const char*>z.next_in
    rest.n = z.avail_in
    out.p = piece_bytes
    out.n = PIECE_BYTES - z.avail_out
    return z.avail_out == 0


cdef void encode_leave(Exchange* ex) noexcept nogil:
    if ex.encoder != NULL:
        give(<Encoder*>ex.encoder)
        ex.encoder = NULL


# --- whole bodies

cdef bint room_for(uint64_t n) noexcept nogil:
    global whole_bytes, whole_cap
    cdef uint64_t wanted = n + (n >> 12) + (n >> 14) + (n >> 25) + 64      # deflateBound and more
    cdef char* grown
    if wanted <= whole_cap and (whole_cap <= WHOLE_KEPT or wanted > WHOLE_KEPT):
        return True
    grown = <char*>realloc(whole_bytes, wanted)
    if grown == NULL:
        return False
    whole_bytes = grown
    whole_cap = wanted
    return True


cdef bint encode_whole(Exchange* ex, Span* body) noexcept nogil:
    cdef ZStream* z
    if not encode_varies(ex, body.n) or not room_for(body.n) or not encode_begin(ex):
        return False
    z = &(<Encoder*>ex.encoder).z
    z.next_in = <const uint8_t*>body.p
    z.avail_in = body.n
    z.next_out = <uint8_t*>whole_bytes
    z.avail_out = <unsigned int>min(whole_cap, <uint64_t>0xFFFFFFFF)
    deflate(z, Z_FINISH)
    body.p = whole_bytes
    body.n = <uint32_t>(<char*>z.next_out - whole_bytes)
    encode_leave(ex)
    return True


cdef uint32_t encode_live() noexcept nogil:
    return live


cdef void encode_close() noexcept nogil:
    global whole_bytes, whole_cap
    cdef Encoder* e
    cdef int coding
    for coding in range(3):
        while kept[coding] != NULL:
            e = kept[coding]
            kept[coding] = e.next
            drop(e)
        nkept[coding] = 0
    free(whole_bytes)
    whole_bytes = NULL
    whole_cap = 0


if not libz_open():
    raise ImportError("zlib's functions cannot be found in what Python's zlib module is linked to")
