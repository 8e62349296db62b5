"""Run Python steps for exchanges.

A step gives an Answer at once, or Sent: then the exchange waits for the call, and `then` goes on; or an awaitable: then
it waits for a task. A client that leaves, or a deadline that passes, gives up the call and cancels the task.
"""
import inspect
import logging
from functools import partial

from libc.stdint cimport uint64_t

from fastgw._core.bytes cimport Writer, put, put_uint, span, writer_init
from fastgw._core.call cimport Flight, calls_open, flight_begin
from fastgw._core.call import CURRENT
from fastgw._core.clock cimport http_date
from fastgw._core.counters cimport H_DOOR_RUN_STEP, H_DOOR_START_TASK, R_DOORS, ROW_BYTES
from fastgw._core.failure cimport FAILURE_CODES, F_API_CONFIGURATION_ERROR
from fastgw._core.gather cimport gather_answer, gather_piece, to_client
from fastgw._core.given cimport put_given
from fastgw._core.program cimport program_write
from fastgw._core.request cimport Request
from fastgw._core.respond cimport put_connection, put_cors
from fastgw._core.state cimport HEAD, core, count
from fastgw._core.step import Answer, CallFailed, Failure, Sent
from fastgw._core.ticket cimport ticket_drop, ticket_tie

cdef const DoorEvents* events
cdef object LOOP = None
log = logging.getLogger("fastgw")
CODES = range(FAILURE_CODES)

cdef enum:
    FIELD_BYTES = 65536     # of one answer's own fields

cdef char field_bytes[FIELD_BYTES]


# --- the end

cdef void untie(Request request):
    """Its work is done: nothing of it is cancelled, and nothing more is read."""
    request.task = request.flight = request.then = None
    ticket_drop(request.ex)


cdef void failed(Request request, error):
    """What a step raised: a failure of its own choice, a call's, or a fault of the step."""
    cdef Exchange* ex = request.ex
    cdef int code = F_API_CONFIGURATION_ERROR
    cdef bytes message, detail
    if ex == NULL:
        return
    untie(request)
    if isinstance(error, (Failure, CallFailed)) and error.code in CODES:
        code = error.code
    elif error is not None:
        log.error("a step failed: %s: %s", type(error).__name__, error)
    if isinstance(error, Failure):
        if error.message is not None:
            message = str(error.message).encode(errors="replace")
            ex.message = span(message, len(message))
        if error.detail is not None:
            detail = str(error.detail).encode(errors="replace")
            ex.detail = span(detail, len(detail))
    with nogil:
        events.failed(ex, code)


cdef int write_answer(Exchange* ex, answer) except 1:
    """Raises what a malformed Answer raises, before anything is written."""
    cdef bytes line = f"HTTP/1.1 {answer.status:d} \r\nDate: ".encode()
    cdef bytes body = answer.body
    cdef Writer fields
    if body is None or not 200 <= answer.status <= 599 or len(body) > 0xFFFFFFFF:
        raise ValueError(f"an answer of status {answer.status} with a body of type {type(answer.body).__name__}")
    writer_init(&fields, field_bytes, FIELD_BYTES)
    put_given(&fields, answer.headers)
    ex.status = answer.status
    put(&to_client.text, line, len(line))
    put(&to_client.text, http_date(), 29)
    put(&to_client.text, b"\r\n", 2)
    put(&to_client.text, fields.p, fields.n)
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


cdef int deliver(Request request, answer) except -1:
    cdef Exchange* ex = request.ex
    cdef int error
    ex.keep = ex.keep and not core.drain and not ex.conn.stream.ended
    error = write_answer(ex, answer)
    untie(request)
    with nogil:
        events.answered(ex, error)
    return 0


# --- what a step gives

cdef void took(Request request, result):
    """Go on with it: an answer ends the exchange, a call or a task lets it wait."""
    try:
        take(request, result)
    except BaseException as error:
        failed(request, error)


cdef int take(Request request, result) except -1:
    cdef Flight flight
    while isinstance(result, Sent):
        flight = flight_begin(result.call, request)
        if flight.outcome is None:
            request.flight, request.then = flight, result.then
            flight.told = partial(heard, request)
            return 0
        result = result.then(request, flight.outcome)
    if request.ex == NULL:
        return 0
    if isinstance(result, Answer):
        return deliver(request, result)
    if not inspect.isawaitable(result):
        raise TypeError(f"a step gave {type(result).__name__}, neither an Answer nor Sent nor an awaitable")
    start(request, result)
    return 0


def heard(Request request, outcome) -> None:
    """The call that a request waits for is over."""
    then = request.then
    request.flight = request.then = None
    if request.ex == NULL:
        return
    try:
        result = then(request, outcome)
    except BaseException as error:
        failed(request, error)
        return
    took(request, result)


async def awaited(something):
    return await something


cdef int start(Request request, awaitable) except -1:
    """A task that knows its request, for the calls that it makes."""
    count(H_DOOR_START_TASK)
    token = CURRENT.set(request)
    try:
        request.task = LOOP.create_task(awaitable if inspect.iscoroutine(awaitable) else awaited(awaitable))
    finally:
        CURRENT.reset(token)
    request.task.add_done_callback(partial(finished, request))
    return 0


def finished(Request request, task) -> None:
    if request.ex == NULL:
        if not task.cancelled():
            task.exception()        # heard of, though nobody waits for it any more
        return
    request.task = None
    if task.cancelled():
        failed(request, None)
    elif task.exception() is not None:
        failed(request, task.exception())
    else:
        took(request, task.result())


cdef void run_step(Exchange* ex) noexcept:
    cdef Request request = Request.__new__(Request)
    count(H_DOOR_RUN_STEP)
    if ex.route.slot < core.nrows:
        (<uint64_t*>(core.rows + <size_t>ex.route.slot * ROW_BYTES))[R_DOORS] += 1
    step = <object>ex.route.step
    ticket_tie(ex, request)
    try:
        result = step(request)
    except BaseException as error:
        failed(request, error)
        return
    took(request, result)


cdef void door_run(Exchange* ex) noexcept nogil:
    with gil:
        run_step(ex)


cdef void door_open(const DoorEvents* table, object loop):
    global events, LOOP
    events = table
    LOOP = loop
    calls_open(loop)
