"""For tests alone: their bytes in an allocation of exact size, so that a sanitizer sees a read beyond it."""
from libc.stdlib cimport malloc
from libc.string cimport memcpy

cdef inline char* exact(bytes data) except NULL:
    cdef char* copy = <char*>malloc(len(data) or 1)
    if copy == NULL:
        raise MemoryError
    memcpy(copy, <const char*>data, len(data))
    return copy
