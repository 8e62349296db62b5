"""Bodies for shared limits. now is in ns, as buckets have it; leases count in ms of the same clock."""
from fastgw._core.allowance cimport KeyStage, LEVEL_PLAN, LEVEL_PLAN_METHOD, LEVEL_QUOTA
from fastgw._core.ask cimport (ASK_BUCKET, ASK_QUOTA, AWAY_LOCAL, AWAY_OPEN, MOST_ASKS, ask_away, ask_more, ask_wait)
from fastgw._core.bucket cimport bucket_give_back, bucket_take
from fastgw._core.counters cimport H_AWAY
from fastgw._core.keys cimport ROW_BUCKET, ROW_LEASE_BUCKET, ROW_LEASE_METHODS, ROW_LEASE_USAGE, ROW_USAGE, key_name
from fastgw._core.lease cimport (LEASE_HAS, LEASE_SPENT, LEASE_WORDS, LeaseState, lease_claim, lease_give_back,
                                 lease_owe, lease_state, lease_take)
from fastgw._core.state cimport core, count
from fastgw._core.usage cimport usage_has

cdef enum:
    MS = 1000000                # ns
    AHEAD_NS = 50000000         # time whose tokens a node may have at hand
    BURST_PART = 10             # the part of a burst that it may
    QUOTA_PART = 1000           # and of a quota
    QUOTA_AHEAD = 50            # and of a quota at the most, where the plan has no bucket
    CLAIM_MS = 100              # after this time another worker may ask for more

cdef uint64_t LONGEST = <uint64_t>1 << 62       # ns: as a bucket's depth at most

cdef enum Way:                  # how a token was taken
    WAY_LEASE = 1
    WAY_OWN = 2
    WAY_FREE = 3


cdef inline uint32_t ahead_of(const Bucket* b) noexcept nogil:
    cdef uint64_t by_burst = b.depth // b.interval // BURST_PART, by_rate = AHEAD_NS // b.interval
    return <uint32_t>(by_burst if by_burst < by_rate else by_rate)


cdef SharedLimit* add(Exchange* ex, SharedLimits* shared, uint32_t lease, uint32_t own, const Bucket* bucket,
                      int level) noexcept nogil:
    cdef SharedLimit* limit = &shared.limits[shared.n]
    shared.n += 1
    limit.lease = core.cells.words + lease
    limit.own = core.cells.words + own
    limit.bucket = bucket
    limit.level = level
    limit.wish.cell = lease
    limit.wish.kind = ASK_BUCKET
    limit.wish.window = 0
    limit.wish.plan = shared.plan.name
    limit.wish.key = key_name(ex.key)
    limit.wish.stage = NULL
    limit.wish.route = NULL
    if bucket != NULL:
        limit.wish.interval = bucket.interval
        limit.wish.limit = bucket.depth // bucket.interval
        limit.wish.ahead = ahead_of(bucket)
    return limit


