"""A request of HTTP/2, written out as one of HTTP/1.1 for the engine's own parser.

What two readers of that text could read differently never gets into it: a field name or a value that could end its
line, a target that could end the request line, a second authority. Such a request is malformed, and its stream is reset
(RFC 9113 section 8.1.1); nghttp2 sees to the rest of that section, and the parser to the rules of the house.
"""
from libc.stdint cimport int32_t, uint8_t, uint32_t

from fastgw._core.h2_state cimport H2, H2Stream

cdef enum Headed:
    HEADED = 0
    HEAD_MALFORMED = 1
    HEAD_TOO_MUCH = 2           # far beyond what was announced, or no memory: the connection cannot go on

cdef void request_begin(H2* h2, H2Stream* s) noexcept nogil         # a header block comes; s NULL: trailers, dropped
cdef int request_field(H2* h2, const char* name, size_t name_n, const char* value, size_t value_n) noexcept nogil
cdef int request_headed(H2* h2, bint ended) noexcept nogil          # the block is complete; ended: so is the request
cdef void request_body(H2Stream* s, const char* p, uint32_t n) noexcept nogil
cdef void request_ended(H2Stream* s) noexcept nogil
cdef void request_forget(H2* h2) noexcept nogil                     # free what header blocks are held in
