"""The phase GUARD: what keeps a request out before anybody asks who sends it."""
from fastgw._core.exchange cimport Verdict
from fastgw._core.state cimport Exchange

cdef Verdict step_guard(Exchange* ex) noexcept nogil
