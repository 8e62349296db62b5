"""One request and its answer: the walk through the phases, and every way it can end."""
from libc.stdint cimport uint32_t

from fastgw._core.state cimport Conn, Exchange

cdef enum Verdict:          # of a phase's step
    NEXT = 0
    DONE = 1
    WAIT = 2

cdef struct ConnEvents:
    void (*ended)(Conn* c, bint keep, bint whole) noexcept nogil    # c.ex is NULL; whole: the request was read to its end
    void (*resume)(Conn* c) noexcept nogil                          # the exchange takes body bytes again
    void (*rearm)(Conn* c) noexcept nogil                           # what it waits for has changed
    void (*broken)(Conn* c) noexcept nogil                          # c.ex is NULL; close at once, visibly cut

cdef void exchange_open(const ConnEvents* events, object loop)
cdef void exchange_close() noexcept nogil                   # free the free list
cdef Exchange* exchange_new(Conn* c) noexcept nogil         # NULL: no memory
cdef void exchange_start(Exchange* ex) noexcept nogil       # the head is complete and by the rules
cdef void exchange_resume(Exchange* ex) noexcept nogil        # what a phase waited for is there: walk on from it
cdef void exchange_fail(Exchange* ex, int code) noexcept nogil
cdef void exchange_expire(Exchange* ex) noexcept nogil      # what it waits for has not come in time
cdef Verdict exchange_routed(Exchange* ex, int result) noexcept nogil
"""What ROUTE found: NEXT where it is a route, else it is answered."""
cdef void want_beginning(Exchange* ex, uint32_t n) noexcept nogil   # after WAIT the walk comes back to this phase with it
cdef void exchange_refuse(Exchange* ex, int code) noexcept nogil    # the head is not by the rules: answer and close
cdef bint exchange_body(Exchange* ex, const char* p, uint32_t n, uint32_t* used) noexcept nogil # False: it has ended
cdef void exchange_abort(Exchange* ex) noexcept nogil       # the client is gone
cdef void exchange_drained(Exchange* ex) noexcept nogil     # the client took what was queued
