"""Drive Python work: what a callable gives is a result, or a call or a task that leads to one.

The one implementation of how steps and authorizers wait; Work (ticket.pxd) says what differs between them.
"""
from fastgw._core.ticket cimport Work

cdef void work_took(Work work, result)      # go on with what was given
cdef int work_start(Work work, awaitable, done) except -1   # a task that knows its request; done(work, task) follows
cdef void work_hear(task)                   # how a task ended that nobody waits for any more
cdef void work_open(object loop)
