"""The request head: spans from llhttp, then this gateway's own rules (RFC 9112 and DESIGN section 5)."""
from libc.stdint cimport uint32_t

from fastgw._core.llhttp cimport ParserSettings
from fastgw._core.state cimport Exchange

cdef enum HeadResult:
    HEAD_MORE = -1          # the head is not complete
    HEAD_DONE = -2          # complete and by the rules; `used` bytes belong to it
                            # 0 and above: a failure code

cdef ParserSettings request_settings

# Feed bytes of a head. p must stay valid until the call returns; what is kept is copied into ex.head.
cdef int head_feed(Exchange* ex, const char* p, uint32_t n, uint32_t* used) noexcept nogil

# Decode a chunked request body: the function given to head_on_piece gets the pieces. 0, HPE_PAUSED at the end, or an error.
ctypedef void (*piece_cb)(Exchange* ex, const char* p, uint32_t n) noexcept nogil
cdef void head_on_piece(piece_cb piece) noexcept nogil
cdef int chunks_feed(Exchange* ex, const char* p, uint32_t n, uint32_t* used) noexcept nogil
