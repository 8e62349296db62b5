"""Callers. All but the references to Python objects is bytes behind the struct, so a look at one needs no GIL."""
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy
from cpython.ref cimport Py_DECREF

from fastgw._core.bytes cimport span

cdef uint32_t live


cdef uint32_t callers_live() noexcept nogil:
    return live


cdef inline Span kept(char** at, Span text) noexcept nogil:
    """A copy at `at`, which moves; what is nowhere stays nowhere."""
    cdef Span s = span(NULL, 0)
    if text.p != NULL:
        s = span(at[0], text.n)
        memcpy(at[0], text.p, text.n)
        at[0] += text.n
    return s


cdef uint64_t size_of(const CallerParts* parts) noexcept nogil:
    cdef uint64_t n = sizeof(Caller) + <uint64_t>parts.nvalues * sizeof(CallerValue) + parts.nscopes * sizeof(Span)
    cdef uint32_t i
    n += <uint64_t>parts.identity.n + parts.usage_key.n
    for i in range(parts.nvalues):
        n += <uint64_t>parts.values[i].name.n + parts.values[i].value.n
    for i in range(parts.nscopes):
        n += parts.scopes[i].n
    return n


cdef Caller* caller_new(const CallerParts* parts) noexcept nogil:
    global live
    cdef uint64_t size = size_of(parts)
    cdef Caller* c = <Caller*>calloc(1, size) if size < 0x7FFFFFFF else NULL
    cdef char* at
    cdef uint32_t i
    if c == NULL:
        return NULL
    live += 1
    c.refs = 1
    c.bytes = <uint32_t>size
    c.nvalues, c.nscopes = parts.nvalues, parts.nscopes
    c.values = <CallerValue*>(c + 1)
    c.scopes = <Span*>(c.values + c.nvalues)
    at = <char*>(c.scopes + c.nscopes)
    c.identity = kept(&at, parts.identity)
    c.usage_key = kept(&at, parts.usage_key)
    for i in range(c.nvalues):
        c.values[i].name = kept(&at, parts.values[i].name)
        c.values[i].value = kept(&at, parts.values[i].value)
    for i in range(c.nscopes):
        c.scopes[i] = kept(&at, parts.scopes[i])
    return c


cdef Caller* caller_hold(Caller* c) noexcept nogil:
    c.refs += 1
    return c


cdef void forget(Caller* c) noexcept:
    if c.policy != NULL:
        Py_DECREF(<object>c.policy)
    if c.told != NULL:
        Py_DECREF(<object>c.told)


cdef void caller_release(Caller* c) noexcept nogil:
    global live
    if c == NULL:
        return
    c.refs -= 1
    if c.refs:
        return
    if c.policy != NULL or c.told != NULL:
        with gil:
            forget(c)
    live -= 1
    free(c)


cdef inline bint same(Span a, Span b) noexcept nogil:
    return a.n == b.n and memcmp(a.p, b.p, a.n) == 0


cdef bint caller_value(const Caller* c, Span name, Span* value) noexcept nogil:
    cdef uint32_t i
    if c != NULL:
        for i in range(c.nvalues):
            if same(c.values[i].name, name):
                value[0] = c.values[i].value
                return True
    value[0] = span(NULL, 0)
    return False


cdef bint caller_may(const Caller* c, const Span* scopes, uint32_t n) noexcept nogil:
    cdef uint32_t i, k
    for i in range(n):
        for k in range(c.nscopes):
            if same(c.scopes[k], scopes[i]):
                return True
    return False


# --- for Python

cdef object caller_told(const Caller* c):
    return <object>c.told if c != NULL and c.told != NULL else None


cdef dict caller_values(const Caller* c):
    cdef uint32_t i
    if c == NULL:
        return {}
    return {(<bytes>c.values[i].name.p[:c.values[i].name.n]).decode():
            (<bytes>c.values[i].value.p[:c.values[i].value.n]).decode() for i in range(c.nvalues)}
