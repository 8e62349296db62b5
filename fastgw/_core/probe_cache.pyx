"""Python's way into the cache's store and keys, for tests and benches alone; as probe.pyx, where no engine runs."""
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from fastgw._core.bytes cimport Span, Writer, span, writer_init
from fastgw._core.cache cimport (CacheEntry, CacheZone, cache_bytes, cache_close, cache_count, cache_drop, cache_find,
                                 cache_flush, cache_grow, cache_hash, cache_hold, cache_keep, cache_open,
                                 cache_release, cache_reserve, cache_sweep, cache_zone, cache_zones, entry_body,
                                 entry_head)
from fastgw._core.cache_control cimport delta_seconds, directive_next
from fastgw._core.cache_key cimport cache_codings, cache_key
from fastgw._core.head cimport HEAD_DONE, head_feed, request_settings
from fastgw._core.llhttp cimport PARSE_REQUEST, llhttp
from fastgw._core.plan cimport Plan
from fastgw._core.path cimport PATH_MERGE_SLASHES
from fastgw._core.route cimport ROUTED, route_find
from fastgw._core.state cimport Conn, Exchange, Field, M_LOOSE, T_ACCEPT_ENCODING, core, field_value

cdef enum:
    KEY_BYTES = 32768


cdef class Store:
    """The store, under a clock that the test gives (ms). close() leaves nothing behind."""

    def __init__(self, uint64_t capacity):
        cdef uint64_t key[2]
        key[0], key[1] = 1, 2
        cache_open(capacity, key)

    cdef CacheZone* zone(self, bytes name) except NULL:
        cdef CacheZone* zone = cache_zone(span(name, len(name)))
        if zone == NULL:
            raise MemoryError
        zone.wanted = True
        return zone

    def put(self, bytes zone, bytes key, bytes body, uint64_t now=0, uint64_t expires=2**63, uint64_t asked=0,
            uint32_t room=0) -> bool:
        """Keep an entry that was reserved with that much room; False where there is none for it."""
        cdef Span k = span(key, len(key))
        cdef CacheEntry* e = cache_reserve(self.zone(zone), k, cache_hash(k), room or len(body))
        cdef CacheEntry* grown
        if e == NULL:
            return False
        if room and room < <uint32_t>len(body):
            grown = cache_grow(e, len(body))
            if grown == NULL:
                cache_drop(e)
                return False
            e = grown
        memcpy(entry_head(e), <const char*>body, len(body))
        e.body_n = len(body)
        e.stored = now
        e.expires = expires
        e.asked = asked
        cache_keep(e)
        return True

    cdef CacheEntry* find(self, bytes key, uint64_t now, uint32_t ttl):
        cdef Span k = span(key, len(key))
        return cache_find(k, cache_hash(k), now, ttl)

    def get(self, bytes key, uint64_t now=0, uint32_t ttl=1000) -> bytes | None:
        cdef CacheEntry* e = self.find(key, now, ttl)
        return None if e == NULL else entry_body(e)[:e.body_n]

    def hold(self, bytes key) -> int:
        """Hold an entry; for release() and held()."""
        cdef CacheEntry* e = self.find(key, 0, 1000)
        if e == NULL:
            raise KeyError(key)
        cache_hold(e)
        return <size_t>e

    def held(self, size_t number) -> bytes:
        cdef CacheEntry* e = <CacheEntry*>number
        return entry_body(e)[:e.body_n]

    def release(self, size_t number) -> None:
        cache_release(<CacheEntry*>number)

    def flush(self, bytes zone) -> int:
        return cache_flush(self.zone(zone))

    def keep_only(self, zones) -> None:
        """Sweep the zones that are not among these."""
        cdef CacheZone* zone = cache_zones()
        while zone != NULL:
            zone.wanted = zone.id.p[:zone.id.n] in zones
            zone = zone.next
        cache_sweep()

    @property
    def bytes(self) -> int:
        return cache_bytes()

    @property
    def count(self) -> int:
        return cache_count()

    def close(self) -> None:
        cache_close()

    def hits(self, bytes key, int times) -> None:
        """Find one key over and over; KeyError where it is not there."""
        cdef Span k = span(key, len(key))
        cdef CacheEntry* e = NULL
        cdef int i
        with nogil:
            for i in range(times):
                e = cache_find(k, cache_hash(k), 0, 1000)
        if e == NULL:
            raise KeyError(key)


def directives(bytes text) -> list:
    """(name, value or None) of a Cache-Control."""
    cdef uint32_t at = 0
    cdef Span name, value
    found = []
    while directive_next(span(text, len(text)), &at, &name, &value):
        found.append((name.p[:name.n], value.p[:value.n] if value.p != NULL else None))
    return found


def seconds(bytes text) -> int:
    return delta_seconds(span(text, len(text)))


def key_of(Plan plan, bytes head, int port=80) -> bytes | None:
    """The key of a request; None where the head is refused, has no route, or its key is too long."""
    cdef Conn conn
    cdef Exchange* ex = <Exchange*>calloc(1, sizeof(Exchange))
    cdef Writer w
    cdef uint32_t used = 0, i
    cdef int codings = 0
    cdef char* text = <char*>malloc(KEY_BYTES)
    core.limits.head_bytes = 16384
    core.limits.head_fields = 100
    core.limits.body_bytes = 10485760
    core.limits.path_flags = PATH_MERGE_SLASHES
    memset(&conn, 0, sizeof(conn))
    conn.local_port = <unsigned short>port
    try:
        if ex == NULL or text == NULL:
            raise MemoryError
        ex.fields = <Field*>calloc(core.limits.head_fields + 1, sizeof(Field))
        if ex.fields == NULL:
            raise MemoryError
        ex.conn = &conn
        ex.plan = plan.data
        ex.verb = 255
        ex.minor = 1
        llhttp.init(ex.parser, PARSE_REQUEST, &request_settings)
        if head_feed(ex, head, len(head), &used) != HEAD_DONE or route_find(ex) != ROUTED or ex.route.cache == NULL:
            return None
        ex.stage.zone = <CacheZone*>ex.stage        # a key only holds which one it is
        for i in range(ex.nfields):
            if ex.fields[i].token == T_ACCEPT_ENCODING and not ex.fields[i].marks & M_LOOSE:
                codings |= cache_codings(field_value(ex.head, &ex.fields[i]))
        writer_init(&w, text, KEY_BYTES)
        return text[:w.n] if cache_key(ex, codings, &w) else None
    finally:
        if ex != NULL:
            free(ex.fields)
            free(ex.head)
        free(ex)
        free(text)
