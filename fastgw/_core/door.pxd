"""The Python doors: where a request that cannot be compiled leaves the GIL-free path. Each is counted."""
from fastgw._core.state cimport Exchange

cdef struct DoorEvents:
    # The step's answer has been written (error 0, or a negative errno), or it failed with a failure code.
    void (*answered)(Exchange* ex, int error) noexcept nogil
    void (*failed)(Exchange* ex, int code) noexcept nogil
    void (*queued)(Exchange* ex) noexcept nogil     # the client must take what a streamed answer has queued

cdef void door_open(const DoorEvents* events, object loop)
cdef void door_run(Exchange* ex) noexcept nogil         # run the route's step; the exchange waits or is answered
