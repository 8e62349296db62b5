"""A request as a Python step sees it; read from the exchange when it is asked for."""
from libc.stdint cimport uint64_t

from fastgw._core.state cimport Exchange
from fastgw._core.ticket cimport Ticket

cdef class Request(Ticket):
    cdef object _method, _path, _raw_path, _query, _headers, _parameters, _body     # None: not read yet
    cdef dict contexts      # of a request made by hand
    cdef object task        # that works on it; None: none
    cdef object flight      # the call that it waits for, with
    cdef object then        # what goes on after it
    cdef Exchange* tied(self) except NULL
    cdef object room        # a future, where a streamed answer waits for its client
    cdef uint64_t paused_at     # ms; since then
    cdef void load(self)    # read everything now
