"""A chained table keyed by address; a seed keeps outside input from aiming at one chain."""
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy

from fastgw._core.state cimport core

cdef enum:
    BUCKETS = 4096

cdef struct Peer:
    Peer* next
    unsigned char address[16]
    uint32_t connections

cdef Peer* table[BUCKETS]


cdef Peer** find(Conn* c) noexcept nogil:
    """The link that holds the address's node, or the end of its chain."""
    cdef uint64_t h = core.seed
    cdef int i
    for i in range(16):
        h = (h ^ c.address.bytes[i]) * <uint64_t>0x100000001B3ULL
    cdef Peer** link = &table[(h ^ (h >> 32)) & (BUCKETS - 1)]
    while link[0] != NULL and memcmp(link[0].address, c.address.bytes, 16) != 0:
        link = &link[0].next
    return link


cdef bint peer_enter(Conn* c) noexcept nogil:
    cdef Peer** link
    if core.limits.max_connections_per_address == 0 or c.address.family == 0:
        return True
    link = find(c)
    if link[0] == NULL:
        link[0] = <Peer*>calloc(1, sizeof(Peer))
        if link[0] == NULL:
            return False
        memcpy(link[0].address, c.address.bytes, 16)
    elif link[0].connections >= core.limits.max_connections_per_address:
        return False
    link[0].connections += 1
    c.counted = True
    return True


cdef void peer_leave(Conn* c) noexcept nogil:
    cdef Peer** link
    cdef Peer* peer
    if not c.counted:
        return
    link = find(c)
    peer = link[0]
    peer.connections -= 1
    if peer.connections == 0:
        link[0] = peer.next
        free(peer)
