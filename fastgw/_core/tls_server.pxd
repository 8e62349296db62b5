"""TLS for clients: which certificate under which name, who must show one, which sessions are resumed."""
from fastgw._core.bytes cimport Span
from fastgw._core.tls cimport TlsContext, TlsDomain

cdef const TlsDomain* tls_domain(const TlsContext* context, Span host) noexcept nogil
"""Of a host in lower case: its own, else that of "*." and its parent, else "*"; NULL: nobody's."""

cdef class ServerContext:
    cdef TlsContext* context
    cdef bint asks_certificates     # under one of its names
