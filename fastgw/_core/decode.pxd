"""Request bodies that come compressed (Content-Encoding, RFC 9110 section 8.4): decoded once, before VALIDATE.

What is checked, mapped and passed on is the decoded body. It is held whole, under the limit of every body and under
a limit by its compressed size, so that a few bytes never become many.
"""
from libc.stdint cimport uint32_t, uint64_t

from fastgw._core.bytes cimport Span
from fastgw._core.state cimport Exchange

cdef enum:
    DECODE_FREE = 65536     # bytes that any body may become
    DECODE_RATIO = 250      # and so many for each byte of it

cdef enum DecodeResult:
    DECODED = -1            # 0 and above: a failure code

cdef enum Content:          # Exchange.content
    CONTENT_UNSEEN = 0
    CONTENT_PLAIN = 1       # or decoded
    CONTENT_GZIP = 2
    CONTENT_DEFLATE = 3

cdef int content_of(Exchange* ex) noexcept nogil
"""Which coding the body has; -1 for an unknown one, or for more than one."""
cdef int window_of(bint gzip, Span body) noexcept nogil     # for inflate_init
cdef int decode_wants(Exchange* ex, bint* wanted) noexcept nogil    # DECODED, or the failure of a coding nobody knows
cdef int decode_body(Exchange* ex, Span body) noexcept nogil        # in its place
cdef int decode_bytes(bint gzip, Span body, uint64_t limit, char** out, uint32_t* n) noexcept nogil
"""out is malloc's, NULL where there is nothing; the caller owns it."""
