"""What a worker gives up, step by step, when memory or time runs out.

    step  memory of its share   loop lag             what it does
    1     85 %                  -                    answers close the connection; nothing is kept for reuse,
                                                  and once a second the cache is emptied
    2     92 %                  overload_lag         new requests get 503
    3     95 %                  4 x overload_lag     new connections are closed at once

A step is left with 5 % of memory less, or half its lag. Closing connections would cost a worker that lacks
time more of it: lag alone never takes step 1. core.overload and core.memory_step tell the rest of the engine.
"""
from libc.stdint cimport uint64_t

cdef int overload_open(uint64_t memory_share, uint64_t lag_us) except -1    # 0 switches that reason off
cdef void overload_close() noexcept nogil
cdef object overload_told()
