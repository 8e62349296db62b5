"""Compressed answers: who gets one, and the stream that makes it (RFC 9110 sections 8.4 and 12.5.3).

An answer is compressed where its stage says from which size on, its client names gzip or deflate with a weight above
zero, and it has no coding already. Bodies that lie whole in memory are compressed at once and keep a
Content-Length; the others as they come, in chunks, flushed with every read.
"""
from libc.stdint cimport uint32_t, uint64_t

from fastgw._core.bytes cimport Span, Writer
from fastgw._core.state cimport Exchange, UpConn

cdef enum Measure:          # of an upstream's answer, by its head
    MEASURE_NO = 0          # never compressed
    MEASURE_SMALL = 1
    MEASURE_LARGE = 2       # compressed for those who take it
    MEASURE_UNKNOWN = 3     # its length is not known: it is held until it is large enough, or at its end

cdef int encode_measure(Exchange* ex, UpConn* up) noexcept nogil
cdef int encode_accepted(Exchange* ex) noexcept nogil           # the Coding that the client wants
cdef bint encode_begin(Exchange* ex) noexcept nogil
"""A stream for the answer: sets ex.coding. False: the client takes none, or too many are under way."""
cdef bint encode_some(Exchange* ex, Span* rest, int flush, Span* out) noexcept nogil
"""Compress of rest what fits into one piece of output, good until the next call. True: call again."""
cdef bint encode_whole(Exchange* ex, Span* body) noexcept nogil
"""The body of an answer of the gateway's own, in place: good until the next call. False: it stays as it is."""
cdef bint encode_varies(Exchange* ex, uint64_t length) noexcept nogil       # another client might get it compressed
cdef void put_coding(Writer* w, Exchange* ex) noexcept nogil    # fields of an answer that encode_varies
cdef void encode_leave(Exchange* ex) noexcept nogil
cdef uint32_t encode_live() noexcept nogil                      # streams under way
cdef void encode_close() noexcept nogil
