"""What ties Python work to the exchange that waits for it, until one of the two is over."""
from fastgw._core.state cimport Exchange

cdef class Ticket:
    cdef Exchange* ex       # NULL: not tied, or no longer
    cdef void given_up(self)    # the exchange ends before the work; ex is still set
    cdef void drained(self)     # the client took what was queued

cdef void ticket_tie(Exchange* ex, Ticket ticket)       # the exchange holds a reference
cdef void ticket_drop(Exchange* ex)                     # the work is done: untie it
cdef void ticket_drained(Exchange* ex) noexcept nogil
cdef void ticket_leave(Exchange* ex) noexcept nogil     # the exchange ends: give up what is under way, if anything is
