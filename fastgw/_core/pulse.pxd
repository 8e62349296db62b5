"""The worker's pulse: ten beats a second, by which others see that its loop turns, and how late it is.

A timer says little about lateness: libuv starves it while many sockets are ready. So each beat sends
a probe, an event that stands in the kernel's line of ready sockets behind the clients': the time until it is
handled is what a client's bytes wait.
"""
from libc.stdint cimport uint64_t

cdef enum:
    BEAT_MS = 100

ctypedef void (*beat_fn)(uint64_t lag_us) noexcept nogil    # once a beat

cdef int pulse_open(void* loop, beat_fn each) except -1
cdef void pulse_close() noexcept nogil
