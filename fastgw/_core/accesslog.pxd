"""The access log: one line for each request, written straight into the worker's ring.

No system call, no lock, no wait: without room the line is dropped and counted.
"""
from libc.stdint cimport uint32_t, uint64_t

from fastgw._core.bytes cimport Span, Writer
from fastgw._core.state cimport Exchange, LogPlan

cdef enum:
    VALUE_BYTES = 2048      # of one value in a line, as written; what is longer is cut and marked

cdef void log_open(char* region, uint64_t region_bytes) noexcept nogil      # NULL: lines go nowhere
cdef void log_write(Exchange* ex, const LogPlan* log) noexcept nogil
cdef void put_logged(Writer* w, Span value, int mode) noexcept nogil        # mode: E_LOG_TEXT, E_LOG_JSON, E_LOG_XML
