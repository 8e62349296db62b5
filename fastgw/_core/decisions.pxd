"""Decisions of authorizers, by the identity they were made for: one table for the worker, outside every plan.

Bounded in entries and in bytes; what was not asked for longest goes first. The hash is seeded, and an entry is found
by all bytes of its identity, which begin with what tells its authorizer, configuration and stage from all others.
"""
from libc.stdint cimport uint32_t, uint64_t

from fastgw._core.bytes cimport Span
from fastgw._core.caller cimport Caller

cdef void decisions_open(uint32_t most, uint64_t most_bytes, const uint64_t* key) noexcept nogil   # key: two secret words
cdef void decisions_close() noexcept nogil
cdef Caller* decision_find(Span identity, uint64_t now) noexcept nogil     # not held for the asker; NULL: none
cdef void decision_keep(Caller* c) noexcept nogil       # the table holds it; an older one for its identity goes
cdef uint32_t decisions_forget() noexcept nogil         # all of them; how many they were
cdef uint32_t decisions_count() noexcept nogil
