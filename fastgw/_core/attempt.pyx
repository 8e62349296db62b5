"""The tries of one request towards an upstream."""
from fastgw._core.breaker cimport retry_affordable
from fastgw._core.failure cimport (F_INTEGRATION_BAD_ANSWER, F_INTEGRATION_FAILURE, F_INTEGRATION_TIMEOUT,
                                   F_UPSTREAM_OVERLOADED)
from fastgw._core.forward cimport FORWARDED, FORWARD_BROKEN
from fastgw._core.pool cimport (ACQUIRED, ACQUIRE_FAILED, ACQUIRE_WAITS, UP_FULL, UP_LOST, UP_SILENT, UP_TIMEOUT,
                                UP_TRIED, UP_UNREACHABLE, pool_acquire, pool_drop, pool_elsewhere, pool_retry,
                                repeatable)
from fastgw._core.state cimport EX_SENDING, EX_WAIT
from fastgw._core.upstream cimport upstream_open, upstream_refused


cdef void attempt_begin(Exchange* ex, Target* target) noexcept nogil:
    ex.target = target
    acquired(ex, pool_acquire(target, ex))


cdef void acquired(Exchange* ex, int got) noexcept nogil:
    if got == ACQUIRED:
        attempt_send(ex)
    elif got == ACQUIRE_WAITS:
        ex.state = EX_WAIT
        ex.requester.waits(ex)
    elif got == ACQUIRE_FAILED:
        ex.requester.failed(ex, F_INTEGRATION_FAILURE)
    else:
        ex.requester.failed(ex, F_UPSTREAM_OVERLOADED)


cdef void attempt_send(Exchange* ex) noexcept nogil:
    cdef int result
    ex.state = EX_SENDING
    result = ex.requester.send(ex)
    if result == FORWARD_BROKEN:
        if not upstream_refused(ex.up):
            retry(ex, F_INTEGRATION_FAILURE)
    elif result != FORWARDED:
        ex.requester.failed(ex, result)


cdef void retry(Exchange* ex, int code) noexcept nogil:
    """Once, on a new connection, and only where nothing of the request can have been acted on twice."""
    if ex.retried:
        ex.requester.failed(ex, code)
        return
    ex.retried = True
    if ex.up != NULL:
        pool_drop(ex.up)
    acquired(ex, pool_retry(ex.target, ex))


cdef bint worth_retrying(Exchange* ex, int why) noexcept nogil:
    """A close of a used connection says nothing about the upstream; after anything else only another endpoint can help,
    and only as far as the budget goes."""
    if not repeatable(ex):
        return False
    if why == UP_SILENT:
        return True
    return (why == UP_LOST or why == UP_TRIED) and retry_affordable(ex.target) and pool_elsewhere(ex.target, ex)


cdef void on_failed(Exchange* ex, int why) noexcept nogil:
    cdef int code = F_INTEGRATION_BAD_ANSWER
    if why == UP_UNREACHABLE:
        code = F_INTEGRATION_FAILURE
    elif why == UP_TIMEOUT or why == UP_TRIED:
        code = F_INTEGRATION_TIMEOUT
    elif why == UP_FULL:
        code = F_UPSTREAM_OVERLOADED
    if worth_retrying(ex, why):
        retry(ex, code)
    else:
        ex.requester.failed(ex, code)


cdef void attempt_open() noexcept nogil:
    upstream_open(on_failed)
