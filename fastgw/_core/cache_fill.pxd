"""Answers on their way into the cache, and the requests that wait for an equal one.

The first of equal misses is the leader of an open fill; the others wait. They walk on when the answer is in the cache
(then it is theirs), when it cannot be kept (then each asks for itself, all at once), or when the leader fails; where
only its client left, one of them becomes the leader, once. They are woken from the loop, never from within the
leader's own callbacks.
"""
from libc.stdint cimport uint32_t, uint64_t

from fastgw._core.bytes cimport Span, Writer
from fastgw._core.state cimport CacheFill, Exchange, Field

cdef struct Offer:          # the head of an answer that may be kept
    int status
    const char* base        # of its fields
    const Field* fields
    uint32_t nfields
    bint ends               # its end will show: it is not the end of a connection
    uint64_t length         # of its body; 0: not known

cdef struct FillEvents:
    void (*resume)(Exchange* ex) noexcept nogil     # what the exchange waited for has come to an end

cdef int fill_open(const FillEvents* events, void* loop) except -1
cdef void fill_close() noexcept nogil                   # after every exchange has ended
cdef uint32_t fill_count() noexcept nogil
cdef CacheFill* fill_find(Span key, uint64_t hash) noexcept nogil       # an open one, or NULL
cdef CacheFill* fill_new(Exchange* ex, Span key, uint64_t hash, bint open) noexcept nogil   # NULL: no memory
cdef void fill_join(CacheFill* fill, Exchange* ex) noexcept nogil
cdef Writer* fill_head(Exchange* ex, const Offer* offer) noexcept nogil         # NULL: the answer is not kept
cdef void fill_begin(Exchange* ex, const Offer* offer, uint32_t line_n) noexcept nogil  # fill_head's writer holds the head
cdef void fill_piece(Exchange* ex, const char* p, uint32_t n) noexcept nogil
cdef bint fill_hurries(Exchange* ex) noexcept nogil     # others wait: read on, whatever the leader's client does
cdef void fill_done(Exchange* ex) noexcept nogil        # the answer is whole
cdef void fill_hand_over(Exchange* ex) noexcept nogil   # its client is gone
cdef void fill_leave(Exchange* ex) noexcept nogil       # let go of a fill or a wait
