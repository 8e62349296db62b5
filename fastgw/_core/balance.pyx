"""The choice of an endpoint."""
from libc.math cimport log
from libc.stdint cimport int64_t

from fastgw._core.address cimport client_address
from fastgw._core.bytes cimport same_case, span
from fastgw._core.health cimport endpoint_chosen, endpoint_share, endpoint_well
from fastgw._core.libuv cimport uv
from fastgw._core.group cimport P_HASH_ADDRESS, P_HASH_HEADER, P_HASH_PATH, P_LEAST_CONNECTIONS, P_ROUND_ROBIN
from fastgw._core.network cimport IpAddress, address_bytes
from fastgw._core.state cimport core, field_name, field_value


cdef Endpoint* balance_choose(Target* t, Exchange* ex) noexcept nogil:
    """By policy among those that are well. Where none is well, among all: an upstream that everybody gave up is still
    the only one there is."""
    cdef uint64_t well = 0, room = 0, untried = 0, bit = 1, now = uv.now(core.loop), key = 0
    cdef bint keyed = False
    cdef uint32_t i
    cdef Endpoint* e
    for i in range(t.nendpoints):
        e = t.endpoints[i]
        if not ex.tried & e.bit:
            untried |= bit
            if has_room(e):
                room |= bit
            if endpoint_well(e, now):
                well |= bit
        bit <<= 1
    room &= well if well else untried
    if room == 0:
        return NULL
    if t.policy >= P_HASH_ADDRESS:
        keyed = balance_key(t, ex, &key)
    e = balance_pick(t, room, keyed, key, now)
    endpoint_chosen(e, now)
    return e


cdef Endpoint* balance_pick(Target* t, uint64_t may, bint keyed, uint64_t key, uint64_t now) noexcept nogil:
    """may: bits of t.endpoints, not 0. A request without a key is given out in turn."""
    if keyed:
        return by_hash(t, may, key, now)
    if t.policy == P_LEAST_CONNECTIONS:
        return least_connections(t, may, now)
    return round_robin(t, may, now)


cdef Endpoint* round_robin(Target* t, uint64_t may, uint64_t now) noexcept nogil:
    """Smooth and weighted: everybody earns its weight each turn, the richest is chosen and pays the whole round.

    So the turns of a heavy endpoint lie between those of the others instead of in one run.
    """
    cdef int64_t round = 0, share
    cdef Endpoint* best = NULL
    cdef Endpoint* e
    cdef uint32_t i
    for i in range(t.nendpoints):
        if not may >> i & 1:
            continue
        e = t.endpoints[i]
        share = <int64_t>endpoint_share(e, now)
        e.credit += share
        round += share
        if best == NULL or e.credit > best.credit:
            best = e
    best.credit -= round
    return best


cdef Endpoint* least_connections(Target* t, uint64_t may, uint64_t now) noexcept nogil:
    """Fewest requests in hand for its weight, the new one counted in; in turn where several are equal."""
    cdef uint64_t load, share, best_load = 0, best_share = 1
    cdef Endpoint* best = NULL
    cdef Endpoint* e
    cdef uint32_t i, at
    t.turn = (t.turn + 1) % t.nendpoints
    for i in range(t.nendpoints):
        at = (t.turn + i) % t.nendpoints
        if not may >> at & 1:
            continue
        e = t.endpoints[at]
        load = endpoint_active(e) + 1
        share = endpoint_share(e, now)
        if best == NULL or load * best_share < best_load * share:
            best, best_load, best_share = e, load, share
    return best


cdef Endpoint* by_hash(Target* t, uint64_t may, uint64_t key, uint64_t now) noexcept nogil:
    """Rendezvous hashing with weights: each endpoint draws a time from the key, at the rate of its weight; the first one
    wins. Who wins against all others wins against fewer too: only the keys of an endpoint that goes away move, and to
    one that comes move only those that it wins.
    """
    cdef double drawn, best_drawn = 0
    cdef Endpoint* best = NULL
    cdef Endpoint* e
    cdef uint32_t i
    for i in range(t.nendpoints):
        if not may >> i & 1:
            continue
        e = t.endpoints[i]
        drawn = -log(((mixed(key ^ e.hash) >> 11) + 0.5) / 9007199254740992.0) / endpoint_share(e, now)
        if best == NULL or drawn < best_drawn:
            best, best_drawn = e, drawn
    return best


cdef bint balance_key(Target* t, Exchange* ex, uint64_t* key) noexcept nogil:
    cdef const IpAddress* client
    cdef Span name
    cdef uint32_t i
    if ex.calling != NULL:
        key[0] = ex.calling.key     # of the request that the call is made for
        return ex.calling.keyed
    if t.policy == P_HASH_PATH:
        key[0] = text_hash(ex.path)
        return True
    if t.policy == P_HASH_ADDRESS:
        client = client_address(ex)
        key[0] = text_hash(span(<const char*>client.bytes, address_bytes(client)))
        return client.family != 0
    for i in range(ex.nfields):
        name = field_name(ex.head, &ex.fields[i])
        if name.n == t.hash_header.n and same_case(name.p, t.hash_header.p, name.n):
            key[0] = text_hash(field_value(ex.head, &ex.fields[i]))
            return True
    return False
