"""The wheel turns on one libuv timer that runs only while a node is in a slot."""
from libc.stdlib cimport calloc, free
from libc.stdio cimport snprintf
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, timespec
from libc.time cimport time_t, tm

from fastgw._core.libuv cimport UV_TIMER, uv

cdef extern from "time.h" nogil:
    tm* gmtime_r(const time_t* t, tm* result)

cdef void* LOOP
cdef void* ticker
cdef bint ticking
cdef Timer slots[WHEEL_SLOTS]       # list heads
cdef timer_cb handlers[TIMER_KINDS]
cdef uint32_t queued
cdef uint64_t reached               # the tick handled last


cdef int wheel_open(void* loop) except -1:
    global LOOP, ticker, ticking, queued, reached
    cdef int i
    LOOP = loop
    for i in range(WHEEL_SLOTS):
        slots[i].next = slots[i].prev = &slots[i]
    queued = 0
    ticking = False
    reached = uv.now(loop) // TICK_MS
    ticker = calloc(1, uv.handle_size(UV_TIMER))
    if ticker == NULL:
        raise MemoryError
    uv.timer_init(loop, ticker)
    return 0


cdef void on_ticker_closed(void* handle) noexcept nogil:
    free(handle)


cdef void wheel_close() noexcept nogil:
    global ticker
    if ticker != NULL:
        uv.close(ticker, on_ticker_closed)
        ticker = NULL


cdef void wheel_handler(int kind, timer_cb handler) noexcept nogil:
    handlers[kind] = handler


cdef void timer_init(Timer* timer, int kind) noexcept nogil:
    timer.next = timer.prev = NULL
    timer.deadline = 0
    timer.slot = -1
    timer.kind = kind


cdef void unlink(Timer* timer) noexcept nogil:
    global queued
    timer.prev.next = timer.next
    timer.next.prev = timer.prev
    timer.slot = -1
    queued -= 1


cdef void link(Timer* timer, uint64_t tick) noexcept nogil:
    global queued
    cdef Timer* head = &slots[tick % WHEEL_SLOTS]
    timer.slot = <int32_t>(tick % WHEEL_SLOTS)
    timer.next = head
    timer.prev = head.prev
    head.prev.next = timer
    head.prev = timer
    queued += 1


cdef inline uint64_t tick_for(uint64_t deadline) noexcept nogil:
    """The tick at which a deadline is looked at: never before it, at most one turn ahead."""
    cdef uint64_t tick = (deadline + TICK_MS - 1) // TICK_MS
    if tick <= reached:
        return reached + 1
    if tick >= reached + WHEEL_SLOTS:
        return reached + WHEEL_SLOTS - 1
    return tick


cdef void on_tick(void* handle) noexcept nogil:
    global reached, ticking
    cdef uint64_t now = uv.now(LOOP), last = now // TICK_MS
    cdef Timer* head
    cdef Timer* timer
    cdef Timer due
    if last - reached > WHEEL_SLOTS:
        reached = last - WHEEL_SLOTS
    while reached < last:
        reached += 1
        head = &slots[reached % WHEEL_SLOTS]
        if head.next == head:
            continue
        # The slot's list is taken off whole: handlers may put nodes back into this very slot.
        due.next = head.next
        due.prev = head.prev
        due.next.prev = due.prev.next = &due
        head.next = head.prev = head
        while due.next != &due:
            timer = due.next
            unlink(timer)
            if timer.deadline == 0:
                continue
            if timer.deadline > now:
                link(timer, tick_for(timer.deadline))
                continue
            timer.deadline = 0
            handlers[timer.kind](timer)
    if queued == 0:
        uv.timer_stop(ticker)
        ticking = False


cdef void timer_set(Timer* timer, uint64_t deadline) noexcept nogil:
    global ticking, reached
    cdef uint64_t tick
    timer.deadline = deadline
    if deadline == 0:
        return
    if not ticking:
        if ticker == NULL:
            return
        reached = uv.now(LOOP) // TICK_MS
        ticking = True
        uv.timer_start(ticker, on_tick, TICK_MS, TICK_MS)
    tick = tick_for(deadline)
    if timer.slot >= 0:
        # Slots to go from `reached`, so that "earlier" is well defined on the circle.
        if (<uint64_t>timer.slot - reached) % WHEEL_SLOTS <= tick - reached:
            return
        unlink(timer)
    link(timer, tick)


cdef void timer_drop(Timer* timer) noexcept nogil:
    if timer.slot >= 0:
        unlink(timer)
    timer.deadline = 0


cdef uint32_t wheel_count() noexcept nogil:
    return queued


cdef uint64_t micros() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_MONOTONIC, &t)
    return <uint64_t>t.tv_sec * 1000000 + t.tv_nsec // 1000


cdef uint64_t wall_ms() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_REALTIME, &t)
    return <uint64_t>t.tv_sec * 1000 + t.tv_nsec // 1000000


cdef const char* DAYS = "SunMonTueWedThuFriSat"
cdef const char* MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
cdef char date_text[64]
cdef uint64_t date_tick = 0


cdef const char* http_date() noexcept nogil:
    global date_tick
    cdef uint64_t tick = uv.now(LOOP) // 250 + 1
    cdef tm t
    cdef time_t seconds
    if tick != date_tick:
        date_tick = tick
        seconds = <time_t>(wall_ms() // 1000)
        gmtime_r(&seconds, &t)
        snprintf(date_text, 64, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", DAYS + 3 * t.tm_wday, t.tm_mday,
                 MONTHS + 3 * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec)
    return date_text


cdef uint64_t wall_offset, wall_tick = 0

cdef uint64_t wall_us(uint64_t then) noexcept nogil:
    """The two clocks are compared a few times a second, and always where no loop turns."""
    global wall_offset, wall_tick
    cdef timespec t
    cdef uint64_t tick = uv.now(LOOP) // 250 + 1 if LOOP != NULL else 0
    if tick != wall_tick or tick == 0:
        wall_tick = tick
        clock_gettime(CLOCK_REALTIME, &t)
        wall_offset = <uint64_t>t.tv_sec * 1000000 + t.tv_nsec // 1000 - micros()
    return then + wall_offset


cdef enum:
    CLF_KEPT = 64       # requests that began in different seconds end side by side

cdef struct ClfTime:
    uint64_t second
    char text[32]

cdef ClfTime clf_times[CLF_KEPT]


cdef const char* clf_time(uint64_t second) noexcept nogil:
    cdef ClfTime* kept = &clf_times[second % CLF_KEPT]
    cdef tm t
    cdef time_t seconds = <time_t>second
    if kept.second != second:
        kept.second = second
        gmtime_r(&seconds, &t)
        snprintf(kept.text, 32, "%02d/%.3s/%04d:%02d:%02d:%02d +0000", t.tm_mday, MONTHS + 3 * t.tm_mon,
                 t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec)
    return kept.text
