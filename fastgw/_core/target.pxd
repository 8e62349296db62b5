"""Groups and their endpoints: who is in them, across plans and resolutions.

A group outlives the plans that name it, and an endpoint the changes of its group that leave it in: a reload, or a
name's new answer, keeps the pools of the endpoints that stay.
"""
from libc.stdint cimport uint32_t

from fastgw._core.bytes cimport Span
from fastgw._core.group cimport Address
from fastgw._core.state cimport Target
from fastgw._core.tls cimport TlsContext

cdef struct Member:         # an endpoint as the control plane names it
    Span key                # "10.0.0.1:80", "[::1]:80" or "unix:/path"
    Address address         # not of a unix path
    uint32_t weight
    uint32_t max_connections

cdef Target* target_find(Span key) noexcept nogil
cdef Target* target_new(Span key, Span authority) noexcept nogil        # NULL: no memory
cdef bint target_hash_header(Target* t, Span name) noexcept nogil       # False: no memory
cdef bint target_secure(Target* t, TlsContext* context, Span name) noexcept nogil   # the same
# These endpoints and no others; one that memory is lacking for is left out.
cdef void target_settle(Target* t, const Member* members, uint32_t n) noexcept nogil
cdef void targets_sweep(bint all_plans_gone) noexcept nogil # free what nothing uses: endpoints, and targets no plan names
