"""What keeps a group from being harmed by its own traffic: a budget of retries, and a limit that follows latency.

Retries. Each request earns a fifth of a retry, so that an upstream which fails gets at most a fifth more requests than
the clients sent. What is saved up may cover the requests in hand once over, and 3 more: the loss of an endpoint can be
made good at once, but no old savings pay for a storm.

Latency. Where max_latency is set, the mean time to the first byte is judged every WINDOW_MS. Above max_latency the
number of requests that may be in hand falls to four fifths of those that are, below it rises by a tenth; a request over
that number is refused at once. So the group is given what it can answer in time, found anew all the time.
"""
from libc.stdint cimport uint32_t, uint64_t

from fastgw._core.state cimport Target

cdef enum:
    RETRY = 5               # fifths that a retry costs
    SPARE_RETRIES = 3
    WINDOW_MS = 100

cdef inline uint32_t target_active(const Target* t) noexcept nogil:
    """Requests in hand, near enough: the waiting ones, and the connections that do not rest."""
    return t.nconns - t.nidle + t.waiting.n

cdef inline void retry_earn(Target* t) noexcept nogil:
    if t.retry_credit < <int>(RETRY * (SPARE_RETRIES + target_active(t))):
        t.retry_credit += 1

cdef inline bint retry_affordable(const Target* t) noexcept nogil:
    return t.retry_credit >= RETRY

cdef inline void retry_pay(Target* t) noexcept nogil:
    t.retry_credit -= RETRY

cdef inline bint breaker_open(const Target* t) noexcept nogil:
    return t.limits.max_latency and target_active(t) >= t.admits

cdef void breaker_sample(Target* t, uint64_t us, uint64_t now) noexcept nogil
