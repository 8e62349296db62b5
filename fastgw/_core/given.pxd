"""Header fields that Python gives, checked and written: of a step's answer and of a call."""
from libc.stdint cimport uint32_t

from fastgw._core.bytes cimport Writer
from fastgw._core.fields cimport Field
from fastgw._core.state cimport Exchange

cdef enum:
    FIELDS = 256

cdef struct Given:          # fields of an answer, as offsets into what was written, with the plan's tokens
    uint32_t n              # of all of them, above FIELDS where there was no room for some
    Field fields[FIELDS]

# (name, value) each, in bytes; those that only the engine may write are left out. Raises TypeError or ValueError for
# what is no field (RFC 9110 section 5), and ValueError where they do not fit.
cdef int put_given(Writer* w, object fields) except -1       # of a request
# The same for the answer of an exchange, by its stage's rule for CORS.
cdef int put_answer_fields(Writer* w, Exchange* ex, object fields, Given* given) except -1
cdef bint token_clean(bytes token)          # a method or a field name (RFC 9110 section 5.6.2)
