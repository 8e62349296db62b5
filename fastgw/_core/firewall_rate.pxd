"""Counting requests by key over a sliding window, exactly over all workers, in shared cells.

A table is a word with the key of its hash, made by whoever comes first, and then sets of RATE_WAYS places. A place is
two words: the key's digest (0: free), and its state: the time at which its window began, the requests of the window
before and those of this one. A window begins with a key's first request, so the first `limit` requests of a key pass
whatever the time of day; after it the requests of the window before count by the part of it that is still within one
window's length. A state is moved by compare-and-swap.

What a table holds is bounded. In a set that is full, a new key takes the place of one that is over, else of the one
with the fewest requests: a key that is near its limit stays.
"""
from libc.stdint cimport uint32_t, uint64_t

from fastgw._core.firewall_plan cimport Rate
from fastgw._core.siphash cimport Digest

cdef enum:
    RATE_UNITS = 60         # of time in a window
    RATE_WAYS = 8
    RATE_MOST = 1000000     # the highest limit: what a state can count to, and some more

cdef bint rate_seed(const Rate* rate, uint64_t* key) noexcept nogil
"""The two words of the key by which this table's digests are made. False: there is no table."""
cdef bint rate_over(const Rate* rate, Digest key, uint64_t now_ms) noexcept nogil
"""Count one request; whether it is one too many."""
