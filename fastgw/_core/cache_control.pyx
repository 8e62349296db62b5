"""Read Cache-Control lists."""
from fastgw._core.bytes cimport same_case, span, trim

cdef enum:
    MOST_SECONDS = 0x7FFFFFFF   # RFC 9111 section 1.2.2


cdef bint directive_next(Span list, uint32_t* at, Span* name, Span* value) noexcept nogil:
    """A comma inside a quoted value does not end a directive."""
    cdef uint32_t start, equals
    cdef bint quoted
    while at[0] < list.n:
        start = at[0]
        equals = 0
        quoted = False
        while at[0] < list.n and (quoted or list.p[at[0]] != c","):
            if list.p[at[0]] == c'"':
                quoted = not quoted
            elif list.p[at[0]] == c"=" and not equals:
                equals = at[0]
            elif quoted and list.p[at[0]] == c"\\":
                at[0] += 1
            at[0] += 1
        if at[0] > list.n:
            at[0] = list.n
        value[0] = span(NULL, 0)
        if equals:
            name[0] = trim(span(list.p + start, equals - start))
            value[0] = trim(span(list.p + equals + 1, at[0] - equals - 1))
            if value.n >= 2 and value.p[0] == c'"' and value.p[value.n - 1] == c'"':
                value[0] = span(value.p + 1, value.n - 2)
        else:
            name[0] = trim(span(list.p + start, at[0] - start))
        at[0] += 1
        if name.n:
            return True
    return False


cdef bint directive_is(Span name, const char* wanted, uint32_t n) noexcept nogil:
    return name.n == n and same_case(name.p, wanted, n)


cdef uint64_t delta_seconds(Span value) noexcept nogil:
    cdef uint64_t seconds = 0
    cdef uint32_t i
    for i in range(value.n):
        if not c"0" <= value.p[i] <= c"9":
            return 0
        if seconds < <uint64_t>MOST_SECONDS:
            seconds = seconds * 10 + <unsigned char>(value.p[i] - c"0")
    return seconds if seconds < <uint64_t>MOST_SECONDS else <uint64_t>MOST_SECONDS
