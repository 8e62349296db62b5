"""Bodies of the name table."""
from fastgw._core.bytes cimport same_case, same_fold, span
from fastgw._core.state cimport Name


cdef uint8_t name_token(const NameTable* t, const char* p, uint32_t n, bint* exact) noexcept nogil:
    cdef const Name* name
    cdef int at
    exact[0] = False
    if n == 0:
        return 0
    at = t.bucket[name_bucket(p, n)]
    while at >= 0:
        name = &t.names[at]
        if name.text.n == n and same_fold(name.text.p, p, n):
            exact[0] = same_case(name.text.p, p, n)
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
