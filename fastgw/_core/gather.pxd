"""Pieces of one message collected for one write: fields built in place, bodies by reference.

Two of them serve the whole worker, because a piece never outlives the read that brought it.
"""
from libc.stdint cimport uint32_t

from fastgw._core.bytes cimport Writer
from fastgw._core.libuv cimport Buf
from fastgw._core.state cimport Exchange
from fastgw._core.stream cimport Stream

cdef enum:
    GATHER_BUFS = 64
    GATHER_BYTES = 131072       # fields and chunk headers of one write

cdef struct Gather:
    Buf bufs[GATHER_BUFS]
    uint32_t n
    int cell                    # counter of the bytes sent
    uint32_t open_from          # start of what `text` holds beyond the last buf
    Writer text

cdef Gather to_client
cdef Gather to_upstream

cdef void gather_clear(Gather* g) noexcept nogil
cdef void gather_piece(Gather* g, const char* p, uint32_t n) noexcept nogil         # copied when short, else by reference
cdef void gather_chunk(Gather* g, const char* p, uint32_t n) noexcept nogil         # as one chunk (RFC 9112 section 7.1)
cdef bint gather_crowded(Gather* g) noexcept nogil              # send before the next piece
cdef int gather_send(Gather* g, Stream* s) noexcept nogil       # 0, or a negative errno
cdef int gather_answer(Exchange* ex) noexcept nogil             # to_client, to the exchange's client; counted as its
cdef inline bint gather_empty(Gather* g) noexcept nogil:
    return g.n == 0 and g.text.n == g.open_from
