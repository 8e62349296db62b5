"""Bodies of the usage word, and the windows of now."""
from libc.time cimport time_t
from posix.time cimport CLOCK_REALTIME, clock_gettime, timespec

from fastgw._core.bucket cimport nanos
from fastgw._core.words cimport word_load, word_move

cdef enum:
    COUNT_BITS = 40
    NUMBER_BITS = 22
    DAY_SECONDS = 86400
    SECOND = 1000000000

cdef uint64_t MOST = (<uint64_t>1 << COUNT_BITS) - 1

# The day of the wall clock is worked out once a second at most.
cdef int today = 0
cdef uint64_t today_until = 0       # ns of the monotonic clock


cdef void civil(int day, int* month, int* day_of_month) noexcept nogil:
    """Months since the year 0 and the day of the month (from 1) of a day of the epoch, in the Gregorian calendar.

    The year is counted from March, so that a leap day comes last: each era of 400 years has 146,097 days.
    """
    cdef int z = day + 719468
    cdef int era = z // 146097
    cdef int of_era = z - era * 146097
    cdef int year_of_era = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    cdef int of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    cdef int from_march = (5 * of_year + 2) // 153
    day_of_month[0] = of_year - (153 * from_march + 2) // 5 + 1
    month[0] = (era * 400 + year_of_era) * 12 + from_march + 2      # March of year y is month 12 y + 2


cdef uint32_t window_of(int period, int offset, int day) noexcept nogil:
    cdef int number = day, month = 0, day_of_month = 0
    if period == PERIOD_WEEK:
        number = (day + 4 - offset) // 7        # the epoch began on a Thursday; offset 0 is Sunday
    elif period == PERIOD_MONTH:
        civil(day, &month, &day_of_month)
        number = month - (1 if day_of_month <= offset else 0)
    return <uint32_t>period << NUMBER_BITS | <uint32_t>number


cdef uint32_t window_now(int period, int offset) noexcept nogil:
    global today, today_until
    cdef uint64_t now = nanos()
    cdef timespec t
    if now >= today_until:
        clock_gettime(CLOCK_REALTIME, &t)
        today = <int>(t.tv_sec // DAY_SECONDS)
        today_until = now + SECOND
    return window_of(period, offset, today)


cdef uint64_t settled(uint64_t seen, uint32_t window) noexcept nogil:
    """The word as it counts in this window: a later window begins at zero, an earlier one never does."""
    cdef uint32_t its = <uint32_t>(seen >> COUNT_BITS)
    if its == window or (its == window + 1 and its >> NUMBER_BITS == window >> NUMBER_BITS):
        return seen
    if its > window and its >> NUMBER_BITS == window >> NUMBER_BITS:
        return <uint64_t>window << COUNT_BITS | (seen & MOST)
    return <uint64_t>window << COUNT_BITS


cdef inline bint spent(uint64_t* word, uint64_t seen, uint64_t counts, uint64_t limit) noexcept nogil:
    """A spent word that was far ahead comes back to its window: else it would stay spent until it is reached."""
    if limit == NO_QUOTA or (counts & MOST) < limit:
        return False
    if counts < seen:
        word_move(word, &seen, counts)
    return True


cdef bint usage_has(uint64_t* word, uint32_t window, uint64_t limit) noexcept nogil:
    cdef uint64_t seen = word_load(word)
    return not spent(word, seen, settled(seen, window), limit)


cdef bint usage_take(uint64_t* word, uint32_t window, uint64_t limit) noexcept nogil:
    cdef uint64_t seen = word_load(word), counts
    while True:
        counts = settled(seen, window)
        if spent(word, seen, counts, limit):
            return False
        if word_move(word, &seen, counts + 1 if (counts & MOST) < MOST else counts):
            return True


cdef void usage_add(uint64_t* word, uint32_t window, uint64_t n) noexcept nogil:
    cdef uint64_t seen = word_load(word), counts
    while True:
        counts = settled(seen, window)
        if word_move(word, &seen, counts + n if n < MOST - (counts & MOST) else counts | MOST):
            return


cdef uint64_t usage_count(uint64_t* word, uint32_t window) noexcept nogil:
    return settled(word_load(word), window) & MOST
