"""The door of AUTH: have an authorizer asked about a request."""
from fastgw._core.bytes cimport Span
from fastgw._core.state cimport Exchange

cdef struct AskingEvents:
    void (*decided)(Exchange* ex) noexcept nogil            # ex.caller is set: walk AUTH again
    void (*failed)(Exchange* ex, int code) noexcept nogil

cdef void asking_open(const AskingEvents* events)
cdef int ask_for(Exchange* ex, Span identity) noexcept nogil    # an Authorized, or a failure code
