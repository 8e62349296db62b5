"""Counting a request. No clock is read here: the exchange has the times of its turns."""
from libc.stdint cimport uint32_t, uint64_t

from fastgw._core.allowance cimport LEVEL_NONE
from fastgw._core.counters cimport (BUCKETS, FAILURES_AT, H_FAILURES, H_REQUESTS, LEVELS_AT, R_1XX_2XX, R_3XX, R_4XX, R_5XX,
                                    R_BUCKETS, R_BYTES_IN, R_BYTES_OUT, R_CACHE_BYPASSES, R_CACHE_HITS,
                                    R_CACHE_MISSES, R_DECIDE_US, R_INTEGRATION_ANSWERS, R_INTEGRATION_BUCKETS,
                                    R_INTEGRATION_US, R_LATENCY_US, R_READ_US, R_REQUESTS, R_UPSTREAM_US, R_WRITE_US,
                                    ROW_BYTES)
from fastgw._core.state cimport CACHE_BYPASS, CACHE_HIT, CACHE_MISS, EX_HEAD, core, count

cdef extern from *:
    int __builtin_clzll(unsigned long long n) nogil


cdef inline int bucket(uint64_t us) noexcept nogil:
    """Bounds are 50 us doubling, inclusive; the last bucket has none."""
    cdef int number
    if us <= 50:
        return 0
    number = 64 - __builtin_clzll((us - 1) // 50)
    return number if number < BUCKETS else BUCKETS - 1


cdef inline void tally_times(uint64_t* row, Exchange* ex) noexcept nogil:
    """Each microsecond of a request belongs to one phase group."""
    cdef uint64_t took = ex.ended - ex.started
    row[R_LATENCY_US] += took
    row[R_BUCKETS + bucket(took)] += 1
    if ex.state == EX_HEAD:
        row[R_READ_US] += took          # a head that never came, or was refused
        return
    row[R_READ_US] += ex.began - ex.started
    if not ex.sent:
        row[R_DECIDE_US] += ex.ended - ex.began
        return
    row[R_DECIDE_US] += ex.sent - ex.began
    if not ex.answered:
        row[R_UPSTREAM_US] += ex.ended - ex.sent
        return
    row[R_UPSTREAM_US] += ex.answered - ex.sent
    row[R_WRITE_US] += ex.ended - ex.answered
    row[R_INTEGRATION_US] += ex.answered - ex.sent
    row[R_INTEGRATION_ANSWERS] += 1
    row[R_INTEGRATION_BUCKETS + bucket(ex.answered - ex.sent)] += 1


cdef void tally_request(Exchange* ex) noexcept nogil:
    cdef uint32_t slot = ex.route.slot if ex.route != NULL else 0
    cdef uint64_t* row
    cdef int status_class = ex.status // 100
    count(H_REQUESTS)
    if slot >= core.nrows:
        return
    row = <uint64_t*>(core.rows + <size_t>slot * ROW_BYTES)
    row[R_REQUESTS] += 1
    if status_class <= 2:
        row[R_1XX_2XX] += 1
    elif status_class == 3:
        row[R_3XX] += 1
    elif status_class == 4:
        row[R_4XX] += 1
    else:
        row[R_5XX] += 1
    tally_times(row, ex)
    if ex.cache == CACHE_HIT:
        row[R_CACHE_HITS] += 1
    elif ex.cache == CACHE_MISS:
        row[R_CACHE_MISSES] += 1
    elif ex.cache == CACHE_BYPASS:
        row[R_CACHE_BYPASSES] += 1
    row[R_BYTES_IN] += ex.head_n + ex.body_seen
    row[R_BYTES_OUT] += ex.bytes_out


cdef void tally_failure(Exchange* ex, int code) noexcept nogil:
    count(H_FAILURES)
    count(FAILURES_AT + code)
    if ex.level != LEVEL_NONE:
        count(LEVELS_AT + ex.level - 1)
