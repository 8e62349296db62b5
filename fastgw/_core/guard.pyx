"""The phase GUARD."""
from fastgw._core.exchange cimport DONE, NEXT, exchange_fail
from fastgw._core.permission cimport PERMITTED, permission_before


cdef Verdict step_guard(Exchange* ex) noexcept nogil:
    cdef int found = permission_before(ex)
    if found == PERMITTED:
        return NEXT
    exchange_fail(ex, found)
    return DONE
