"""Look up, and answer from the cache."""
from libc.stdint cimport uint32_t, uint64_t

from fastgw._core.bytes cimport Span, put, put_span, put_uint, span, writer_init
from fastgw._core.cache cimport (CacheEntry, cache_find, cache_forget, cache_hash, cache_hold, cache_release,
                                 entry_body, entry_head)
from fastgw._core.cache_control cimport delta_seconds, directive_is, directive_next
from fastgw._core.cache_fill cimport fill_find, fill_join, fill_leave, fill_new
from fastgw._core.cache_key cimport cache_codings, cache_key
from fastgw._core.clock cimport http_date
from fastgw._core.gather cimport gather_answer, gather_piece, to_client
from fastgw._core.libuv cimport uv
from fastgw._core.permission cimport permission_to_invalidate
from fastgw._core.program cimport program_write
from fastgw._core.respond cimport put_connection, put_cors
from fastgw._core.state cimport (BODY_NONE, CACHE_BYPASS, CACHE_HIT, CACHE_MISS, CacheFill, CachePlan, Field, GET, HEAD,
                                 INVALIDATION_ALLOWED, INVALIDATION_FAILS, INVALIDATION_WARNS, KEYED_AUTHORIZATION,
                                 KEYED_COOKIE, M_LOOSE, T_ACCEPT_ENCODING, T_AUTHORIZATION, T_CACHE_CONTROL, T_COOKIE,
                                 T_IF_MATCH, T_IF_UNMODIFIED_SINCE, T_RANGE, core, field_value)

cdef enum:
    KEY_BYTES = 32768
    PIECE_BYTES = 131072    # of a hit's body in one write; so much a slow client can make us copy

cdef char key_text[KEY_BYTES]
cdef Writer key_writer

cdef struct Wish:           # what a request's fields say about the cache
    bint credentials        # that the key does not hold
    bint partial            # Range or a precondition: the upstream's matter
    bint fresh              # max-age=0 or no-cache
    bint secret             # no-store
    int codings


# --- the request

cdef void read_directives(Span directives, Wish* wish) noexcept nogil:
    cdef uint32_t at = 0
    cdef Span name, value
    while directive_next(directives, &at, &name, &value):
        if directive_is(name, b"no-cache", 8) or (directive_is(name, b"max-age", 7) and delta_seconds(value) == 0):
            wish.fresh = True
        elif directive_is(name, b"no-store", 8):
            wish.secret = True


cdef Wish read_wish(Exchange* ex) noexcept nogil:
    cdef CachePlan* plan = ex.route.cache
    cdef uint32_t keyed = plan.keyed | (ex.route.auth.keyed if ex.identity.p != NULL and ex.route.auth != NULL else 0)
    cdef Wish wish
    cdef uint32_t i
    cdef Field* f
    wish.partial = wish.fresh = wish.secret = False
    wish.credentials = ex.caller != NULL and ex.identity.p == NULL      # known, but not by what
    wish.codings = 0
    for i in range(ex.nfields):
        f = &ex.fields[i]
        if not f.token or f.marks & M_LOOSE:
            continue
        if f.token == T_AUTHORIZATION:
            wish.credentials |= not keyed & KEYED_AUTHORIZATION
        elif f.token == T_COOKIE:
            wish.credentials |= not keyed & KEYED_COOKIE
        elif f.token == T_RANGE or T_IF_MATCH <= f.token <= T_IF_UNMODIFIED_SINCE:
            wish.partial = True
        elif f.token == T_CACHE_CONTROL:
            read_directives(field_value(ex.head, f), &wish)
        elif f.token == T_ACCEPT_ENCODING:
            wish.codings |= cache_codings(field_value(ex.head, f))
    return wish


cdef bint caching_concerns(Exchange* ex) noexcept nogil:
    cdef CachePlan* plan = ex.route.cache
    return plan != NULL and (ex.verb == plan.verb or (ex.verb == HEAD and plan.verb == GET))


