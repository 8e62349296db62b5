"""The ring of access-log lines of one worker, in memory shared with the control process.

One file for all workers: a header page, then for each worker a page with the two counts and its ring. One writer,
the worker's engine, moves `head`; one reader, in the control process, moves `tail`. Both only grow; they count bytes.
A record is RECORD_BYTES of Record, then the line, then padding to the next multiple of 8; it never wraps.
"""
from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    PAGE_BYTES = 4096
    RECORD_BYTES = 8
    SKIP = 0xFFFFFFFF       # Record.length: go on at the start of the ring
    LOG_FILES = 1024        # numbers of files

cdef struct Record:
    uint32_t length         # of the line, its newline included
    uint32_t file

cdef struct Counts:         # at the start of a worker's page; a cache line each
    uint64_t head
    uint64_t unused[7]
    uint64_t tail

cdef extern from *:
    """
    #define load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
    #define store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
    """
    uint64_t load_acquire(const uint64_t* p) nogil
    void store_release(uint64_t* p, uint64_t value) nogil

cdef inline uint64_t padded(uint64_t n) noexcept nogil:
    return (n + 7) & ~<uint64_t>7
