"""A compiled firewall: rules over statements over views of a request.

A View is one component of a request after its transformations: what several statements look at is worked out once a
request. A Leaf is a statement that looks at something; a Node joins leaves by and, or, not. Everything is owned by the
Firewall of firewall_build.pyx. The parts under "of the request at hand" are the only ones that change: the worker
judges one request at a time, and `stamp` tells what belongs to it.
"""
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t

from fastgw._core.bytes cimport Span
from fastgw._core.network cimport IpAddress

cdef enum Verdict3:         # Kleene's three values
    NO = 0
    YES = 1
    UNSURE = 2              # it could not be found out: a block rule takes it for a match, an allow rule does not

cdef enum What:             # component of a request
    W_URI_PATH = 0          # canonical: the path that is routed and forwarded
    W_RAW_PATH = 1          # as the client wrote it
    W_QUERY_STRING = 2
    W_QUERY_ARGUMENT = 3    # values of the arguments of one name, still encoded
    W_QUERY_ARGUMENTS = 4
    W_HEADER = 5
    W_HEADERS = 6
    W_COOKIE = 7
    W_COOKIES = 8
    W_METHOD = 9
    W_BODY = 10
    W_JSON_BODY = 11        # strings and numbers of a JSON text
    W_BODY_ARGUMENTS = 12   # of a JSON body as above; of any other its parts between "&", "=" and line ends

cdef enum Scope:            # of what has names and values
    SCOPE_ALL = 0
    SCOPE_KEYS = 1
    SCOPE_VALUES = 2

cdef enum Handling:         # of what could not be looked at whole, or read
    HANDLE_CONTINUE = 0     # go by what was there; of an invalid JSON text: by the whole body as one text
    HANDLE_MATCH = 1
    HANDLE_NO_MATCH = 2

cdef enum Position:
    AT_EXACTLY = 0
    AT_START = 1
    AT_END = 2
    AT_ANY = 3
    AT_WORD = 4             # no letter, digit or "_" before or behind

cdef enum Comparison:
    IS_EQ = 0
    IS_NE = 1
    IS_LE = 2
    IS_LT = 3
    IS_GE = 4
    IS_GT = 5

cdef enum LeafKind:
    LEAF_LITERALS = 0       # one of the literals that its view's machine finds
    LEAF_PATTERN = 1
    LEAF_SIZE = 2
    LEAF_ADDRESS = 3
    LEAF_LABELS = 4
    LEAF_RATE = 5
    LEAF_SQLI = 6
    LEAF_XSS = 7

cdef enum NodeKind:
    NODE_LEAF = 0
    NODE_AND = 1
    NODE_OR = 2
    NODE_NOT = 3

cdef enum RuleAction:
    RULE_ALLOW = 0
    RULE_BLOCK = 1
    RULE_COUNT = 2

cdef enum Which:            # of the addresses that a forwarding header lists
    WHICH_FIRST = 0
    WHICH_LAST = 1
    WHICH_ANY = 2

cdef enum RatePart:         # what the key of a rate is made of
    RATE_IP = 0
    RATE_FORWARDED_IP = 1
    RATE_HEADER = 2
    RATE_COOKIE = 3
    RATE_QUERY_ARGUMENT = 4
    RATE_METHOD = 5
    RATE_URI_PATH = 6

cdef struct Output:         # a literal that ends in a state
    uint32_t leaf
    uint32_t length
    uint8_t position

cdef struct Machine:        # Aho and Corasick's automaton, as a table over classes of bytes
    uint8_t classes[256]
    uint32_t nclasses
    uint32_t* next          # state * nclasses + class -> state
    uint32_t* first         # state -> its first output; first[state + 1] ends them
    Output* outputs

cdef struct View:
    uint8_t what
    uint8_t scope
    uint8_t oversize        # Handling
    uint8_t invalid         # Handling
    uint8_t reads_body
    uint8_t ntransforms
    uint8_t transforms[10]
    uint16_t nnames         # of W_HEADERS and W_COOKIES: these alone, if there are any
    Span* names             # in lower case
    Machine* machine        # of its literals, whose leaves stand side by side
    uint32_t first_leaf
    uint32_t nleaves
    # of the request at hand
    uint64_t stamp
    uint64_t found          # stamp of the machine's run
    uint32_t first_text
    uint32_t ntexts
    uint8_t cut             # there is more than is looked at
    uint8_t bad             # no room for it, or it cannot be decoded
    uint8_t unread          # Verdict3 + 1 that all statements on it have; 0: they look

cdef struct Trie:           # networks, as a binary trie; a child 0 is none, TRIE_LEAF is a network
    uint32_t* children      # node * 2 + bit
    uint32_t root4
    uint32_t root6

cdef struct Forwarded:      # a header that lists addresses
    Span header             # in lower case; n 0: the client's own address
    uint8_t which
    uint8_t fallback        # Handling of an entry that is no address

cdef struct RateKey:
    uint8_t part            # RatePart
    Span name               # in lower case
    Forwarded forwarded

cdef struct Rate:
    uint64_t limit
    uint32_t unit_ms        # of time: RATE_UNITS of them are the window
    uint32_t table          # first shared cell; 0: a plan that no request will meet
    uint32_t sets           # of RATE_WAYS keys each
    uint16_t nkeys
    RateKey* keys
    int32_t scope           # node of the scope-down statement, or -1

cdef struct Leaf:
    uint8_t kind
    uint8_t comparison
    uint16_t view
    uint64_t bound          # LEAF_SIZE: bytes; LEAF_LABELS: mask
    void* pattern
    Trie* trie
    Forwarded* forwarded
    Rate* rate
    # of the request at hand
    uint64_t stamp
    uint8_t result

cdef struct Node:
    uint8_t kind
    uint32_t first          # leaf, or first of `children`
    uint32_t n

cdef enum:
    SAMPLE_PARTS = 4        # method, host, path, user agent
    SAMPLE_TEXT = 512

cdef struct Sample:         # a request that a rule matched
    uint64_t at             # us of the epoch
    uint8_t action          # what the rule did
    IpAddress client
    uint16_t n[SAMPLE_PARTS]
    char text[SAMPLE_TEXT]  # the parts, one behind the other

cdef struct FirewallRule:
    Span name
    uint8_t action
    uint8_t reads_body
    uint32_t node
    uint64_t labels         # that a match gives the request
    void* reply             # of a block: a Reply of state.pxd; NULL: the gateway response
    uint32_t cells          # first of its counters, one for each worker; 0: none
    Sample* samples         # the last FirewallPlan.nsamples of them, in a ring
    uint64_t sampled        # in all

cdef struct FirewallPlan:
    Span name
    Span id                 # by which others know it
    uint32_t body_bytes     # of a body that are looked at
    uint32_t nsamples       # kept of each rule
    uint32_t nrules
    FirewallRule* rules     # and one more: the default action
    View* views
    uint32_t nviews
    Leaf* leaves
    uint32_t nleaves
    Node* nodes
    uint32_t* children
    # of the request at hand
    uint64_t stamp
    uint32_t decided        # number of the rule that did

cdef struct Guard:          # what an exchange keeps of its firewall's judgement
    uint8_t staged          # its stage is the one that was asked for
    uint8_t answer          # GuardAnswer
    int routed              # what ROUTE found, where the firewall is asked before it is answered
    uint32_t at             # the rule that is next
    uint32_t us             # that it took
    uint64_t labels         # given by rules
    uint64_t maybe          # by rules that may have matched
    uint32_t looks          # bytes of the body after which a walk goes on; 0: all of it
    uint8_t ahead           # the beginning of the body is held, the rest is still to come
