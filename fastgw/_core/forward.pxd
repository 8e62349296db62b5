"""INTEGRATE towards the upstream: the request's head and body on an upstream connection."""
from libc.stdint cimport uint32_t

from fastgw._core.state cimport Exchange

cdef enum ForwardResult:
    FORWARDED = -1
    FORWARD_BROKEN = -2     # the connection was dead; nothing of the request has left
                            # 0 and above: a failure code

cdef int forward_build(Exchange* ex) noexcept nogil     # the head into gather.to_upstream; FORWARDED or a failure code
cdef int forward_head(Exchange* ex) noexcept nogil      # with the body bytes at hand; ex.conn.taken counts them
# Forward body bytes that were read; *used may stay 0 while the upstream does not keep up.
# FORWARDED, or a failure code.
cdef int forward_body(Exchange* ex, const char* p, uint32_t n, uint32_t* used) noexcept nogil
cdef void forward_piece(Exchange* ex, const char* p, uint32_t n) noexcept nogil     # of a chunked body
