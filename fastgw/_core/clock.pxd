"""One timer wheel per worker: deadlines in milliseconds on libuv's clock, moved lazily.

A later deadline costs one store: the node stays in its slot and is put further when the slot
comes round. Only an earlier deadline moves a node. Resolution is TICK_MS.
"""
from libc.stdint cimport int32_t, uint32_t, uint64_t


cdef struct Timer:
    Timer* next
    Timer* prev
    uint64_t deadline       # 0: off
    int32_t slot            # -1: in no slot
    uint32_t kind           # index into the wheel's handlers

cdef enum:
    TICK_MS = 10
    WHEEL_SLOTS = 1024      # 10.24 s a turn; further deadlines are looked at once a turn

cdef enum:
    TIMER_CONN = 0
    TIMER_UPSTREAM = 1
    TIMER_CALL = 2
    TIMER_KINDS = 3

ctypedef void (*timer_cb)(Timer* timer) noexcept nogil

cdef int wheel_open(void* loop) except -1
cdef void wheel_close() noexcept nogil
cdef void wheel_handler(int kind, timer_cb handler) noexcept nogil
cdef void timer_init(Timer* timer, int kind) noexcept nogil
cdef void timer_set(Timer* timer, uint64_t deadline) noexcept nogil    # 0 switches it off
cdef void timer_drop(Timer* timer) noexcept nogil                      # before its owner is freed
cdef uint32_t wheel_count() noexcept nogil                              # nodes in slots

cdef uint64_t micros() noexcept nogil           # monotonic, microseconds
cdef uint64_t wall_ms() noexcept nogil          # since the epoch
cdef uint64_t wall_us(uint64_t then) noexcept nogil     # since the epoch, of a moment of micros()
cdef const char* clf_time(uint64_t second) noexcept nogil   # "20/Nov/2026:20:58:40 +0000", 26 bytes
cdef const char* http_date() noexcept nogil     # IMF-fixdate of now, 29 bytes (RFC 9110 section 5.6.7)
