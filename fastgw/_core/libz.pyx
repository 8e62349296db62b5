"""Find zlib and call it."""
import zlib

from libc.string cimport memset
from posix.dlfcn cimport RTLD_NOW, dlopen, dlsym

cdef enum:
    LEVEL = 4               # nearly what 6 saves on JSON, at half its time
    MEMORY = 8              # memLevel: with a window of 15 a stream has 256 KB
    DEFLATED = 8

cdef const char* VERSION = b"1"     # zlib compares its first letter

cdef struct Libz:
    int (*deflate_init)(ZStream*, int, int, int, int, int, const char*, int) noexcept nogil
    int (*deflate)(ZStream*, int) noexcept nogil
    int (*deflate_reset)(ZStream*) noexcept nogil
    int (*deflate_end)(ZStream*) noexcept nogil
    int (*inflate_init)(ZStream*, int, const char*, int) noexcept nogil
    int (*inflate)(ZStream*, int) noexcept nogil
    int (*inflate_reset)(ZStream*) noexcept nogil
    int (*inflate_end)(ZStream*) noexcept nogil

cdef Libz libz
cdef bint opened = False


cdef bint libz_open() except -1:
    """Once. A symbol is looked for in the module's file and in what it is linked to; a module that is built into the
    interpreter has it there."""
    global opened
    cdef void* library
    cdef void* found[8]
    cdef bytes file = getattr(zlib, "__file__", "").encode()
    if opened:
        return True
    library = dlopen(<const char*>file if file else NULL, RTLD_NOW)
    if library == NULL:
        return False
    for i, name in enumerate((b"deflateInit2_", b"deflate", b"deflateReset", b"deflateEnd", b"inflateInit2_",
                              b"inflate", b"inflateReset", b"inflateEnd")):
        found[i] = dlsym(library, <const char*>name)
        if found[i] == NULL:
            return False
    libz.deflate_init = <int (*)(ZStream*, int, int, int, int, int, const char*, int) noexcept nogil>found[0]
    libz.deflate = <int (*)(ZStream*, int) noexcept nogil>found[1]
    libz.deflate_reset = <int (*)(ZStream*) noexcept nogil>found[2]
    libz.deflate_end = <int (*)(ZStream*) noexcept nogil>found[3]
    libz.inflate_init = <int (*)(ZStream*, int, const char*, int) noexcept nogil>found[4]
    libz.inflate = <int (*)(ZStream*, int) noexcept nogil>found[5]
    libz.inflate_reset = <int (*)(ZStream*) noexcept nogil>found[6]
    libz.inflate_end = <int (*)(ZStream*) noexcept nogil>found[7]
    opened = True
    return True


cdef int deflate_init(ZStream* z, int window) noexcept nogil:
    memset(z, 0, sizeof(ZStream))
    return libz.deflate_init(z, LEVEL, DEFLATED, window, MEMORY, 0, VERSION, sizeof(ZStream))


cdef int deflate(ZStream* z, int flush) noexcept nogil:
    return libz.deflate(z, flush)


cdef int deflate_reset(ZStream* z) noexcept nogil:
    return libz.deflate_reset(z)


cdef void deflate_end(ZStream* z) noexcept nogil:
    libz.deflate_end(z)


cdef int inflate_init(ZStream* z, int window) noexcept nogil:
    memset(z, 0, sizeof(ZStream))
    return libz.inflate_init(z, window, VERSION, sizeof(ZStream))


cdef int inflate(ZStream* z) noexcept nogil:
    return libz.inflate(z, Z_NO_FLUSH)


cdef int inflate_reset(ZStream* z) noexcept nogil:
    return libz.inflate_reset(z)


cdef void inflate_end(ZStream* z) noexcept nogil:
    libz.inflate_end(z)


def libz_version() -> str | None:
    """zlib's version, or None where its functions cannot be found."""
    return zlib.ZLIB_RUNTIME_VERSION if libz_open() else None
