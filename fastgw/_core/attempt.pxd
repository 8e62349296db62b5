"""Ask a group for an answer, once more where that is safe: the same for a client's request and for a call of a step.

What comes of it are the events of the exchange's Requester. Whoever gives up in between cancels with pool_cancel and
pool_drop.
"""
from fastgw._core.state cimport Exchange, Target

cdef void attempt_begin(Exchange* ex, Target* target) noexcept nogil    # ex.requester is set
cdef void attempt_send(Exchange* ex) noexcept nogil                     # ex.up is set: the requester's `ready`
cdef void attempt_open() noexcept nogil
