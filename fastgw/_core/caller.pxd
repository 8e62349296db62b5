"""Who asks, as an authorizer or a signature said it. One allocation, outside every plan: several requests share one."""
from libc.stdint cimport uint16_t, uint32_t, uint64_t

from fastgw._core.bytes cimport Span

cdef struct CallerValue:
    Span name               # "authorizer.principalId", "identity.userArn": a variable of the request's context
    Span value

cdef struct Caller:
    uint32_t refs
    uint32_t bytes          # of the allocation
    uint64_t expires        # ms of the loop's clock
    Span identity           # tells callers apart, with their authorizers; answers are cached by it. p NULL: it does not
    Span usage_key          # value of the API key that the authorizer gives; p NULL: none
    CallerValue* values
    Span* scopes
    uint16_t nvalues, nscopes
    bint denied             # nobody passes with this identity
    void* policy            # a CompiledPolicy that says what the caller may do, or NULL: all
    const void* rules       # its Policy
    void* told              # a Python mapping for templates and events, or NULL

cdef struct CallerParts:    # what a Caller is made of: copied
    Span identity
    Span usage_key
    const CallerValue* values
    const Span* scopes
    uint16_t nvalues, nscopes

cdef Caller* caller_new(const CallerParts* parts) noexcept nogil    # held once; NULL: no memory
cdef Caller* caller_hold(Caller* c) noexcept nogil
cdef void caller_release(Caller* c) noexcept nogil                  # NULL: nothing
cdef bint caller_value(const Caller* c, Span name, Span* value) noexcept nogil  # c NULL: none has a value
cdef bint caller_may(const Caller* c, const Span* scopes, uint32_t n) noexcept nogil    # has one of n scopes
cdef object caller_told(const Caller* c)        # the mapping, or None
cdef dict caller_values(const Caller* c)        # name -> value
cdef uint32_t callers_live() noexcept nogil
