"""The client's way here."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastgw._core.bytes cimport Span, parse_length, put, put_span, put_uint, same_case, span
from fastgw._core.network cimport address_put
from fastgw._core.state cimport M_LOOSE, T_FORWARDED_FOR, T_FORWARDED_PORT, T_FORWARDED_PROTO, field_value


cdef Span hop_field(Exchange* ex, uint8_t token) noexcept nogil:
    """What a hop that we trust says in the last such field; n 0: nothing."""
    cdef uint32_t i = ex.nfields if ex.forwarded else 0
    while i > 0:
        i -= 1
        if ex.fields[i].token == token and not ex.fields[i].marks & M_LOOSE:
            return field_value(ex.head, &ex.fields[i])
    return span(NULL, 0)


cdef void put_forwarded_for(Writer* w, Exchange* ex) noexcept nogil:
    cdef uint32_t i
    cdef Span list
    for i in range(ex.nfields if ex.forwarded else 0):
        list = field_value(ex.head, &ex.fields[i])
        if ex.fields[i].token == T_FORWARDED_FOR and not ex.fields[i].marks & M_LOOSE and list.n:
            put_span(w, list)
            put(w, b", ", 2)
    address_put(w, &ex.conn.address)


cdef bint request_secure(Exchange* ex) noexcept nogil:
    cdef Span told = hop_field(ex, T_FORWARDED_PROTO)
    if (told.n == 4 or told.n == 5) and same_case(told.p, b"https", told.n):
        return told.n == 5
    return ex.conn.secure


cdef void put_forwarded_proto(Writer* w, Exchange* ex) noexcept nogil:
    put(w, b"https", 5 if request_secure(ex) else 4)


cdef bint put_forwarded_port(Writer* w, Exchange* ex) noexcept nogil:
    cdef Span told = hop_field(ex, T_FORWARDED_PORT)
    cdef uint64_t port
    if parse_length(told, &port) and 0 < port < 65536:
        put_uint(w, port)
        return True
    put_uint(w, ex.conn.local_port)
    return ex.conn.local_port != 0
