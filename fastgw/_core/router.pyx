"""Matching on the radix tree that route_tree.py lays out. router.pxd says what a route is.

Why a match cannot blow up: the tree's edges fix how much of the path they take (text its own bytes, a
variable or mixed segment everything up to the next slash, a greedy one the rest), so for one path every
node has exactly one position and, having one parent, is entered at most once. Backtracking therefore
costs at most one visit per node of the table and one scan of a segment per visit: linear in the path and
bounded by the table, never their product with a power. RouterMatch.steps counts the visits.
"""

from libc.stdint cimport int32_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memchr, memcmp, memcpy

from fastgw._core.route_tree import RouteTree

cdef extern from "<string.h>" nogil:
    void* memmem(const void* haystack, size_t n, const void* needle, size_t m)

cdef enum:
    MAX_SEGMENTS = 128      # of a route: bounds the backtracking stack below
    TRY_VAR = -1            # Level.next: also what ends a chain of mixed segments
    TRY_GREEDY = -2

# A level with wider candidates than text, kept until they have been tried.
cdef struct Level:
    int32_t node
    uint32_t pos
    int32_t nparams
    int32_t next            # mixed segment to try, TRY_VAR or TRY_GREEDY


cdef inline void put_param(RouterMatch* out, int32_t k, uint32_t start, uint32_t end) noexcept nogil:
    out.off[k] = start
    out.len[k] = end - start


cdef inline uint32_t segment_end(const char* path, uint32_t pos, uint32_t end) noexcept nogil:
    cdef const char* slash = <const char*> memchr(path + pos, c"/", end - pos)
    return end if slash == NULL else <uint32_t> (slash - path)


cdef inline int32_t text_child(const RouterTable* t, const RouterNode* node, const char* path,
                               uint32_t pos, uint32_t end) noexcept nogil:
    """The child whose text the path continues with, or -1."""
    cdef const unsigned char* keys = t.keys + node.child
    cdef const RouterNode* child
    cdef uint32_t i
    for i in range(node.children):
        if keys[i] == <unsigned char> path[pos]:
            child = &t.nodes[node.child + i]
            if child.text_len > end - pos or memcmp(t.text + child.text, path + pos, child.text_len) != 0:
                return -1
            return node.child + i
    return -1


cdef bint match_mixed(const RouterTable* t, const RouterMixed* mixed, const char* path,
                      uint32_t start, uint32_t end, int32_t nparams, RouterMatch* out) noexcept nogil:
    """Fit path[start:end] to the segment's literals; each variable in between takes at least one byte.

    Taking every inner literal at its leftmost place finds a fit whenever there is one.
    """
    cdef const RouterLiteral* lit = t.literals + mixed.literal
    cdef uint32_t last = mixed.literals - 1, i
    cdef const char* found
    if end - start < lit[0].text_len + lit[last].text_len + last:
        return False
    if memcmp(path + start, t.text + lit[0].text, lit[0].text_len) != 0:
        return False
    start += lit[0].text_len
    end -= lit[last].text_len
    if memcmp(path + end, t.text + lit[last].text, lit[last].text_len) != 0:
        return False
    for i in range(1, last):
        if end - start < 1:
            return False
        found = <const char*> memmem(path + start + 1, end - start - 1, t.text + lit[i].text, lit[i].text_len)
        if found == NULL:
            return False
        put_param(out, nparams + i - 1, start, <uint32_t> (found - path))
        start = <uint32_t> (found - path) + lit[i].text_len
    if start >= end:
        return False
    put_param(out, nparams + last - 1, start, end)
    return True


