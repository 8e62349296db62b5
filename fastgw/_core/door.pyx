"""Run Python steps for exchanges.

A step is a callable that takes a Request and gives an Answer at once, or an awaitable of one; then the
exchange waits, and a client that leaves or a deadline that passes cancels the task.
"""
import asyncio
import inspect
import logging
import re
from dataclasses import dataclass, field

from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport uint32_t, uint64_t

from fastgw._core.bytes cimport Span, put, put_uint
from fastgw._core.counters cimport H_DOOR_RUN_STEP, H_DOOR_START_TASK, R_DOORS, ROW_BYTES
from fastgw._core.failure cimport F_API_CONFIGURATION_ERROR
from fastgw._core.gather cimport gather_answer, gather_piece, to_client
from fastgw._core.clock cimport http_date
from fastgw._core.program cimport program_write
from fastgw._core.respond cimport put_connection, put_cors
from fastgw._core.state cimport HEAD, core, count, field_name, field_value

cdef const DoorEvents* events
cdef object LOOP = None
log = logging.getLogger("fastgw")

cdef enum:
    FIELD_BYTES = 65536     # of one answer's own fields

NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
OURS = frozenset(
    b"connection content-length date keep-alive proxy-connection te trailer transfer-encoding upgrade".split()
)


@dataclass(slots=True)
class Request:
    """What a step sees of a request; bytes as they came, names in the client's spelling."""

    method: bytes
    path: bytes
    query: bytes
    headers: list[tuple[bytes, bytes]]
    parameters: list[bytes]
    body: bytes


@dataclass(slots=True)
class Answer:
    """What a step answers; framing, connection and Date fields are the engine's: a step's own are dropped."""

    status: int
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""


cdef class Ticket:
    """Ties a task to its exchange."""

    def finished(self, task) -> None:
        cdef Exchange* ex = self.ex
        if ex == NULL:
            return
        drop_ticket(ex)
        if task.cancelled() or task.exception() is not None:
            report(None if task.cancelled() else task.exception())
            with nogil:
                events.failed(ex, F_API_CONFIGURATION_ERROR)
            return
        deliver(ex, task.result())


cdef void drop_ticket(Exchange* ex):
    cdef Ticket ticket
    if ex.ticket != NULL:
        ticket = <Ticket>ex.ticket
        ticket.ex = NULL
        ex.ticket = NULL
        Py_DECREF(ticket)


cdef void report(error):
    if error is not None:
        log.error("a step failed: %s: %s", type(error).__name__, error)


cdef bytes text(Span s):
    return <bytes>s.p[:s.n] if s.n else b""


cdef object request_of(Exchange* ex):
    cdef uint32_t i
    cdef int k
    headers = [(text(field_name(ex.head, &ex.fields[i])), text(field_value(ex.head, &ex.fields[i])))
               for i in range(ex.nfields)]
    parameters = [<bytes>ex.rest.p[ex.match.off[k]:ex.match.off[k] + ex.match.len[k]]
                  for k in range(ex.match.nparams)]
    body = <bytes>ex.collected[:ex.body_seen] if ex.body_seen else b""
    method = <bytes>ex.head[ex.verb_off:ex.verb_off + ex.verb_n]
    return Request(method, text(ex.path), text(ex.query), headers, parameters, body)


cdef bytes fields_of(answer):
    """The answer's own fields, written out. Raises ValueError or TypeError for what is no field (RFC 9110 section 5)."""
    cdef list lines = []
    for name, value in answer.headers:
        if not NAME.fullmatch(name) or not VALUE.fullmatch(value):
            raise ValueError(f"not a header field: {name[:80]!r}: {value[:80]!r}")
        if name.lower() not in OURS:
            lines.append(b"%b: %b\r\n" % (name, value))
    fields = b"".join(lines)
    if len(fields) > FIELD_BYTES:
        raise ValueError(f"{len(fields)} bytes of header fields, at most {FIELD_BYTES} can be sent")
    return fields


cdef int write_answer(Exchange* ex, answer) except 1:
    """Raises what a malformed Answer raises, before anything is written."""
    cdef bytes line = f"HTTP/1.1 {answer.status:d} \r\nDate: ".encode()
    cdef bytes fields = fields_of(answer)
    cdef bytes body = answer.body
    if body is None or not 200 <= answer.status <= 599 or len(body) > 0xFFFFFFFF:
        raise ValueError(f"an answer of status {answer.status} with a body of type {type(answer.body).__name__}")
    ex.status = answer.status
    put(&to_client.text, line, len(line))
    put(&to_client.text, http_date(), 29)
    put(&to_client.text, b"\r\n", 2)
    put(&to_client.text, fields, len(fields))
    if ex.status != 204 and ex.status != 304:
        put(&to_client.text, b"Content-Length: ", 16)
        put_uint(&to_client.text, len(body))
        put(&to_client.text, b"\r\n", 2)
    program_write(&ex.stage.always, ex, &to_client.text)
    put_cors(&to_client.text, ex)
    put_connection(&to_client.text, ex)
    put(&to_client.text, b"\r\n", 2)
    if ex.verb != HEAD and body and ex.status != 204 and ex.status != 304:
        gather_piece(&to_client, body, len(body))
        ex.body_out = len(body)
    ex.answering = True
    return gather_answer(ex)


cdef void deliver(Exchange* ex, answer):
    cdef int error
    ex.keep = ex.keep and not core.drain and not ex.conn.stream.ended
    try:
        error = write_answer(ex, answer)
    except Exception as wrong:
        report(wrong)
        with nogil:
            events.failed(ex, F_API_CONFIGURATION_ERROR)
        return
    with nogil:
        events.answered(ex, error)


cdef void run_step(Exchange* ex) noexcept:
    cdef Ticket ticket
    count(H_DOOR_RUN_STEP)
    if ex.route.slot < core.nrows:
        (<uint64_t*>(core.rows + <size_t>ex.route.slot * ROW_BYTES))[R_DOORS] += 1
    try:
        result = (<object>ex.route.step)(request_of(ex))
        if inspect.isawaitable(result):
            count(H_DOOR_START_TASK)
            ticket = Ticket()
            ticket.ex = ex
            ex.ticket = <void*>ticket
            Py_INCREF(ticket)
            ticket.task = asyncio.ensure_future(result, loop=LOOP)
            ticket.task.add_done_callback(ticket.finished)
            return
    except BaseException as error:
        report(error)
        drop_ticket(ex)
        with nogil:
            events.failed(ex, F_API_CONFIGURATION_ERROR)
        return
    deliver(ex, result)


cdef void door_run(Exchange* ex) noexcept nogil:
    with gil:
        run_step(ex)


cdef void cancel(Exchange* ex) noexcept:
    cdef Ticket ticket = <Ticket>ex.ticket
    task = ticket.task
    drop_ticket(ex)
    if task is not None:
        task.cancel()


cdef void door_leave(Exchange* ex) noexcept nogil:
    if ex.ticket != NULL:
        with gil:
            cancel(ex)


cdef void door_open(const DoorEvents* table, object loop):
    global events, LOOP
    events = table
    LOOP = loop
