"""Match globs in time that grows with the text's length, not with the product of both.

What stands before the first "*" and behind the last is compared where it must be. Each part between two is looked for
from left to right, the first place being as good as any: a text by memmem, which is linear, one with "?" or values in
it by Shift-And (Baeza-Yates and Gonnet 1992), 64 of its bytes in one word, so that a byte of the text costs one step.
"""
from libc.string cimport memchr, memcmp, memset

from fastgw._core.bytes cimport span

cdef extern from *:
    """
    #include <string.h>
    extern void *memmem(const void *, size_t, const void *, size_t);
    """
    void* memmem(const void* text, size_t n, const void* part, size_t m) nogil

cdef enum:
    WORD = 64
    SHORT = 128             # bytes of a text in which looking about is quicker than memmem's preparations

glob_steps = 0

# The pieces of the glob at hand, values put in; the worker has one thread of execution in the engine.
cdef Piece resolved[GLOB_PIECES]
cdef uint64_t places[256]       # by byte: bits of the places of a part where it may stand


cdef Glob glob_build(Arena arena, object pieces) except *:
    cdef Glob glob
    cdef Piece* piece
    glob.n = len(pieces)
    if glob.n > GLOB_PIECES:
        raise ValueError(f"a pattern has {glob.n} pieces, at most {GLOB_PIECES}")
    glob.pieces = <Piece*>arena.take(sizeof(Piece) * (glob.n or 1))
    for i, given in enumerate(pieces):
        piece = &glob.pieces[i]
        if isinstance(given, bytes):
            piece.kind = PIECE_TEXT
            piece.text = arena.keep(given)
        elif isinstance(given, int):
            piece.kind = PIECE_VALUE
            piece.value = given
        else:
            piece.kind = {"?": PIECE_ONE, "*": PIECE_MANY}[given]
    return glob


cdef inline uint32_t length(const Piece* p) noexcept nogil:
    return 1 if p.kind == PIECE_ONE else p.text.n


cdef uint32_t length_of(const Piece* p, uint32_t n) noexcept nogil:
    """Of pieces without a "*"."""
    cdef uint32_t i, total = 0
    for i in range(n):
        total += length(&p[i])
    return total


cdef bint fits_at(const Piece* p, uint32_t n, const char* at) noexcept nogil:
    """Pieces without a "*" against as many bytes as they have."""
    global glob_steps
    cdef uint32_t i
    for i in range(n):
        glob_steps += length(&p[i])
        if p[i].kind == PIECE_TEXT and p[i].text.n and memcmp(at, p[i].text.p, p[i].text.n) != 0:
            return False
        at += length(&p[i])
    return True


cdef uint32_t mark(const Piece* p, uint32_t n) noexcept nogil:
    """Fill `places` for the first WORD bytes of a part; how many they are."""
    cdef uint64_t bit = 1, anything = 0
    cdef uint32_t i, k, count = 0
    memset(places, 0, sizeof(places))
    for i in range(n):
        for k in range(length(&p[i])):
            if count == WORD:
                break
            if p[i].kind == PIECE_ONE:
                anything |= bit
            else:
                places[<uint8_t>p[i].text.p[k]] |= bit
            bit <<= 1
            count += 1
    if anything:
        for i in range(256):
            places[i] |= anything
    return count


cdef const char* find(Span part, const char* at, const char* end) noexcept nogil:
    """Where a text first stands; it is not empty, and no longer than what is looked through."""
    cdef const char* last = end - part.n
    if end - at > SHORT:
        return <const char*>memmem(at, end - at, part.p, part.n)
    while at <= last:
        at = <const char*>memchr(at, part.p[0], last - at + 1)
        if at == NULL or memcmp(at, part.p, part.n) == 0:
            return at
        at += 1
    return NULL


cdef const char* search(const Piece* p, uint32_t n, const char* at, const char* end) noexcept nogil:
    """Where a part first stands between at and end; NULL: nowhere. Of one that is longer than WORD the first WORD
    bytes are looked for, and the rest is compared there.
    """
    global glob_steps
    cdef uint32_t whole = length_of(p, n), marked
    cdef uint64_t state = 0, last
    cdef const char* found
    if whole > <size_t>(end - at):
        return NULL
    if n == 1 and p.kind == PIECE_TEXT:
        found = find(p.text, at, end)
        glob_steps += (end if found == NULL else found + p.text.n) - at
        return found
    marked = mark(p, n)
    last = <uint64_t>1 << (marked - 1)
    end -= whole - marked
    while at < end:
        glob_steps += 1
        state = (state << 1 | 1) & places[<uint8_t>at[0]]
        at += 1
        if state & last and (whole == marked or fits_at(p, n, at - marked)):
            return at - marked
    return NULL


cdef bint resolve(const Glob* glob, const Span* values) noexcept nogil:
    """Put the values in; False where one is missing. An empty text is left out by its length."""
    cdef uint32_t i
    for i in range(glob.n):
        resolved[i] = glob.pieces[i]
        if resolved[i].kind == PIECE_VALUE:
            resolved[i].kind = PIECE_TEXT
            resolved[i].text = values[glob.pieces[i].value]
            if resolved[i].text.p == NULL:
                return False
    return True


cdef bint glob_fits(const Glob* glob, const Span* values, Span text) noexcept nogil:
    cdef uint32_t first = 0, last, i, start
    cdef const char* at = text.p
    cdef const char* end = text.p + text.n
    cdef const Piece* p = resolved
    if glob.n == 1 and glob.pieces.kind == PIECE_MANY:
        return True
    if glob.n == 1 and glob.pieces.kind == PIECE_TEXT:
        return text.n == glob.pieces.text.n and fits_at(glob.pieces, 1, at)
    if not resolve(glob, values):
        return False
    while first < glob.n and p[first].kind != PIECE_MANY:
        first += 1
    if length_of(p, first) > text.n or (first == glob.n and length_of(p, first) != text.n):
        return False
    if not fits_at(p, first, at):
        return False
    if first == glob.n:
        return True
    at += length_of(p, first)
    last = glob.n - 1
    while p[last].kind != PIECE_MANY:
        last -= 1
    i = length_of(p + last + 1, glob.n - last - 1)
    if i > <size_t>(end - at) or not fits_at(p + last + 1, glob.n - last - 1, end - i):
        return False
    end -= i
    while first < last:
        start = first = first + 1
        while p[first].kind != PIECE_MANY:
            first += 1
        i = length_of(p + start, first - start)
        if i == 0:
            continue
        at = search(p + start, first - start, at, end)
        if at == NULL:
            return False
        at += i
    return True
