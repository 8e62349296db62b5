"""Downstream connections: reading ahead, deadlines, and the close that loses no answer."""
from libc.stdint cimport uint8_t, uint16_t, uint64_t

from fastgw._core.state cimport Conn

cdef struct Entrance:       # what a listener says of its connections
    uint8_t tcp             # else a unix socket
    uint8_t tls
    uint8_t proxied         # they begin with a header of the PROXY protocol
    uint8_t http2           # by prior knowledge; not where tls is
    uint16_t port           # 0 for a unix socket

cdef void conn_open(object loop)
cdef void conn_accept(void* server, const Entrance* by) noexcept nogil
cdef void conns_drain(uint64_t lull_ms) noexcept nogil  # close those idle for so long; the others close with their answer
cdef void conns_close() noexcept nogil          # all, at once
