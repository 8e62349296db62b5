"""Tokens of strict JSON (RFC 8259) read from raw bytes: strings and numbers.

Nothing here allocates on the common path, and nothing keeps a pointer beyond the body it was given.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fastgw._core.bytes cimport Span

cdef enum JsonFault:
    J_NONE = 0
    J_SYNTAX = 1            # not RFC 8259's grammar; a byte order mark counts (section 8.1)
    J_UTF8 = 2              # overlong, surrogate, beyond U+10FFFF or cut (RFC 3629)
    J_SURROGATE = 3         # an escape of half a pair: no Unicode text
    J_DUPLICATE = 4         # a name twice in one object: readers would disagree on the value
    J_DEPTH = 5             # nested deeper than the limit
    J_KEYS = 6              # more names and unique items than the limit
    J_WORK = 7              # reading for alternatives, or a pattern, went over its bound
    J_MEMORY = 8

cdef struct Text:           # a string token
    const char* p           # between its quotes, escapes as they came
    uint32_t n
    uint32_t points         # code points of the value
    bint escaped

cdef struct Number:         # a number token
    const char* p
    uint32_t n
    int64_t value           # where small
    bint small              # at most 18 digits, no fraction, no exponent: value holds it
    bint plain              # no fraction, no exponent

cdef extern from *:
    int ctz "__builtin_ctzll"(unsigned long long word) noexcept nogil

cdef inline const char* json_space(const char* p, const char* end) noexcept nogil:
    while p < end and (p[0] == c" " or p[0] == c"\n" or p[0] == c"\r" or p[0] == c"\t"):
        p += 1
    return p

cdef inline bint json_digit(char ch) noexcept nogil:
    return c"0" <= ch <= c"9"

cdef const char* json_string(const char* p, const char* end, Text* text, JsonFault* fault) noexcept nogil
"""p is behind the opening quote. Behind the closing one; NULL with fault set, text.p then is where."""
cdef const char* json_number(const char* p, const char* end, Number* number) noexcept nogil
"""Behind the token; NULL where it is none."""
cdef bint json_unescape(const Text* text, Span* out) noexcept nogil

cdef inline bint json_plain_text(const Text* text, Span* out) noexcept nogil:
    """The string's value in UTF-8: the token's own bytes, or a buffer good until the next call. False: no memory."""
    if text.escaped:
        return json_unescape(text, out)
    out.p = text.p
    out.n = text.n
    return True
