"""Bytes that a connection has read ahead: what its exchange could not take yet."""
from libc.stdint cimport uint32_t

from fastgw._core.state cimport Conn

cdef bint ahead_add(Conn* c, const char* p, uint32_t n) noexcept nogil      # behind what is there; False: no memory
cdef void ahead_drop(Conn* c) noexcept nogil
