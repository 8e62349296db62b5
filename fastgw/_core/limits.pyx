"""Who may ask, and how often. Every state is in shared cells, so N workers admit exactly what one would."""
from libc.stdint cimport uint32_t, uint64_t

from fastgw._core.allowance cimport (KeyStage, LEVEL_ACCOUNT, LEVEL_CONCURRENCY, LEVEL_PLAN, LEVEL_PLAN_METHOD, LEVEL_QUOTA,
                                     LEVEL_STAGE, LEVEL_STAGE_METHOD, UsagePlan)
from fastgw._core.bucket cimport Bucket, bucket_give_back, bucket_has, bucket_take, nanos
from fastgw._core.bytes cimport Span, span
from fastgw._core.failure cimport F_API_CONFIGURATION_ERROR, F_INVALID_API_KEY, F_QUOTA_EXCEEDED, F_THROTTLED
from fastgw._core.keys cimport KeyRecord, KeyUse, ROW_BUCKET, ROW_USAGE, key_find, key_uses
from fastgw._core.shared cimport (SHARED_HAS, SHARED_NONE, SHARED_SPENT, SharedLimits, SharedState, shared_ask,
                                  shared_gather, shared_look, shared_take)
from fastgw._core.state cimport M_LOOSE, core, field_value
from fastgw._core.usage cimport NO_QUOTA, usage_has, usage_take, window_now
from fastgw._core.words cimport word_add, word_load, word_mark

cdef enum:
    MOST_DRAWS = 5
    TRIES = 8               # for the last place, where several workers reach for it in the same moment

cdef struct Draw:           # a bucket that the request draws from
    uint64_t* word
    const Bucket* bucket
    int level


# --- KEY

cdef Span presented(Exchange* ex) noexcept nogil:
    """The key that the authorizer gives, or the value of the key's field; none where the field stands twice, for then
    nobody can say which one counts."""
    cdef Span value = span(NULL, 0)
    cdef uint32_t i
    if ex.stage.keys_of_callers:
        return ex.caller.usage_key if ex.caller != NULL else value
    for i in range(ex.nfields):
        if ex.fields[i].token == ex.plan.key_token and not ex.fields[i].marks & M_LOOSE:
            if value.p != NULL:
                return span(NULL, 0)
            value = field_value(ex.head, &ex.fields[i])
    return value


cdef int limits_key(Exchange* ex) noexcept nogil:
    cdef KeyRecord* record
    cdef KeyUse* uses
    cdef Span value
    cdef int i
    if not ex.route.keyed:
        return ALLOWED
    value = presented(ex)
    if value.n == 0 or ex.plan.keys == NULL:
        return F_INVALID_API_KEY
    record = key_find(ex.plan.keys, value)
    if record == NULL:
        return F_INVALID_API_KEY
    uses = key_uses(record)
    for i in range(record.nuses):
        if ex.stage.key_stages[uses[i].plan].open:
            ex.key = record
            ex.use = &uses[i]
            return ALLOWED
    return F_INVALID_API_KEY        # no plan of this key opens the stage


# --- THROTTLE

cdef inline int draw(Draw* draws, int n, uint32_t base, const Bucket* bucket, int level) noexcept nogil:
    if bucket.interval == 0:
        return n
    draws[n].word = core.cells.words + base + bucket.cell
    draws[n].bucket = bucket
    draws[n].level = level
    return n + 1


cdef int gather(Exchange* ex, Draw* draws) noexcept nogil:
    """The buckets of a request that are this node's own, in the order in which they are asked."""
    cdef KeyStage* opened
    cdef int n = 0
    if ex.use != NULL and not ex.plan.usage_plans[ex.use.plan].shared:
        opened = &ex.stage.key_stages[ex.use.plan]
        if opened.methods != NULL:
            n = draw(draws, n, ex.use.methods, &opened.methods[ex.route - ex.stage.routes], LEVEL_PLAN_METHOD)
        n = draw(draws, n, ex.use.base, &ex.plan.usage_plans[ex.use.plan].bucket, LEVEL_PLAN)
    n = draw(draws, n, 0, &ex.route.bucket, LEVEL_STAGE_METHOD)
    n = draw(draws, n, 0, &ex.stage.bucket, LEVEL_STAGE)
    return draw(draws, n, 0, &ex.plan.account, LEVEL_ACCOUNT)


cdef inline int refused(Exchange* ex, int level, int code) noexcept nogil:
    ex.level = level
    return code


cdef void give_back(Draw* draws, int n, uint64_t now) noexcept nogil:
    while n:
        n -= 1
        bucket_give_back(draws[n].word, draws[n].bucket, now)