cdef int router_match(const RouterTable* t, const char* path, uint32_t n, int verb, RouterMatch* out) noexcept nogil:
    # Longer than a screen: its two halves, going on and going back, share every variable.
    cdef Level stack[MAX_SEGMENTS]
    cdef Level* level
    cdef const RouterNode* node
    cdef const RouterMixed* mixed
    cdef int32_t here = 0, nparams = 0, top = 0, child
    cdef uint32_t pos = 1, end = n, stop
    out.steps = 0
    if n == 0 or path[0] != c"/" or verb < 0 or verb >= VERBS:
        return 0
    if n > 1 and path[n - 1] == c"/":
        end -= 1
    while True:
        # Go on along the text as far as it leads.
        while here >= 0:
            node = &t.nodes[here]
            out.steps += 1
            if pos == end:
                if node.leaf >= 0 and t.leaves[node.leaf].route[verb] >= 0:
                    out.route = t.leaves[node.leaf].route[verb]
                    out.nparams = nparams
                    return 1
                break
            if node.mixed >= 0 or node.var >= 0 or node.greedy >= 0:
                stack[top] = Level(here, pos, nparams, node.mixed)
                top += 1
            child = text_child(t, node, path, pos, end)
            if child >= 0:
                pos += t.nodes[child].text_len
            here = child
        # Back to the deepest level that has a wider candidate left.
        here = -1
        while here < 0:
            if top == 0:
                return 0
            level = &stack[top - 1]
            node = &t.nodes[level.node]
            pos = level.pos
            nparams = level.nparams
            if level.next == TRY_GREEDY:
                top -= 1
                if node.greedy >= 0 and t.leaves[node.greedy].route[verb] >= 0 and has_segment(path, pos, end):
                    put_param(out, nparams, pos, n)
                    out.route = t.leaves[node.greedy].route[verb]
                    out.nparams = nparams + 1
                    return 1
                continue
            stop = segment_end(path, pos, end)
            if level.next == TRY_VAR:
                level.next = TRY_GREEDY
                if node.var >= 0 and stop > pos:
                    put_param(out, nparams, pos, stop)
                    nparams += 1
                    here = node.var
            else:
                mixed = &t.mixed[level.next]
                level.next = mixed.next
                if match_mixed(t, mixed, path, pos, stop, nparams, out):
                    nparams += mixed.literals - 1
                    here = mixed.node
            if here >= 0:
                pos = stop


cdef inline bint has_segment(const char* path, uint32_t pos, uint32_t end) noexcept nogil:
    """Is there a byte other than a slash? Where "//" is merged the first one is."""
    while pos < end and path[pos] == c"/":
        pos += 1
    return pos < end


cdef void* array(size_t count, size_t size) except NULL:
    cdef void* p = calloc(count + 1, size)
    if p == NULL:
        raise MemoryError
    return p


cdef int fill(RouterTable* t, tree) except -1:
    """Copy a RouteTree into fresh C arrays; on an error the arrays made so far stay in t."""
    cdef int32_t i, verb
    t.nodes = <RouterNode*> array(len(tree.nodes), sizeof(RouterNode))
    t.keys = <unsigned char*> array(len(tree.nodes), 1)
    t.mixed = <RouterMixed*> array(len(tree.mixed), sizeof(RouterMixed))
    t.literals = <RouterLiteral*> array(len(tree.literals), sizeof(RouterLiteral))
    t.leaves = <RouterLeaf*> array(len(tree.leaves), sizeof(RouterLeaf))
    t.text = <char*> array(len(tree.text), 1)
    for i, node in enumerate(tree.nodes):
        t.nodes[i] = RouterNode(node.text, node.text_len, node.child, node.children,
                                node.mixed, node.var, node.leaf, node.greedy)
        t.keys[i] = node.key
    for i, mixed in enumerate(tree.mixed):
        t.mixed[i] = RouterMixed(mixed.literal, mixed.literals, mixed.node, mixed.next)
    for i, (text, text_len) in enumerate(tree.literals):
        t.literals[i] = RouterLiteral(text, text_len)
    for i, leaf in enumerate(tree.leaves):
        for verb in range(VERBS):
            t.leaves[i].route[verb] = leaf[verb]
    memcpy(t.text, <const char*> tree.text, len(tree.text))
    return 0


cdef class Router:
    def __cinit__(self, routes):
        self.table = <RouterTable*> array(1, sizeof(RouterTable))
        fill(self.table, RouteTree(routes, VERBS, MAX_PARAMS, MAX_SEGMENTS))

    def __dealloc__(self):
        if self.table != NULL:
            free(self.table.nodes)
            free(self.table.keys)
            free(self.table.mixed)
            free(self.table.literals)
            free(self.table.leaves)
            free(self.table.text)
            free(self.table)

    def match(self, int verb, const unsigned char[::1] path not None) -> tuple[int, list[bytes]] | None:
        """(route, parameters in the order of the route), or None."""
        cdef RouterMatch m
        cdef int32_t i
        cdef const char* s = <const char*> &path[0]
        if not router_match(self.table, s, path.shape[0], verb, &m):
            return None
        return m.route, [s[m.off[i]:m.off[i] + m.len[i]] for i in range(m.nparams)]

    def match_many(self, int verb, list paths not None) -> int:
        """How many of the paths have a route: the loop that bench/micro times."""
        cdef RouterMatch m
        cdef int found = 0
        cdef bytes path
        for path in paths:
            found += router_match(self.table, path, len(path), verb, &m)
        return found

    def steps(self, int verb, const unsigned char[::1] path not None) -> int:
        """Nodes that matching this path enters, found or not."""
        cdef RouterMatch m
        router_match(self.table, <const char*> &path[0], path.shape[0], verb, &m)
        return m.steps
