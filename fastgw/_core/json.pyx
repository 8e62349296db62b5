"""Read strings eight bytes at a time, and numbers."""
from libc.stdlib cimport realloc

from fastgw._core.bytes cimport hex_number, put_utf8

cdef uint64_t ONES = 0x0101010101010101ULL
cdef uint64_t HIGHS = 0x8080808080808080ULL
cdef uint8_t ESCAPED[256]   # what "\x" stands for; 0: no such escape; "u" is read apart

cdef char* plain_bytes = NULL
cdef uint32_t plain_cap = 0


# --- strings

cdef inline int utf8_length(const uint8_t* p, const uint8_t* end) noexcept nogil:
    """Bytes of the well-formed sequence at p, whose first byte is not ASCII; 0 where it is none (RFC 3629)."""
    cdef uint8_t first = p[0]
    cdef int64_t left = end - p
    if first < 0xC2 or left < 2 or (p[1] & 0xC0) != 0x80:
        return 0
    if first < 0xE0:
        return 2
    if left < 3 or (p[2] & 0xC0) != 0x80:
        return 0
    if first < 0xF0:
        if (first == 0xE0 and p[1] < 0xA0) or (first == 0xED and p[1] > 0x9F):
            return 0
        return 3
    if left < 4 or (p[3] & 0xC0) != 0x80 or first > 0xF4:
        return 0
    if (first == 0xF0 and p[1] < 0x90) or (first == 0xF4 and p[1] > 0x8F):
        return 0
    return 4


cdef int hex4(const char* p, const char* end) noexcept nogil:
    """The code unit of four hex digits at p, or -1."""
    cdef uint32_t unit
    return <int>unit if hex_number(p, end, 4, &unit) else -1


cdef inline int escape_length(const char* p, const char* end, JsonFault* fault) noexcept nogil:
    """Bytes of the escape at p: 2, 6 or, for a pair of surrogates, 12; 0 with fault set."""
    cdef int unit, low
    fault[0] = J_SYNTAX
    if end - p < 2:
        return 0
    if p[1] != c"u":
        return 2 if ESCAPED[<uint8_t>p[1]] else 0
    unit = hex4(p + 2, end)
    if unit < 0:
        return 0
    if unit < 0xD800 or unit > 0xDFFF:
        return 6
    fault[0] = J_SURROGATE
    if unit > 0xDBFF or end - p < 12 or p[6] != c"\\" or p[7] != c"u":
        return 0
    low = hex4(p + 8, end)
    return 12 if 0xDC00 <= low <= 0xDFFF else 0


cdef const char* json_string(const char* p, const char* end, Text* text, JsonFault* fault) noexcept nogil:
    cdef const char* start = p
    cdef uint64_t word, quote, slash, special
    cdef uint32_t hidden = 0    # bytes that make no code point of their own
    cdef int step
    cdef uint8_t ch
    text.escaped = False
    while True:
        # A byte that ends the run: a quote, a backslash, a control byte, one beyond ASCII. A borrow can only
        # mark bytes behind the first, and only the first counts.
        while end - p >= 8:
            memcpy(&word, p, 8)
            quote = word ^ (ONES * 0x22)
            slash = word ^ (ONES * 0x5C)
            special = (((word - ONES * 0x20) & ~word) | ((quote - ONES) & ~quote) | ((slash - ONES) & ~slash)
                       | word) & HIGHS
            if special:
                p += ctz(special) >> 3
                break
            p += 8
        while p < end:
            ch = <uint8_t>p[0]
            if ch == c'"' or ch == c"\\" or ch < 0x20 or ch >= 0x80:
                break
            p += 1
        if p == end:
            break
        ch = <uint8_t>p[0]
        if ch == c'"':
            text.p = start
            text.n = <uint32_t>(p - start)
            text.points = text.n - hidden
            return p + 1
        if ch >= 0x80:
            while p < end and <uint8_t>p[0] >= 0x80:
                step = utf8_length(<const uint8_t*>p, <const uint8_t*>end)
                if step == 0:
                    text.p = p
                    fault[0] = J_UTF8
                    return NULL
                hidden += step - 1
                p += step
        elif ch == c"\\":
            step = escape_length(p, end, fault)
            if step == 0:
                text.p = p
                return NULL
            text.escaped = True
            hidden += step - 1
            p += step
        else:
            break
    text.p = p
    fault[0] = J_SYNTAX
    return NULL


cdef bint json_unescape(const Text* text, Span* out) noexcept nogil:
    """An escape is never shorter than what it stands for."""
    global plain_bytes, plain_cap
    cdef char* grown
    cdef uint32_t at = 0, n = 0
    cdef int unit
    if text.n > plain_cap:
        grown = <char*>realloc(plain_bytes, text.n + 1024)
        if grown == NULL:
            return False
        plain_bytes = grown
        plain_cap = text.n + 1024
    while at < text.n:
        if text.p[at] != c"\\":
            plain_bytes[n] = text.p[at]
            n += 1
            at += 1
        elif text.p[at + 1] != c"u":
            plain_bytes[n] = <char>ESCAPED[<uint8_t>text.p[at + 1]]
            n += 1
            at += 2
        else:
            unit = hex4(text.p + at + 2, text.p + text.n)
            at += 6
            if 0xD800 <= unit <= 0xDBFF:
                unit = 0x10000 + ((unit - 0xD800) << 10) + hex4(text.p + at + 2, text.p + text.n) - 0xDC00
                at += 6
            n += put_utf8(plain_bytes + n, <uint32_t>unit)
    out.p = plain_bytes
    out.n = n
    return True


# --- numbers

cdef const char* json_number(const char* p, const char* end, Number* number) noexcept nogil:
    cdef bint negative = p < end and p[0] == c"-"
    cdef const char* digits
    cdef uint64_t value = 0
    number.p = p
    number.plain = True
    if negative:
        p += 1
    digits = p
    while p < end and json_digit(p[0]):
        value = value * 10 + <uint64_t>(p[0] - c"0")
        p += 1
    if p == digits or (digits[0] == c"0" and p - digits > 1):
        return NULL
    number.small = p - digits <= 18
    if number.small:
        number.value = -<int64_t>value if negative else <int64_t>value
    if p < end and p[0] == c".":
        number.plain = number.small = False
        p += 1
        digits = p
        while p < end and json_digit(p[0]):
            p += 1
        if p == digits:
            return NULL
    if p < end and (p[0] | 32) == c"e":
        number.plain = number.small = False
        p += 1
        if p < end and (p[0] == c"+" or p[0] == c"-"):
            p += 1
        digits = p
        while p < end and json_digit(p[0]):
            p += 1
        if p == digits:
            return NULL
    number.n = <uint32_t>(p - number.p)
    return p


cdef int fill_table() except -1:
    for name, value in zip(b'"\\/bfnrt', b'"\\/\b\f\n\r\t'):
        ESCAPED[<int>name] = value
    return 0


fill_table()
