"""Bodies of the bucket. now is the caller's: it is read once for all buckets of a request."""
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from fastgw._core.words cimport word_load, word_move

cdef enum:
    SECOND = 1000000000

cdef uint64_t DEEPEST = <uint64_t>1 << 62       # ns, 146 years: now and a whole burst stay within 64 bits


cdef uint64_t nanos() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_MONOTONIC, &t)
    return <uint64_t>t.tv_sec * SECOND + t.tv_nsec


cdef Bucket bucket_of(double rate, uint64_t burst) noexcept nogil:
    """A burst that would take longer than DEEPEST to refill is refilled in DEEPEST."""
    cdef Bucket b
    cdef uint64_t longest = DEEPEST // (burst if burst else 1)
    cdef double interval = SECOND / rate if rate > 0 else <double>DEEPEST
    b.cell = 0
    b.interval = <uint64_t>(interval + 0.5) if interval < longest else longest
    if b.interval == 0:
        b.interval = 1
    b.depth = b.interval * burst
    return b


cdef inline uint64_t settled(uint64_t full_at, const Bucket* b, uint64_t now) noexcept nogil:
    """The word as it counts now: no earlier than now, no later than an empty bucket's."""
    if full_at <= now:
        return now
    return full_at if full_at - now <= b.depth else now + b.depth


cdef inline void lower(uint64_t* word, uint64_t seen, uint64_t full_at) noexcept nogil:
    """A word further ahead than a whole burst comes back: else the bucket would be empty from ever later on."""
    if full_at < seen:
        word_move(word, &seen, full_at)


cdef bint bucket_has(uint64_t* word, const Bucket* b, uint64_t now) noexcept nogil:
    cdef uint64_t seen = word_load(word), full_at = settled(seen, b, now)
    if full_at + b.interval <= now + b.depth:
        return True
    lower(word, seen, full_at)
    return False


cdef bint bucket_take(uint64_t* word, const Bucket* b, uint64_t now) noexcept nogil:
    cdef uint64_t seen = word_load(word), full_at
    while True:
        full_at = settled(seen, b, now)
        if full_at + b.interval > now + b.depth:
            lower(word, seen, full_at)
            return False
        if word_move(word, &seen, full_at + b.interval):
            return True


cdef void bucket_give_back(uint64_t* word, const Bucket* b, uint64_t taken_at) noexcept nogil:
    """Undo a take. Where a token's time has passed since, time may have given it back already: then nothing."""
    cdef uint64_t seen = word_load(word)
    while nanos() - taken_at < b.interval and seen > b.interval:
        if word_move(word, &seen, seen - b.interval):
            return


cdef uint64_t bucket_left(uint64_t* word, const Bucket* b, uint64_t now) noexcept nogil:
    return (now + b.depth - settled(word_load(word), b, now)) // b.interval
