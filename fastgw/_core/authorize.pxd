"""The phase AUTH: who asks, and whether they may. A decision that was made once is found without the GIL."""
from fastgw._core.bytes cimport Span
from fastgw._core.state cimport Exchange

cdef enum Authorized:
    AUTHORIZED = -1         # else a failure code
    AUTHORIZING = -2        # the exchange waits for the decision, then the phase is walked again
    AUTH_ANSWERED = -3      # the exchange has ended with its failure
    AUTH_WANTS_BODY = -4    # it is to be walked again with the whole body

cdef int authorize(Exchange* ex, const Span* body) noexcept nogil       # body NULL: it is not here yet
