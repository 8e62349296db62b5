"""Python's way into the reader of PROXY headers; for tests alone."""
from libc.stdint cimport uint32_t
from libc.stdlib cimport free

from fastgw._core.bytes cimport Writer, writer_init
from fastgw._core.exact cimport exact
from fastgw._core.network cimport address_put
from fastgw._core.proxy cimport PROXY_BAD, PROXY_MORE, ProxyHeader, proxy_read

MORE, BAD = PROXY_MORE, PROXY_BAD


def header_of(bytes head) -> tuple[int, str | None, int]:
    """(how many bytes, MORE or BAD; the client's address where it is told; the port that it connected to). The reader
    is given a buffer of exact size."""
    cdef char text[64]
    cdef Writer w
    cdef ProxyHeader header
    cdef char* copy = exact(head)
    cdef int used = proxy_read(copy, <uint32_t>len(head), &header)
    free(copy)
    if used <= 0 or not header.told:
        return used, None, 0
    writer_init(&w, text, sizeof(text))
    address_put(&w, &header.source)
    return used, text[:w.n].decode(), header.port
