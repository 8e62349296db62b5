"""Have authorizers asked: one question for all requests that wait for the same decision.

A decision is shared only where it is kept, so that it may be made of nothing but the identity; then nobody is asked
twice for it at one time. Whoever leaves takes back only its own wish; the last one gives up the question.
"""
import logging

from libc.stdint cimport uint32_t, uint64_t

from fastgw._core.access cimport AuthPlan, number_at
from fastgw._core.allowed cimport caller_of
from fastgw._core.authorize cimport AUTHORIZED, AUTHORIZING, AUTH_ANSWERED
from fastgw._core.bytes cimport span
from fastgw._core.caller cimport Caller, caller_hold, caller_release
from fastgw._core.clock cimport micros
from fastgw._core.counters cimport H_DOOR_AUTHORIZE
from fastgw._core.decisions cimport decision_keep
from fastgw._core.failure cimport (FAILURE_CODES, F_AUTHORIZER_CONFIGURATION_ERROR, F_AUTHORIZER_FAILURE,
                                   F_INTEGRATION_TIMEOUT)
from fastgw._core.libuv cimport uv
from fastgw._core.request cimport Request
from fastgw._core.state cimport EX_WAIT, core, count
from fastgw._core.step import Allowed, CallFailed, Denied, Failure
from fastgw._core.ticket cimport Work, ticket_drop, ticket_tie
from fastgw._core.work cimport work_took

cdef const AskingEvents* events
cdef dict SHARED = {}           # identity -> the Asking that others may join
log = logging.getLogger("fastgw")
CODES = range(FAILURE_CODES)

cdef enum:
    MOST_TTL_MS = 3600000


cdef class Waiter(Request):
    """A request that waits for a decision."""
    cdef Asking asking

    cdef void given_up(self):
        self.load()
        self.asking.leave(self)


cdef class Asking(Work):
    """One question to an authorizer."""
    cdef list waiters           # those that still wait, the one that asked first
    cdef Request first          # whose request the authorizer reads
    cdef bytes identity
    cdef uint64_t ttl_ms
    cdef bint starting          # the authorizer is on the stack: its answer is the caller's to go on with
    cdef bint ended
    cdef Caller* caller         # of that answer

    cdef bint over(self):
        return self.ended

    cdef object shown(self):
        return self.first

    cdef object billed(self):
        return None

    cdef int take(self, result) except -1:
        cdef Caller* c
        if not isinstance(result, (Allowed, Denied)):
            return False
        c = caller_of(result, span(self.identity, <uint32_t>len(self.identity)))
        self.keep(c, result.ttl_seconds)
        if self.starting:
            self.end()
            self.caller = c
        else:
            self.spread(c)
            caller_release(c)
        return True

    cdef void keep(self, Caller* c, double seconds):
        """No longer than the authorizer's setting says, whatever the decision does."""
        cdef uint64_t most = min(self.ttl_ms, <uint64_t>MOST_TTL_MS)
        cdef uint64_t wanted = <uint64_t>(seconds * 1000) if 0 < seconds < MOST_TTL_MS else MOST_TTL_MS if seconds > 0 else 0
        c.expires = uv.now(core.loop) + min(most, wanted)
        if most and wanted:
            decision_keep(c)

    cdef void spread(self, Caller* c):
        cdef Waiter waiter
        cdef Exchange* ex
        for waiter in self.end():
            ex = waiter.ex
            if ex == NULL:
                continue        # it left while another went on
            untie(ex)
            ex.caller = caller_hold(c)
            with nogil:
                events.decided(ex)

    cdef void fail(self, error):
        cdef Waiter waiter
        if self.ended:
            return
        if error is not None and not isinstance(error, (Failure, CallFailed)):
            # Not its text: what an authorizer works with is secret.
            log.error("an authorizer failed: %s at %s", type(error).__name__, where(error))
        for waiter in self.end():
            if waiter.ex != NULL:
                refuse(waiter.ex, error)

    cdef list end(self):
        """Nobody joins it any more; who waits."""
        waiters, self.waiters = self.waiters, []
        self.ended = True
        if SHARED.get(self.identity) is self:
            del SHARED[self.identity]
        self.task = self.flight = self.then = self.first = None
        return waiters

    cdef void leave(self, Waiter waiter):
        if waiter in self.waiters:
            self.waiters.remove(waiter)
        if not self.waiters and not self.ended:
            self.cancel()
            self.end()


