"""The limits of a usage plan that several nodes share: taken from leases, or by the plan's away mode."""
from libc.stdint cimport uint32_t, uint64_t

from fastgw._core.allowance cimport UsagePlan
from fastgw._core.ask cimport Wish
from fastgw._core.bucket cimport Bucket
from fastgw._core.state cimport Exchange

cdef enum:
    MOST_SHARED = 3             # the method's bucket, the plan's bucket, the quota

cdef struct SharedLimit:
    Wish wish
    uint64_t* lease             # its words
    uint64_t* own               # this node's bucket, or usage
    const Bucket* bucket        # NULL: a quota
    int level

cdef struct SharedLimits:       # of one request, in the order in which they are asked
    SharedLimit limits[MOST_SHARED]
    int n
    UsagePlan* plan

cdef enum SharedState:
    SHARED_HAS = 0              # a token of each is at hand
    SHARED_SPENT = 1            # of one there is none, and none to ask for yet; ex.level is its
    SHARED_NONE = 2             # ask, or go by the away mode
    SHARED_GONE = 3             # of shared_take: another worker was faster; look again

cdef void shared_gather(Exchange* ex, SharedLimits* shared, uint32_t window) noexcept nogil
cdef SharedState shared_look(Exchange* ex, const SharedLimits* shared, uint64_t now) noexcept nogil
cdef bint shared_ask(Exchange* ex, const SharedLimits* shared, uint64_t now) noexcept nogil
# The exchange waits; False where there is nobody to ask, or it has asked often enough: shared_take decides
cdef SharedState shared_take(Exchange* ex, const SharedLimits* shared, uint64_t now) noexcept nogil
# Takes from all, HAS, or from none: SPENT (ex.level says which) or GONE
