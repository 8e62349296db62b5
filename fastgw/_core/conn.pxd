"""Downstream connections: reading ahead, deadlines, and the close that loses no answer."""
from fastgw._core.state cimport Conn

cdef void conn_open(object loop)
cdef void conn_accept(void* server, bint tcp, int local_port) noexcept nogil
cdef void conns_drain() noexcept nogil          # close the idle ones; the others close with their answer
cdef void conns_close() noexcept nogil          # all, at once
