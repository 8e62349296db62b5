"""The free list of exchanges, and held bodies."""
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

from fastgw._core.caller cimport caller_release
from fastgw._core.state cimport Field, core

# A sanitizer sees the use of an exchange that has ended only where its memory is given back.
cdef extern from *:
    """
    #ifdef __SANITIZE_ADDRESS__
    #define FREE_EXCHANGES 0
    #else
    #define FREE_EXCHANGES 256
    #endif
    """
    const unsigned int FREE_EXCHANGES   # kept for reuse

cdef enum:
    FREE_HEAD_BYTES = 4096      # a kept exchange keeps at most this much head buffer
    FIRST_HOLD = 4096


cdef Exchange* exchange_take(PlanData* plan) noexcept nogil:
    cdef Exchange* ex = core.free_exchanges
    cdef char* head
    cdef Field* fields
    cdef unsigned int cap
    if ex != NULL:
        core.free_exchanges = ex.next
        core.nfree -= 1
    else:
        ex = <Exchange*>calloc(1, sizeof(Exchange))
        if ex == NULL:
            return NULL
        ex.fields = <Field*>malloc(sizeof(Field) * (core.limits.head_fields + 1))
        if ex.fields == NULL:
            free(ex)
            return NULL
    head, cap, fields = ex.head, ex.head_cap, ex.fields
    memset(&ex.conn, 0, <char*>&ex.match - <char*>&ex.conn)
    ex.head, ex.head_cap, ex.fields = head, cap, fields
    ex.match.nparams = 0
    ex.plan = plan
    ex.plan.refs += 1
    return ex


cdef void destroy(Exchange* ex) noexcept nogil:
    free(ex.head)
    free(ex.fields)
    free(ex)


cdef void exchange_give(Exchange* ex) noexcept nogil:
    ex.plan.refs -= 1
    free(<void*>ex.told_error.p)
    free(<void*>ex.told_id.p)
    free(<void*>ex.auth_id.p)
    caller_release(ex.caller)
    if core.nfree >= FREE_EXCHANGES or ex.head_cap > FREE_HEAD_BYTES or core.memory_step:
        destroy(ex)
        return
    ex.next = core.free_exchanges
    core.free_exchanges = ex
    core.nfree += 1


cdef void exchanges_close() noexcept nogil:
    cdef Exchange* ex
    while core.free_exchanges != NULL:
        ex = core.free_exchanges
        core.free_exchanges = ex.next
        destroy(ex)
    core.nfree = 0


cdef bint text_keep(Span* kept, const char* p, uint32_t n) noexcept nogil:
    cdef char* copy = <char*>malloc(n + 1)
    if copy == NULL:
        return False
    memcpy(copy, p, n)
    free(<void*>kept.p)
    kept.p = copy
    kept.n = n
    return True


cdef bint buffer_hold(char** buffer, uint32_t* cap, uint64_t have, const char* p, uint32_t n) noexcept nogil:
    cdef uint64_t need = have + n, room = cap[0] if cap[0] else FIRST_HOLD
    cdef char* grown
    if need > cap[0]:
        while room < need:
            room *= 2
        if room > <uint64_t>0xFFFFFFFF:
            return False
        grown = <char*>realloc(buffer[0], room)
        if grown == NULL:
            return False
        if buffer[0] == NULL:
            core.live.buffers += 1
        buffer[0] = grown
        cap[0] = <uint32_t>room
    memcpy(buffer[0] + have, p, n)
    return True


cdef void buffer_free(char** buffer, uint32_t* cap) noexcept nogil:
    if buffer[0] != NULL:
        free(buffer[0])
        buffer[0] = NULL
        core.live.buffers -= 1
    cap[0] = 0


cdef bint body_hold(Exchange* ex, const char* p, uint32_t n) noexcept nogil:
    if not buffer_hold(&ex.collected, &ex.collected_cap, ex.body_seen, p, n):
        return False
    ex.body_seen += n
    return True


cdef void body_replace(Exchange* ex, char* body, uint32_t n) noexcept nogil:
    if not ex.received:                 # it came with its head and was read where it lay
        ex.conn.taken = ex.body_now_n
        ex.body_now_n = 0
        ex.body_left = 0
        ex.expects = False
        ex.received = True
    body_free(ex)
    ex.holds = True
    ex.body_seen = n
    ex.collected = body
    ex.collected_cap = n
    if body != NULL:
        core.live.buffers += 1


cdef void body_free(Exchange* ex) noexcept nogil:
    buffer_free(&ex.collected, &ex.collected_cap)


cdef bint answer_hold(Exchange* ex, const char* p, uint32_t n) noexcept nogil:
    if not buffer_hold(&ex.held, &ex.held_cap, ex.held_n, p, n):
        return False
    ex.held_n += n
    return True


cdef void held_free(Exchange* ex) noexcept nogil:
    buffer_free(&ex.held, &ex.held_cap)
    ex.held_n = ex.held_need = 0
