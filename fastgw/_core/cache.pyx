"""Entries, their table and their queues.

Eviction is S3-FIFO (Yang and others, SOSP 2023): a new entry goes through a small queue; only what was asked for
again in it, or soon after it left (`ghosts`), reaches the main queue, so that a scan of keys that nobody asks for
twice passes by. Both queues give a second turn to what was hit.
"""
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

from fastgw._core.bytes cimport span
from fastgw._core.siphash cimport siphash

cdef enum Queue:
    Q_NONE = 0              # reserved, or evicted while somebody holds it
    Q_SMALL = 1
    Q_MAIN = 2

cdef enum:
    SMALL_SHARE = 10        # the small queue's part of the bytes: 1/10
    RESERVED_SHARE = 4      # answers on their way may take 1/4: they do not push out what is asked for
    MOST_HITS = 3
    FIRST_BUCKETS = 256
    GHOSTS = 16384          # fingerprints of what left the small queue last; a power of two

cdef struct Fifo:
    CacheEntry* newest
    CacheEntry* oldest
    uint64_t bytes

cdef uint64_t capacity, used, reserved
cdef uint64_t hash_key[2]
cdef CacheEntry** table
cdef uint32_t buckets, kept
cdef Fifo queues[3]
cdef uint32_t ghosts[GHOSTS]
cdef CacheZone* zones


cdef inline uint64_t bytes_of(CacheEntry* e) noexcept nogil:
    return sizeof(CacheEntry) + e.cap


cdef void cache_open(uint64_t bytes, const uint64_t* key) noexcept nogil:
    global capacity, used, reserved, table, buckets, kept, zones
    capacity = bytes
    hash_key[0], hash_key[1] = key[0], key[1]
    used = reserved = 0
    table = NULL
    buckets = kept = 0
    zones = NULL
    memset(queues, 0, sizeof(queues))
    memset(ghosts, 0, sizeof(ghosts))


cdef void cache_close() noexcept nogil:
    global zones, table, buckets
    cdef CacheZone* zone
    while zones != NULL:
        zone = zones
        cache_flush(zone)
        zones = zone.next
        free(<void*>zone.id.p)
        free(zone)
    free(table)
    table = NULL
    buckets = 0


# --- zones

cdef CacheZone* cache_zones() noexcept nogil:
    return zones


cdef CacheZone* cache_zone(Span id) noexcept nogil:
    global zones
    cdef CacheZone* zone = zones
    while zone != NULL:
        if zone.id.n == id.n and memcmp(zone.id.p, id.p, id.n) == 0:
            return zone
        zone = zone.next
    zone = <CacheZone*>calloc(1, sizeof(CacheZone))
    if zone == NULL:
        return NULL
    zone.id.p = <char*>malloc(id.n + 1)
    if zone.id.p == NULL:
        free(zone)
        return NULL
    memcpy(<char*>zone.id.p, id.p, id.n)
    zone.id.n = id.n
    zone.next = zones
    zones = zone
    return zone


cdef uint32_t cache_flush(CacheZone* zone) noexcept nogil:
    cdef CacheEntry* e
    cdef CacheEntry* newer
    cdef uint32_t before = zone.entries
    cdef int q
    zone.generation += 1
    for q in range(Q_SMALL, Q_MAIN + 1):
        e = queues[q].oldest
        while e != NULL and zone.entries:
            newer = e.newer
            if e.zone == zone:
                cache_forget(e)
            e = newer
    return before


cdef void cache_sweep() noexcept nogil:
    cdef CacheZone** link = &zones
    cdef CacheZone* zone
    while link[0] != NULL:
        zone = link[0]
        if zone.wanted:
            link = &zone.next
            continue
        cache_flush(zone)
        link[0] = zone.next
        free(<void*>zone.id.p)
        free(zone)


# --- the table

cdef uint64_t cache_hash(Span key) noexcept nogil:
    return siphash(hash_key, key.p, key.n).low


