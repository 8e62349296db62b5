"""The table of decisions: chained buckets that grow with it, and one list from the newest use to the oldest."""
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp

from fastgw._core.caller cimport caller_hold, caller_release
from fastgw._core.siphash cimport siphash

cdef enum:
    FIRST_BUCKETS = 256

cdef struct Decision:
    Decision* chain         # of the same bucket
    Decision* newer
    Decision* older
    uint64_t hash
    Caller* caller

cdef Decision** table
cdef uint32_t buckets, kept, most_kept
cdef uint64_t used, most_used
cdef uint64_t hash_key[2]
cdef Decision* newest
cdef Decision* oldest


cdef void decisions_open(uint32_t most, uint64_t most_bytes, const uint64_t* key) noexcept nogil:
    global most_kept, most_used
    most_kept, most_used = most, most_bytes
    hash_key[0], hash_key[1] = key[0], key[1]


cdef void decisions_close() noexcept nogil:
    decisions_forget()


cdef inline uint64_t bytes_of(const Decision* d) noexcept nogil:
    return sizeof(Decision) + d.caller.bytes


cdef inline Decision** bucket(uint64_t hash) noexcept nogil:
    return &table[hash & (buckets - 1)]


cdef Decision* lookup(Span identity, uint64_t hash) noexcept nogil:
    cdef Decision* d
    if buckets == 0:
        return NULL
    d = bucket(hash)[0]
    while d != NULL and not (d.hash == hash and d.caller.identity.n == identity.n
                             and memcmp(d.caller.identity.p, identity.p, identity.n) == 0):
        d = d.chain
    return d


# --- the list

cdef void unlist(Decision* d) noexcept nogil:
    global newest, oldest
    if d.newer != NULL:
        d.newer.older = d.older
    else:
        newest = d.older
    if d.older != NULL:
        d.older.newer = d.newer
    else:
        oldest = d.newer


cdef void list_first(Decision* d) noexcept nogil:
    global newest, oldest
    d.newer = NULL
    d.older = newest
    if newest != NULL:
        newest.newer = d
    else:
        oldest = d
    newest = d


# --- the table

cdef void forget(Decision* d) noexcept nogil:
    global kept, used, table, buckets
    cdef Decision** link = bucket(d.hash)
    while link[0] != d:
        link = &link[0].chain
    link[0] = d.chain
    unlist(d)
    kept -= 1
    used -= bytes_of(d)
    caller_release(d.caller)
    free(d)
    if kept == 0:
        free(table)         # an empty table holds nothing
        table = NULL
        buckets = 0


cdef bint resize() noexcept nogil:
    """Twice the buckets; without memory for them the chains only get longer. False: there are none."""
    global table, buckets
    cdef uint32_t size = buckets * 2 if buckets else FIRST_BUCKETS, i
    cdef Decision** wider = <Decision**>calloc(size, sizeof(Decision*))
    cdef Decision* d
    cdef Decision* following
    if wider == NULL:
        return buckets != 0
    for i in range(buckets):
        d = table[i]
        while d != NULL:
            following = d.chain
            d.chain = wider[d.hash & (size - 1)]
            wider[d.hash & (size - 1)] = d
            d = following
    free(table)
    table = wider
    buckets = size
    return True


cdef Caller* decision_find(Span identity, uint64_t now) noexcept nogil:
    cdef Decision* d
    if kept == 0:
        return NULL
    d = lookup(identity, siphash(hash_key, identity.p, identity.n).low)
    if d == NULL:
        return NULL
    if now >= d.caller.expires:
        forget(d)
        return NULL
    if d != newest:
        unlist(d)
        list_first(d)
    return d.caller


cdef void decision_keep(Caller* c) noexcept nogil:
    global kept, used
    cdef uint64_t hash = siphash(hash_key, c.identity.p, c.identity.n).low
    cdef Decision* d = lookup(c.identity, hash)
    if d != NULL:
        forget(d)
    if sizeof(Decision) + c.bytes > most_used or most_kept == 0:
        return
    while kept and (kept >= most_kept or used + sizeof(Decision) + c.bytes > most_used):
        forget(oldest)
    if kept >= buckets and not resize():
        return
    d = <Decision*>malloc(sizeof(Decision))
    if d == NULL:
        return
    d.hash = hash
    d.caller = caller_hold(c)
    d.chain = bucket(hash)[0]
    bucket(hash)[0] = d
    list_first(d)
    kept += 1
    used += bytes_of(d)


cdef uint32_t decisions_forget() noexcept nogil:
    cdef uint32_t before = kept
    while oldest != NULL:
        forget(oldest)
    return before


cdef uint32_t decisions_count() noexcept nogil:
    return kept
