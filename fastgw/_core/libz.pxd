"""The only door to zlib, opened at run time in the library that Python's own zlib module uses: no headers.

The stream struct is zlib's, unchanged since 1.0; the init functions are told its size and refuse another one.
"""
from libc.stdint cimport uint8_t

cdef struct ZStream:        # z_stream of zlib.h
    const uint8_t* next_in
    unsigned int avail_in
    unsigned long total_in
    uint8_t* next_out
    unsigned int avail_out
    unsigned long total_out
    const char* msg
    void* state
    void* zalloc
    void* zfree
    void* opaque
    int data_type
    unsigned long adler
    unsigned long reserved

cdef enum:
    Z_OK = 0
    Z_STREAM_END = 1
    Z_BUF_ERROR = -5
    Z_NO_FLUSH = 0
    Z_SYNC_FLUSH = 2
    Z_FINISH = 4
    WINDOW_ZLIB = 15        # windowBits: the zlib format (RFC 1950)
    WINDOW_GZIP = 31        # gzip (RFC 1952)
    WINDOW_RAW = -15        # deflate without a wrapper (RFC 1951)

cdef bint libz_open() except -1     # the library is here
cdef int deflate_init(ZStream* z, int window) noexcept nogil        # Z_OK, or no memory
cdef int deflate(ZStream* z, int flush) noexcept nogil
cdef int deflate_reset(ZStream* z) noexcept nogil
cdef void deflate_end(ZStream* z) noexcept nogil
cdef int inflate_init(ZStream* z, int window) noexcept nogil
cdef int inflate(ZStream* z) noexcept nogil
cdef int inflate_reset(ZStream* z) noexcept nogil
cdef void inflate_end(ZStream* z) noexcept nogil
