"""Bump allocation in blocks; freed when the Python object goes."""
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

cdef enum:
    BLOCK_BYTES = 65536


cdef class Arena:
    def __cinit__(self, size_t block_bytes=BLOCK_BYTES):
        self.block_bytes = block_bytes

    def __dealloc__(self):
        cdef Block* block = self.blocks
        cdef Block* following
        while block != NULL:
            following = block.next
            free(block)
            block = following

    cdef void* take(self, size_t n) except NULL:
        cdef Block* block = self.blocks
        cdef size_t cap
        n = (n + 15) & ~<size_t>15
        if block == NULL or block.cap - block.used < n:
            cap = self.block_bytes if n <= self.block_bytes else n
            block = <Block*>calloc(1, 32 + cap)
            if block == NULL:
                raise MemoryError
            block.cap = cap
            block.next = self.blocks
            self.blocks = block
        cdef char* start = <char*>block + 32 + block.used
        block.used += n
        self.bytes += n
        return start

    cdef Span keep(self, bytes text) except *:
        cdef Span s
        cdef char* copy = <char*>self.take(len(text) or 1)
        memcpy(copy, <const char*>text, len(text))
        s.p = copy
        s.n = <uint32_t>len(text)
        return s
