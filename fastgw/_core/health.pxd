"""The health of an endpoint: ejection by its own failures, the active checks' verdict, the slow start afterwards.

Ejection is each worker's own: it needs no message and acts within the requests that met the failure. The active
checks run once for the node, in the control process, and their verdict is a byte in shared memory.
"""
from libc.stdint cimport uint64_t, uint8_t

from fastgw._core.bytes cimport Span
from fastgw._core.state cimport Endpoint

cdef enum:
    FULL_SHARE = 256        # of one unit of weight

cdef bint endpoint_well(Endpoint* e, uint64_t now) noexcept nogil       # may be given a request
cdef void endpoint_chosen(Endpoint* e, uint64_t now) noexcept nogil     # it is given one
cdef uint64_t endpoint_share(const Endpoint* e, uint64_t now) noexcept nogil   # weight in 1/FULL_SHARE, never 0
cdef void endpoint_good(Endpoint* e, uint64_t now) noexcept nogil       # an answer is complete
cdef bint endpoint_bad(Endpoint* e, uint64_t now) noexcept nogil        # a gateway error; True: ejected for it
cdef const char* endpoint_state(Endpoint* e, uint64_t now) noexcept nogil


cdef struct Cell            # of the shared table

cdef class HealthTable:
    cdef Cell* cells

cdef void health_watch(HealthTable table) noexcept      # None: no table any more
cdef const uint8_t* health_cell(Span group, Span endpoint) noexcept nogil   # not 0: down; NULL: no table, or it is full
