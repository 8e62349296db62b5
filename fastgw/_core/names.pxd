"""Field names to tokens: one table lookup per header field, built with the plan."""
from libc.stdint cimport uint8_t, uint32_t

from fastgw._core.bytes cimport FOLD
from fastgw._core.state cimport NameTable

cdef inline uint8_t name_bucket(const char* p, uint32_t n) noexcept nogil:
    return <uint8_t>(n * 131 + FOLD[<uint8_t>p[0]] * 31 + FOLD[<uint8_t>p[n - 1]] * 7 + FOLD[<uint8_t>p[n >> 1]])

# The token of a name, 0 where the table has none. exact tells whether the spelling differs in case at
# most; otherwise "_" or "." stands for "-", a spelling that some upstreams read as the same field.
cdef uint8_t name_token(const NameTable* t, const char* p, uint32_t n, bint* exact) noexcept nogil
cdef int name_add(NameTable* t, const char* p, uint32_t n, uint8_t token) except -1    # p stays the caller's
