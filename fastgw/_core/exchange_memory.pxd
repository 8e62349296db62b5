"""Where exchanges come from and go back to: a free list, and the bodies that they hold."""
from libc.stdint cimport uint32_t, uint64_t

from fastgw._core.bytes cimport Span
from fastgw._core.state cimport Exchange, PlanData

cdef Exchange* exchange_take(PlanData* plan) noexcept nogil     # all zero but for what it keeps; NULL: no memory
cdef void exchange_give(Exchange* ex) noexcept nogil            # and its plan; nothing may be under way
cdef void exchanges_close() noexcept nogil                      # free the free list
cdef bint body_hold(Exchange* ex, const char* p, uint32_t n) noexcept nogil     # into ex.collected; False: no memory
cdef bint text_keep(Span* kept, const char* p, uint32_t n) noexcept nogil       # a copy in place of what is there
cdef bint answer_hold(Exchange* ex, const char* p, uint32_t n) noexcept nogil   # into ex.held; False: no memory
cdef void body_free(Exchange* ex) noexcept nogil
cdef void body_replace(Exchange* ex, char* body, uint32_t n) noexcept nogil    # by another of n bytes, malloc's, which it owns from here on
cdef void held_free(Exchange* ex) noexcept nogil

# Append to a buffer that grows, where have bytes are in it; False: no memory. It counts as live until it is freed.
cdef bint buffer_hold(char** buffer, uint32_t* cap, uint64_t have, const char* p, uint32_t n) noexcept nogil
cdef void buffer_free(char** buffer, uint32_t* cap) noexcept nogil
