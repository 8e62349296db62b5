"""A client's certificate as requests tell of it: read once, when its handshake is done."""
from libc.stdint cimport uint32_t

from fastgw._core.bytes cimport Span

cdef struct ClientCert:     # one piece of memory
    uint32_t refs
    Span pem
    Span subject            # by RFC 2253: "CN=client,O=Example"
    Span issuer
    Span serial             # "1a:2b:..."
    Span not_before         # "May 28 12:30:02 2019 GMT"
    Span not_after

cdef ClientCert* client_cert_read(void* connection) noexcept nogil
"""Of an OpenSSL connection; NULL where it has shown none, or there is no memory."""
cdef ClientCert* client_cert_hold(ClientCert* c) noexcept nogil     # c may be NULL
cdef void client_cert_leave(ClientCert* c) noexcept nogil
