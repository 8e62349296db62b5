"""Find a name among those a schema knows."""
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from fastgw._core.schema_program cimport Member, Members

cdef inline uint32_t member_hash(const char* p, uint32_t n, uint64_t seed) noexcept nogil:
    """Of the length, the first, the middle and the last eight bytes: the schema's names are not the client's."""
    cdef uint64_t a = 0, b = 0, middle
    if n >= 8:
        memcpy(&a, p, 8)
        memcpy(&b, p + n - 8, 8)
        if n > 16:
            memcpy(&middle, p + n // 2 - 4, 8)
            b += middle * <uint64_t>0xA0761D6478BD642FULL
    elif n >= 4:
        memcpy(&a, p, 4)
        memcpy(&b, p + n - 4, 4)
    elif n:
        a = <uint64_t><uint8_t>p[0] << 16 | <uint64_t><uint8_t>p[n // 2] << 8 | <uint8_t>p[n - 1]
    a = (a ^ seed ^ n) * <uint64_t>0x9E3779B97F4A7C15ULL
    b = (b + a) * <uint64_t>0xE7037ED1A0B428DBULL
    return <uint32_t>((b ^ a) >> 32)

cdef inline int32_t member_find(const Members* table, const char* p, uint32_t n) noexcept nogil:
    """Its number, or -1."""
    cdef uint32_t at = member_hash(p, n, table.seed) & table.mask
    cdef const Member* member
    while table.slots[at]:
        member = &table.list[table.slots[at] - 1]
        if member.text.n == n and memcmp(member.text.p, p, n) == 0:
            return <int32_t>table.slots[at] - 1
        at = (at + 1) & table.mask
    return -1
