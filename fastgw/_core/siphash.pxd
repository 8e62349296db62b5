"""SipHash-2-4 with 128 bits of output: a keyed digest whose value nobody can foresee who has not the key.

Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012), and its authors' reference code for the
longer output.
"""
from libc.stdint cimport uint32_t, uint64_t

cdef struct Digest:
    uint64_t low
    uint64_t high

cdef Digest siphash(const uint64_t* key, const char* p, uint32_t n) noexcept nogil  # key: two words

cdef inline bint same_digest(Digest a, Digest b) noexcept nogil:
    """In the same time wherever they differ."""
    return ((a.low ^ b.low) | (a.high ^ b.high)) == 0
