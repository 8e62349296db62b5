"""What the shared counters learn of a request."""
from fastgw._core.state cimport Exchange

cdef void tally_request(Exchange* ex) noexcept nogil       # at LOG, once; ex.ended is set
cdef void tally_failure(Exchange* ex, int code) noexcept nogil
