"""Who a request comes from: the peer of its connection, or the client that hops we trust name.

A peer in one of the trusted networks says in X-Forwarded-For whom it speaks for. The list is read from its end, where
the nearest hop wrote: the first address that is not trusted itself is the client's. What is no address ends the walk,
for nobody trusted has written what stands before it.
"""
from fastgw._core.network cimport IpAddress
from fastgw._core.state cimport Exchange

cdef inline const IpAddress* client_address(Exchange* ex) noexcept nogil:
    return &ex.client if ex.forwarded else &ex.conn.address

cdef void address_settle(Exchange* ex) noexcept nogil
"""Called once, when the head is complete and before any phase looks at the client."""
cdef int address_trust(list networks) except -1
"""(family, address in network order, bits) each; family 0 stands for every unix socket. They replace those before."""
