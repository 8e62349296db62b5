"""The store of the stage caches: one per worker, bounded in bytes, S3-FIFO.

A zone is one stage's part; it outlives deployments. An entry is one allocation: this struct, then its key, its head
and its body. It is reserved while an answer comes in, then kept (in the table) or dropped. Whoever sends from an
entry holds it: an entry that is evicted meanwhile is freed by the last release. Times are milliseconds of one clock.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastgw._core.bytes cimport Span

cdef enum:
    CACHE_ENTRY_BYTES = 1048576     # head and body of one entry

cdef struct CacheZone:
    CacheZone* next
    Span id                 # owned
    uint32_t generation     # moves with every flush: what was asked for before it is not kept
    uint32_t entries
    uint8_t wanted          # in a plan

cdef struct CacheEntry:
    CacheEntry* chain       # of the same bucket
    CacheEntry* newer       # in its queue
    CacheEntry* older
    CacheZone* zone
    uint64_t hash
    uint64_t asked          # when its request went out
    uint64_t stored
    uint64_t expires        # by the answer's own word; the route's TTL counts from `stored`
    uint32_t age            # seconds, at `stored`
    uint32_t holders
    uint32_t key_n
    uint32_t line_n         # status line, the first part of the head
    uint32_t head_n
    uint32_t body_n
    uint32_t cap            # bytes after this struct
    uint8_t queue           # Queue
    uint8_t hits            # since it was queued, at most 3
    uint8_t public          # its answer says that it may go to requests with credentials
    uint8_t passes          # no answer: the last one for this key could not be kept

cdef inline char* entry_key(CacheEntry* e) noexcept nogil:
    return <char*>e + sizeof(CacheEntry)

cdef inline char* entry_head(CacheEntry* e) noexcept nogil:
    return <char*>e + sizeof(CacheEntry) + e.key_n

cdef inline char* entry_body(CacheEntry* e) noexcept nogil:
    return <char*>e + sizeof(CacheEntry) + e.key_n + e.head_n

cdef void cache_open(uint64_t capacity, const uint64_t* key) noexcept nogil    # key: two secret words
cdef void cache_close() noexcept nogil                          # entries and zones; nobody holds any
cdef CacheZone* cache_zone(Span id) noexcept nogil              # the one of this id, made where there is none
cdef CacheZone* cache_zones() noexcept nogil                    # the first; the others by `next`
cdef uint32_t cache_flush(CacheZone* zone) noexcept nogil       # how many entries went
cdef void cache_sweep() noexcept nogil                          # free what no plan wants
cdef uint64_t cache_hash(Span key) noexcept nogil
cdef CacheEntry* cache_find(Span key, uint64_t hash, uint64_t now, uint32_t ttl) noexcept nogil
cdef void cache_hold(CacheEntry* e) noexcept nogil
cdef void cache_release(CacheEntry* e) noexcept nogil
cdef CacheEntry* cache_reserve(CacheZone* zone, Span key, uint64_t hash, uint32_t room) noexcept nogil  # or NULL
cdef CacheEntry* cache_grow(CacheEntry* e, uint32_t room) noexcept nogil    # NULL: no room, e is as it was
cdef void cache_drop(CacheEntry* e) noexcept nogil              # a reserved one
cdef void cache_keep(CacheEntry* e) noexcept nogil              # a reserved one, whole now; an older one of its key goes
cdef void cache_forget(CacheEntry* e) noexcept nogil            # a kept one
cdef uint64_t cache_bytes() noexcept nogil                      # entries and reservations
cdef uint32_t cache_count() noexcept nogil                      # kept entries
