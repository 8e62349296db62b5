"""Calls of Python steps."""
import contextvars
from collections import deque
from functools import partial

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastgw._core.attempt cimport attempt_begin, attempt_send
from fastgw._core.balance cimport balance_key
from fastgw._core.bytes cimport Span, Writer, put, put_span, put_uint, span, writer_init
from fastgw._core.clock cimport TIMER_CALL, Timer, micros, timer_drop, timer_init, timer_set, wheel_handler
from fastgw._core.counters cimport H_CALLS
from fastgw._core.exchange_memory cimport body_free, body_hold, exchange_give, exchange_take
from fastgw._core.failure cimport F_INTEGRATION_BAD_ANSWER, F_INTEGRATION_FAILURE, F_INTEGRATION_TIMEOUT
from fastgw._core.forward cimport FORWARDED, FORWARD_BROKEN
from fastgw._core.gather cimport gather_piece, gather_send, to_upstream
from fastgw._core.given cimport put_given, token_clean
from fastgw._core.handle cimport Handle
from fastgw._core.libuv cimport uv
from fastgw._core.plan import VERBS
from fastgw._core.pool cimport pool_cancel, pool_drop
from fastgw._core.state cimport (BODY_LENGTH, BODY_NONE, EX_WAIT, Exchange, Field, M_LISTED, NO_VERB, PATCH, POST, PUT,
                                 Requester, UpConn, core, count, field_name, field_value)
from fastgw._core.step import CallFailed, Reply
from fastgw._core.upstream cimport upstream_pause, upstream_resume, upstream_sent

cdef enum:
    HEAD_BYTES = 65536          # of a request
    MOST_BYTES = 1 << 30        # of an answer's body that is held whole, whatever max_bytes says
    HELD_BYTES = 65536          # of a streamed answer; from here on its upstream waits for the reader

cdef char head_bytes[HEAD_BYTES]
cdef Requester requester
cdef object LOOP = None
cdef bint closed = True
cdef set FLIGHTS = set()        # under way; keeps them alive
cdef dict NUMBERS = {verb: number for number, verb in enumerate(VERBS)}

HOP = frozenset(b"connection keep-alive proxy-connection te trailer transfer-encoding upgrade".split())
"""Fields of an answer that are between the upstream and the gateway."""

CURRENT = contextvars.ContextVar("request")
"""The request that a step's task works on."""


# --- the request

cdef bint path_clean(bytes path):
    """Visible ASCII, from "/" on, without a fragment (RFC 9112 section 3.2.1)."""
    cdef const char* p = path
    cdef Py_ssize_t i
    for i in range(len(path)):
        if not 0x21 <= <uint8_t>p[i] <= 0x7e or p[i] == c"#":
            return False
    return len(path) > 0 and p[0] == c"/"


cdef bytes written(Handle target, bytes method, bytes path, fields, bytes body, int verb):
    """The request's head."""
    cdef Writer w
    if not token_clean(method) or not path_clean(path):
        raise ValueError(f"not a request line: {method[:40]!r} {path[:200]!r}")
    writer_init(&w, head_bytes, HEAD_BYTES)
    put(&w, method, len(method))
    put(&w, b" ", 1)
    put(&w, path, len(path))
    put(&w, b" HTTP/1.1\r\n", 11)
    if not any([name.lower() == b"host" for name, _ in fields]):
        put(&w, b"Host: ", 6)
        put_span(&w, target.target.authority)
        put(&w, b"\r\n", 2)
    put_given(&w, fields)
    if body or verb == POST or verb == PUT or verb == PATCH:
        put(&w, b"Content-Length: ", 16)
        put_uint(&w, len(body))
        put(&w, b"\r\n", 2)
    put(&w, b"\r\n", 2)
    if w.full:
        raise ValueError(f"the head of a call is larger than {HEAD_BYTES} bytes")
    return <bytes>w.p[:w.n]


