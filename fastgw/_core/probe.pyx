"""Python's way into parts of the engine that have no Python face, for tests, fuzzing and benches alone.

Nothing of the gateway imports it. For a process in which no engine runs: it takes over their events.
Bytes are handed on in allocations of exactly their size, freed after the call: a sanitizer sees a read
beyond or after them.
"""
from dataclasses import dataclass, field

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from fastgw._core.answer cimport (ANSWER_DONE, ANSWER_MORE, answer_begin, answer_ended, answer_feed)
from fastgw._core.bytes cimport Span, writer_init
from fastgw._core.clock cimport (TIMER_CONN, Timer, timer_drop, timer_init, timer_set, wheel_close, wheel_count,
                                 wheel_handler, wheel_open)
from fastgw._core.exact cimport exact
from fastgw._core.head cimport HEAD_DONE, HEAD_MORE, chunks_feed, head_feed, head_on_piece, request_settings
from fastgw._core.libuv cimport Uv, handle_cb, uv
from fastgw._core.llhttp cimport HPE_OK, HPE_PAUSED, PARSE_REQUEST, llhttp
from fastgw._core.path cimport PATH_MERGE_SLASHES
from fastgw._core.plan cimport Plan
from fastgw._core.schema cimport Schema
from fastgw._core.schema_check cimport schema_check
from fastgw._core.schema_program cimport SchemaError
from fastgw._core.state cimport BODY_CHUNKED, Exchange, Field, Requester, UpConn, core, field_name, field_value

FRAMINGS = ("none", "length", "chunked", "close")


@dataclass(slots=True)
class Message:
    """What was made of a request or an answer; result is "more", "done", "bad" or, of a request, a failure code."""

    result: str | int = "more"
    used: int = 0
    method: bytes = b""
    status: int = 0
    minor: int = 1
    path: bytes = b""
    canonical: bytes = b""
    query: bytes = b""
    host: bytes = b""
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    framing: str = ""
    length: int = 0
    keep: bool = False
    body: bytes = b""


cdef object current = None      # the Message being made


cdef bytes text(Span s):
    return <bytes>s.p[:s.n] if s.n else b""


cdef list fields_of(const char* base, const Field* fields, uint32_t n):
    cdef uint32_t i
    return [(text(field_name(base, &fields[i])), text(field_value(base, &fields[i]))) for i in range(n)]


# --- requests

cdef void on_request_piece(Exchange* ex, const char* p, uint32_t n) noexcept nogil:
    with gil:
        current.body += <bytes>p[:n]


cdef void fill_request(Exchange* ex):
    current.method = <bytes>ex.head[ex.verb_off:ex.verb_off + ex.verb_n]
    current.minor = ex.minor
    current.path = text(ex.raw_path)
    current.canonical = text(ex.path)
    current.query = text(ex.query)
    current.host = text(ex.host)
    current.fields = fields_of(ex.head, ex.fields, ex.nfields)
    current.framing = FRAMINGS[ex.body]
    current.length = ex.body_left
    current.keep = bool(ex.keep)


cdef uint32_t feed_request(Exchange* ex, const char* p, uint32_t n):
    """One segment of a head, then of a chunked body; returns how many bytes were taken."""
    cdef uint32_t used = 0
    cdef int result
    if current.framing == "":
        result = head_feed(ex, p, n, &used)
        if result == HEAD_MORE:
            return used
        if result != HEAD_DONE:
            current.result = result
            return used
        fill_request(ex)
        if ex.body != BODY_CHUNKED:
            current.result = "done"
            return used
        if used == n:
            return used
        return used + feed_request(ex, p + used, n - used)
    result = chunks_feed(ex, p, n, &used)
    if result == HPE_PAUSED:
        current.result = "done"
    elif result != HPE_OK:
        current.result = "bad"
    return used


def request(Plan plan, segments, *, int head_bytes=16384, int head_fields=100, bint merge_slashes=True) -> Message:
    """Feed a request head and, where it is chunked, its body, segment by segment."""
    global current
    cdef Exchange* ex = <Exchange*>calloc(1, sizeof(Exchange))
    cdef char* copy
    if ex == NULL:
        raise MemoryError
    core.limits.head_bytes = head_bytes
    core.limits.head_fields = head_fields
    core.limits.body_bytes = 10485760
    core.limits.path_flags = PATH_MERGE_SLASHES if merge_slashes else 0
    head_on_piece(on_request_piece)
    current = Message()
    try:
        ex.fields = <Field*>malloc((head_fields + 1) * sizeof(Field))
        if ex.fields == NULL:
            raise MemoryError
        ex.plan = plan.data
        ex.verb = 255
        ex.minor = 1
        llhttp.init(ex.parser, PARSE_REQUEST, &request_settings)
        for segment in segments:
            copy = exact(segment)
            current.used += feed_request(ex, copy, len(segment))
            free(copy)
            if current.result != "more":
                break
        return current
    finally:
        free(ex.fields)
        free(ex.head)
        free(ex)


# --- answers

