"""Bump allocation for what is built once and freed as a whole: a plan."""
from libc.stdint cimport uint32_t

from fastgw._core.bytes cimport Span


cdef struct Block:
    Block* next
    size_t used
    size_t cap

cdef class Arena:
    cdef Block* blocks
    cdef size_t block_bytes             # of which memory is taken, or more for what is larger
    cdef readonly size_t bytes          # handed out in all
    cdef void* take(self, size_t n) except NULL     # zeroed, aligned to 16
    cdef Span keep(self, bytes text) except *       # a copy that lives as long as the arena
