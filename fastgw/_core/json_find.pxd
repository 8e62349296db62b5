"""One value in a JSON body by its way through it: what a mapping such as $request.body.a.b[0] reads."""
from fastgw._core.bytes cimport Span

cdef enum:
    FIND_BYTES = 102400     # of a body that are looked at

cdef bint json_find(Span body, Span way, Span* found) noexcept nogil
"""way: for each step "k" and the name behind its length (u16), or "i" and a position (u32); none is the body itself. found:
a string's value, good until the next JSON string is read, or another value as it stands. False: it is not there, or null.
Bodies are read leniently; one that is no JSON has no values, or those that stand before it ceases to be."""
