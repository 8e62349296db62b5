"""What a route makes of an upstream's answers of one status: another status, other fields."""
from libc.stdint cimport uint16_t

from fastgw._core.bytes cimport Writer
from fastgw._core.state cimport Exchange, UpConn

cdef void answer_map(Exchange* ex, int status) noexcept nogil
"""Find it, write its fields to the table of mapped.pxd, and set ex.status."""
cdef void put_answer_line(Writer* w, Exchange* ex, UpConn* up) noexcept nogil
