"""A token bucket in one 64-bit word: the generic cell rate algorithm (GCRA).

The word is the theoretical arrival time in ns of CLOCK_MONOTONIC, which all processes of a node share and which
nobody can set: the time at which the bucket is full again. A token is one interval (1/rate) of it; the bucket is
empty where the word is a burst's worth of intervals ahead of now. So a fresh word, 0, is a full bucket; burst N
admits exactly N at once; and the state of a bucket is moved by one compare-and-swap, exactly, by any number of
processes. A word further ahead than a whole burst (the limit was lowered, the machine's clock was set back) counts
as empty from now on: neither a reload nor a clock refills a bucket.
"""
from libc.stdint cimport uint32_t, uint64_t

cdef struct Bucket:
    uint32_t cell           # number of its word; of a bucket for each key the place in the key's row; 0: no limit
    uint64_t interval       # ns for one token
    uint64_t depth          # ns for a whole burst

cdef Bucket bucket_of(double rate, uint64_t burst) noexcept nogil       # cell 0; rate in tokens/s, 0: never refilled
cdef bint bucket_has(uint64_t* word, const Bucket* b, uint64_t now) noexcept nogil      # a token is there
cdef bint bucket_take(uint64_t* word, const Bucket* b, uint64_t now) noexcept nogil     # and is taken, where True
cdef void bucket_give_back(uint64_t* word, const Bucket* b, uint64_t taken_at) noexcept nogil
cdef uint64_t bucket_left(uint64_t* word, const Bucket* b, uint64_t now) noexcept nogil # whole tokens
cdef uint64_t nanos() noexcept nogil            # CLOCK_MONOTONIC
