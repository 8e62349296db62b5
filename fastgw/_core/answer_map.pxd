"""What a route makes of an upstream's answers of one status: another status, other fields."""
from fastgw._core.bytes cimport Writer
from fastgw._core.state cimport Exchange, UpConn

cdef void answer_find(Exchange* ex) noexcept nogil      # set ex.answer by ex.up_status
cdef void answer_apply(Exchange* ex) noexcept nogil     # set ex.status, write its fields to the table of mapped.pxd
cdef void put_answer_line(Writer* w, Exchange* ex, UpConn* up) noexcept nogil
