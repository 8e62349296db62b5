"""A request as a Python step sees it; read from the exchange when it is asked for."""
from libc.stdint cimport uint64_t

from fastgw._core.state cimport Exchange
from fastgw._core.ticket cimport Work

cdef class Request(Work):
    cdef object _method, _path, _raw_path, _query, _headers, _parameters, _body     # None: not read yet
    cdef dict contexts, callers     # of a request made by hand
    cdef object callers_told
    cdef Exchange* tied(self) except NULL
    cdef object room        # a future, where a streamed answer waits for its client
    cdef uint64_t paused_at     # ms; since then
    cdef void load(self)    # read everything now
