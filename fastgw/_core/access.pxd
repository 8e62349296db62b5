"""What a route asks of its callers, as the plan has it."""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from libc.string cimport memcpy

from fastgw._core.bytes cimport Span
from fastgw._core.ops cimport Program

cdef enum AuthState:        # how far AUTH came with a request
    AUTH_NONE = 0           # nobody was to be asked
    AUTH_UNKNOWN = 1        # nobody knows who asks
    AUTH_KNOWN = 2
    AUTH_PASSED = 3         # known, and may

cdef enum IdentityKind:
    IDENTITY_HEADER = 0     # the one field of this name
    IDENTITY_QUERY = 1      # the one query parameter of this name, decoded
    IDENTITY_PROGRAM = 2

cdef struct IdentityPart:   # one value that a request must have to be asked about
    uint8_t kind
    Span name
    Program value           # IDENTITY_PROGRAM

cdef struct AuthPlan:
    uint16_t nparts, nscopes
    uint8_t keyed           # bits of Keyed: credentials that the identity holds
    uint8_t no_scope        # failure code where the caller has none of the scopes
    uint32_t ttl_ms         # 0: each request is asked about on its own
    uint32_t timeout_ms     # of the wait for a decision
    uint64_t zone[2]        # tells this authorizer, its configuration and its stage from all others
    IdentityPart* parts     # all of them are needed
    void* pattern           # that the whole of the first part must fit, or NULL
    Span* scopes            # of which the caller has one; none: no scope is asked for
    Span challenge          # of a caller without such a scope
    Span absent             # of one without an identity
    void* authorize         # the callable, owned by the Plan

cdef inline uint32_t number_at(const char* p) noexcept nogil:
    """The length that stands before a value of an identity."""
    cdef uint32_t n
    memcpy(&n, p, sizeof(n))
    return n
