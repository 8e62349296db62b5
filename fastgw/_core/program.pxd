"""Programs: texts with values of the request put in, compiled to a list of ops.

Upstream paths and queries, mapped parameters, gateway responses and fixed answers are all Programs.
"""
from libc.stdint cimport uint8_t, uint32_t

from fastgw._core.bytes cimport Span, Writer
from fastgw._core.state cimport Exchange, Program

cdef enum Context:          # what OP_CONTEXT can put in; `index` of the op
    C_NOTHING = 0           # a variable that never has a value here
    C_REQUEST_ID = 1
    C_EXTENDED_ID = 2
    C_METHOD = 3
    C_PATH = 4              # as the client wrote it, base path and stage included
    C_RESOURCE = 5
    C_STAGE = 6
    C_API_ID = 7
    C_PROTOCOL = 8
    C_SOURCE_IP = 9
    C_USER_AGENT = 10
    C_TIME_CLF = 11         # 20/Nov/2026:20:58:40 +0000
    C_TIME_MS = 12          # since the epoch
    C_HOST = 13
    C_HOST_LABEL = 14       # the host's first label
    C_ERROR_MESSAGE = 15
    C_ERROR_TYPE = 16
    C_STATUS = 17
    C_DATE = 18             # IMF-fixdate
    C_TRACE_ID = 19         # Root=1-{8 hex: seconds}-{24 hex}
    C_LOCAL_PORT = 21       # of the listener
    C_ROUTE_KEY = 20        # "GET /pets/{id}"
    C_ERROR_DETAIL = 22     # why a body was refused

cdef enum ProgramResult:
    PROGRAM_OK = 0
    PROGRAM_MISSING = 1     # a value was absent; the rest was written
    PROGRAM_REFUSED = -1    # a value would change the target (a dot segment); answer 400

cdef int program_write(const Program* program, Exchange* ex, Writer* w) noexcept nogil
cdef int encode_put(Writer* w, Span value, int mode) noexcept nogil
cdef bint query_name_is(Span raw, Span name) noexcept nogil
cdef void put_query_decoded(Writer* w, Span raw) noexcept nogil
cdef uint32_t decode_at(Span raw, uint32_t i, uint8_t* byte) noexcept nogil
"""One decoded byte of a query at i, "+" being a space; how many raw bytes it took."""
cdef bint query_next(Span query, uint32_t* at, Span* name, Span* value) noexcept nogil
