"""Fills and waits."""
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy

from fastgw._core.bytes cimport list_next, put, same_case, span, writer_init
from fastgw._core.cache cimport (CACHE_ENTRY_BYTES, CacheEntry, cache_drop, cache_grow, cache_keep, cache_reserve,
                                 entry_body, entry_head)
from fastgw._core.cache_control cimport delta_seconds, directive_is, directive_next
from fastgw._core.cache_key cimport coding_taken
from fastgw._core.libuv cimport UV_TIMER, uv
from fastgw._core.state cimport (CachePlan, HEAD, KEY_HEADER, T_AGE, T_CACHE_CONTROL,
                                 T_CONTENT_ENCODING, T_EXPIRES, T_SET_COOKIE, T_VARY, Waiters, core, field_value)
from fastgw._core.upstream cimport upstream_resume

cdef enum:
    BUCKETS = 256
    STORED_HEAD_BYTES = 131072
    FIRST_ROOM = 4096           # for a body of unknown length
    PASS_MS = 10000             # how long equal requests do not wait for an answer like one that could not be kept

cdef const FillEvents* events
cdef void* LOOP
cdef void* waker                # libuv's timer; due at once
cdef CacheFill* fills[BUCKETS]  # the open ones
cdef uint32_t live
cdef Waiters due                # may walk on
cdef char head_text[STORED_HEAD_BYTES]
cdef Writer head_writer


# --- waiting

cdef void append(Waiters* list, Exchange* ex) noexcept nogil:
    ex.waits_in = list
    ex.next = NULL
    ex.prev = list.last
    if list.last != NULL:
        list.last.next = ex
    else:
        list.first = ex
    list.last = ex


cdef void remove(Exchange* ex) noexcept nogil:
    cdef Waiters* list = ex.waits_in
    if ex.prev != NULL:
        ex.prev.next = ex.next
    else:
        list.first = ex.next
    if ex.next != NULL:
        ex.next.prev = ex.prev
    else:
        list.last = ex.prev
    ex.next = ex.prev = NULL
    ex.waits_in = NULL


cdef void on_wake(void* handle) noexcept nogil:
    cdef Exchange* ex
    while due.first != NULL:
        ex = due.first
        remove(ex)
        ex.cache_waited = True
        events.resume(ex)


cdef void wake(Exchange* ex) noexcept nogil:
    append(&due, ex)
    uv.timer_start(waker, on_wake, 0, 0)


cdef void fill_join(CacheFill* fill, Exchange* ex) noexcept nogil:
    append(&fill.waiters, ex)
    if fill.leader.up != NULL:
        upstream_resume(fill.leader.up)     # its client's pace is no longer the only one


cdef bint fill_hurries(Exchange* ex) noexcept nogil:
    return ex.fill != NULL and ex.fill.entry != NULL and ex.fill.waiters.first != NULL


# --- fills

cdef CacheFill* fill_find(Span key, uint64_t hash) noexcept nogil:
    cdef CacheFill* fill = fills[hash & (BUCKETS - 1)]
    while fill != NULL:
        # One that was asked for before a flush has an answer from before it.
        if fill.hash == hash and fill.key_n == key.n and memcmp(fill.key, key.p, key.n) == 0 \
                and fill.generation == fill.zone.generation:
            return fill
        fill = fill.next
    return NULL


cdef CacheFill* fill_new(Exchange* ex, Span key, uint64_t hash, bint open) noexcept nogil:
    global live
    cdef CacheFill* fill = <CacheFill*>calloc(1, sizeof(CacheFill))
    if fill == NULL:
        return NULL
    fill.key = <char*>malloc(key.n)
    if fill.key == NULL:
        free(fill)
        return NULL
    memcpy(fill.key, key.p, key.n)
    fill.key_n = key.n
    fill.hash = hash
    fill.open = open
    if open:
        fill.next = fills[hash & (BUCKETS - 1)]
        fills[hash & (BUCKETS - 1)] = fill
    fill.zone = ex.stage.zone
    lead(fill, ex)
    live += 1
    return fill


cdef void lead(CacheFill* fill, Exchange* ex) noexcept nogil:
    fill.leader = ex
    fill.asked = uv.now(LOOP)
    fill.generation = fill.zone.generation
    ex.fill = fill


