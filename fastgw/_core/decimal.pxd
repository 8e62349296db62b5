"""Numbers of JSON as exact decimals: nothing is rounded, however long or large they are."""
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef struct Decimal:        # 0.d1d2d3... x 10^e, exact; zero has n = 0
    const char* p           # d1, not 0; the run may hold one "."
    uint32_t n              # to the last digit that is not 0
    int64_t e               # held within +-10^12
    bint negative

cdef Decimal decimal_of(const char* p, uint32_t n) noexcept nogil
"""Of a number token."""
cdef int decimal_compare(const Decimal* a, const Decimal* b) noexcept nogil
cdef bint decimal_whole(const Decimal* a) noexcept nogil
cdef bint decimal_multiple(const Decimal* a, uint64_t digits, int64_t e) noexcept nogil
"""a is a whole multiple of digits x 10^e; digits is not 0, below 10^18, and does not end in 0."""
cdef uint32_t decimal_digits(const Decimal* a) noexcept nogil
