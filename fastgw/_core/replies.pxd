"""What a stage answers by itself: to failures, and to other origins."""
from libc.stdint cimport uint8_t, uint16_t

from fastgw._core.bytes cimport Span
from fastgw._core.ops cimport Mapping, Program

cdef struct Reply:          # what a failure answers
    Span status_line        # "HTTP/1.1 403 Forbidden\r\n"
    uint16_t status
    Program head            # fields, each with its CRLF
    Mapping* headers        # fields left out where their value is absent
    uint16_t nheaders
    Program body
    Span message            # $context.error.message; p NULL: null
    Span type               # $context.error.responseType

cdef struct Cors:
    Span* origins
    uint16_t norigins
    uint8_t any_origin
    uint8_t credentials
    Span preflight          # fields of a preflight answer after Allow-Origin
    Span expose             # field of other answers, or empty
