"""VALIDATE: what a request must hold before it goes further."""
from fastgw._core.bytes cimport Span
from fastgw._core.state cimport Exchange

cdef enum:
    VALID = -1

# Both give VALID, or the failure's code with ex.message or ex.detail set.
cdef int validate_head(Exchange* ex) noexcept nogil
"""The required parameters, and the content's type; ex.model is then what the body is held against, or NULL."""
cdef int validate_body(Exchange* ex, Span body) noexcept nogil
"""The whole body against ex.model."""
