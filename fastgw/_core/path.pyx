"""Canonical request paths; path.pxd says what the form is."""

from libc.stdint cimport uint32_t
from libc.stdlib cimport free, malloc

# What a raw byte is to a path. Escaped bytes are judged by escape().
cdef enum:
    BYTE_BAD = 0
    BYTE_PLAIN = 1
    BYTE_UNRESERVED = 2
    BYTE_SLASH = 3
    BYTE_PERCENT = 4

cdef unsigned char KIND[256]
cdef signed char HEX[256]


cdef void fill_tables() noexcept:
    cdef int c
    for c in range(256):
        KIND[c] = BYTE_PLAIN if 0x21 <= c <= 0x7E else BYTE_BAD
        HEX[c] = -1
    for c in b'"<>{}|^`\\#?':
        KIND[c] = BYTE_BAD
    for c in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~":
        KIND[c] = BYTE_UNRESERVED
    for c in range(10):
        HEX[c"0" + c] = c
    for c in range(6):
        HEX[c"a" + c] = 10 + c
        HEX[c"A" + c] = 10 + c
    KIND[c"/"] = BYTE_SLASH
    KIND[c"%"] = BYTE_PERCENT


fill_tables()


cdef inline int escape(const unsigned char* s, uint32_t n, uint32_t i, int flags) noexcept nogil:
    """The byte that the escape at s[i] stands for, or -1 for one that a path may not hold."""
    cdef int value
    if n - i < 3 or HEX[s[i + 1]] < 0 or HEX[s[i + 2]] < 0:
        return -1
    value = HEX[s[i + 1]] << 4 | HEX[s[i + 2]]
    if value == 0 or value == c"\\":
        return -1
    if value == c"/" and not flags & PATH_PASS_ENCODED_SLASH:
        return -1
    return value


cdef inline bint lower_hex(unsigned char c) noexcept nogil:
    return c >= c"a"


cdef inline bint dot_segment(const unsigned char* s, uint32_t n, uint32_t i) noexcept nogil:
    """s[i] is a dot that opens a segment: is the segment "." or ".."?"""
    if i + 1 < n and s[i + 1] == c".":
        i += 1
    return i + 1 == n or s[i + 1] == c"/"


cdef int inspect(const unsigned char* s, uint32_t n, int flags) noexcept nogil:
    """PATH_SAME, PATH_BAD, or PATH_CHANGED at the first thing that needs rewriting."""
    cdef uint32_t i = 0
    cdef int kind, value
    while i < n:
        kind = KIND[s[i]]
        if kind == BYTE_SLASH:
            if i + 1 < n:
                if s[i + 1] == c"/" and flags & PATH_MERGE_SLASHES:
                    return PATH_CHANGED
                if s[i + 1] == c"." and dot_segment(s, n, i + 1):
                    return PATH_CHANGED
        elif kind == BYTE_PERCENT:
            value = escape(s, n, i, flags)
            if value < 0:
                return PATH_BAD
            if KIND[value] == BYTE_UNRESERVED or lower_hex(s[i + 1]) or lower_hex(s[i + 2]):
                return PATH_CHANGED
            i += 2
        elif kind == BYTE_BAD:
            return PATH_BAD
        i += 1
    return PATH_SAME


cdef bint close_segment(const unsigned char* out, uint32_t* w, uint32_t seg) noexcept nogil:
    """Take back a dot segment out[seg:w] and, for "..", the segment before it; False if it is no dot segment.

    After True, out[:w] ends with a slash: the one that follows in the raw path is already there.
    """
    cdef uint32_t size = w[0] - seg
    if size == 0 or size > 2 or out[seg] != c"." or out[w[0] - 1] != c".":
        return False
    w[0] = seg
    if size == 2 and seg > 1:
        w[0] -= 1
        while out[w[0] - 1] != c"/":
            w[0] -= 1
    return True


cdef int rewrite(const unsigned char* s, uint32_t n, int flags, unsigned char* out, uint32_t* out_n) noexcept nogil:
    """The whole canonical path into out, which holds at least n bytes: w never runs ahead of i."""
    cdef uint32_t i = 1, w = 1, seg = 1     # seg: where the segment being written starts in out
    cdef int kind, value
    out[0] = c"/"
    while i < n:
        kind = KIND[s[i]]
        if kind == BYTE_BAD:
            return PATH_BAD
        if kind == BYTE_SLASH:
            if not close_segment(out, &w, seg) and not (w == seg and flags & PATH_MERGE_SLASHES):
                out[w] = c"/"
                w += 1
            seg = w
        elif kind == BYTE_PERCENT:
            value = escape(s, n, i, flags)
            if value < 0:
                return PATH_BAD
            if KIND[value] == BYTE_UNRESERVED:
                out[w] = value
                w += 1
            else:
                out[w] = c"%"
                out[w + 1] = upper(s[i + 1])
                out[w + 2] = upper(s[i + 2])
                w += 3
            i += 2
        else:
            out[w] = s[i]
            w += 1
        i += 1
    close_segment(out, &w, seg)
    out_n[0] = w
    return PATH_CHANGED


cdef inline unsigned char upper(unsigned char c) noexcept nogil:
    return c - 32 if c >= c"a" else c


cdef int path_canonical(const char* raw, uint32_t n, int flags, char* out, uint32_t cap, uint32_t* out_n) noexcept nogil:
    cdef const unsigned char* s = <const unsigned char*> raw
    cdef int found
    if n == 0 or s[0] != c"/":
        return PATH_BAD
    found = inspect(s, n, flags)
    if found != PATH_CHANGED:
        return found
    if cap < n:
        return PATH_FULL
    return rewrite(s, n, flags, <unsigned char*> out, out_n)


cdef int query_valid(const char* query, uint32_t n) noexcept nogil:
    cdef const unsigned char* s = <const unsigned char*> query
    cdef uint32_t i
    for i in range(n):
        if s[i] < 0x21 or s[i] > 0x7E or s[i] == c"#":
            return 0
        if s[i] == c"%" and (n - i < 3 or HEX[s[i + 1]] < 0 or HEX[s[i + 2]] < 0):
            return 0
    return 1


def canonical(
    bytes raw not None, *, bint merge_slashes=True, bint pass_encoded_slash=False, room: int | None = None
) -> bytes:
    """The canonical path; `raw` itself when it already is.

    room: bytes the rewriting may use, len(raw) unless given. Raises ValueError for a path that is refused,
    BufferError where room is too small.
    """
    cdef int flags = PATH_MERGE_SLASHES * merge_slashes | PATH_PASS_ENCODED_SLASH * pass_encoded_slash
    cdef uint32_t n = len(raw), cap = n if room is None else room, out_n = 0
    cdef char* out = <char*> malloc(cap + 1)
    cdef int found
    if out == NULL:
        raise MemoryError
    try:
        found = path_canonical(raw, n, flags, out, cap, &out_n)
        if found == PATH_BAD:
            raise ValueError(f"not a path: {raw!r}")
        if found == PATH_FULL:
            raise BufferError(f"rewriting takes up to {n} bytes, room is {cap}")
        return raw if found == PATH_SAME else out[:out_n]
    finally:
        free(out)


def valid_query(bytes query not None) -> bool:
    """Whether a request with this query (without its '?') may be forwarded."""
    return bool(query_valid(query, len(query)))
