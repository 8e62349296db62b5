"""CACHE: which requests the cache may answer, and the answers that it gives.

Who shares an answer (RFC 9111 section 3.5 and more): requests of one key. What a client says and the key does not hold
must not decide what others get. So a request with Authorization or Cookie that the key does not hold only gets, and
only leaves, answers that call themselves public; one with a body, Range or a precondition passes by.
"""
from fastgw._core.bytes cimport Writer
from fastgw._core.state cimport Exchange

cdef enum Lookup:
    LOOKUP_MISS = 0         # on to the integration; ex.fill is set where its answer may be kept
    LOOKUP_HIT = 1          # ex.hit is set; caching_send
    LOOKUP_WAITS = 2        # for an equal request
    LOOKUP_REFUSED = 3      # the client may not ask for a fresh answer

cdef bint caching_concerns(Exchange* ex) noexcept nogil     # its route caches requests of its method
cdef int caching_lookup(Exchange* ex) noexcept nogil
cdef int caching_send(Exchange* ex) noexcept nogil      # the next piece of a hit; 0, or a negative errno
cdef bint caching_sent(Exchange* ex) noexcept nogil     # all of it
cdef void caching_leave(Exchange* ex) noexcept nogil    # let go of a hit, a fill or a wait
cdef void caching_put_fields(Writer* w, Exchange* ex) noexcept nogil    # X-Cache, Warning
