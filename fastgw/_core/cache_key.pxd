"""The key under which an answer is cached: equal keys, equal meaning."""
from fastgw._core.bytes cimport Span, Writer
from fastgw._core.state cimport Exchange

# What the key does not hold must not change the answer: see caching.pyx for who may share one.
cdef bint cache_key(Exchange* ex, int codings, Writer* w) noexcept nogil      # False: too long
cdef int cache_codings(Span accepted) noexcept nogil    # Accept-Encoding as bits; see coding_taken
cdef bint coding_taken(Span coding, int codings) noexcept nogil     # one Content-Encoding
