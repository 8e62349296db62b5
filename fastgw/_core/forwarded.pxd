"""What an upstream is told of the client's way here: X-Forwarded-For, -Port and -Proto; a trusted hop's word counts."""
from fastgw._core.bytes cimport Writer
from fastgw._core.state cimport Exchange

cdef bint request_secure(Exchange* ex) noexcept nogil
"""The client speaks TLS: to us, or as a hop that we trust says to that one."""
cdef void put_forwarded_for(Writer* w, Exchange* ex) noexcept nogil
cdef bint put_forwarded_port(Writer* w, Exchange* ex) noexcept nogil       # False: there is none
cdef void put_forwarded_proto(Writer* w, Exchange* ex) noexcept nogil
