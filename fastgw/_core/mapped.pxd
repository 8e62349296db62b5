"""What a route sets, adds or takes away among query parameters or fields, evaluated for one request.

One table at a time: it is written, looked at while the message's own are copied, and put behind them.
"""
from libc.stdint cimport uint16_t, uint32_t

from fastgw._core.bytes cimport Span, Writer
from fastgw._core.ops cimport Mapping
from fastgw._core.state cimport Exchange

cdef enum:
    MAPPED = 64             # rows; the plan compiler holds to it

cdef void mapped_fields(Exchange* ex, const Mapping* all, uint16_t n) noexcept nogil
cdef void mapped_queries(Exchange* ex, const Mapping* all, uint16_t n) noexcept nogil
"""A row without a value for this request changes nothing."""
cdef bint mapped_hides_field(const char* name, uint32_t n) noexcept nogil
"""The message's own field of that name is replaced or removed."""
cdef bint mapped_hides_query(Span name) noexcept nogil
cdef bint mapped_has(uint16_t row) noexcept nogil
cdef Span mapped_text() noexcept nogil
"""The field lines, or the parameters each with a "&" in front."""
cdef bint mapped_full() noexcept nogil      # not all of it had room
cdef bint value_absent(const Mapping* row, int result) noexcept nogil
"""result is program_write's: a single value that the request does not have; what a mix lacks is left out of it."""
