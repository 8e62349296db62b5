"""The beginning of a body, for statements that look at it."""
from libc.stdint cimport uint32_t

from fastgw._core.bytes cimport Span
from fastgw._core.state cimport Exchange

cdef enum:
    BODY_MOST = 65536       # the highest setting of what is looked at

cdef struct Beginning:
    Span text               # decoded
    bint cut                # the body goes on
    bint bad                # it has a coding that cannot be undone here

cdef bint beginning_here(Exchange* ex, uint32_t n) noexcept nogil
"""The first n bytes have arrived, or all there are."""
cdef void beginning_read(Exchange* ex, uint32_t n, Beginning* b) noexcept nogil
"""Good until the next call."""