cdef str where(error):
    """The line that raised it."""
    frames = error.__traceback__
    while frames is not None and frames.tb_next is not None:
        frames = frames.tb_next
    return "?" if frames is None else f"{frames.tb_frame.f_code.co_filename}:{frames.tb_lineno}"


cdef void untie(Exchange* ex):
    ticket_drop(ex)
    ex.auth_us += micros() - ex.auth_since


cdef void refuse(Exchange* ex, error):
    """What an authorizer raised: a failure of its own choice, or a fault, which lets nobody in."""
    cdef int code = F_AUTHORIZER_FAILURE
    cdef bytes message, detail, challenge
    untie(ex)
    if isinstance(error, CallFailed) and error.code != F_INTEGRATION_TIMEOUT:
        code = F_AUTHORIZER_CONFIGURATION_ERROR
    elif isinstance(error, Failure):
        if error.code in CODES:
            code = error.code
        if error.message is not None:
            message = str(error.message).encode(errors="replace")
            ex.message = span(message, <uint32_t>len(message))
        if error.detail is not None:
            detail = str(error.detail).encode(errors="replace")
            ex.detail = span(detail, <uint32_t>len(detail))
        if error.challenge is not None:
            challenge = str(error.challenge).encode(errors="replace")
            ex.challenge = span(challenge, <uint32_t>len(challenge))
    with nogil:
        events.failed(ex, code)


cdef tuple values_of(bytes identity, uint32_t n):
    """The values in an identity; see authorize.put_part."""
    cdef const char* p = identity
    cdef Py_ssize_t at = 16
    cdef uint32_t i, length
    found = []
    for i in range(n):
        length = number_at(p + at)
        found.append(identity[at + 4:at + 4 + length])
        at += 4 + length
    return tuple(found)


cdef void wait(Exchange* ex, Asking asking):
    cdef Waiter waiter = Waiter.__new__(Waiter)
    waiter.asking = asking
    asking.waiters.append(waiter)
    if asking.first is None:
        asking.first = waiter
    ticket_tie(ex, waiter)
    ex.state = EX_WAIT
    ex.auth_since = micros()
    ex.wait_deadline = uv.now(core.loop) + ex.route.auth.timeout_ms


cdef void begin(Asking asking, const AuthPlan* auth):
    asking.starting = True
    try:
        result = (<object>auth.authorize)(asking.first, values_of(asking.identity, auth.nparts))
        work_took(asking, result)
    except BaseException as error:
        asking.fail(error)
    asking.starting = False


cdef int question(Exchange* ex, Span identity) noexcept:
    cdef const AuthPlan* auth = ex.route.auth
    cdef bytes key = <bytes>identity.p[:identity.n]
    cdef Asking asking = SHARED.get(key)
    if asking is not None and auth.ttl_ms:
        wait(ex, asking)
        return AUTHORIZING
    asking = Asking.__new__(Asking)
    asking.waiters = []
    asking.identity = key
    asking.ttl_ms = auth.ttl_ms
    if auth.ttl_ms:
        SHARED[key] = asking
    wait(ex, asking)
    begin(asking, auth)
    if asking.caller != NULL:
        untie(ex)
        ex.caller = asking.caller       # with the hold that it was made with
        asking.caller = NULL
        return AUTHORIZED
    return AUTH_ANSWERED if asking.ended else AUTHORIZING


cdef int ask_for(Exchange* ex, Span identity) noexcept nogil:
    with gil:
        count(H_DOOR_AUTHORIZE)
        return question(ex, identity)


cdef void asking_open(const AskingEvents* table):
    global events
    events = table
