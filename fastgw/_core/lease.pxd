"""Tokens that this node holds of a limit whose truth is elsewhere: two words that all its workers share.

The first word is the tokens at hand and the time until which they are good (ms of CLOCK_MONOTONIC). The second says
when to ask for more: until its time somebody's question is under way (ASKING), or the answer was that there is
nothing (SPENT). Both are moved by compare-and-swap: a token is taken once, whichever workers want it.
"""
from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    LEASE_WORDS = 2
    LEASE_QUOTA_WORDS = 3       # the third: uses that were admitted without a lease, and not told to its owner yet

cdef enum LeaseState:
    LEASE_HAS = 0           # a token is at hand
    LEASE_NONE = 1          # ask
    LEASE_SPENT = 2         # there is nothing to ask for yet

cdef LeaseState lease_state(uint64_t* words, uint64_t now) noexcept nogil
cdef bint lease_take(uint64_t* words, uint64_t now) noexcept nogil
cdef void lease_give_back(uint64_t* words) noexcept nogil                       # undo a take
cdef bint lease_claim(uint64_t* words, uint32_t low, uint64_t now, uint64_t until) noexcept nogil
# True for one caller only where no more than `low` tokens are at hand: it is to ask for more, before `until`
cdef uint32_t lease_held(uint64_t* words, uint64_t now) noexcept nogil
cdef uint32_t lease_grant(uint64_t* words, uint32_t n, uint64_t now, uint64_t until) noexcept nogil
# Adds tokens; returns those that lay there and were no longer good: they are to go back to where they came from
cdef void lease_spent(uint64_t* words, uint64_t until) noexcept nogil
cdef uint32_t lease_surplus(uint64_t* words, uint32_t most, uint64_t now) noexcept nogil
# Takes out and returns the tokens beyond `most`; all of them once their time is over
cdef void lease_owe(uint64_t* words) noexcept nogil     # one use without a lease
