"""Which endpoint of a group has a request: the policies, over those that are well and have room."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastgw._core.bytes cimport Span
from fastgw._core.state cimport Endpoint, Exchange, Target

# NULL: none that the request has not tried has room.
cdef Endpoint* balance_choose(Target* t, Exchange* ex) noexcept nogil
cdef bint balance_key(Target* t, Exchange* ex, uint64_t* key) noexcept nogil
"""What a policy that hashes goes by; False: the request has nothing of that kind."""
cdef Endpoint* balance_pick(Target* t, uint64_t may, bint keyed, uint64_t key, uint64_t now) noexcept nogil

cdef inline bint has_room(const Endpoint* e) noexcept nogil:
    """An idle connection, or leave to make one; an idle one elsewhere in the group makes place for it."""
    return e.idle != NULL or (e.nconns < e.max_connections
                              and (e.target.nconns < e.target.limits.max_connections or e.target.nidle > 0))

cdef inline uint32_t endpoint_active(const Endpoint* e) noexcept nogil:
    """Requests in hand."""
    return e.nconns - e.nidle - e.nconnecting + e.waiting.n

cdef inline uint64_t mixed(uint64_t h) noexcept nogil:
    """Every bit of h in every bit of the result (the finalizer of splitmix64)."""
    h = (h ^ (h >> 30)) * <uint64_t>0xBF58476D1CE4E5B9ULL
    h = (h ^ (h >> 27)) * <uint64_t>0x94D049BB133111EBULL
    return h ^ (h >> 31)

cdef inline uint64_t text_hash(Span s) noexcept nogil:
    """The same in every worker, on every node, after every start. Not for hash tables of outside input: no seed."""
    cdef uint64_t h = <uint64_t>0xCBF29CE484222325ULL
    cdef uint32_t i
    for i in range(s.n):
        h = (h ^ <uint8_t>s.p[i]) * <uint64_t>0x100000001B3ULL
    return mixed(h)
