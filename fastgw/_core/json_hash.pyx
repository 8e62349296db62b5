"""Hash values of any shape, and remember hashes in one table for all objects and arrays of a body."""
import os

from libc.stdint cimport uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from fastgw._core.bytes cimport Span
from fastgw._core.decimal cimport Decimal, decimal_of
from fastgw._core.json cimport (JsonFault, Number, Text, json_digit, json_number, json_plain_text, json_space,
                                json_string)

cdef extern from *:
    ctypedef unsigned long long uint128 "unsigned __int128"

cdef uint64_t SECRET[4]

cdef struct Seen:
    Hash key
    uint32_t owner
    uint32_t round          # entries of an earlier body are free

cdef struct SeenTable:
    Seen* slots
    uint32_t mask
    uint32_t used
    uint32_t round

cdef SeenTable seen


cdef inline uint64_t fold(uint64_t a, uint64_t b) noexcept nogil:
    cdef uint128 product = <uint128>a * b
    return <uint64_t>product ^ <uint64_t>(product >> 64)


cdef inline void stir(Hash* h, uint64_t x, uint64_t y) noexcept nogil:
    cdef uint64_t a = h.a
    h.a = fold(x ^ SECRET[0] ^ h.b, y ^ SECRET[1]) + a
    h.b = fold(y ^ SECRET[2] ^ a, x ^ SECRET[3]) + h.b


cdef Hash hash_bytes(const char* p, uint32_t n) noexcept nogil:
    cdef Hash h
    cdef uint64_t pair[2]
    h.a = n
    h.b = ~<uint64_t>n
    while n >= 16:
        memcpy(pair, p, 16)
        stir(&h, pair[0], pair[1])
        p += 16
        n -= 16
    pair[0] = pair[1] = 0
    memcpy(pair, p, n)
    stir(&h, pair[0], pair[1])
    stir(&h, h.b, h.a)
    return h


cdef Hash number_hash(const char* p, uint32_t n) noexcept nogil:
    """By value: of sign, exponent and digits."""
    cdef Decimal d = decimal_of(p, n)
    cdef Hash h
    cdef uint64_t digits = 1
    cdef uint32_t i, count = 0
    h.a = 2 + d.negative
    h.b = <uint64_t>d.e
    for i in range(d.n):
        if d.p[i] == c".":
            continue
        digits = digits * 10 + <uint64_t>(d.p[i] - c"0")
        count += 1
        if count % 17 == 0:
            stir(&h, digits, count)
            digits = 1
    stir(&h, digits, 2)
    return h


cdef const char* json_hash(const char* p, const char* end, Hash* out) noexcept nogil:
    """Recursion is as deep as the value, which the reader before held to its limit."""
    cdef Text text
    cdef Number number
    cdef Span plain
    cdef Hash one, name
    cdef JsonFault fault
    cdef char open
    p = json_space(p, end)
    open = p[0]
    if open == c'"':
        p = json_string(p + 1, end, &text, &fault)
        if not json_plain_text(&text, &plain):
            return NULL
        out[0] = hash_bytes(plain.p, plain.n)
        stir(out, 4, 0)
        return p
    if open == c"-" or json_digit(open):
        p = json_number(p, end, &number)
        out[0] = number_hash(number.p, number.n)
        return p
    out.a = <uint8_t>open       # t, f and n tell literals apart; [ and { start their own
    out.b = 5
    stir(out, 6, <uint8_t>open)
    if open != c"[" and open != c"{":
        return p + (5 if open == c"f" else 4)
    p = json_space(p + 1, end)
    while p[0] != c"]" and p[0] != c"}":
        if open == c"{":
            p = json_string(p + 1, end, &text, &fault)
            if not json_plain_text(&text, &plain):
                return NULL
            name = hash_bytes(plain.p, plain.n)
            p = json_space(p, end) + 1
        p = json_hash(p, end, &one)
        if p == NULL:
            return NULL
        if open == c"{":        # a sum does not see the order of members
            stir(&name, one.a, one.b)
            out.a += name.a
            out.b += name.b
        else:
            stir(out, one.a, one.b)
        p = json_space(p, end)
        if p[0] == c",":
            p = json_space(p + 1, end)
    stir(out, 7, <uint8_t>open)
    return p + 1


cdef inline uint32_t slot_of(const Hash* key, uint32_t owner) noexcept nogil:
    """Owners are consecutive numbers with the same few names: they must not lie side by side."""
    return <uint32_t>((key.b ^ owner * <uint64_t>0x9E3779B97F4A7C15ULL) * <uint64_t>0xE7037ED1A0B428DBULL >> 32)


cdef bint seen_grow() noexcept nogil:
    cdef uint32_t size = 2 * (seen.mask + 1) if seen.slots != NULL else 256
    cdef Seen* old = seen.slots
    cdef Seen* slots = <Seen*>calloc(size, sizeof(Seen))
    cdef uint32_t i, at, before = seen.mask + 1 if old != NULL else 0
    if slots == NULL:
        return False
    for i in range(before):
        if old[i].round == seen.round:
            at = slot_of(&old[i].key, old[i].owner) & (size - 1)
            while slots[at].round:
                at = (at + 1) & (size - 1)
            slots[at] = old[i]
    free(old)
    seen.slots = slots
    seen.mask = size - 1
    return True


cdef bint seen_open() noexcept nogil:
    cdef uint32_t i
    if seen.mask >= SEEN_KEPT:
        free(seen.slots)
        seen.slots = NULL
        seen.mask = 0
    if seen.slots == NULL and not seen_grow():
        return False
    seen.used = 0
    seen.round += 1
    if seen.round == 0:         # 2^32 bodies later: stamps begin anew
        for i in range(seen.mask + 1):
            seen.slots[i].round = 0
        seen.round = 1
    return True


cdef int seen_add(uint32_t owner, const Hash* key) noexcept nogil:
    cdef uint32_t at
    cdef Seen* slot
    if 2 * seen.used > seen.mask and (seen.used >= SEEN_MOST or not seen_grow()):
        return -1
    at = slot_of(key, owner) & seen.mask
    while seen.slots[at].round == seen.round:
        slot = &seen.slots[at]
        if slot.key.a == key.a and slot.key.b == key.b and slot.owner == owner:
            return 0
        at = (at + 1) & seen.mask
    slot = &seen.slots[at]
    slot.key = key[0]
    slot.owner = owner
    slot.round = seen.round
    seen.used += 1
    return 1


cdef int draw_secrets() except -1:
    cdef int i
    for i in range(4):
        SECRET[i] = int.from_bytes(os.urandom(8), "little")
    return 0


draw_secrets()
