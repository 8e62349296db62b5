"""The only door to the hash functions of OpenSSL's libcrypto, opened at run time in the library that Python's own
_hashlib module uses: opaque pointers, no headers. Its functions are those of every libcrypto since 1.1.0.

One context serves the whole process: a digest is begun and ended in one call.
"""
from libc.stdint cimport uint8_t, uint32_t

from fastgw._core.bytes cimport Span

cdef enum:
    SHA256_BYTES = 32
    SHA256_HEX = 64

cdef bint sha256(const Span* pieces, uint32_t n, uint8_t* out) noexcept nogil
"""Of the pieces one after the other, SHA256_BYTES of it. False: the library refuses (out of memory)."""
cdef bint hmac_sha256(Span key, const Span* pieces, uint32_t n, uint8_t* out) noexcept nogil    # RFC 2104; the same
cdef bint same_secret(const char* a, const char* b, uint32_t n) noexcept nogil      # in a time that n alone decides
