"""INTEGRATE towards the client: the upstream's answer, relayed as it comes."""
from libc.stdint cimport uint32_t

from fastgw._core.state cimport Exchange, UpConn

cdef void relay_head(Exchange* ex, UpConn* up, int status) noexcept nogil
cdef void relay_piece(Exchange* ex, UpConn* up, const char* p, uint32_t n) noexcept nogil
cdef int relay_flush(Exchange* ex) noexcept nogil       # 0, or a negative errno: the client is gone
cdef void relay_leave(Exchange* ex) noexcept nogil      # give back what an answer that ends, or never comes, has taken
