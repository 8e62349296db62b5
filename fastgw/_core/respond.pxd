"""Answers that the gateway gives itself, and what every answer ends with."""
from fastgw._core.bytes cimport Writer
from fastgw._core.state cimport Exchange

# Each writes a whole answer and returns 0, or a negative errno. ex.keep must be settled before.
cdef int respond_failure(Exchange* ex, int code) noexcept nogil
cdef int respond_fixed(Exchange* ex) noexcept nogil
cdef int respond_preflight(Exchange* ex) noexcept nogil
cdef int respond_asterisk(Exchange* ex) noexcept nogil      # OPTIONS *: the server as a whole
cdef int respond_continue(Exchange* ex) noexcept nogil      # 100 Continue

cdef void put_connection(Writer* w, Exchange* ex) noexcept nogil
cdef void put_cors(Writer* w, Exchange* ex) noexcept nogil
cdef void respond_log(Exchange* ex) noexcept nogil          # LOG: counters and access log, once per exchange
