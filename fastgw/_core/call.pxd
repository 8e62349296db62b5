"""Calls of Python steps: one HTTP exchange each with a group of upstreams, on the engine's pooled connections.

A call is an exchange without a client. It goes through the same pool, answer parser, health, retries and clocks as a
client's (attempt.pxd). Everything of it happens without the GIL but for its beginning, the head of its answer and its
end.
"""
from libc.stdint cimport uint64_t

from fastgw._core.request cimport Request
from fastgw._core.state cimport Calling

cdef class Flight:          # a call on its way
    cdef Calling calling
    cdef bytes head, body   # of the request, as sent
    cdef int status
    cdef list headers       # of the answer
    cdef Request request    # that it is made for; None: no client's
    cdef object outcome         # CallFailed, where it was over at once
    cdef object told            # else called with a CallFailed or the Reply, which of a streamed answer comes with its head
    cdef bint headed            # a streamed answer's head has been told
    cdef object pieces          # of a streamed answer, not taken yet: a deque of bytes
    cdef uint64_t held          # bytes of them
    cdef object reader          # a future that waits for the next
    cdef object ended           # how a streamed answer ended: a CallFailed, or True
    cdef int begin(self, object call) except -1
    cdef void tell(self, object outcome)
    cdef void over(self, object ended)

# Raises TypeError or ValueError for what is no call.
cdef Flight flight_begin(object call, Request request)
cdef void calls_open(object loop)
cdef void calls_close()     # end those under way; a new one fails at once
