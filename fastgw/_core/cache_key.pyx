"""Write keys. Every value stands behind its length, so that no two requests run into one text."""
from libc.stdint cimport uint8_t, uint32_t

from fastgw._core.bytes cimport coding_name, list_next, put, put_char, put_span, same_case, span
from fastgw._core.program cimport program_write, put_query_decoded, query_name_is, query_next
from fastgw._core.state cimport CachePlan, Field, KEY_HEADER, KEY_QUERY, KeyPart, field_value

cdef enum Coding:           # bits; of a coding that is not here an answer is not cached
    C_GZIP = 1
    C_BR = 2
    C_ZSTD = 4
    C_DEFLATE = 8
    C_ANY = 16              # "*"
    C_NOT_PLAIN = 32        # identity is refused


# --- Accept-Encoding (RFC 9110 section 12.5.3)

cdef int coding_bit(Span name) noexcept nogil:
    if name.n == 4 and same_case(name.p, b"gzip", 4) or name.n == 6 and same_case(name.p, b"x-gzip", 6):
        return C_GZIP
    if name.n == 2 and same_case(name.p, b"br", 2):
        return C_BR
    if name.n == 4 and same_case(name.p, b"zstd", 4):
        return C_ZSTD
    if name.n == 7 and same_case(name.p, b"deflate", 7):
        return C_DEFLATE
    if name.n == 1 and name.p[0] == c"*":
        return C_ANY
    return 0


cdef bint weighs_nothing(Span parameters) noexcept nogil:
    """";q=0", "; q=0.000": the coding is refused (RFC 9110 section 12.4.2)."""
    cdef uint32_t i = 0
    while i < parameters.n and (parameters.p[i] == c";" or parameters.p[i] == c" " or parameters.p[i] == c"\t"):
        i += 1
    if i + 2 >= parameters.n or (parameters.p[i] | 32) != c"q" or parameters.p[i + 1] != c"=":
        return False
    for i in range(i + 2, parameters.n):
        if parameters.p[i] != c"0" and parameters.p[i] != c".":
            return False
    return True


cdef int cache_codings(Span accepted) noexcept nogil:
    """Which codings the client takes; an order of preference changes no right answer into a wrong one."""
    cdef uint32_t at = 0
    cdef int codings = 0, bit
    cdef bint refused
    cdef Span one, name, parameters
    while list_next(accepted, &at, &one):
        name = coding_name(one, &parameters)
        refused = weighs_nothing(parameters)
        if name.n == 8 and same_case(name.p, b"identity", 8):
            if refused:
                codings |= C_NOT_PLAIN
            continue
        bit = coding_bit(name)
        if not refused:
            codings |= bit
        elif bit == C_ANY:
            codings |= C_NOT_PLAIN
    return codings


cdef bint coding_taken(Span coding, int codings) noexcept nogil:
    if coding.n == 0 or (coding.n == 8 and same_case(coding.p, b"identity", 8)):
        return not codings & C_NOT_PLAIN
    return coding_bit(coding) & codings & ~C_ANY != 0


# --- the key

cdef void put_number(Writer* w, uint32_t value) noexcept nogil:
    put(w, <char*>&value, 4)


cdef void put_value(Writer* w, Span value) noexcept nogil:
    put_number(w, value.n)
    if value.n:                 # what is empty may lie nowhere
        put_span(w, value)


cdef inline uint32_t leave_number(Writer* w) noexcept nogil:
    """Room for a number that is not known yet; returns where."""
    put_number(w, 0)
    return w.n - 4


cdef inline void fill_number(Writer* w, uint32_t at, uint32_t value) noexcept nogil:
    cdef Writer there
    if w.full:
        return
    there.p = w.p
    there.n = at
    there.cap = at + 4
    there.full = False
    put(&there, <char*>&value, 4)


cdef void put_query_values(Writer* w, Exchange* ex, Span wanted) noexcept nogil:
    """How many values there are, then each, decoded: an upstream may read the first or the last."""
    cdef uint32_t at = 0, found = 0, before, counted = leave_number(w)
    cdef Span name, value
    while query_next(ex.query, &at, &name, &value):
        if query_name_is(name, wanted):
            found += 1
            before = leave_number(w)
            put_query_decoded(w, value)
            fill_number(w, before, w.n - before - 4)
    fill_number(w, counted, found)


cdef void put_header_values(Writer* w, Exchange* ex, Span wanted) noexcept nogil:
    cdef uint32_t i, found = 0, counted = leave_number(w)
    cdef Field* f
    for i in range(ex.nfields):
        f = &ex.fields[i]
        if f.name_n == wanted.n and same_case(ex.head + f.name, wanted.p, wanted.n):
            found += 1
            put_value(w, field_value(ex.head, f))
    fill_number(w, counted, found)


cdef void put_program(Writer* w, Exchange* ex, KeyPart* part) noexcept nogil:
    cdef uint32_t before = leave_number(w)
    put_char(w, <char>(program_write(&part.value, ex, w) + 1))
    fill_number(w, before, w.n - before - 4)


cdef void put_place(Writer* w, Exchange* ex, CachePlan* plan) noexcept nogil:
    """The resource: by its canonical path, or by the name that several share and the path parameters."""
    cdef int i
    if not plan.by_place:
        put_value(w, ex.rest)
        return
    put_value(w, plan.place)
    put_number(w, ex.match.nparams)
    for i in range(<int>ex.match.nparams):
        put_value(w, span(ex.rest.p + ex.match.off[i], ex.match.len[i]))


cdef bint cache_key(Exchange* ex, int codings, Writer* w) noexcept nogil:
    cdef CachePlan* plan = ex.route.cache
    cdef KeyPart* part
    cdef uint32_t i
    put(w, <char*>&ex.stage.zone, sizeof(void*))
    put_char(w, <char>plan.verb)
    put_char(w, <char>codings)
    put_char(w, <char>(plan.whole_query | (ex.identity.p != NULL) << 1 | plan.by_place << 2))
    put(w, <char*>&ex.conn.local_port, 2)
    put_value(w, ex.host)
    put_place(w, ex, plan)
    if plan.whole_query:
        put_value(w, ex.query)
    put_value(w, ex.identity)
    put_number(w, plan.nparts)
    for i in range(plan.nparts):
        part = &plan.parts[i]
        if part.kind == KEY_QUERY:
            put_value(w, part.name)
            put_query_values(w, ex, part.name)
        elif part.kind == KEY_HEADER:
            put_value(w, part.name)
            put_header_values(w, ex, part.name)
        else:
            put_program(w, ex, part)
    return not w.full
