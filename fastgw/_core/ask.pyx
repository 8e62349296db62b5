"""Ask Python for leased tokens, and go on with the exchanges that wait for the answer.

This is the one place where a request with a shared plan takes the GIL: when no token is at hand. Requests that find
one, and those that are refused until more can be there, do not come here.
"""
from fastgw._core.counters cimport H_DOOR_LEASE, H_REDIS_DOWN
from fastgw._core.libuv cimport uv
from fastgw._core.state cimport EX_WAIT, core, count
from fastgw._core.ticket cimport Ticket, ticket_drop, ticket_tie

cdef enum:
    PATIENCE_MS = 5000      # of the connection with the answer, which has a shorter limit of its own

cdef object asked = None    # what the worker gave to open_asking
cdef bint away = True
cdef void (*resume)(Exchange* ex) noexcept nogil


cdef class Waiting(Ticket):
    """An exchange that waits for the answers to some questions."""

    cdef int unanswered

    def answered(self, bint nobody) -> None:
        """One question has its answer, or nobody is there to give one; after the last the exchange goes on."""
        cdef Exchange* ex = self.ex
        self.unanswered -= 1
        if ex == NULL:
            return
        if nobody:
            ex.unheard = True
        if self.unanswered == 0:
            ticket_drop(ex)
            with nogil:
                resume(ex)


def open_asking(ask) -> None:
    """ask(cell, kind, interval, limit, window, ahead, names, waiting) is called on the loop's thread.

    names: what the limit is called on every node. waiting: a Waiting, or None for tokens ahead of need. None closes
    the door.
    """
    global asked
    asked = ask
    set_away(ask is not None)


def set_away(bint value) -> None:
    """Whether nobody answers: then exchanges do not wait for it."""
    global away
    away = value
    if core.gauges != NULL:
        core.gauges[H_REDIS_DOWN] = value


cdef bytes text(Span s):
    return <bytes>s.p[:s.n] if s.n else b""


cdef void ask_one(const Wish* wish, waiting) noexcept:
    names = [text(wish.plan), text(wish.key)]
    if wish.route != NULL:
        names += [text(wish.stage.api_id), text(wish.stage.name), text(wish.route.operation), text(wish.route.resource)]
    asked(wish.cell, wish.kind, wish.interval, wish.limit, wish.window, wish.ahead, names, waiting)


cdef void ask_wait(Exchange* ex, const Wish* wishes, int n) noexcept nogil:
    cdef int i
    with gil:
        count(H_DOOR_LEASE)
        waiting = Waiting()
        (<Waiting>waiting).unanswered = n
        ticket_tie(ex, waiting)
        ex.state = EX_WAIT
        ex.asks += 1
        ex.wait_deadline = uv.now(core.loop) + PATIENCE_MS
        for i in range(n):
            ask_one(&wishes[i], waiting)


cdef void ask_more(const Wish* wish) noexcept nogil:
    with gil:
        count(H_DOOR_LEASE)
        ask_one(wish, None)


cdef bint ask_away() noexcept nogil:
    return away


cdef void ask_open(void (*go_on)(Exchange* ex) noexcept nogil):
    global resume
    resume = go_on
