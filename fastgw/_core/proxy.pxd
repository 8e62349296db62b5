"""The PROXY protocol, versions 1 and 2: what a hop says of a connection before its first byte.

Source: "The PROXY protocol", versions 1 and 2, by its author's specification.
"""
from libc.stdint cimport uint16_t, uint32_t

from fastgw._core.network cimport IpAddress

cdef struct ProxyHeader:
    IpAddress source
    uint16_t port           # that the client connected to
    bint told               # False: the connection is the hop's own (LOCAL), or it does not know (UNKNOWN, UNSPEC)

cdef enum ProxyResult:
    PROXY_MORE = 0          # not complete yet
    PROXY_BAD = -1

cdef enum:
    PROXY_BYTES = 4096      # a longer header is refused; what its extensions say is not read

cdef int proxy_read(const char* p, uint32_t n, ProxyHeader* header) noexcept nogil
"""How many bytes the header has, or a ProxyResult."""
