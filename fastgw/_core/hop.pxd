"""Hop-by-hop fields: what a Connection field names (RFC 9110 section 7.6.1). Requests and answers alike."""
from libc.stdint cimport uint32_t

from fastgw._core.bytes cimport Span
from fastgw._core.state cimport Field

# Mark the fields that one Connection value names; False: the list is longer than anybody needs.
cdef bint mark_listed(const char* base, Field* fields, uint32_t n, Span value) noexcept nogil
