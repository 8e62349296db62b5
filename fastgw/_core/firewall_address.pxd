"""Sets of networks as tries, and whose address a request has."""
from libc.stdint cimport uint32_t

from fastgw._core.arena cimport Arena
from fastgw._core.bytes cimport Span
from fastgw._core.firewall_plan cimport Forwarded, Trie
from fastgw._core.network cimport IpAddress
from fastgw._core.state cimport Exchange

cdef enum:
    TRIE_LEAF = 0xFFFFFFFF

cdef Trie* trie_make(Arena arena, list networks) except NULL    # (family, packed address, prefix length) each
cdef bint trie_has(const Trie* trie, const IpAddress* ip) noexcept nogil
cdef bint ip_next(Exchange* ex, const Forwarded* by, uint32_t* field, uint32_t* at, Span* member) noexcept nogil
"""The next entry of the forwarding header, over all its fields; field and at begin with 0. False at the end."""
cdef int ip_forwarded(Exchange* ex, const Forwarded* by, IpAddress* ip) noexcept nogil
"""The one address that counts where `which` is not WHICH_ANY: 1, 0 where the header is absent, -1: no address."""
cdef int address_in(Exchange* ex, const Forwarded* by, const Trie* trie) noexcept nogil     # Verdict3
