"""Door 1: uvloop's own libuv. Nobody else knows a uv_ symbol's name.

Handles and requests are opaque: uv_handle_size and uv_req_size give their sizes, and `data`
is the first field of both. The function pointers are filled once, by open_libuv().
"""
from libc.stdint cimport uint64_t


cdef struct Buf:            # uv_buf_t on POSIX, the same layout as struct iovec
    char* base
    size_t len

ctypedef void (*alloc_cb)(void* handle, size_t suggested, Buf* buf) noexcept nogil
ctypedef void (*read_cb)(void* handle, ssize_t nread, const Buf* buf) noexcept nogil
ctypedef void (*status_cb)(void* handle_or_req, int status) noexcept nogil
ctypedef void (*handle_cb)(void* handle) noexcept nogil

cdef enum:
    UV_ASYNC = 1
    UV_NAMED_PIPE = 7
    UV_TCP = 12
    UV_TIMER = 13
    UV_REQ_CONNECT = 2
    UV_REQ_WRITE = 3
    UV_REQ_SHUTDOWN = 4
    UV_EOF = -4095
    UV_ENOBUFS = -105

cdef struct Uv:
    int (*tcp_init)(void* loop, void* handle) noexcept nogil
    int (*tcp_open)(void* handle, int fd) noexcept nogil
    int (*tcp_nodelay)(void* handle, int enable) noexcept nogil
    int (*tcp_connect)(void* req, void* handle, const void* addr, status_cb cb) noexcept nogil
    int (*tcp_getpeername)(const void* handle, void* name, int* namelen) noexcept nogil
    int (*tcp_close_reset)(void* handle, handle_cb cb) noexcept nogil
    int (*pipe_init)(void* loop, void* handle, int ipc) noexcept nogil
    int (*pipe_open)(void* handle, int fd) noexcept nogil
    int (*pipe_connect2)(void* req, void* handle, const char* name, size_t n, unsigned int flags,
                         status_cb cb) noexcept nogil
    int (*listen)(void* stream, int backlog, status_cb cb) noexcept nogil
    int (*accept)(void* server, void* client) noexcept nogil
    int (*read_start)(void* stream, alloc_cb alloc, read_cb read) noexcept nogil
    int (*read_stop)(void* stream) noexcept nogil
    int (*write)(void* req, void* stream, const Buf* bufs, unsigned int n, status_cb cb) noexcept nogil
    int (*shutdown)(void* req, void* stream, status_cb cb) noexcept nogil
    void (*close)(void* handle, handle_cb cb) noexcept nogil
    int (*fileno)(const void* handle, int* fd) noexcept nogil
    int (*timer_init)(void* loop, void* handle) noexcept nogil
    int (*timer_start)(void* handle, handle_cb cb, uint64_t ms, uint64_t repeat) noexcept nogil
    int (*timer_stop)(void* handle) noexcept nogil
    int (*async_init)(void* loop, void* handle, handle_cb cb) noexcept nogil
    int (*async_send)(void* handle) noexcept nogil
    uint64_t (*now)(const void* loop) noexcept nogil
    size_t (*handle_size)(int kind) noexcept nogil
    size_t (*req_size)(int kind) noexcept nogil
    unsigned int (*version)() noexcept nogil

cdef Uv uv

cdef inline void* uv_data(void* handle_or_req) noexcept nogil:
    return (<void**>handle_or_req)[0]

cdef inline void uv_set_data(void* handle_or_req, void* data) noexcept nogil:
    (<void**>handle_or_req)[0] = data

cdef void* loop_pointer(object loop) except NULL
