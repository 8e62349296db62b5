"""Directives of Cache-Control (RFC 9111 section 5.2)."""
from libc.stdint cimport uint32_t, uint64_t

from fastgw._core.bytes cimport Span

# The next directive; value is without its quotes, p NULL where there is none. False: the list has ended.
cdef bint directive_next(Span list, uint32_t* at, Span* name, Span* value) noexcept nogil
cdef bint directive_is(Span name, const char* wanted, uint32_t n) noexcept nogil
cdef uint64_t delta_seconds(Span value) noexcept nogil      # 0 for what is no number: stale; at most 2**31 - 1
