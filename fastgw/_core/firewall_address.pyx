"""Bodies of tries and addresses."""
from fastgw._core.address cimport client_address
from fastgw._core.bytes cimport list_next, same_case
from fastgw._core.firewall_plan cimport HANDLE_MATCH, NO, WHICH_ANY, WHICH_FIRST, YES
from fastgw._core.network cimport address_read
from fastgw._core.state cimport field_value

LEAF = 0xFFFFFFFF


cdef Trie* trie_make(Arena arena, list networks) except NULL:
    """A network within another adds nothing; one around others takes their place."""
    cdef Trie* trie = <Trie*>arena.take(sizeof(Trie))
    cdef uint32_t i
    nodes = [[0, 0], [0, 0], [0, 0]]        # 0 is nobody's child, 1 and 2 are the roots
    whole = set()
    for family, packed, prefix in sorted(networks, key=lambda network: network[2]):
        node, number = (1 if family == 4 else 2), int.from_bytes(packed)
        width = 8 * len(packed)
        if prefix == 0:
            whole.add(node)
        for depth in range(prefix):
            bit = number >> (width - 1 - depth) & 1
            following = nodes[node][bit]
            if following == LEAF:
                break
            if depth == prefix - 1:
                nodes[node][bit] = LEAF
            elif following == 0:
                nodes[node][bit] = len(nodes)
                nodes.append([0, 0])
            node = nodes[node][bit]
    for node in whole:
        nodes[node] = [LEAF, LEAF]
    trie.children = <uint32_t*>arena.take(8 * len(nodes))
    for i in range(<uint32_t>len(nodes)):
        trie.children[2 * i], trie.children[2 * i + 1] = nodes[i]
    trie.root4, trie.root6 = 1, 2
    return trie


cdef bint trie_has(const Trie* trie, const IpAddress* ip) noexcept nogil:
    cdef uint32_t node = trie.root4 if ip.family == 4 else trie.root6
    cdef uint32_t depth, bits = 32 if ip.family == 4 else 128
    if ip.family == 0:
        return False
    for depth in range(bits):
        node = trie.children[2 * node + (ip.bytes[depth >> 3] >> (7 - (depth & 7)) & 1)]
        if node == TRIE_LEAF:
            return True
        if node == 0:
            return False
    return False


cdef bint ip_next(Exchange* ex, const Forwarded* by, uint32_t* field, uint32_t* at, Span* member) noexcept nogil:
    cdef Span value
    while field[0] < ex.nfields:
        if ex.fields[field[0]].name_n == by.header.n \
                and same_case(ex.head + ex.fields[field[0]].name, by.header.p, by.header.n):
            value = field_value(ex.head, &ex.fields[field[0]])
            if list_next(value, at, member):
                return True
        field[0] += 1
        at[0] = 0
    return False


cdef int ip_forwarded(Exchange* ex, const Forwarded* by, IpAddress* ip) noexcept nogil:
    cdef uint32_t field = 0, at = 0
    cdef Span member
    cdef int found = 0
    while ip_next(ex, by, &field, &at, &member):
        found = 1 if address_read(member, ip) else -1
        if by.which == WHICH_FIRST:
            break
    return found


cdef int address_in(Exchange* ex, const Forwarded* by, const Trie* trie) noexcept nogil:
    cdef uint32_t field = 0, at = 0
    cdef Span member
    cdef IpAddress ip
    cdef int found
    if by.header.n == 0:
        return YES if trie_has(trie, client_address(ex)) else NO
    if by.which != WHICH_ANY:
        found = ip_forwarded(ex, by, &ip)
        if found < 0:
            return YES if by.fallback == HANDLE_MATCH else NO
        return YES if found and trie_has(trie, &ip) else NO
    while ip_next(ex, by, &field, &at, &member):
        if not address_read(member, &ip):
            if by.fallback == HANDLE_MATCH:
                return YES
        elif trie_has(trie, &ip):
            return YES
    return NO