cdef class Flight:
    """A call on its way."""

    cdef int begin(self, object call) except -1:
        cdef Handle target = call.target
        cdef Calling* c = &self.calling
        cdef int verb = NUMBERS.get(call.method, NO_VERB)
        cdef uint64_t timeout = call.timeout_ms
        cdef Exchange* ex
        timer_init(&c.timer, TIMER_CALL)
        if closed or target.target == NULL:
            self.outcome = CallFailed(F_INTEGRATION_FAILURE)
            return 0
        self.body = call.body
        self.head = written(target, call.method, call.path, call.headers, self.body, verb)
        c.head = span(self.head, len(self.head))
        c.body = span(self.body, len(self.body))
        c.streams = call.stream
        c.most = call.max_bytes if c.streams else min(call.max_bytes, MOST_BYTES)
        if c.streams:
            self.pieces = deque()
        ex = exchange_take(target.plan)
        if ex == NULL:
            raise MemoryError
        c.ex = ex
        c.flight = <void*>self
        ex.calling = c
        ex.requester = &requester
        ex.sends = ex.verb = verb
        ex.body = BODY_LENGTH if self.body else BODY_NONE
        ex.received = True
        ex.up_deadline = uv.now(core.loop) + timeout
        c.keyed = self.request is not None and balance_key(target.target, self.request.ex, &c.key)
        count(H_CALLS)
        core.live.calls += 1
        FLIGHTS.add(self)
        attempt_begin(ex, target.target)
        return 0

    cdef void tell(self, object outcome):
        cdef Exchange* client = self.request.ex if self.request is not None else NULL
        if client != NULL and self.status:
            client.answered = micros()
            client.up_status = self.status
        told, self.told = self.told, None
        if told is None:
            self.outcome = outcome
        else:
            told(outcome)

    cdef void over(self, object ended):
        """Of a streamed answer: what comes after its last piece."""
        self.ended = ended
        wake(self.reader, None)

    def cancel(self) -> None:
        """Give it up, unless it is over; nobody is told."""
        if self.calling.ex != NULL:
            let_go(self.calling.ex)
            self.over(CallFailed(F_INTEGRATION_FAILURE))

    def take(self) -> bytes:
        """The next piece; makes room for more."""
        cdef bytes piece = self.pieces.popleft()
        self.held -= len(piece)
        if self.held <= HELD_BYTES // 2 and self.calling.ex != NULL and self.calling.ex.up != NULL:
            upstream_resume(self.calling.ex.up)
        return piece


class Stream:
    """The body of a streamed answer: its pieces as they come."""

    def __init__(self, flight) -> None:
        self.flight = flight

    def __aiter__(self):
        return self

    async def __anext__(self) -> bytes:
        cdef Flight flight = self.flight
        while not flight.pieces:
            if flight.ended is True:
                raise StopAsyncIteration
            if flight.ended is not None:
                raise flight.ended
            flight.reader = LOOP.create_future()
            await flight.reader
        return flight.take()

    async def aclose(self) -> None:
        """Give up what has not come yet."""
        self.flight.cancel()

    def __del__(self) -> None:
        self.flight.cancel()


cdef Flight flight_begin(object call, Request request):
    cdef Flight flight = Flight.__new__(Flight)
    if request is not None and request.ex != NULL:
        flight.request = request
        if not request.ex.sent:
            request.ex.sent = micros()
    flight.begin(call)
    return flight


# --- its end

cdef void let_go(Exchange* ex):
    """Give back what it holds. From here on no event reaches the exchange."""
    cdef Flight flight = <Flight>ex.calling.flight
    ex.calling.ex = NULL
    timer_drop(&ex.calling.timer)
    pool_cancel(ex)
    if ex.up != NULL:
        pool_drop(ex.up)
    body_free(ex)
    core.live.calls -= 1
    exchange_give(ex)
    FLIGHTS.discard(flight)


cdef void fail(Exchange* ex, int code) noexcept:
    cdef Flight flight = <Flight>ex.calling.flight
    cdef bytes why = ex.tls_error if ex.tls_error != NULL else b""
    let_go(ex)
    if flight.headed:
        flight.over(CallFailed(code, why.decode()))
    else:
        flight.tell(CallFailed(code, why.decode()))


cdef void reply(Exchange* ex) noexcept:
    cdef Flight flight = <Flight>ex.calling.flight
    cdef bytes body
    try:
        body = <bytes>ex.collected[:ex.body_seen] if ex.body_seen else b""
        found = Reply(flight.status, flight.headers, body, micros() - ex.sent)
    except MemoryError:
        found = CallFailed(F_INTEGRATION_FAILURE)
    let_go(ex)
    flight.tell(found)


# --- events

cdef void on_waits(Exchange* ex) noexcept nogil:
    timer_set(&ex.calling.timer, ex.up_deadline)


cdef int on_send(Exchange* ex) noexcept nogil:
    cdef const Calling* c = ex.calling
    cdef uint64_t now = uv.now(core.loop)
    cdef uint32_t left = <uint32_t>(ex.up_deadline - now) if ex.up_deadline > now else 0
    timer_set(&ex.calling.timer, 0)
    gather_piece(&to_upstream, c.head.p, c.head.n)
    if c.body.n:
        gather_piece(&to_upstream, c.body.p, c.body.n)
    if gather_send(&to_upstream, &ex.up.stream) < 0:
        return FORWARD_BROKEN
    ex.sent = micros()
    upstream_sent(ex.up, left, left)
    return FORWARDED


