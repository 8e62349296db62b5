"""ROUTE: host and base path to a stage, canonical path to a route."""
from fastgw._core.state cimport Exchange

cdef enum RouteResult:
    ROUTED = -1             # ex.stage and ex.route are set; otherwise a failure code

cdef int route_find(Exchange* ex) noexcept nogil
cdef bint route_is_preflight(Exchange* ex) noexcept nogil
