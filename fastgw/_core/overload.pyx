"""Looks at memory and lag once a beat of the pulse."""
from libc.stdint cimport uint8_t, uint64_t
from libc.stdio cimport sscanf
from posix.fcntl cimport O_CLOEXEC, O_RDONLY, open
from posix.unistd cimport _SC_PAGESIZE, close, pread, sysconf

from fastgw._core.cache cimport CacheZone, cache_flush, cache_zones
from fastgw._core.counters cimport H_LOOP_LAG_US, H_OVERLOAD
from fastgw._core.exchange cimport exchange_close
from fastgw._core.pulse cimport pulse_close, pulse_open
from fastgw._core.state cimport core

cdef extern from "<malloc.h>" nogil:
    int malloc_trim(size_t pad)

cdef enum:
    STEPS = 3
    EASE = 5                # per cent of memory below a step's mark at which it is left
    TRIM_BEATS = 10

cdef int marks[STEPS]       # per cent of the share
cdef int statm
cdef uint64_t share, used, page, lag_limit
cdef uint8_t lag_step
cdef int beats


cdef uint64_t own_memory() noexcept nogil:
    """Bytes resident and not shared: what all workers hold together is nobody's share."""
    cdef char text[128]
    cdef unsigned long long resident = 0, shared = 0
    cdef ssize_t n = pread(statm, text, sizeof(text) - 1, 0)
    if n <= 0:
        return 0
    text[n] = 0
    if sscanf(text, b"%*u %llu %llu", &resident, &shared) != 2 or shared > resident:
        return 0
    return (resident - shared) * page


cdef uint8_t step_of_memory() noexcept nogil:
    cdef uint8_t step = core.memory_step
    cdef uint64_t percent = used * 100 // share
    while step < STEPS and percent >= <uint64_t>marks[step]:
        step += 1
    while step > 0 and percent < <uint64_t>(marks[step - 1] - EASE):
        step -= 1
    return step


cdef uint8_t step_of_lag(uint64_t lag_us) noexcept nogil:
    if lag_us >= 4 * lag_limit:
        return 3
    if lag_us >= 2 * lag_limit and lag_step == 3:
        return 3
    if lag_us >= lag_limit or (2 * lag_us >= lag_limit and lag_step):
        return 2
    return 0


cdef void give_back() noexcept nogil:
    """What is kept for reuse, cached answers among it, goes back to the system."""
    cdef CacheZone* zone = cache_zones()
    while zone != NULL:
        cache_flush(zone)
        zone = zone.next
    exchange_close()
    malloc_trim(0)


cdef void on_beat(uint64_t lag_us) noexcept nogil:
    global used, lag_step, beats
    if share:
        used = own_memory()
        core.memory_step = step_of_memory()
    if lag_limit:
        lag_step = step_of_lag(lag_us)
    core.overload = core.memory_step if core.memory_step > lag_step else lag_step
    core.gauges[H_OVERLOAD] = core.overload
    beats += 1
    if core.memory_step and beats % TRIM_BEATS == 0:
        give_back()


cdef int overload_open(uint64_t memory_share, uint64_t lag_us) except -1:
    global statm, share, lag_limit, page, lag_step
    marks[0], marks[1], marks[2] = 85, 92, 95
    share, lag_limit, page = memory_share, lag_us, sysconf(_SC_PAGESIZE)
    core.overload = core.memory_step = lag_step = 0
    statm = open(b"/proc/self/statm", O_RDONLY | O_CLOEXEC)
    if statm < 0:
        raise OSError("cannot read /proc/self/statm")
    pulse_open(core.loop, on_beat)
    return 0


cdef void overload_close() noexcept nogil:
    global statm
    pulse_close()
    if statm >= 0:
        close(statm)
        statm = -1


cdef object overload_told():
    return {"step": core.overload, "memory": used, "share": share, "lag_us": core.gauges[H_LOOP_LAG_US]}
