"""Globs: patterns with "*" for any bytes and "?" for one, and with values that are put in when they are matched.

A text is walked once, whatever the pattern: see glob_fits.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from fastgw._core.arena cimport Arena
from fastgw._core.bytes cimport Span

cdef enum PieceKind:
    PIECE_TEXT = 0
    PIECE_ONE = 1
    PIECE_MANY = 2
    PIECE_VALUE = 3         # text by number `value` of those of the match, as it is

cdef struct Piece:
    uint8_t kind
    uint16_t value
    Span text

cdef struct Glob:
    Piece* pieces
    uint32_t n

cdef enum:
    GLOB_PIECES = 4096      # of one glob at most

cdef uint64_t glob_steps    # bytes looked at in all; for tests

cdef Glob glob_build(Arena arena, object pieces) except *
"""pieces: bytes for a text, "?" and "*", a number for a value. Raises ValueError for more than GLOB_PIECES of them."""
cdef bint glob_fits(const Glob* glob, const Span* values, Span text) noexcept nogil
"""values: by number; p NULL: it has none, and nothing fits."""