cdef inline bint has_key(CacheEntry* e, Span key, uint64_t hash) noexcept nogil:
    return e.hash == hash and e.key_n == key.n and memcmp(entry_key(e), key.p, key.n) == 0


cdef CacheEntry* lookup(Span key, uint64_t hash) noexcept nogil:
    cdef CacheEntry* e
    if buckets == 0:
        return NULL
    e = table[hash & (buckets - 1)]
    while e != NULL and not has_key(e, key, hash):
        e = e.chain
    return e


cdef void resize() noexcept nogil:
    """Twice the buckets; without memory for them the chains only get longer."""
    global table, buckets
    cdef uint32_t size = buckets * 2 if buckets else FIRST_BUCKETS, i
    cdef CacheEntry** wider = <CacheEntry**>calloc(size, sizeof(CacheEntry*))
    cdef CacheEntry* e
    cdef CacheEntry* following
    if wider == NULL:
        return
    for i in range(buckets):
        e = table[i]
        while e != NULL:
            following = e.chain
            e.chain = wider[e.hash & (size - 1)]
            wider[e.hash & (size - 1)] = e
            e = following
    free(table)
    table = wider
    buckets = size


cdef CacheEntry* cache_find(Span key, uint64_t hash, uint64_t now, uint32_t ttl) noexcept nogil:
    """The entry of this very key that is still fresh; ttl is the asking route's, in ms."""
    cdef CacheEntry* e = lookup(key, hash)
    if e == NULL:
        return NULL
    if now >= e.expires or now - e.stored >= ttl:
        remember(e)
        cache_forget(e)
        return NULL
    if e.hits < MOST_HITS:
        e.hits += 1
    return e


# --- queues

cdef void enqueue(CacheEntry* e, int queue) noexcept nogil:
    cdef Fifo* q = &queues[queue]
    e.queue = <uint8_t>queue
    e.newer = NULL
    e.older = q.newest
    if q.newest != NULL:
        q.newest.newer = e
    else:
        q.oldest = e
    q.newest = e
    q.bytes += bytes_of(e)


cdef void dequeue(CacheEntry* e) noexcept nogil:
    cdef Fifo* q = &queues[e.queue]
    if e.newer != NULL:
        e.newer.older = e.older
    else:
        q.newest = e.older
    if e.older != NULL:
        e.older.newer = e.newer
    else:
        q.oldest = e.newer
    q.bytes -= bytes_of(e)
    e.queue = Q_NONE


cdef inline uint32_t fingerprint(uint64_t hash) noexcept nogil:
    return <uint32_t>(hash >> 32) | 1


cdef inline uint32_t* ghost(uint64_t hash) noexcept nogil:
    return &ghosts[hash & (GHOSTS - 1)]


cdef void remember(CacheEntry* e) noexcept nogil:
    """What made its way to the main queue comes back to it with its next answer."""
    if e.queue == Q_MAIN:
        ghost(e.hash)[0] = fingerprint(e.hash)


cdef bint evict() noexcept nogil:
    """Take one entry out; False where there is none."""
    cdef CacheEntry* e
    while True:
        if queues[<int>Q_SMALL].oldest != NULL and (queues[<int>Q_SMALL].bytes * SMALL_SHARE > capacity
                                               or queues[<int>Q_MAIN].oldest == NULL):
            e = queues[<int>Q_SMALL].oldest
            if e.hits:
                dequeue(e)
                e.hits = 0
                enqueue(e, Q_MAIN)
                continue
            ghost(e.hash)[0] = fingerprint(e.hash)
        else:
            e = queues[<int>Q_MAIN].oldest
            if e == NULL:
                return False
            if e.hits:
                dequeue(e)
                e.hits -= 1
                enqueue(e, Q_MAIN)
                continue
        cache_forget(e)
        return True


