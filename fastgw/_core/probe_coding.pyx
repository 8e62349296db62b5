"""Python's way into what reads bodies on their way, the decoder and the walk of mappings; for tests alone."""
from libc.stdint cimport uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from fastgw._core.bytes cimport Span, span
from fastgw._core.decode cimport DECODED, DECODE_FREE, DECODE_RATIO, decode_bytes
from fastgw._core.json_find cimport json_find

FREE, RATIO = DECODE_FREE, DECODE_RATIO


def decoded(bytes body, bint gzip, limit: int) -> bytes | int:
    """The decoded body, or the failure's code. The decoder reads a buffer of exact size."""
    cdef uint32_t n = 0
    cdef char* out = NULL
    cdef char* exact = <char*>malloc(len(body) or 1)
    cdef int result
    if exact == NULL:
        raise MemoryError
    memcpy(exact, <const char*>body, len(body))
    result = decode_bytes(gzip, span(exact, len(body)), limit, &out, &n)
    free(exact)
    if result != DECODED:
        return result
    found = <bytes>out[:n] if out != NULL else b""
    free(out)
    return found


def walked(bytes body, bytes way) -> bytes | None:
    """What json_find finds in a buffer of exact size."""
    cdef Span found
    cdef char* exact = <char*>malloc(len(body) or 1)
    if exact == NULL:
        raise MemoryError
    memcpy(exact, <const char*>body, len(body))
    value = <bytes>found.p[:found.n] if json_find(span(exact, len(body)), span(way, len(way)), &found) else None
    free(exact)
    return value
