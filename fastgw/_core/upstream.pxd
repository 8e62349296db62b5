"""Targets and their pools: LIFO idle connections, FIFO waiters, everything O(1).

A target outlives the plans that name it: a reload keeps its connections. An exchange asks with
upstream_acquire and is called back; the end of the answer gives the connection back, and
upstream_drop kills it.
"""
from libc.stdint cimport uint32_t

from fastgw._core.bytes cimport Span
from fastgw._core.state cimport Exchange, Target, TargetLimits, UpConn

cdef enum Acquired:
    ACQUIRED = 0            # ex.up is set; write the request now
    ACQUIRE_WAITS = 1       # events.ready or events.failed follows
    ACQUIRE_FULL = 2        # too many wait already
    ACQUIRE_FAILED = 3      # no connection can be made

cdef enum UpFailure:
    UP_UNREACHABLE = 0      # no connection could be made
    UP_TIMEOUT = 1          # connecting, or the answer, took too long
    UP_BROKEN = 2           # the connection broke, or the answer is no valid HTTP
    UP_SILENT = 3           # a reused connection closed before the first byte of an answer

cdef struct UpstreamEvents:
    void (*ready)(Exchange* ex) noexcept nogil              # after ACQUIRE_WAITS: ex.up is set
    void (*failed)(Exchange* ex, int why) noexcept nogil    # ex.up is NULL again
    void (*flush)(Exchange* ex) noexcept nogil              # end of one read: send what was gathered
    void (*done)(Exchange* ex) noexcept nogil               # the answer is complete; the upstream is released
    void (*writable)(Exchange* ex) noexcept nogil           # the upstream took what was queued

cdef void upstream_open(const UpstreamEvents* events) noexcept nogil
cdef Target* target_find(Span key) noexcept nogil
cdef Target* target_new(Span key, Span authority, const char* unix_path, const TargetLimits* limits) noexcept nogil
cdef void target_resolved(Target* t, bint failed) noexcept nogil    # after its addresses changed
cdef void targets_sweep() noexcept nogil                            # free what no plan and no connection uses
cdef int upstream_acquire(Target* t, Exchange* ex, bint fresh) noexcept nogil
cdef void upstream_cancel(Exchange* ex) noexcept nogil              # leave the waiters
cdef void upstream_drop(UpConn* up) noexcept nogil                  # close it now, no event
cdef void upstream_pause(UpConn* up) noexcept nogil                 # the client does not keep up
cdef void upstream_resume(UpConn* up) noexcept nogil
# The request is out: the clock runs. first_byte_ms 0: the target's.
cdef void upstream_sent(UpConn* up, uint32_t timeout_ms, uint32_t first_byte_ms) noexcept nogil
cdef void upstream_progress(UpConn* up) noexcept nogil              # part of a request is out
cdef void upstream_close_all() noexcept nogil
