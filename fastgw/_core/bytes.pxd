"""Checked byte helpers: whatever is written for the wire goes through a Writer."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy


cdef struct Span:
    const char* p
    uint32_t n

cdef struct Writer:         # appends until cap; then `full` is set and what does not fit is left out
    char* p
    uint32_t n
    uint32_t cap
    bint full

cdef uint8_t FOLD[256]      # letters to lower case; "_" and "." to "-": one spelling of a field name
cdef uint8_t HEX[256]       # value of a hex digit, 255 where it is none
cdef uint8_t UNRESERVED[256]    # 1 for the bytes that need no escape in a URI (RFC 3986 section 2.3)
cdef const char* DIGITS     # "0123456789abcdef"
cdef const char* UPPER_DIGITS

cdef inline void writer_init(Writer* w, char* p, uint32_t cap) noexcept nogil:
    w.p = p
    w.n = 0
    w.cap = cap
    w.full = False

cdef inline void put(Writer* w, const char* p, uint32_t n) noexcept nogil:
    if n > w.cap - w.n:
        w.full = True
        return
    memcpy(w.p + w.n, p, n)
    w.n += n

cdef inline void put_span(Writer* w, Span s) noexcept nogil:
    put(w, s.p, s.n)

cdef inline void put_char(Writer* w, char ch) noexcept nogil:
    if w.n == w.cap:
        w.full = True
        return
    w.p[w.n] = ch
    w.n += 1

cdef inline void put_escape(Writer* w, uint8_t byte) noexcept nogil:
    put_char(w, c"%")
    put_char(w, UPPER_DIGITS[byte >> 4])
    put_char(w, UPPER_DIGITS[byte & 15])

cdef inline void put_field(Writer* w, const char* base, uint32_t name, uint32_t name_n, uint32_t value,
                           uint32_t value_n) noexcept nogil:
    """A field line by offsets into a head; copied as it stands where it stands in canonical form."""
    if value == name + name_n + 2 and base[value - 1] == c" " and base[value + value_n] == c"\r":
        put(w, base + name, name_n + value_n + 4)
        return
    put(w, base + name, name_n)
    put(w, b": ", 2)
    put(w, base + value, value_n)
    put(w, b"\r\n", 2)

cdef void put_uint(Writer* w, uint64_t value) noexcept nogil
cdef void put_hex(Writer* w, uint64_t value, int digits) noexcept nogil     # digits 0: as many as needed
cdef bint same_fold(const char* a, const char* b, uint32_t n) noexcept nogil
"""a and b are one field name, "-", "_" and "." counting as one letter."""
cdef bint same_case(const char* a, const char* b, uint32_t n) noexcept nogil
"""a and b differ in the case of ASCII letters at most."""
cdef bint parse_length(Span value, uint64_t* length) noexcept nogil
"""A Content-Length: 1 to 19 digits and nothing else (RFC 9110 section 8.6)."""
cdef bint value_clean(const char* p, uint32_t n) noexcept nogil
"""No control byte but tab: a field value or a reason phrase (RFC 9110 section 5.5, RFC 9112 section 4)."""
cdef bint list_has(const char* list, uint32_t n, const char* item, uint32_t item_n) noexcept nogil
"""A comma-separated list (RFC 9110 section 5.6.1) has item, in any case."""
cdef bint list_next(Span list, uint32_t* at, Span* member) noexcept nogil
"""The next member of such a list from at on, which moves; a member may be empty. False at the end."""
cdef bint list_last(Span* list, Span* member) noexcept nogil
"""The last member of such a list, which is taken off it. False: there is none left."""
cdef Span coding_name(Span member, Span* parameters) noexcept nogil
"""A member of Accept-Encoding (RFC 9110 section 12.5.3) in two: the coding, and what stands from ";" on."""

cdef inline bint hex_number(const char* p, const char* end, uint32_t digits, uint32_t* value) noexcept nogil:
    """Exactly so many hex digits, up to eight, stand at p."""
    cdef uint32_t i
    value[0] = 0
    if end - p < <int>digits:
        return False
    for i in range(digits):
        if HEX[<uint8_t>p[i]] == 255:
            return False
        value[0] = value[0] << 4 | HEX[<uint8_t>p[i]]
    return True

cdef inline uint32_t put_utf8(char* out, uint32_t point) noexcept nogil:
    """A code point in UTF-8 (RFC 3629), halves of surrogate pairs included; how many bytes, four at most."""
    if point < 0x80:
        out[0] = <char>point
        return 1
    if point < 0x800:
        out[0] = <char>(0xC0 | point >> 6)
        out[1] = <char>(0x80 | (point & 0x3F))
        return 2
    if point < 0x10000:
        out[0] = <char>(0xE0 | point >> 12)
        out[1] = <char>(0x80 | (point >> 6 & 0x3F))
        out[2] = <char>(0x80 | (point & 0x3F))
        return 3
    out[0] = <char>(0xF0 | point >> 18)
    out[1] = <char>(0x80 | (point >> 12 & 0x3F))
    out[2] = <char>(0x80 | (point >> 6 & 0x3F))
    out[3] = <char>(0x80 | (point & 0x3F))
    return 4

cdef inline Span span(const char* p, uint32_t n) noexcept nogil:
    cdef Span s
    s.p = p
    s.n = n
    return s

cdef inline Span trim(Span s) noexcept nogil:
    """s without the spaces and tabs around it (OWS of RFC 9110 section 5.6.3)."""
    while s.n and (s.p[0] == c" " or s.p[0] == c"\t"):
        s.p += 1
        s.n -= 1
    while s.n and (s.p[s.n - 1] == c" " or s.p[s.n - 1] == c"\t"):
        s.n -= 1
    return s
