"""The phases KEY and THROTTLE, and the places with an integration."""
from fastgw._core.state cimport Exchange

cdef enum Allowed:
    ALLOWED = -1            # else a failure code
    ASKED = -2              # the exchange waits for leased tokens, then the phase is walked again

cdef int limits_key(Exchange* ex) noexcept nogil        # whose request it is, where the route asks for a key
cdef int limits_throttle(Exchange* ex) noexcept nogil   # five buckets, then the quota: all or nothing
cdef int limits_enter(Exchange* ex) noexcept nogil      # a place with the route's integration
cdef void limits_leave(Exchange* ex) noexcept nogil     # give it back; also where there is none