cdef int take_all(Exchange* ex, Draw* draws, int n, uint64_t now) noexcept nogil:
    """A token of each bucket, or of none: another worker may have taken the last one since it was looked at."""
    cdef int i
    for i in range(n):
        if not bucket_take(draws[i].word, draws[i].bucket, now):
            give_back(draws, i, now)
            return refused(ex, draws[i].level, F_THROTTLED)
    return ALLOWED


cdef int limits_throttle(Exchange* ex) noexcept nogil:
    cdef Draw draws[MOST_DRAWS]
    cdef UsagePlan* plan
    cdef uint64_t* usage = NULL
    cdef uint64_t now, limit = 0
    cdef uint32_t window = 0
    cdef int i, n, result
    if not ex.route.limited:
        return ALLOWED
    if core.cells == NULL:
        return F_API_CONFIGURATION_ERROR
    if ex.use != NULL and ex.plan.usage_plans[ex.use.plan].shared:
        return throttle_shared(ex)
    n = gather(ex, draws)
    now = nanos()
    for i in range(n):
        if not bucket_has(draws[i].word, draws[i].bucket, now):
            return refused(ex, draws[i].level, F_THROTTLED)
    if ex.use != NULL:
        plan = &ex.plan.usage_plans[ex.use.plan]
        usage = core.cells.words + ex.use.base + ROW_USAGE
        window = window_now(plan.period, plan.offset)
        limit = plan.quota
        if not usage_has(usage, window, limit):
            return refused(ex, LEVEL_QUOTA, F_QUOTA_EXCEEDED)
    result = take_all(ex, draws, n, now)
    if result != ALLOWED or usage == NULL:
        return result
    if not usage_take(usage, window, limit):
        give_back(draws, n, now)
        return refused(ex, LEVEL_QUOTA, F_QUOTA_EXCEEDED)
    word_mark(core.cells.marks, ex.use.base + ROW_USAGE)
    return ALLOWED


cdef int throttle_shared(Exchange* ex) noexcept nogil:
    """The same where nodes share the plan: its own limits come from leases, in their place in the order."""
    cdef UsagePlan* plan = &ex.plan.usage_plans[ex.use.plan]
    cdef uint32_t window = window_now(plan.period, plan.offset)
    cdef Draw draws[MOST_DRAWS]
    cdef SharedLimits shared
    cdef SharedState state
    cdef int i, result, n = gather(ex, draws)
    cdef uint64_t now
    shared_gather(ex, &shared, window)
    while True:
        now = nanos()
        state = shared_look(ex, &shared, now)
        if state == SHARED_SPENT:
            return F_QUOTA_EXCEEDED if ex.level == LEVEL_QUOTA else F_THROTTLED
        for i in range(n):
            if not bucket_has(draws[i].word, draws[i].bucket, now):
                return refused(ex, draws[i].level, F_THROTTLED)
        if state == SHARED_NONE and shared_ask(ex, &shared, now):
            return ASKED
        result = take_all(ex, draws, n, now)
        if result != ALLOWED:
            return result
        state = shared_take(ex, &shared, now)
        if state == SHARED_HAS:
            break
        give_back(draws, n, now)
        if state == SHARED_SPENT:
            return F_QUOTA_EXCEEDED if ex.level == LEVEL_QUOTA else F_THROTTLED
    usage_take(core.cells.words + ex.use.base + ROW_USAGE, window, NO_QUOTA)    # this node's part of it
    word_mark(core.cells.marks, ex.use.base + ROW_USAGE)
    return ALLOWED


# --- places with an integration

cdef uint64_t taken(const uint64_t* places) noexcept nogil:
    cdef uint64_t n = 0
    cdef uint32_t i
    for i in range(core.cells.workers):
        n += word_load(<uint64_t*>places + i)
    return n


cdef int limits_enter(Exchange* ex) noexcept nogil:
    """Each worker counts its own; the sum of all counts is never above the cap.

    A worker counts itself first and then looks at the sum, so two that reach for the last place at one moment both
    step back and try again. What a worker that dies leaves counted is its own count, which its supervisor clears.
    """
    cdef uint64_t* own
    cdef uint64_t* places
    cdef int i
    if ex.route.concurrency == 0 or ex.place != NULL:
        return ALLOWED
    if core.cells == NULL:
        return F_API_CONFIGURATION_ERROR
    places = core.cells.words + ex.route.places
    own = places + core.worker
    for i in range(TRIES):
        if taken(places) >= ex.route.concurrency:
            break
        word_add(own, 1)
        if taken(places) <= ex.route.concurrency:
            ex.place = own
            return ALLOWED
        word_add(own, <uint64_t>-1)
    return refused(ex, LEVEL_CONCURRENCY, F_THROTTLED)


cdef void limits_leave(Exchange* ex) noexcept nogil:
    if ex.place != NULL:
        word_add(ex.place, <uint64_t>-1)
        ex.place = NULL
