"""Connections by client address, counted only where max_connections_per_address is set."""
from fastgw._core.state cimport Conn

cdef bint peer_enter(Conn* c) noexcept nogil        # False: the address has its share already
cdef void peer_leave(Conn* c) noexcept nogil
