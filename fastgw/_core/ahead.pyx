"""The one buffer that a connection reads ahead into."""
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from fastgw._core.state cimport core


cdef bint ahead_add(Conn* c, const char* p, uint32_t n) noexcept nogil:
    cdef uint32_t cap = c.pend_cap if c.pend != NULL else 0
    cdef char* room
    if c.pend_at + c.pend_n + n > cap:
        # Exact at first, for most never grow; the window of a stream of HTTP/2 may fill byte by byte.
        cap = max(2 * cap, c.pend_n + n)
        room = <char*>malloc(cap)
        if room == NULL:
            return False
        if c.pend == NULL:
            core.live.buffers += 1
        else:
            memcpy(room, c.pend + c.pend_at, c.pend_n)
            free(c.pend)
        c.pend, c.pend_cap, c.pend_at = room, cap, 0
    memcpy(c.pend + c.pend_at + c.pend_n, p, n)
    c.pend_n += n
    return True


cdef void ahead_drop(Conn* c) noexcept nogil:
    if c.pend != NULL:
        free(c.pend)
        c.pend = NULL
        core.live.buffers -= 1
    c.pend_n = c.pend_at = 0
