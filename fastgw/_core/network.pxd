"""IP addresses and networks as bytes."""
from libc.stdint cimport uint8_t, uint32_t

from fastgw._core.bytes cimport Span, Writer

cdef struct IpAddress:
    uint8_t family          # 4, 6, or 0: not of the Internet, as the peer of a unix socket
    uint8_t bytes[16]       # in network order; of family 4 the first four

cdef struct Network:
    IpAddress address       # of family 0: every unix socket
    uint8_t bits            # of it that count

cdef inline uint32_t address_bytes(const IpAddress* address) noexcept nogil:
    return 16 if address.family == 6 else 4

cdef bint address_read(Span text, IpAddress* address) noexcept nogil
"""An address as people write it: "10.0.0.1", "2001:db8::1", either with a port ("10.0.0.1:80", "[2001:db8::1]:80").
One that is mapped into IPv6 (RFC 4291 section 2.5.5.2) becomes what it stands for. False: something else."""
cdef void address_unmap(IpAddress* address) noexcept nogil
cdef void address_put(Writer* w, const IpAddress* address) noexcept nogil       # "unix:" where it has none
cdef bint network_holds(const Network* network, const IpAddress* address) noexcept nogil
