"""What values of a request are made of: the programs that the plan compiles and program.pyx runs."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from fastgw._core.bytes cimport Span

cdef enum OpKind:
    OP_TEXT = 0             # the bytes themselves
    OP_PARAM = 1            # path parameter number `index`
    OP_QUERY = 2            # last value of query parameter `text`, decoded
    OP_QUERY_MULTI = 3      # all values, comma-separated
    OP_HEADER = 4           # last value of header `text`
    OP_HEADER_MULTI = 5
    OP_CONTEXT = 6          # context variable `index`
    OP_ANSWER_MULTI = 7     # all values of the upstream's field `text`, comma-separated
    OP_BODY = 8             # a value of the request's body, by the way `text`; see json_find.pxd
    OP_ANSWER_BODY = 9      # of the upstream's answer
    OP_CALLER = 10          # variable `text` of the caller

cdef enum Encode:
    E_RAW = 0
    E_PATH = 1              # a decoded value as one path segment
    E_QUERY = 2             # a decoded value in a query
    E_ESCAPED_QUERY = 3     # a still-escaped value (path parameter) in a query
    E_HEADER = 4            # control bytes escaped
    E_JSON = 5              # inside a JSON string
    E_ESCAPED_PATH = 7      # a still-escaped value (path parameter) in a path
    E_JSON_STRING = 6       # a JSON string with its quotes; null where there is none
    E_LOG_TEXT = 8          # in an access log's line; see accesslog.pyx
    E_LOG_JSON = 9          # the same inside a JSON string
    E_LOG_JSON_VALUE = 10   # the same as a whole JSON value: number, string or null
    E_LOG_XML = 11
    E_WHOLE_PATH = 12       # a decoded value in a path, its slashes kept

cdef struct Op:
    uint8_t kind
    uint8_t encode
    uint16_t index
    Span text

cdef struct Program:
    Op* ops
    uint32_t n

cdef enum Action:
    MAP_OVERWRITE = 0       # in place of the message's own of that name
    MAP_APPEND = 1
    MAP_REMOVE = 2          # `value` is empty

cdef struct Mapping:        # a query or header parameter set by the plan
    Span name               # as written on the wire
    Program value
    uint8_t action

cdef struct AnswerPlan:     # what becomes of the upstream's answers of one status
    uint16_t status         # the upstream's
    uint16_t sends          # sent instead, with `status_line`; 0: by `says`
    uint16_t nfields
    Mapping* fields
    Span status_line        # with its CRLF
    uint8_t reads_body      # a value comes from the answer's body
    Program says            # the status sent instead; where it says none, the upstream's own