cdef void shared_gather(Exchange* ex, SharedLimits* shared, uint32_t window) noexcept nogil:
    cdef UsagePlan* plan = &ex.plan.usage_plans[ex.use.plan]
    cdef KeyStage* opened = &ex.stage.key_stages[ex.use.plan]
    cdef uint32_t leases = ex.use.leases
    cdef const Bucket* bucket
    cdef SharedLimit* limit
    shared.n = 0
    shared.plan = plan
    if opened.methods != NULL:
        bucket = &opened.methods[ex.route - ex.stage.routes]
        if bucket.interval:
            limit = add(ex, shared, leases + ROW_LEASE_METHODS + LEASE_WORDS * bucket.cell,
                        ex.use.methods + bucket.cell, bucket, LEVEL_PLAN_METHOD)
            limit.wish.stage = ex.stage
            limit.wish.route = ex.route
    if plan.bucket.interval:
        add(ex, shared, leases + ROW_LEASE_BUCKET, ex.use.base + ROW_BUCKET, &plan.bucket, LEVEL_PLAN)
    if plan.quota:
        limit = add(ex, shared, leases + ROW_LEASE_USAGE, ex.use.base + ROW_USAGE, NULL, LEVEL_QUOTA)
        limit.wish.kind = ASK_QUOTA
        limit.wish.interval = 0
        limit.wish.limit = plan.quota
        limit.wish.window = window
        limit.wish.ahead = ahead_of(&plan.bucket) if plan.bucket.interval else <uint32_t>QUOTA_AHEAD
        if limit.wish.ahead > plan.quota // QUOTA_PART:
            limit.wish.ahead = <uint32_t>(plan.quota // QUOTA_PART)


cdef SharedState shared_look(Exchange* ex, const SharedLimits* shared, uint64_t now) noexcept nogil:
    cdef SharedState found = SHARED_HAS
    cdef LeaseState state
    cdef int i
    for i in range(shared.n):
        state = lease_state(shared.limits[i].lease, now // MS)
        if state == LEASE_SPENT:
            ex.level = shared.limits[i].level
            return SHARED_SPENT
        if state != LEASE_HAS:
            found = SHARED_NONE
    return found


cdef bint shared_ask(Exchange* ex, const SharedLimits* shared, uint64_t now) noexcept nogil:
    cdef Wish wishes[MOST_SHARED]
    cdef int i, n = 0
    if ex.unheard or ask_away() or ex.asks >= MOST_ASKS:
        return False
    for i in range(shared.n):
        if lease_state(shared.limits[i].lease, now // MS) != LEASE_HAS:
            wishes[n] = shared.limits[i].wish
            n += 1
    ask_wait(ex, wishes, n)
    return True


# --- the away mode

cdef Bucket part_of(const Bucket* whole) noexcept nogil:
    """This node's part of a bucket: rate and burst. One token is the least, where there is any."""
    cdef Bucket part = whole[0]
    cdef uint64_t burst = whole.depth // whole.interval
    part.interval = whole.interval * core.nodes if whole.interval < LONGEST // core.nodes else LONGEST
    part.depth = part.interval * (burst // core.nodes if burst >= core.nodes else <uint64_t>(burst > 0))
    return part


cdef int take_away(const SharedLimit* limit, const UsagePlan* plan, uint64_t now) noexcept nogil:
    """Way, or 0 where the away mode refuses."""
    cdef Bucket part
    cdef uint64_t quota
    if plan.away == AWAY_OPEN:
        return WAY_FREE
    if plan.away != AWAY_LOCAL:
        return 0
    if limit.bucket != NULL:
        part = part_of(limit.bucket)
        return WAY_OWN if bucket_take(limit.own, &part, now) else 0
    quota = plan.quota // core.nodes
    return WAY_FREE if usage_has(limit.own, limit.wish.window, quota if quota else 1) else 0


cdef void undo(const SharedLimit* limit, int way, uint64_t now) noexcept nogil:
    cdef Bucket part
    if way == WAY_LEASE:
        lease_give_back(limit.lease)
    elif way == WAY_OWN:
        part = part_of(limit.bucket)
        bucket_give_back(limit.own, &part, now)


cdef void settle(const SharedLimit* limit, int way, uint64_t now) noexcept nogil:
    """All limits have given a token: see to more, or note what its owner was not asked for."""
    if way != WAY_LEASE:
        if limit.bucket == NULL:
            lease_owe(limit.lease)
    elif limit.wish.ahead and not ask_away() and lease_claim(limit.lease, limit.wish.ahead // 2, now // MS,
                                                             now // MS + CLAIM_MS):
        ask_more(&limit.wish)


cdef SharedState shared_take(Exchange* ex, const SharedLimits* shared, uint64_t now) noexcept nogil:
    cdef int ways[MOST_SHARED]
    cdef bint away = ex.unheard or ask_away()
    cdef bint decided = False
    cdef int i, taken = 0
    while taken < shared.n:
        ways[taken] = WAY_LEASE if lease_take(shared.limits[taken].lease, now // MS) else 0
        if ways[taken] == 0 and away:
            ways[taken] = take_away(&shared.limits[taken], shared.plan, now)
            decided = True
        if ways[taken] == 0:
            break
        taken += 1
    if decided:
        count(H_AWAY)
    if taken == shared.n:
        for i in range(taken):
            settle(&shared.limits[i], ways[i], now)
        return SHARED_HAS
    ex.level = shared.limits[taken].level
    while taken:
        taken -= 1
        undo(&shared.limits[taken], ways[taken], now)
    return SHARED_SPENT if away or ex.asks >= MOST_ASKS else SHARED_GONE
