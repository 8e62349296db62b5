"""Tickets of Python work."""
from cpython.ref cimport Py_DECREF, Py_INCREF


cdef class Ticket:
    cdef void given_up(self):
        """Nothing is to be done about work that only an exchange waits for."""

    cdef void drained(self):
        """Nor is work that answers at once."""


cdef class Work(Ticket):
    cdef bint over(self):
        return self.ex == NULL

    cdef object shown(self):
        return self

    cdef object billed(self):
        return self

    cdef int take(self, result) except -1:
        return False

    cdef void fail(self, error):
        pass

    cdef void cancel(self):
        task, flight = self.task, self.flight
        self.task = self.flight = self.then = None
        if flight is not None:
            flight.cancel()
        if task is not None:
            task.cancel()


cdef void ticket_tie(Exchange* ex, Ticket ticket):
    ticket.ex = ex
    ex.ticket = <void*>ticket
    Py_INCREF(ticket)


cdef void ticket_drop(Exchange* ex):
    cdef Ticket ticket
    if ex.ticket != NULL:
        ticket = <Ticket>ex.ticket
        ticket.ex = NULL
        ex.ticket = NULL
        Py_DECREF(ticket)


cdef void give_up(Exchange* ex) noexcept:
    cdef Ticket ticket = <Ticket>ex.ticket
    ticket.given_up()
    ticket_drop(ex)


cdef void ticket_drained(Exchange* ex) noexcept nogil:
    if ex.ticket != NULL:
        with gil:
            (<Ticket>ex.ticket).drained()


cdef void ticket_leave(Exchange* ex) noexcept nogil:
    if ex.ticket != NULL:
        with gil:
            give_up(ex)
