"""Walk a Connection list once; its length is bounded, so that the cost is too."""
from fastgw._core.bytes cimport list_next, same_case
from fastgw._core.state cimport M_LISTED, T_CONNECTION

cdef enum:
    MEMBERS = 32


cdef bint mark_listed(const char* base, Field* fields, uint32_t n, Span value) noexcept nogil:
    cdef uint32_t at = 0, i
    cdef int members = 0
    cdef Span one
    if (value.n == 10 and same_case(value.p, b"keep-alive", 10)) or (value.n == 5 and same_case(value.p, b"close", 5)):
        return True                 # the common case
    while list_next(value, &at, &one):
        if one.n == 0:
            continue
        members += 1
        if members > MEMBERS:
            return False
        for i in range(n):
            if fields[i].name_n == one.n and fields[i].token != T_CONNECTION \
                    and same_case(base + fields[i].name, one.p, one.n):
                fields[i].marks |= M_LISTED
    return True
