"""Walk through a body without keeping anything of it."""
from libc.stdint cimport uint16_t, uint32_t
from libc.string cimport memcmp, memcpy

from fastgw._core.bytes cimport span
from fastgw._core.json cimport JsonFault, Text, json_plain_text, json_space, json_string


cdef inline bint ends_literal(char ch) noexcept nogil:
    return ch == c"," or ch == c"]" or ch == c"}" or ch == c" " or ch == c"\n" or ch == c"\r" or ch == c"\t"


cdef const char* behind(const char* p, const char* end) noexcept nogil:
    """Behind the value at p; NULL where it does not end in time."""
    cdef uint32_t depth = 0
    cdef Text text
    cdef JsonFault fault
    while p < end:
        if p[0] == c'"':
            p = json_string(p + 1, end, &text, &fault)
            if p == NULL:
                return NULL
        elif p[0] == c"{" or p[0] == c"[":
            depth += 1
            p += 1
        elif p[0] == c"}" or p[0] == c"]":
            if depth == 0:
                return NULL
            depth -= 1
            p += 1
        elif depth and (ends_literal(p[0]) or p[0] == c":"):
            p += 1
            continue
        else:
            while p < end and not ends_literal(p[0]) and p[0] != c":":
                p += 1
        if depth == 0:
            return p
    return NULL


cdef const char* member(const char* p, const char* end, Span name) noexcept nogil:
    """The value of a member of the object at p; NULL where it has none of that name."""
    cdef Text text
    cdef Span found
    cdef JsonFault fault
    if p == end or p[0] != c"{":
        return NULL
    p = json_space(p + 1, end)
    while p < end and p[0] == c'"':
        p = json_string(p + 1, end, &text, &fault)
        if p == NULL or not json_plain_text(&text, &found):
            return NULL
        p = json_space(p, end)
        if p == end or p[0] != c":":
            return NULL
        p = json_space(p + 1, end)
        if found.n == name.n and memcmp(found.p, name.p, name.n) == 0:
            return p
        p = behind(p, end)
        if p == NULL:
            return NULL
        p = json_space(p, end)
        if p == end or p[0] != c",":
            return NULL
        p = json_space(p + 1, end)
    return NULL


cdef const char* element(const char* p, const char* end, uint32_t position) noexcept nogil:
    """An element of the array at p; NULL where it is shorter."""
    if p == end or p[0] != c"[":
        return NULL
    p = json_space(p + 1, end)
    while position:
        p = behind(p, end)
        if p == NULL:
            return NULL
        p = json_space(p, end)
        if p == end or p[0] != c",":
            return NULL
        p = json_space(p + 1, end)
        position -= 1
    return p if p < end and p[0] != c"]" else NULL


cdef bint json_find(Span body, Span way, Span* found) noexcept nogil:
    cdef const char* end
    cdef const char* p = body.p
    cdef const char* last
    cdef uint32_t at = 0, position, n = body.n if body.n < FIND_BYTES else <uint32_t>FIND_BYTES
    cdef uint16_t length
    cdef Text text
    cdef JsonFault fault
    if n == 0:
        return False
    end = p + n
    if way.n == 0:
        found[0] = span(p, n)
        return True
    p = json_space(p, end)
    while at < way.n:
        if way.p[at] == c"k":
            memcpy(&length, way.p + at + 1, 2)
            p = member(p, end, span(way.p + at + 3, length))
            at += 3 + length
        else:
            memcpy(&position, way.p + at + 1, 4)
            p = element(p, end, position)
            at += 5
        if p == NULL:
            return False
    if p < end and p[0] == c'"':
        return json_string(p + 1, end, &text, &fault) != NULL and json_plain_text(&text, found)
    last = behind(p, end)
    if last == NULL or (last == end and n < body.n):
        return False            # cut within
    found[0] = span(p, <uint32_t>(last - p))
    return not (found.n == 4 and memcmp(p, b"null", 4) == 0)
