"""Groups and their endpoints."""
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy

from fastgw._core.balance cimport text_hash
from fastgw._core.health cimport health_cell
from fastgw._core.libuv cimport uv
from fastgw._core.group cimport MAX_ENDPOINTS
from fastgw._core.state cimport Endpoint, core
from fastgw._core.tls cimport context_hold, context_leave, tls_session_free
from fastgw._core.pool cimport endpoint_rest_closed, endpoint_waiters_move, target_serve


cdef bint same(Span a, Span b) noexcept nogil:
    return a.n == b.n and memcmp(a.p, b.p, a.n) == 0


cdef Span copied(Span s) noexcept nogil:
    """With a NUL behind it; p NULL: no memory."""
    cdef Span copy
    cdef char* p = <char*>malloc(s.n + 1)
    if p != NULL:
        memcpy(p, s.p, s.n)
        p[s.n] = 0
    copy.p = p
    copy.n = s.n
    return copy


# --- groups

cdef Target* target_find(Span key) noexcept nogil:
    cdef Target* t = core.targets
    while t != NULL:
        if same(t.key, key):
            return t
        t = t.next
    return NULL


cdef Target* target_new(Span key, Span authority) noexcept nogil:
    cdef Target* t = <Target*>calloc(1, sizeof(Target))
    if t == NULL:
        return NULL
    t.key = copied(key)
    t.authority = copied(authority)
    if t.key.p == NULL or t.authority.p == NULL:
        free_target(t)
        return NULL
    t.retry_credit = 15         # SPARE_RETRIES of RETRY
    t.next = core.targets
    core.targets = t
    return t


cdef bint target_hash_header(Target* t, Span name) noexcept nogil:
    cdef Span copy = copied(name)
    if copy.p == NULL:
        return False
    free(<void*>t.hash_header.p)
    t.hash_header = copy
    return True


cdef bint target_secure(Target* t, TlsContext* context, Span name) noexcept nogil:
    if t.tls != NULL:
        return True         # its key says which TLS it is
    t.tls_name = copied(name)
    if t.tls_name.p == NULL:
        return False
    t.tls = context_hold(context)
    return True


cdef void free_target(Target* t) noexcept nogil:
    if t.tls != NULL:
        context_leave(t.tls)
    free(<void*>t.tls_name.p)
    free(<void*>t.key.p)
    free(<void*>t.authority.p)
    free(<void*>t.hash_header.p)
    free(t)


# --- endpoints

cdef uint64_t free_bit(const Target* t) noexcept nogil:
    """Of Exchange.tried: a bit that no endpoint of the group has, nor, where that can be, one that has just left it."""
    cdef uint64_t taken = 0, left = 0, bit = 1
    cdef uint32_t i
    cdef const Endpoint* e = t.leaving
    for i in range(t.nendpoints):
        taken |= t.endpoints[i].bit
    while e != NULL:
        left |= e.bit
        e = e.next
    if ~(taken | left):
        taken |= left
    while taken & bit:
        bit <<= 1
    return bit


cdef Endpoint* kept_or_new(Target* t, const Member* member) noexcept nogil:
    cdef Endpoint* e = NULL
    cdef uint32_t i
    for i in range(t.nendpoints):
        if same(t.endpoints[i].key, member.key):
            e = t.endpoints[i]
            break
    if e == NULL:
        e = new_endpoint(t, member)
        if e == NULL:
            return NULL
    e.weight = member.weight
    e.max_connections = member.max_connections if member.max_connections else t.limits.max_connections
    e.down = health_cell(t.key, e.key) if t.checked else NULL
    return e


cdef Endpoint* new_endpoint(Target* t, const Member* member) noexcept nogil:
    """Of a group that has others already, it starts slowly."""
    cdef Endpoint* e = <Endpoint*>calloc(1, sizeof(Endpoint))
    if e == NULL:
        return NULL
    e.key = copied(member.key)
    if e.key.p == NULL:
        free(e)
        return NULL
    if e.key.n > 5 and memcmp(e.key.p, b"unix:", 5) == 0:
        e.unix_path = e.key.p + 5
    e.target = t
    e.address = member.address
    e.hash = text_hash(e.key)
    e.returned_at = uv.now(core.loop) if t.nendpoints else 0
    return e


cdef bint is_in(const Endpoint* e, Endpoint** members, uint32_t n) noexcept nogil:
    cdef uint32_t i
    for i in range(n):
        if members[i] == e:
            return True
    return False


cdef void target_settle(Target* t, const Member* members, uint32_t n) noexcept nogil:
    cdef Endpoint* now[MAX_ENDPOINTS]
    cdef Endpoint* before[MAX_ENDPOINTS]
    cdef Endpoint* e
    cdef uint32_t nnow = 0, nbefore = t.nendpoints, i
    for i in range(n):
        e = kept_or_new(t, &members[i])
        if e != NULL:
            now[nnow] = e
            nnow += 1
    memcpy(before, t.endpoints, sizeof(before))
    memcpy(t.endpoints, now, sizeof(Endpoint*) * nnow)
    t.nendpoints = nnow
    t.only = now[0] if nnow == 1 else NULL
    for i in range(nbefore):
        if not is_in(before[i], now, nnow):
            before[i].gone = True
            before[i].next = t.leaving
            t.leaving = before[i]
    for i in range(nnow):
        if now[i].bit == 0:
            now[i].bit = free_bit(t)
    for i in range(nbefore):
        if before[i].gone:
            endpoint_rest_closed(before[i])
            endpoint_waiters_move(before[i])
    target_serve(t)


# --- the end of both

cdef void sweep_leaving(Target* t) noexcept nogil:
    cdef Endpoint** link = &t.leaving
    cdef Endpoint* e
    while link[0] != NULL:
        e = link[0]
        if e.nconns == 0 and e.waiting.n == 0:
            link[0] = e.next
            tls_session_free(e.session)
            free(<void*>e.key.p)
            free(e)
        else:
            link = &e.next


cdef void targets_sweep(bint all_plans_gone) noexcept nogil:
    """all_plans_gone: no plan but the newest is held, so what it does not want nobody can ask for."""
    cdef Target** link = &core.targets
    cdef Target* t
    while link[0] != NULL:
        t = link[0]
        if all_plans_gone and not t.wanted and t.nendpoints:
            target_settle(t, NULL, 0)
        sweep_leaving(t)
        if all_plans_gone and not t.wanted and t.leaving == NULL and t.waiting.n == 0:
            link[0] = t.next
            free_target(t)
        else:
            link = &t.next
