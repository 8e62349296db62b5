"""The table of API keys: built once for a definition, in memory that all processes of the node share.

A key's value is not in it. What is there is its digest under a secret of this table, and a presented value is looked
up by its digest alone: the place in the table cannot be foreseen, so nobody can aim many keys at one place, and the
time of a look-up tells nothing about a value. It costs the same with one key and with a million: one slot, one
record.

The file: a header, slots (open addressing, at most half full), owners (cell of a use -> record), records.
Only `enabled` of a record is ever changed, in place, by the supervisor; workers map the file for reading.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from fastgw._core.bytes cimport Span
from fastgw._core.siphash cimport Digest

cdef struct KeyUse:         # a key under one of its plans
    uint32_t plan           # number of the plan, in the order of the definition
    uint32_t base           # first cell of its row: see Row
    uint32_t methods        # first cell of its buckets for single methods; 0: the plan has none
    uint32_t leases         # first cell of its leases: see LeaseRow; 0: the plan is not shared with other nodes

cdef enum Row:              # cells of a key under a plan, from KeyUse.base
    ROW_BUCKET = 0          # of the plan
    ROW_USAGE = 1
    ROW_CELLS = 2

cdef enum LeaseRow:         # cells from KeyUse.leases
    ROW_LEASE_BUCKET = 0    # LEASE_WORDS each
    ROW_LEASE_USAGE = 2     # LEASE_QUOTA_WORDS
    ROW_LEASE_METHODS = 6   # LEASE_WORDS for each place of KeyUse.methods

cdef struct KeyRecord:      # KeyUse * nuses follow, then the name
    Digest digest
    uint16_t name_n
    uint8_t enabled
    uint8_t nuses
    uint32_t size           # of the whole, a multiple of 8

cdef struct KeySlot:
    uint32_t tag            # of the digest
    uint32_t record         # offset of it in units of 8 bytes; 0: free

cdef struct KeyHeader:
    uint64_t magic
    uint64_t secret[2]
    uint64_t mask           # slots - 1
    uint64_t owners         # cells that owners covers, in rows
    uint64_t owners_at      # bytes from the start of the file
    uint64_t records_at
    uint64_t records_end
    uint64_t count          # keys

cdef inline KeyUse* key_uses(const KeyRecord* record) noexcept nogil:
    return <KeyUse*>(record + 1)

cdef inline Span key_name(const KeyRecord* record) noexcept nogil:
    cdef Span s
    s.p = <const char*>(key_uses(record) + record.nuses)
    s.n = record.name_n
    return s

cdef class KeyTable:
    cdef KeyHeader* header
    cdef size_t length
    cdef KeyRecord* named(self, bytes name) noexcept

cdef KeyRecord* key_find(const KeyHeader* table, Span value) noexcept nogil     # NULL: no such key; also a disabled one
