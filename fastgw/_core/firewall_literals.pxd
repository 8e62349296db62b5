"""All literals that statements look for in one view, found in one pass over its texts.

Aho and Corasick, "Efficient string matching" (1975), with the failure links worked into one table: a step a byte,
whatever the number of literals. Bytes that no literal has share one class.
"""
from libc.stdint cimport uint32_t

from fastgw._core.arena cimport Arena
from fastgw._core.bytes cimport Span
from fastgw._core.firewall_plan cimport Leaf, Machine

cdef enum:
    MACHINE_BYTES = 67108864    # of the table of one view

cdef Machine* machine_make(Arena arena, list literals) except NULL
"""literals: (bytes, number of its leaf, Position) each. ValueError: too large."""
cdef void machine_run(const Machine* m, Span text, Leaf* leaves) noexcept nogil
"""Set the results of the leaves that match."""
