"""Bodies of the name table."""
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from fastgw._core.bytes cimport same_fold, span
from fastgw._core.state cimport Name


cdef inline bint same_token(const char* lower, const char* p, uint32_t n) noexcept nogil:
    """Two field names differ in case at most, eight bytes at a time.

    Setting the 0x20 bit makes a letter lower case and joins no two characters of a token (RFC 9110 section 5.6.2)
    but "^" and "~", which no name with a rule has.
    """
    cdef uint64_t a, b
    cdef uint32_t i = 0
    while i + 8 <= n:
        memcpy(&a, lower + i, 8)
        memcpy(&b, p + i, 8)
        if a != (b | 0x2020202020202020ULL):
            return False
        i += 8
    while i < n:
        if <uint8_t>lower[i] != (<uint8_t>p[i] | 0x20):
            return False
        i += 1
    return True


cdef uint8_t name_token(const NameTable* t, const char* p, uint32_t n, bint* exact) noexcept nogil:
    cdef const Name* name
    cdef int at
    exact[0] = False
    if n == 0:
        return 0
    at = t.bucket[name_bucket(p, n)]
    while at >= 0:
        name = &t.names[at]
        if name.text.n == n:
            exact[0] = same_token(name.text.p, p, n)
            if exact[0] or same_fold(name.text.p, p, n):
                return name.token
        at = name.next
    return 0


cdef int name_add(NameTable* t, const char* p, uint32_t n, uint8_t token) except -1:
    cdef uint8_t bucket = name_bucket(p, n)
    cdef Name* name
    if t.n == 128:
        raise ValueError("more than 128 field names with rules")
    name = &t.names[t.n]
    name.text = span(p, n)
    name.token = token
    name.next = t.bucket[bucket]
    t.bucket[bucket] = <short>t.n
    t.n += 1
    return 0
