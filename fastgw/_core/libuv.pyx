"""Resolve libuv from uvloop's shared object and prove what is relied on."""
from posix.dlfcn cimport RTLD_NOW, dlopen, dlsym

cdef extern from "Python.h":
    void* PyCapsule_GetPointer(object capsule, const char* name) except NULL

import uvloop
import uvloop.loop as uvloop_loop


cdef void* symbol(void* library, bytes name) except NULL:
    cdef void* found = dlsym(library, name)
    if found == NULL:
        raise ImportError(
            f"uvloop {uvloop.__version__} does not export {name.decode()}: "
            "fastgw needs uvloop >=0.21,<0.24 from its PyPI wheel"
        )
    return found


cdef void* loop_pointer(object loop) except NULL:
    """The uv_loop_t* that runs a uvloop.Loop."""
    return PyCapsule_GetPointer(uvloop_loop.libuv_get_loop_t_ptr(loop), NULL)


cdef int open_libuv() except -1:
    cdef void* lib = dlopen(uvloop_loop.__file__.encode(), RTLD_NOW)
    if lib == NULL:
        raise ImportError(f"cannot open {uvloop_loop.__file__}")
    uv.tcp_init = <int (*)(void*, void*) noexcept nogil>symbol(lib, b"uv_tcp_init")
    uv.tcp_open = <int (*)(void*, int) noexcept nogil>symbol(lib, b"uv_tcp_open")
    uv.tcp_nodelay = <int (*)(void*, int) noexcept nogil>symbol(lib, b"uv_tcp_nodelay")
    uv.tcp_connect = <int (*)(void*, void*, const void*, status_cb) noexcept nogil>symbol(lib, b"uv_tcp_connect")
    uv.tcp_getpeername = <int (*)(const void*, void*, int*) noexcept nogil>symbol(lib, b"uv_tcp_getpeername")
    uv.tcp_close_reset = <int (*)(void*, handle_cb) noexcept nogil>symbol(lib, b"uv_tcp_close_reset")
    uv.pipe_init = <int (*)(void*, void*, int) noexcept nogil>symbol(lib, b"uv_pipe_init")
    uv.pipe_open = <int (*)(void*, int) noexcept nogil>symbol(lib, b"uv_pipe_open")
    uv.pipe_connect2 = <int (*)(void*, void*, const char*, size_t, unsigned int, status_cb) noexcept nogil>symbol(
        lib, b"uv_pipe_connect2")
    uv.listen = <int (*)(void*, int, status_cb) noexcept nogil>symbol(lib, b"uv_listen")
    uv.accept = <int (*)(void*, void*) noexcept nogil>symbol(lib, b"uv_accept")
    uv.read_start = <int (*)(void*, alloc_cb, read_cb) noexcept nogil>symbol(lib, b"uv_read_start")
    uv.read_stop = <int (*)(void*) noexcept nogil>symbol(lib, b"uv_read_stop")
    uv.write = <int (*)(void*, void*, const Buf*, unsigned int, status_cb) noexcept nogil>symbol(lib, b"uv_write")
    uv.shutdown = <int (*)(void*, void*, status_cb) noexcept nogil>symbol(lib, b"uv_shutdown")
    uv.close = <void (*)(void*, handle_cb) noexcept nogil>symbol(lib, b"uv_close")
    uv.fileno = <int (*)(const void*, int*) noexcept nogil>symbol(lib, b"uv_fileno")
    uv.timer_init = <int (*)(void*, void*) noexcept nogil>symbol(lib, b"uv_timer_init")
    uv.timer_start = <int (*)(void*, handle_cb, uint64_t, uint64_t) noexcept nogil>symbol(lib, b"uv_timer_start")
    uv.timer_stop = <int (*)(void*) noexcept nogil>symbol(lib, b"uv_timer_stop")
    uv.async_init = <int (*)(void*, void*, handle_cb) noexcept nogil>symbol(lib, b"uv_async_init")
    uv.async_send = <int (*)(void*) noexcept nogil>symbol(lib, b"uv_async_send")
    uv.now = <uint64_t (*)(const void*) noexcept nogil>symbol(lib, b"uv_now")
    uv.handle_size = <size_t (*)(int) noexcept nogil>symbol(lib, b"uv_handle_size")
    uv.req_size = <size_t (*)(int) noexcept nogil>symbol(lib, b"uv_req_size")
    uv.version = <unsigned int (*)() noexcept nogil>symbol(lib, b"uv_version")
    # The handle and request numbers above are libuv 1.x's; a major change would move them.
    cdef unsigned int version = uv.version()
    if version >> 16 != 1 or uv.handle_size(UV_TCP) < 64 or uv.handle_size(UV_TCP) > 1024:
        raise ImportError(f"uvloop {uvloop.__version__} carries an untested libuv (version {version:#x})")
    return 0


open_libuv()


def libuv_version() -> str:
    """libuv's version as uvloop carries it: "1.48.0"."""
    cdef unsigned int version = uv.version()
    return f"{version >> 16}.{(version >> 8) & 255}.{version & 255}"
