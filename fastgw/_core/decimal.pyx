"""Digit by digit: numbers of a body are short, or rare."""
cdef extern from *:
    ctypedef unsigned long long uint128 "unsigned __int128"

cdef enum:
    EXPONENT_MOST = 1000000000000


cdef Decimal decimal_of(const char* p, uint32_t n) noexcept nogil:
    cdef Decimal d
    cdef const char* end = p + n
    cdef const char* first = NULL
    cdef const char* last = NULL
    cdef int64_t whole = 0, fraction = 0, exponent = 0
    cdef bint dot = False, down = False
    d.negative = p < end and p[0] == c"-"
    if d.negative:
        p += 1
    while p < end and (p[0] | 32) != c"e":
        if p[0] == c".":
            dot = True
        else:
            if p[0] != c"0":
                if first == NULL:
                    first = p
                last = p
            if dot and first == NULL:
                fraction += 1       # zeros between the point and the first digit
            elif not dot and first != NULL:
                whole += 1          # places before the point, from the first digit on
        p += 1
    d.p = first
    d.n = <uint32_t>(last - first + 1) if first != NULL else 0
    if p < end:
        p += 1
        down = p[0] == c"-"
        if p[0] == c"-" or p[0] == c"+":
            p += 1
        while p < end:
            if exponent < EXPONENT_MOST:
                exponent = exponent * 10 + (p[0] - c"0")
            p += 1
        if exponent > EXPONENT_MOST:
            exponent = EXPONENT_MOST
    d.e = whole - fraction + (-exponent if down else exponent)
    if d.n == 0:
        d.e = 0
        d.negative = False
    return d


cdef uint32_t decimal_digits(const Decimal* a) noexcept nogil:
    cdef uint32_t i
    for i in range(a.n):
        if a.p[i] == c".":
            return a.n - 1
    return a.n


cdef int decimal_compare(const Decimal* a, const Decimal* b) noexcept nogil:
    cdef int larger = -1 if a.negative else 1       # the answer where a is farther from 0
    cdef uint32_t i = 0, k = 0
    cdef char x, y
    if a.n == 0 or b.n == 0 or a.negative != b.negative:
        if a.n == 0:
            return 0 if b.n == 0 else (1 if b.negative else -1)
        return larger
    if a.e != b.e:
        return larger if a.e > b.e else -larger
    while i < a.n or k < b.n:
        if i < a.n and a.p[i] == c".":
            i += 1
        if k < b.n and b.p[k] == c".":
            k += 1
        x = a.p[i] if i < a.n else c"0"
        y = b.p[k] if k < b.n else c"0"
        if x != y:
            return larger if x > y else -larger
        i += 1
        k += 1
    return 0


cdef bint decimal_whole(const Decimal* a) noexcept nogil:
    return a.n == 0 or a.e >= decimal_digits(a)


cdef bint decimal_multiple(const Decimal* a, uint64_t digits, int64_t e) noexcept nogil:
    """Both as whole numbers times a power of ten: a = x 10^(a.e - places). What is left of the powers decides."""
    cdef uint64_t rest = 0, power = 10 % digits
    cdef int64_t tens
    cdef uint32_t i
    if a.n == 0:
        return True
    tens = a.e - decimal_digits(a) - e
    if tens < 0:        # x ends in no 0, so digits x 10^-tens cannot divide it
        return False
    for i in range(a.n):
        if a.p[i] != c".":
            rest = <uint64_t>((<uint128>rest * 10 + <uint64_t>(a.p[i] - c"0")) % digits)
    while tens:
        if tens & 1:
            rest = <uint64_t>(<uint128>rest * power % digits)
        power = <uint64_t>(<uint128>power * power % digits)
        tens >>= 1
    return rest == 0
