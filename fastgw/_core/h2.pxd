"""HTTP/2 (RFC 9113) on clients' connections: sessions of nghttp2 behind Conns. h2_state.pxd says who owns what."""
from libc.stdint cimport uint32_t, uint64_t

from fastgw._core.h2_state cimport H2Events
from fastgw._core.state cimport Conn

cdef bint h2_greeted(Conn* c, const char* p, uint32_t n) noexcept nogil     # the first bytes of a plain connection that may
                                                        # speak HTTP/2. False: these bytes are of HTTP/1.1, and so is it
cdef void h2_secured(Conn* c) noexcept nogil            # its TLS handshake is made: ALPN says what it speaks
cdef void h2_data(Conn* c, const char* p, uint32_t n) noexcept nogil
cdef void h2_drained(Conn* c) noexcept nogil            # the client took what was queued
cdef uint64_t h2_deadline(Conn* c) noexcept nogil       # of what it waits for; 0: each stream has its own
cdef void h2_late(Conn* c) noexcept nogil               # the deadline has passed
cdef void h2_drain(Conn* c, uint64_t lull_ms) noexcept nogil    # take no more requests, after the lull; end with the last
cdef void h2_leave(Conn* c) noexcept nogil              # the connection ends: give its streams up
cdef void h2_free(Conn* c) noexcept nogil
cdef int h2_open(const H2Events* events, void* loop) except -1
cdef void h2_close() noexcept nogil
