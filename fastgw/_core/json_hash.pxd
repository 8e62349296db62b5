"""Equality of JSON values by keyed hashes of 128 bits, and what was seen of a body: names, items.

The secrets are drawn anew by every process, so no body can be made to collide.
"""
from libc.stdint cimport uint32_t, uint64_t

cdef struct Hash:           # of a value, keyed with random secrets: equal hashes are taken for equal values
    uint64_t a
    uint64_t b

cdef Hash hash_bytes(const char* p, uint32_t n) noexcept nogil
cdef const char* json_hash(const char* p, const char* end, Hash* out) noexcept nogil
"""Of a value that was read before: 1 and 1.0 are equal, and so are objects with their names in another order.
Behind the value; NULL where memory is short."""
cdef bint seen_open() noexcept nogil
"""Forget everything seen; before a body. False where memory is short."""
cdef int seen_add(uint32_t owner, const Hash* key) noexcept nogil
"""1: new for this owner; 0: seen before; -1: over SEEN_MOST or memory short."""

cdef enum:
    SEEN_MOST = 65536       # names without a place in the schema, and items of uniqueItems, of one body
    SEEN_KEPT = 4096        # slots of 24 bytes that a process keeps; a larger table is given back with the next body
