"""Downstream connections: reading ahead, deadlines, and the close that loses no answer."""
from libc.stdint cimport uint64_t

from fastgw._core.state cimport Conn

cdef void conn_open(object loop)
cdef void conn_accept(void* server, bint tcp, int local_port) noexcept nogil
cdef void conns_drain(uint64_t lull_ms) noexcept nogil  # close those idle for so long; the others close with their answer
cdef void conns_close() noexcept nogil          # all, at once
