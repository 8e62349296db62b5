"""Which route answers a verb on a canonical path.

A compiled radix tree over bytes. A Router is built once with its plan and never changes; any number
of threads may match on its table. Nothing here allocates or touches a Python object per request.

Route grammar (one leading '/', already in canonical form, see path.pxd; one trailing '/' is dropped):
  text      matches the same bytes, case counts
  {p}       one whole, non-empty segment
  {p+}      one or more segments up to the end of the path; last in a route
  a{p}b{q}  a segment of literals and variables, each variable at least one byte

Order at each level: text, then mixed segments (more literal bytes first), {p}, {p+}. A route counts
only if it has the verb, or ANY; otherwise matching goes on with the next wider candidate.

One trailing '/' of the request path is ignored. The value of {p+} keeps it ("/files/a/" under
/files/{p+} gives "a/"): an upstream must see what the client asked for. {p+} needs a non-empty segment.
"""

from libc.stdint cimport int32_t, uint32_t

cdef enum:
    MAX_PARAMS = 32     # variables in one route; more are refused when the router is built
    VERBS = 7           # the order of fastgw.model.api.METHODS
    VERB_ANY = 7        # only in a route's definition, never in a request

cdef struct RouterMatch:
    # Path parameters in the order of the route; spans into the path that was matched, still percent-encoded.
    int32_t route
    int32_t nparams
    uint32_t off[MAX_PARAMS]
    uint32_t len[MAX_PARAMS]
    uint32_t steps      # nodes entered: bounded by the table, whatever the path (tests hold the bound)

# Flat arrays, indexes instead of pointers; -1 means none.
cdef struct RouterNode:     # 32 bytes: two share a cache line
    uint32_t text           # this edge's bytes: RouterTable.text[text:text + text_len]
    uint32_t text_len
    uint32_t child          # text children: nodes[child:child + children]
    uint32_t children
    int32_t mixed           # widest-last chain of mixed segments
    int32_t var             # node behind {p}
    int32_t leaf            # row of leaves: a route ends here
    int32_t greedy          # row of leaves: {p+} starts here

cdef struct RouterMixed:
    uint32_t literal        # literals[literal:literal + literals]: text around the variables, ends may be empty
    uint32_t literals
    int32_t node            # node behind the segment
    int32_t next            # next wider mixed segment of the same level

cdef struct RouterLiteral:
    uint32_t text
    uint32_t text_len

cdef struct RouterLeaf:
    int32_t route[VERBS]    # ANY already filled in; -1 where the verb has no route

cdef struct RouterTable:
    RouterNode* nodes       # nodes[0] is the root
    unsigned char* keys     # keys[i] is the first byte of nodes[i]'s text
    RouterMixed* mixed
    RouterLiteral* literals
    RouterLeaf* leaves
    char* text

# 1: out is filled. 0: no route; out's content is undefined. `path` starts with '/' and is canonical.
# A verb outside 0..VERBS-1 finds nothing.
cdef int router_match(const RouterTable* t, const char* path, uint32_t n, int verb, RouterMatch* out) noexcept nogil

cdef class Router:
    """Router(routes): (verb, path: bytes, route: int >= 0) each, verb 0..6 or 7 for ANY.

    Raises ValueError naming the path of a bad or twice-defined route.
    """
    cdef RouterTable* table     # owned; lives as long as this object