cdef void on_answer_head(Exchange* ex, UpConn* up, int status) noexcept nogil:
    with gil:
        current.status = status
        current.minor = up.minor
        current.fields = fields_of(up.base, up.fields, up.nfields)
        current.framing = FRAMINGS[up.body]
        current.length = up.body_left


cdef void on_answer_piece(Exchange* ex, UpConn* up, const char* p, uint32_t n) noexcept nogil:
    with gil:
        current.body += <bytes>p[:n]


cdef Requester requester
requester.head = on_answer_head
requester.piece = on_answer_piece


def answer(Plan plan, segments, *, int verb=0, bint ended=False, int head_bytes=32768, int head_fields=200) -> Message:
    """Feed an upstream's answer segment by segment; verb is the request's (state.Verb), ended: FIN follows."""
    global current
    cdef UpConn* up = <UpConn*>calloc(1, sizeof(UpConn))
    cdef Exchange* ex = <Exchange*>calloc(1, sizeof(Exchange))
    cdef int result = ANSWER_MORE
    cdef uint32_t used = 0
    cdef char* copy
    core.upstream_head_bytes = head_bytes
    core.upstream_fields = head_fields
    current = Message()
    try:
        if up == NULL or ex == NULL:
            raise MemoryError
        up.fields = <Field*>malloc(head_fields * sizeof(Field))
        if up.fields == NULL:
            raise MemoryError
        up.ex = ex
        ex.plan = plan.data
        ex.requester = &requester
        ex.verb = ex.sends = verb
        answer_begin(up)
        for segment in segments:
            copy = exact(segment)
            result = answer_feed(up, copy, len(segment), &used)
            free(copy)
            current.used += used
            if result != ANSWER_MORE:
                break
        if result == ANSWER_MORE and ended:
            result = answer_ended(up)
        current.result = "more" if result == ANSWER_MORE else "done" if result == ANSWER_DONE else "bad"
        current.keep = bool(up.keep)
        return current
    finally:
        if up != NULL:
            free(up.fields)
            free(up.stash)
        free(up)
        free(ex)


# --- time

cdef uint64_t clock_ms = 0
cdef handle_cb tick = NULL
cdef Uv real

cdef uint64_t fake_now(const void* loop) noexcept nogil:
    return clock_ms

cdef int fake_init(void* loop, void* handle) noexcept nogil:
    return 0

cdef int fake_start(void* handle, handle_cb cb, uint64_t ms, uint64_t repeat) noexcept nogil:
    global tick
    tick = cb
    return 0

cdef int fake_stop(void* handle) noexcept nogil:
    global tick
    tick = NULL
    return 0

cdef void fake_close(void* handle, handle_cb cb) noexcept nogil:
    cb(handle)


cdef enum:
    TIMERS = 16

cdef Timer timers[TIMERS]
cdef list fired = []

cdef void on_due(Timer* timer) noexcept nogil:
    with gil:
        fired.append(timer - &timers[0])


cdef class Wheel:
    """The timer wheel under a clock that the test moves; timers are numbers below 16. close() gives libuv back."""

    def __init__(self, uint64_t now):
        global clock_ms, tick, real
        cdef int i
        clock_ms = now
        tick = NULL
        real = uv
        uv.now = fake_now
        uv.timer_init = fake_init
        uv.timer_start = fake_start
        uv.timer_stop = fake_stop
        uv.close = fake_close
        wheel_open(NULL)
        wheel_handler(TIMER_CONN, on_due)
        for i in range(TIMERS):
            timer_init(&timers[i], TIMER_CONN)

    def set(self, int number, uint64_t deadline) -> None:
        """deadline in ms of the clock; 0 switches the timer off."""
        timer_set(&timers[number], deadline)

    def drop(self, int number) -> None:
        timer_drop(&timers[number])

    def advance(self, uint64_t ms) -> list[int]:
        """Move the clock, let libuv's timer fire once; the timers that were due."""
        global clock_ms
        clock_ms += ms
        fired.clear()
        if tick != NULL:
            tick(NULL)
        return list(fired)

    @property
    def queued(self) -> int:
        return wheel_count()

    @property
    def ticking(self) -> bool:
        return tick != NULL

    def close(self) -> None:
        wheel_close()
        uv.now = real.now
        uv.timer_init = real.timer_init
        uv.timer_start = real.timer_start
        uv.timer_stop = real.timer_stop
        uv.close = real.close


def schema_verdict(Schema schema, bytes body, uint32_t room=256) -> tuple[int, int, int, bytes]:
    """schema_check's verdict, keyword, fault and text, of buffers of exactly the size that is told."""
    cdef SchemaError error
    cdef Span exact
    exact.n = <uint32_t>len(body)
    cdef char* copy = <char*>malloc(exact.n)
    cdef char* texts = <char*>malloc(2 * room)
    memcpy(copy, <const char*>body, exact.n)
    exact.p = copy
    writer_init(&error.text, texts, room)
    writer_init(&error.pointer, texts + room, room)
    error.pointers = True
    verdict = schema_check(schema.program, exact, &error)
    text = texts[:error.text.n]
    free(copy)
    free(texts)
    return verdict, error.keyword, error.fault, text
