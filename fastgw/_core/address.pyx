"""The client of a request that comes over trusted hops."""
from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from fastgw._core.bytes cimport Span, list_last
from fastgw._core.network cimport Network, address_read, network_holds
from fastgw._core.state cimport M_LOOSE, T_FORWARDED_FOR, field_value

cdef Network* trusted = NULL
cdef uint32_t ntrusted = 0


cdef int address_trust(list networks) except -1:
    global trusted, ntrusted
    cdef uint32_t i
    cdef bytes packed
    free(trusted)
    ntrusted = 0
    trusted = <Network*>calloc(len(networks) or 1, sizeof(Network))
    if trusted == NULL:
        raise MemoryError
    for i, (family, packed, bits) in enumerate(networks):
        trusted[i].address.family = family
        trusted[i].bits = bits
        memcpy(trusted[i].address.bytes, <const char*>packed, len(packed))
    ntrusted = len(networks)
    return 0


cdef bint is_trusted(const IpAddress* address) noexcept nogil:
    cdef uint32_t i
    for i in range(ntrusted):
        if network_holds(&trusted[i], address):
            return True
    return False


cdef void walk(Exchange* ex) noexcept nogil:
    cdef IpAddress found
    cdef Span list, member
    cdef uint32_t i = ex.nfields
    while i > 0:
        i -= 1
        if ex.fields[i].token != T_FORWARDED_FOR or ex.fields[i].marks & M_LOOSE:
            continue
        list = field_value(ex.head, &ex.fields[i])
        while list_last(&list, &member):
            if member.n == 0:
                continue
            if not address_read(member, &found):
                return
            ex.client = found
            if not is_trusted(&found):
                return


cdef void address_settle(Exchange* ex) noexcept nogil:
    if ntrusted and is_trusted(&ex.conn.address):
        ex.forwarded = True
        ex.client = ex.conn.address
        walk(ex)
