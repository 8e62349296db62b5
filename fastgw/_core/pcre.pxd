"""The only door to PCRE2, opened by name at run time: opaque pointers, no headers, no build dependency.

A pattern is compiled with the plan. A match works within a limit, so no pattern and no text makes it slow: first
with MATCH_CHEAP steps; what needs more takes up to MATCH_DEAR from a purse that one body has in all. Both grow with
the text by MATCH_PER_BYTE, so that steps that are linear are never too many; the memory of a match is bounded too.
"""
from libc.stdint cimport int64_t, uint32_t

cdef enum:
    MATCH_CHEAP = 1000      # steps of the first try; a step is one backtracking point
    MATCH_DEAR = 10000      # steps of the second
    MATCH_PER_BYTE = 8
    MATCH_PURSE = 20        # second tries that one body may need

cdef enum PatternResult:
    PATTERN_NO = 0
    PATTERN_YES = 1
    PATTERN_CUT = -1        # over the limit: neither; refuse

cdef class Whole:           # a pattern that all of a text must fit, for pattern_match
    cdef void* code

cdef bint pcre_open() except -1     # the library is here
cdef void* pattern_compile(bytes pattern) except NULL   # free with pattern_free; ValueError says what is wrong
cdef void* pattern_compile_bytes(bytes pattern) except NULL     # the same for texts that may be any bytes
cdef void pattern_free(void* pattern) noexcept nogil
cdef int pattern_match(void* pattern, const char* p, uint32_t n, uint32_t* purse) noexcept nogil
"""p is valid UTF-8. purse: second tries left."""
