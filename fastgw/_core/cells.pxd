"""Shared cells: 64-bit words common to all processes of the node, and which of them changed.

The supervisor makes the file; everybody maps it whole. Word 0 is never given out: number 0 means "no cell".
A word is only moved by the atomic operations of words.pxd, so any process may do it at any time, and a process that
dies in between leaves a whole word behind. What a word means is its user's: bucket.pxd, usage.pxd.
"""
from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    FIRST_CELL = 8          # words before it are the header's

cdef struct CellMap:
    uint64_t* words
    uint64_t* marks         # one bit a word: usage that changed since changed() was asked
    uint32_t capacity       # words
    uint32_t workers        # words of a group that has one for each worker

cdef class Cells:
    cdef CellMap map
    cdef size_t length
    cdef uint64_t* at(self, number) except NULL
