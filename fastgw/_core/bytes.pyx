"""Bodies and tables of the byte helpers."""

DIGITS = b"0123456789abcdef"
UPPER_DIGITS = b"0123456789ABCDEF"


cdef void put_uint(Writer* w, uint64_t value) noexcept nogil:
    cdef char digits[20]
    cdef int at = 20
    while True:
        at -= 1
        digits[at] = <char>(48 + value % 10)
        value //= 10
        if value == 0:
            break
    put(w, digits + at, 20 - at)


cdef void put_hex(Writer* w, uint64_t value, int digits) noexcept nogil:
    cdef char text[16]
    cdef int at = 16
    while digits > 0 or (digits <= 0 and (value or at == 16)):
        at -= 1
        text[at] = DIGITS[value & 15]
        value >>= 4
        if digits > 0:
            digits -= 1
            if digits == 0:
                break
    put(w, text + at, 16 - at)


cdef bint same_fold(const char* a, const char* b, uint32_t n) noexcept nogil:
    cdef uint32_t i
    for i in range(n):
        if FOLD[<uint8_t>a[i]] != FOLD[<uint8_t>b[i]]:
            return False
    return True


cdef inline uint8_t lower(char ch) noexcept nogil:
    return <uint8_t>ch | 32 if c"A" <= ch <= c"Z" else <uint8_t>ch


cdef bint same_case(const char* a, const char* b, uint32_t n) noexcept nogil:
    cdef uint32_t i
    for i in range(n):
        if lower(a[i]) != lower(b[i]):
            return False
    return True


cdef uint64_t ONES = 0x0101010101010101ULL
cdef uint64_t HIGHS = 0x8080808080808080ULL


cdef inline bint byte_clean(uint8_t byte) noexcept nogil:
    return (byte >= 32 or byte == 9) and byte != 127


cdef bint value_clean(const char* p, uint32_t n) noexcept nogil:
    """Eight bytes at a time; a block with a suspect is looked at byte by byte."""
    cdef uint32_t i = 0, k
    cdef uint64_t word, low, del_
    while i + 8 <= n:
        memcpy(&word, p + i, 8)
        low = (word - ONES * 32) & ~word & HIGHS            # a byte below 32
        del_ = word ^ (ONES * 127)
        del_ = (del_ - ONES) & ~del_ & HIGHS                # a byte of 127
        if low | del_:
            for k in range(i, i + 8):
                if not byte_clean(<uint8_t>p[k]):
                    return False
        i += 8
    for k in range(i, n):
        if not byte_clean(<uint8_t>p[k]):
            return False
    return True


cdef bint parse_length(Span value, uint64_t* length) noexcept nogil:
    cdef uint32_t i
    length[0] = 0
    for i in range(value.n):
        if not c"0" <= value.p[i] <= c"9":
            return False
        length[0] = length[0] * 10 + <uint8_t>(value.p[i] - c"0")
    return 0 < value.n <= 19


cdef bint list_has(const char* list, uint32_t n, const char* item, uint32_t item_n) noexcept nogil:
    cdef uint32_t at = 0
    cdef Span one
    while list_next(span(list, n), &at, &one):
        if one.n == item_n and same_case(one.p, item, item_n):
            return True
    return False


cdef bint list_next(Span list, uint32_t* at, Span* member) noexcept nogil:
    cdef uint32_t start = at[0]
    if start >= list.n:
        return False
    while at[0] < list.n and list.p[at[0]] != c",":
        at[0] += 1
    member[0] = trim(span(list.p + start, at[0] - start))
    at[0] += 1
    return True


cdef bint list_last(Span* list, Span* member) noexcept nogil:
    cdef uint32_t start = list.n
    if list.p == NULL:
        return False
    while start > 0 and list.p[start - 1] != c",":
        start -= 1
    member[0] = trim(span(list.p + start, list.n - start))
    if start == 0:
        list.p = NULL
    else:
        list.n = start - 1
    return True


cdef Span coding_name(Span member, Span* parameters) noexcept nogil:
    cdef uint32_t semicolon = 0
    while semicolon < member.n and member.p[semicolon] != c";":
        semicolon += 1
    parameters[0] = span(member.p + semicolon, member.n - semicolon)
    return trim(span(member.p, semicolon))


cdef int fill_tables() except -1:
    cdef int i
    for i in range(256):
        FOLD[i] = <uint8_t>i
        HEX[i] = 255
    for i in range(26):
        FOLD[65 + i] = <uint8_t>(97 + i)
    for byte in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~":
        UNRESERVED[byte] = 1
    FOLD[c"_"] = FOLD[c"."] = c"-"
    for i in range(10):
        HEX[48 + i] = <uint8_t>i
    for i in range(6):
        HEX[65 + i] = HEX[97 + i] = <uint8_t>(10 + i)
    return 0


fill_tables()