cdef bint make_room(uint64_t n) noexcept nogil:
    """What somebody still holds stays counted: then there may be no room although nothing is kept."""
    while used + n > capacity:
        if not evict():
            return False
    return True


# --- entries

cdef void cache_hold(CacheEntry* e) noexcept nogil:
    e.holders += 1


cdef void destroy(CacheEntry* e) noexcept nogil:
    global used
    used -= bytes_of(e)
    free(e)


cdef void cache_release(CacheEntry* e) noexcept nogil:
    e.holders -= 1
    if e.holders == 0 and e.queue == Q_NONE:
        destroy(e)


cdef CacheEntry* cache_reserve(CacheZone* zone, Span key, uint64_t hash, uint32_t room) noexcept nogil:
    """An entry with its key, and room for head and body; not in the table yet."""
    global used, reserved
    cdef uint64_t total = sizeof(CacheEntry) + <uint64_t>key.n + room
    cdef CacheEntry* e
    if room > CACHE_ENTRY_BYTES or (reserved + total) * RESERVED_SHARE > capacity or not make_room(total):
        return NULL
    e = <CacheEntry*>malloc(total)
    if e == NULL:
        return NULL
    memset(e, 0, sizeof(CacheEntry))
    e.zone = zone
    e.hash = hash
    e.key_n = key.n
    e.cap = key.n + room
    memcpy(entry_key(e), key.p, key.n)
    used += total
    reserved += total
    return e


cdef CacheEntry* cache_grow(CacheEntry* e, uint32_t room) noexcept nogil:
    """Room for head and body; also less of it, once their size is known."""
    global used, reserved
    cdef uint64_t old = bytes_of(e), total = sizeof(CacheEntry) + <uint64_t>e.key_n + room
    cdef CacheEntry* grown
    if room > CACHE_ENTRY_BYTES:
        return NULL
    if total > old and ((reserved - old + total) * RESERVED_SHARE > capacity or not make_room(total - old)):
        return NULL
    grown = <CacheEntry*>realloc(e, total)
    if grown == NULL:
        return NULL
    grown.cap = grown.key_n + room
    used += total - old
    reserved += total - old
    return grown


cdef void cache_drop(CacheEntry* e) noexcept nogil:
    global reserved
    reserved -= bytes_of(e)
    destroy(e)


cdef void cache_keep(CacheEntry* e) noexcept nogil:
    global reserved, kept
    cdef CacheEntry* old
    cdef CacheEntry* fitted = cache_grow(e, e.head_n + e.body_n)
    if fitted != NULL:
        e = fitted
    old = lookup(span(entry_key(e), e.key_n), e.hash)
    if old != NULL and old.asked > e.asked:
        cache_drop(e)           # asked for later, answered sooner: that one is the newer answer
        return
    if old != NULL:
        remember(old)
        cache_forget(old)
    if kept >= buckets:
        resize()
        if buckets == 0:
            cache_drop(e)
            return
    reserved -= bytes_of(e)
    e.hits = 0
    e.chain = table[e.hash & (buckets - 1)]
    table[e.hash & (buckets - 1)] = e
    kept += 1
    e.zone.entries += 1
    enqueue(e, Q_MAIN if ghost(e.hash)[0] == fingerprint(e.hash) else Q_SMALL)


cdef void cache_forget(CacheEntry* e) noexcept nogil:
    global kept, table, buckets
    cdef CacheEntry** link = &table[e.hash & (buckets - 1)]
    while link[0] != e:
        link = &link[0].chain
    link[0] = e.chain
    kept -= 1
    e.zone.entries -= 1
    dequeue(e)
    if e.holders == 0:
        destroy(e)
    if kept == 0:
        free(table)         # an empty cache holds nothing
        table = NULL
        buckets = 0


cdef uint64_t cache_bytes() noexcept nogil:
    return used


cdef uint32_t cache_count() noexcept nogil:
    return kept