cdef void drop_entry(CacheFill* fill) noexcept nogil:
    if fill.entry != NULL:
        cache_drop(fill.entry)
        fill.entry = NULL


cdef void end(CacheFill* fill) noexcept nogil:
    """No more of it: whoever waits walks on."""
    global live
    cdef CacheFill** link = &fills[fill.hash & (BUCKETS - 1)]
    cdef Exchange* ex
    if fill.open:
        while link[0] != fill:
            link = &link[0].next
        link[0] = fill.next
    while fill.waiters.first != NULL:
        ex = fill.waiters.first
        remove(ex)
        wake(ex)
    drop_entry(fill)
    fill.leader.fill = NULL
    free(fill.key)
    free(fill)
    live -= 1


cdef void give_up(CacheFill* fill) noexcept nogil:
    """The answer is not kept. Where others waited for it, the next ones shall not."""
    cdef CacheEntry* e = NULL
    drop_entry(fill)
    if fill.waiters.first != NULL and fill.generation == fill.zone.generation:
        e = cache_reserve(fill.zone, span(fill.key, fill.key_n), fill.hash, 0)
    if e != NULL:
        e.passes = True
        e.asked = fill.asked
        e.stored = uv.now(LOOP)
        e.expires = e.stored + PASS_MS
        cache_keep(e)
    end(fill)


cdef void fill_hand_over(Exchange* ex) noexcept nogil:
    """The oldest waiter asks anew; a second time all of them do, each for itself."""
    cdef CacheFill* fill = ex.fill
    cdef Exchange* heir
    if fill == NULL or fill.handed or fill.waiters.first == NULL:
        return
    heir = fill.waiters.first
    drop_entry(fill)
    fill.handed = True
    ex.fill = NULL
    remove(heir)
    lead(fill, heir)
    wake(heir)


cdef void fill_leave(Exchange* ex) noexcept nogil:
    if ex.waits_in != NULL:
        remove(ex)
    if ex.fill != NULL:
        end(ex.fill)


# --- which answers are kept

cdef bint varies_by_key(Exchange* ex, Span names) noexcept nogil:
    """Every field that the answer depends on (RFC 9110 section 12.5.5) is in the key, or the gateway's own."""
    cdef CachePlan* plan = ex.route.cache
    cdef uint32_t at = 0, i
    cdef bint known
    cdef Span one
    while list_next(names, &at, &one):
        known = one.n == 0 or (one.n == 15 and same_case(one.p, b"accept-encoding", 15)) \
            or (ex.stage.cors != NULL and one.n == 6 and same_case(one.p, b"origin", 6))
        for i in range(plan.nparts):
            if plan.parts[i].kind == KEY_HEADER and plan.parts[i].name.n == one.n \
                    and same_case(plan.parts[i].name.p, one.p, one.n):
                known = True
        if not known:
            return False
    return True


cdef bint allowed(CacheFill* fill, Span directives, bint obeys, bint* shared_age, uint64_t* lifetime) noexcept nogil:
    """Cache-Control of the answer. What it allows to share is read in any case (RFC 9111 section 3.5)."""
    cdef uint32_t at = 0
    cdef Span name, value
    cdef bint kept = True
    while directive_next(directives, &at, &name, &value):
        if directive_is(name, b"no-store", 8) or directive_is(name, b"private", 7) \
                or directive_is(name, b"no-cache", 8):
            kept = False
        elif directive_is(name, b"public", 6) or directive_is(name, b"must-revalidate", 15):
            fill.public = True
        elif directive_is(name, b"s-maxage", 8):
            fill.public = True
            shared_age[0] = True
            lifetime[0] = delta_seconds(value)
        elif directive_is(name, b"max-age", 7) and not shared_age[0]:
            lifetime[0] = delta_seconds(value)
    return kept or not obeys


