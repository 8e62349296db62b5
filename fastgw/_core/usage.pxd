"""How often a key was used within a period, in one 64-bit word: the number of the window, and the count in it.

Windows are days, weeks or months of UTC and begin at 00:00. The word's low 40 bits are the count; above them stand
22 bits of the window's number and 2 of its period. A use in a later window begins at zero.

Clocks: the window follows the wall clock, which can be set. A word one window ahead of now is left where it is, so
that midnight, met again after the clock was set back a little, does not begin the count anew; a word further ahead
(the clock was far wrong) comes back to now's window and keeps its count. So a clock that goes back refills nothing.
"""
from libc.stdint cimport uint32_t, uint64_t

cdef enum Period:           # the order of fastgw.model.usage.PERIODS; 0 is a word that was never written
    PERIOD_DAY = 1
    PERIOD_WEEK = 2
    PERIOD_MONTH = 3

cdef enum:
    NO_QUOTA = 0            # a limit: the use is only counted

cdef uint32_t window_now(int period, int offset) noexcept nogil         # period and number, as words have them
cdef uint32_t window_of(int period, int offset, int day) noexcept nogil # day: of the epoch
cdef bint usage_has(uint64_t* word, uint32_t window, uint64_t limit) noexcept nogil
cdef bint usage_take(uint64_t* word, uint32_t window, uint64_t limit) noexcept nogil
cdef void usage_add(uint64_t* word, uint32_t window, uint64_t n) noexcept nogil # counted elsewhere, whatever the limit
cdef uint64_t usage_count(uint64_t* word, uint32_t window) noexcept nogil
