"""Python's way into what reads bodies on their way, the decoder and the walk of mappings; for tests alone."""
from libc.stdint cimport uint32_t
from libc.stdlib cimport free

from fastgw._core.bytes cimport Span, span
from fastgw._core.decode cimport DECODED, DECODE_FREE, DECODE_RATIO, decode_bytes
from fastgw._core.exact cimport exact
from fastgw._core.json_find cimport json_find

FREE, RATIO = DECODE_FREE, DECODE_RATIO


def decoded(bytes body, bint gzip, limit: int) -> bytes | int:
    """The decoded body, or the failure's code. The decoder reads a buffer of exact size."""
    cdef uint32_t n = 0
    cdef char* out = NULL
    cdef char* copy = exact(body)
    cdef int result = decode_bytes(gzip, span(copy, len(body)), limit, &out, &n)
    free(copy)
    if result != DECODED:
        return result
    found = <bytes>out[:n] if out != NULL else b""
    free(out)
    return found


def walked(bytes body, bytes way) -> bytes | None:
    """What json_find finds in a buffer of exact size."""
    cdef Span found
    cdef char* copy = exact(body)
    value = <bytes>found.p[:found.n] if json_find(span(copy, len(body)), span(way, len(way)), &found) else None
    free(copy)
    return value