cdef int caching_lookup(Exchange* ex) noexcept nogil:
    cdef CachePlan* plan = ex.route.cache
    cdef Wish wish
    cdef Span key
    cdef uint64_t hash
    cdef CacheEntry* entry
    if not caching_concerns(ex) or ex.fill != NULL:
        return LOOKUP_MISS
    wish = read_wish(ex)
    ex.cache = CACHE_BYPASS
    if wish.fresh and plan.invalidation != INVALIDATION_ALLOWED and not permission_to_invalidate(ex):
        if plan.invalidation == INVALIDATION_FAILS:
            return LOOKUP_REFUSED
        ex.cache_warns = plan.invalidation == INVALIDATION_WARNS
        wish.fresh = False
    if ex.body != BODY_NONE or wish.partial:
        return LOOKUP_MISS
    writer_init(&key_writer, key_text, KEY_BYTES)
    if not cache_key(ex, wish.codings, &key_writer):
        return LOOKUP_MISS
    key = span(key_writer.p, key_writer.n)
    hash = cache_hash(key)
    entry = cache_find(key, hash, uv.now(core.loop), plan.ttl_ms)
    if entry != NULL and not entry.passes:
        if wish.fresh:
            cache_forget(entry)
            entry = NULL
        elif not wish.credentials or entry.public:
            return hit(ex, entry)
    if not wish.credentials:
        ex.cache = CACHE_MISS
    if ex.verb == HEAD or wish.secret:
        return LOOKUP_MISS
    return miss(ex, key, hash, &wish, entry != NULL)


cdef int hit(Exchange* ex, CacheEntry* entry) noexcept nogil:
    ex.cache = CACHE_HIT
    ex.hit = entry
    ex.hit_at = 0
    cache_hold(entry)
    return LOOKUP_HIT


cdef int miss(Exchange* ex, Span key, uint64_t hash, Wish* wish, bint passes) noexcept nogil:
    """Wait for an equal request where that may help, else go and bring the answer."""
    cdef CacheFill* fill = NULL
    cdef bint open = not (wish.credentials or wish.fresh or passes)
    if open:
        fill = fill_find(key, hash)
        if fill != NULL and not ex.cache_waited:
            fill_join(fill, ex)
            return LOOKUP_WAITS
    if fill != NULL or (passes and ex.cache_waited):
        return LOOKUP_MISS      # somebody brings it already, or nobody could
    fill = fill_new(ex, key, hash, open)
    if fill != NULL:
        fill.credentials = wish.credentials
        fill.codings = <unsigned char>wish.codings
    return LOOKUP_MISS


cdef void caching_leave(Exchange* ex) noexcept nogil:
    if ex.hit != NULL:
        cache_release(ex.hit)
        ex.hit = NULL
    fill_leave(ex)


# --- the answer

cdef void caching_put_fields(Writer* w, Exchange* ex) noexcept nogil:
    cdef CachePlan* plan = ex.route.cache
    if plan.shown and ex.cache == CACHE_HIT:
        put(w, b"X-Cache: HIT\r\n", 14)
    elif plan.shown and ex.cache == CACHE_MISS:
        put(w, b"X-Cache: MISS\r\n", 15)
    elif plan.shown and ex.cache == CACHE_BYPASS:
        put(w, b"X-Cache: BYPASS\r\n", 17)
    if ex.cache_warns:
        put_span(w, plan.warning)


cdef void put_head(Exchange* ex, CacheEntry* e) noexcept nogil:
    """What was relayed once, with the fields that are this answer's own; Age by RFC 9111 section 4.2.3."""
    cdef Writer* w = &to_client.text
    put(w, entry_head(e), e.line_n)
    put(w, b"Date: ", 6)
    put(w, http_date(), 29)
    put(w, b"\r\n", 2)
    put(w, entry_head(e) + e.line_n, e.head_n - e.line_n)
    put(w, b"Content-Length: ", 16)
    put_uint(w, e.body_n)
    put(w, b"\r\nAge: ", 7)
    put_uint(w, e.age + (uv.now(core.loop) - e.stored) // 1000)
    put(w, b"\r\n", 2)
    program_write(&ex.stage.always, ex, w)
    caching_put_fields(w, ex)
    put_cors(w, ex)
    put_connection(w, ex)
    put(w, b"\r\n", 2)


cdef int caching_send(Exchange* ex) noexcept nogil:
    cdef CacheEntry* e = ex.hit
    cdef uint32_t n = e.body_n - ex.hit_at
    if not ex.answering:
        ex.answering = True
        ex.status = 200
        put_head(ex, e)
        if ex.verb == HEAD:
            ex.hit_at = e.body_n
            n = 0
    if n > PIECE_BYTES:
        n = PIECE_BYTES
    if n:
        gather_piece(&to_client, entry_body(e) + ex.hit_at, n)
        ex.body_out += n
    ex.hit_at += n
    return gather_answer(ex)


cdef bint caching_sent(Exchange* ex) noexcept nogil:
    return ex.hit_at == ex.hit.body_n
