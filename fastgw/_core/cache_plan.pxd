"""What of a request is cached, and by what, as the plan has it."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from fastgw._core.bytes cimport Span
from fastgw._core.ops cimport Program

cdef enum KeyKind:          # what a KeyPart puts into a cache's key
    KEY_QUERY = 0           # every value of a query parameter
    KEY_HEADER = 1          # every value of a header field
    KEY_PROGRAM = 2

cdef struct KeyPart:
    uint8_t kind
    Span name
    Program value           # KEY_PROGRAM

cdef enum Invalidation:     # what a client's wish for a fresh answer gets
    INVALIDATION_ALLOWED = 0
    INVALIDATION_FAILS = 1
    INVALIDATION_IGNORED = 2
    INVALIDATION_WARNS = 3  # ignored, with CachePlan.warning

cdef enum Keyed:            # credentials that the key holds
    KEYED_AUTHORIZATION = 1
    KEYED_COOKIE = 2

cdef struct CachePlan:
    uint8_t verb            # of the requests that are cached; with GET also HEAD is answered
    uint8_t whole_query
    uint8_t invalidation
    uint8_t shown           # X-Cache says what happened
    uint8_t obeys           # the answer's Cache-Control and Expires
    uint8_t keyed           # bits of Keyed
    uint8_t by_place        # the key has `place` and the path parameters, not the path
    uint16_t nparts
    uint32_t ttl_ms
    Span place
    KeyPart* parts
    Span warning            # a field line