cdef void on_failed(Exchange* ex, int code) noexcept nogil:
    with gil:
        fail(ex, code)


cdef void keep_head(Exchange* ex, UpConn* up, int status) noexcept:
    cdef Flight flight = <Flight>ex.calling.flight
    cdef uint32_t i
    cdef Span name, value
    cdef bytes text
    flight.status = status
    flight.headers = []
    for i in range(up.nfields):
        name, value = field_name(up.base, &up.fields[i]), field_value(up.base, &up.fields[i])
        text = <bytes>name.p[:name.n]
        if not up.fields[i].marks & M_LISTED and text.lower() not in HOP:
            flight.headers.append((text, <bytes>value.p[:value.n]))


cdef void on_head(Exchange* ex, UpConn* up, int status) noexcept nogil:
    ex.status = ex.up_status = <unsigned short>status
    ex.answered = micros()
    if up.body == BODY_LENGTH and up.body_left > ex.calling.most:
        ex.aborted = True
        return
    with gil:
        keep_head(ex, up, status)


cdef void on_piece(Exchange* ex, UpConn* up, const char* p, uint32_t n) noexcept nogil:
    ex.calling.seen += n
    if not ex.aborted and (ex.calling.seen > ex.calling.most or not body_hold(ex, p, n)):
        ex.aborted = True


cdef void pass_on(Exchange* ex) noexcept:
    """What one read brought of a streamed answer."""
    cdef Flight flight = <Flight>ex.calling.flight
    if ex.body_seen:
        flight.pieces.append(<bytes>ex.collected[:ex.body_seen])
        flight.held += ex.body_seen
        ex.body_seen = 0
    if not flight.headed and flight.headers is not None:
        flight.headed = True
        flight.tell(Reply(flight.status, flight.headers, Stream(flight), ex.answered - ex.sent))
        if flight.calling.ex != ex:
            return
    wake(flight.reader, None)
    if flight.held >= HELD_BYTES and not ex.up.done:
        upstream_pause(ex.up)


cdef void on_flush(Exchange* ex) noexcept nogil:
    """Where the parser is not on the stack."""
    if ex.aborted:
        with gil:
            fail(ex, F_INTEGRATION_BAD_ANSWER)
    elif ex.calling.streams:
        with gil:
            pass_on(ex)


cdef void end_stream(Exchange* ex) noexcept:
    cdef Flight flight = <Flight>ex.calling.flight
    let_go(ex)
    flight.over(True)


cdef void on_done(Exchange* ex) noexcept nogil:
    with gil:
        if ex.calling.streams:
            end_stream(ex)
        else:
            reply(ex)


cdef void on_writable(Exchange* ex) noexcept nogil:
    pass


cdef void on_timer(Timer* timer) noexcept nogil:
    cdef Calling* c = <Calling*>(<char*>timer - <size_t>&(<Calling*>NULL).timer)
    with gil:
        fail(c.ex, F_INTEGRATION_TIMEOUT)


# --- for coroutines

def wake(future, outcome) -> None:
    if future is not None and not future.done():
        future.set_result(outcome)


async def fetch(call):
    """Make a call from a coroutine on the worker's loop: its Reply. Raises CallFailed; cancelled, it gives the call up."""
    cdef Flight flight = flight_begin(call, CURRENT.get(None))
    outcome = flight.outcome
    if outcome is None:
        future = LOOP.create_future()
        flight.told = partial(wake, future)
        try:
            outcome = await future
        except BaseException:
            flight.cancel()
            raise
    if isinstance(outcome, CallFailed):
        raise outcome
    return outcome


cdef void calls_open(object loop):
    global LOOP, closed
    LOOP = loop
    closed = False
    requester.waits = on_waits
    requester.ready = attempt_send
    requester.send = on_send
    requester.failed = on_failed
    requester.head = on_head
    requester.piece = on_piece
    requester.flush = on_flush
    requester.done = on_done
    requester.writable = on_writable
    wheel_handler(TIMER_CALL, on_timer)


cdef void calls_close():
    global closed
    cdef Flight flight
    closed = True
    for flight in list(FLIGHTS):
        if flight.calling.ex != NULL:
            fail(flight.calling.ex, F_INTEGRATION_FAILURE)
