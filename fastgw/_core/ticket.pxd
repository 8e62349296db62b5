"""What ties Python work to the exchange that waits for it, until one of the two is over."""
from fastgw._core.state cimport Exchange

cdef class Ticket:
    cdef Exchange* ex       # NULL: not tied, or no longer
    cdef void given_up(self)    # the exchange ends before the work; ex is still set
    cdef void drained(self)     # the client took what was queued

cdef class Work(Ticket):    # what work.pyx drives: a callable's result, behind as many calls and tasks as it takes
    cdef object task        # that works on it; None: none
    cdef object flight      # the call that it waits for, with
    cdef object then        # what goes on after it
    cdef bint over(self)                        # nobody waits for it any more
    cdef object shown(self)                     # the Request that is given to what goes on
    cdef object billed(self)                    # the Request whose integration the calls are, or None
    cdef int take(self, result) except -1       # True: a result, which has been dealt with
    cdef void fail(self, error)                 # what was raised in its place; None: it was cancelled
    cdef void cancel(self)                      # whatever is under way

cdef void ticket_tie(Exchange* ex, Ticket ticket)       # the exchange holds a reference
cdef void ticket_drop(Exchange* ex)                     # the work is done: untie it
cdef void ticket_drained(Exchange* ex) noexcept nogil
cdef void ticket_leave(Exchange* ex) noexcept nogil     # the exchange ends: give up what is under way, if anything is
