"""The texts of a view: a component of the request taken apart, and transformed.

Texts that no transformation changes lie where the request lies; others in a buffer of the worker. Both are bounded: a
view for which there is no room is bad, and its statements are unsure.
"""
from libc.stdint cimport uint32_t

from fastgw._core.bytes cimport Span
from fastgw._core.firewall_plan cimport View
from fastgw._core.state cimport Exchange

cdef enum:
    MOST_TEXTS = 16384      # of one request, over all its views
    TEXT_BYTES = 1048576    # of transformed texts

cdef Span view_texts[MOST_TEXTS]

cdef void views_begin() noexcept nogil              # a new request: forget the last one's texts
cdef void view_fill(View* view, Exchange* ex, Span body, bint cut, bint bad) noexcept nogil
"""Take the texts from the request. body: what is looked at of it, decoded; cut: it goes on; bad: it cannot be decoded."""
cdef bint cookie_next(Span value, uint32_t* at, Span* name, Span* text) noexcept nogil
