"""A decision as Python gives it -> a Caller."""
from libc.stdint cimport uint32_t
from libc.stdlib cimport free, malloc
from cpython.ref cimport Py_INCREF

from fastgw._core.bytes cimport span
from fastgw._core.caller cimport CallerParts, CallerValue, caller_new
from fastgw._core.policy cimport policy_in
from fastgw._core.step import Denied


cdef class Parts:
    """The bytes that CallerParts points into."""
    cdef CallerParts parts
    cdef list texts

    def __cinit__(self):
        self.texts = []

    def __dealloc__(self):
        free(<void*>self.parts.values)
        free(<void*>self.parts.scopes)

    cdef Span text(self, str value) except *:
        cdef bytes encoded = value.encode(errors="replace")
        self.texts.append(encoded)
        return span(encoded, <uint32_t>len(encoded))

    cdef int fill(self, object allowed) except -1:
        cdef CallerValue* values
        cdef Span* scopes
        named = {"authorizer.principalId": allowed.principal} if allowed.principal is not None else {}
        named |= allowed.values
        if len(named) > 0xFFFF or len(allowed.scopes) > 0xFFFF:
            raise ValueError("a caller has too many values")
        values = <CallerValue*>malloc(sizeof(CallerValue) * (len(named) or 1))
        self.parts.values = values
        scopes = <Span*>malloc(sizeof(Span) * (len(allowed.scopes) or 1))
        self.parts.scopes = scopes
        if values == NULL or scopes == NULL:
            raise MemoryError
        for i, (name, value) in enumerate(named.items()):
            values[i].name = self.text(name)
            values[i].value = self.text(value)
        for i, scope in enumerate(allowed.scopes):
            scopes[i] = self.text(scope)
        self.parts.nvalues, self.parts.nscopes = len(named), len(allowed.scopes)
        if allowed.usage_key is not None:
            self.parts.usage_key = self.text(allowed.usage_key)
        return 0


cdef Caller* caller_of(object decision, Span identity) except NULL:
    cdef Parts parts = Parts()
    cdef Caller* c
    parts.parts.identity = identity
    cdef bint denied = isinstance(decision, Denied)
    if not denied and decision.policy is not None and policy_in(decision.policy) == NULL:
        raise TypeError("a caller's policy is no CompiledPolicy")
    if not denied:
        parts.fill(decision)
    c = caller_new(&parts.parts)
    if c == NULL:
        raise MemoryError
    c.denied = denied
    if not denied and decision.policy is not None:
        Py_INCREF(decision.policy)
        c.policy = <void*>decision.policy
        c.rules = policy_in(decision.policy)
    if not denied and decision.told is not None:
        Py_INCREF(decision.told)
        c.told = <void*>decision.told
    return c
