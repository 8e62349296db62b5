"""The methods that are served."""
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp

cdef enum:
    NO_VERB = 255

cdef enum Verb:             # the order of fastgw.model.api.METHODS
    GET = 0
    HEAD = 1
    POST = 2
    PUT = 3
    PATCH = 4
    DELETE = 5
    OPTIONS = 6

cdef inline bint verb_idempotent(int verb) noexcept nogil:     # RFC 9110 section 9.2.2
    return verb != POST and verb != PATCH and verb <= OPTIONS

cdef inline uint8_t verb_of(const char* p, uint32_t n) noexcept nogil:
    if n == 3 and memcmp(p, b"GET", 3) == 0:
        return GET
    if n == 4 and memcmp(p, b"POST", 4) == 0:
        return POST
    if n == 3 and memcmp(p, b"PUT", 3) == 0:
        return PUT
    if n == 6 and memcmp(p, b"DELETE", 6) == 0:
        return DELETE
    if n == 5 and memcmp(p, b"PATCH", 5) == 0:
        return PATCH
    if n == 4 and memcmp(p, b"HEAD", 4) == 0:
        return HEAD
    if n == 7 and memcmp(p, b"OPTIONS", 7) == 0:
        return OPTIONS
    return NO_VERB
