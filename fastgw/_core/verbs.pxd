"""The methods that are served."""

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