cdef bint keepable(Exchange* ex, const Offer* offer) noexcept nogil:
    cdef CacheFill* fill = ex.fill
    cdef CachePlan* plan = ex.route.cache
    cdef uint64_t none = <uint64_t>-1, lifetime = none
    cdef bint expires = False, shared_age = False
    cdef Span coding = span(NULL, 0), value
    cdef uint32_t i
    cdef const Field* f
    # That an answer which ends with its connection is whole, nobody can know.
    if offer.status != 200 or ex.sends == HEAD or not offer.ends or fill.generation != fill.zone.generation:
        return False
    for i in range(offer.nfields):
        f = &offer.fields[i]
        value = field_value(offer.base, f)
        if f.token == T_SET_COOKIE or (f.token == T_VARY and not varies_by_key(ex, value)):
            return False
        if f.token == T_CONTENT_ENCODING:
            coding = value
        elif f.token == T_AGE:
            fill.age = <uint32_t>delta_seconds(value)
        elif f.token == T_EXPIRES:
            expires = True
        elif f.token == T_CACHE_CONTROL and not allowed(fill, value, plan.obeys, &shared_age, &lifetime):
            return False
    if not coding_taken(coding, fill.codings) or (fill.credentials and not fill.public):
        return False
    fill.lifetime = none
    if plan.obeys and lifetime != none:
        if lifetime <= fill.age:
            return False
        fill.lifetime = (lifetime - fill.age) * 1000
    # Expires alone would have to be read against the upstream's clock.
    return not (plan.obeys and expires and lifetime == none)


cdef Writer* fill_head(Exchange* ex, const Offer* offer) noexcept nogil:
    if not keepable(ex, offer):
        give_up(ex.fill)
        return NULL
    writer_init(&head_writer, head_text, STORED_HEAD_BYTES)
    return &head_writer


cdef void fill_begin(Exchange* ex, const Offer* offer, uint32_t line_n) noexcept nogil:
    cdef CacheFill* fill = ex.fill
    cdef uint64_t room = head_writer.n + (offer.length if offer.length else FIRST_ROOM)
    cdef CacheEntry* e = NULL
    cdef uint64_t now = uv.now(LOOP)
    cdef Writer w
    if not head_writer.full and room <= CACHE_ENTRY_BYTES:
        e = cache_reserve(fill.zone, span(fill.key, fill.key_n), fill.hash, <uint32_t>room)
    if e == NULL:
        give_up(fill)
        return
    fill.entry = e
    e.asked = fill.asked
    e.stored = now
    e.expires = now + fill.lifetime if fill.lifetime < <uint64_t>-1 - now else <uint64_t>-1
    e.age = fill.age + <uint32_t>((now - fill.asked) // 1000)
    e.public = fill.public
    e.line_n = line_n
    e.head_n = head_writer.n
    writer_init(&w, entry_head(e), e.head_n)
    put(&w, head_text, head_writer.n)


cdef void fill_piece(Exchange* ex, const char* p, uint32_t n) noexcept nogil:
    cdef CacheFill* fill = ex.fill
    cdef CacheEntry* e = fill.entry
    cdef CacheEntry* grown
    cdef uint64_t have = e.cap - e.key_n, need = <uint64_t>e.head_n + e.body_n + n
    cdef Writer w
    if need > have:
        have = have * 2 if have * 2 > need else need
        if have > CACHE_ENTRY_BYTES:
            have = CACHE_ENTRY_BYTES
        grown = cache_grow(e, <uint32_t>have) if need <= CACHE_ENTRY_BYTES else NULL
        if grown == NULL:
            give_up(fill)
            return
        e = fill.entry = grown
    writer_init(&w, entry_body(e) + e.body_n, n)
    put(&w, p, n)
    e.body_n += n


cdef void fill_done(Exchange* ex) noexcept nogil:
    cdef CacheFill* fill = ex.fill
    if fill == NULL:
        return
    if fill.entry != NULL and fill.generation == fill.zone.generation:
        cache_keep(fill.entry)
        fill.entry = NULL
    end(fill)


# --- life

cdef int fill_open(const FillEvents* table, void* loop) except -1:
    global events, LOOP, waker
    events = table
    LOOP = loop
    waker = calloc(1, uv.handle_size(UV_TIMER))
    if waker == NULL:
        raise MemoryError
    uv.timer_init(loop, waker)
    return 0


cdef void on_closed(void* handle) noexcept nogil:
    free(handle)


cdef void fill_close() noexcept nogil:
    global waker
    if waker != NULL:
        uv.close(waker, on_closed)
        waker = NULL


cdef uint32_t fill_count() noexcept nogil:
    return live
