"""The Conn of one stream of HTTP/2: what carries its bytes, and when it is freed."""
from libc.stdint cimport int32_t, uint32_t

from fastgw._core.h2_state cimport H2, H2Events, H2Stream

cdef H2Stream* h2_stream_new(H2* h2, int32_t id) noexcept nogil         # NULL: no memory
cdef void h2_stream_closed(H2Stream* s) noexcept nogil      # nghttp2 has closed it, or its connection is gone
cdef void h2_stream_taken(H2Stream* s) noexcept nogil       # open the window again for what was taken of its request
cdef void h2_stream_relieve(H2Stream* s) noexcept nogil     # go on with its source when little enough is left to send
cdef void h2_due(H2* h2) noexcept nogil                     # it has something to send: once this turn of the loop is over
cdef void h2_ready(H2Stream* s) noexcept nogil              # the same, for one of its streams
cdef void h2_forget(H2* h2) noexcept nogil                  # it is about to be freed
cdef const H2Events* h2_conns                               # conn.pyx

cdef int h2_streams_open(const H2Events* events, void (*on_due)(H2* h2) noexcept nogil, void* loop) except -1
cdef void h2_streams_close() noexcept nogil
