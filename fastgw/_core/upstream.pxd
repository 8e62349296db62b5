"""Upstream connections on the wire. An exchange asks the pool for one; what comes of it are its Requester's events."""
from libc.stdint cimport uint32_t

from fastgw._core.pool cimport failed_cb
from fastgw._core.state cimport UpConn

cdef void upstream_open(failed_cb failed) noexcept nogil
cdef void upstream_pause(UpConn* up) noexcept nogil                 # the client does not keep up
cdef void upstream_resume(UpConn* up) noexcept nogil
# The request is out: the clock runs. first_byte_ms 0: the target's.
cdef void upstream_sent(UpConn* up, uint32_t timeout_ms, uint32_t first_byte_ms) noexcept nogil
cdef void upstream_progress(UpConn* up) noexcept nogil              # part of a request is out
# A write failed. True: the server had refused our handshake, and the exchange has been told.
cdef bint upstream_refused(UpConn* up) noexcept nogil
cdef void upstream_close_all() noexcept nogil
