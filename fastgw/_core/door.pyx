"""Run Python steps for exchanges.

A step gives an Answer at once, or Sent: then the exchange waits for the call, and `then` goes on; or an awaitable: then
it waits for a task. A client that leaves, or a deadline that passes, gives up the call and cancels the task.
"""
import asyncio
import logging

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastgw._core.bytes cimport Span, Writer, put, put_field, put_uint, span, writer_init
from fastgw._core.cache_fill cimport Offer, fill_begin, fill_done, fill_head, fill_hurries, fill_piece
from fastgw._core.caching cimport caching_put_fields
from fastgw._core.call cimport calls_open
from fastgw._core.clock cimport http_date, micros
from fastgw._core.counters cimport H_DOOR_RUN_STEP, R_DOORS, ROW_BYTES
from fastgw._core.encode cimport encode_varies, encode_whole, put_coding
from fastgw._core.failure cimport FAILURE_CODES, F_API_CONFIGURATION_ERROR
from fastgw._core.gather cimport gather_answer, gather_chunk, gather_piece, to_client
from fastgw._core.given cimport FIELDS, Given, put_answer_fields
from fastgw._core.libuv cimport uv
from fastgw._core.program cimport program_write
from fastgw._core.request cimport Request
from fastgw._core.respond cimport put_connection, put_cors
from fastgw._core.state cimport (BODY_CHUNKED, BODY_CLOSE, BODY_LENGTH, BODY_NONE, Field, HEAD, T_AGE, core, count,
                                 takes_chunks)
from fastgw._core.step import Answer, CallFailed, Failure
from fastgw._core.ticket cimport ticket_drop, ticket_tie
from fastgw._core.work cimport work_hear, work_open, work_start, work_took

cdef const DoorEvents* events
cdef object LOOP = None
log = logging.getLogger("fastgw")
CODES = range(FAILURE_CODES)

cdef enum:
    FIELD_BYTES = 65536     # of one answer's own fields
    TURN_US = 500           # of one streamed answer, before others have their turn

cdef char field_bytes[FIELD_BYTES]
cdef Given given            # of the answer that is being written


cdef class Served(Request):
    """A request with the step that answers it."""

    cdef int take(self, result) except -1:
        if not isinstance(result, Answer):
            return False
        deliver(self, result)
        return True

    cdef void fail(self, error):
        failed(self, error)


# --- the end

cdef void untie(Request request):
    """Its work is done: nothing of it is cancelled, and nothing more is read."""
    request.task = request.flight = request.then = request.room = None
    ticket_drop(request.ex)


cdef void failed(Request request, error):
    """What a step raised: a failure of its own choice, a call's, or a fault of the step."""
    cdef Exchange* ex = request.ex
    cdef int code = F_API_CONFIGURATION_ERROR
    cdef bytes message, detail
    if ex == NULL:
        return
    if isinstance(error, CallFailed) and error.detail:
        request.note(error=error.detail)
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


cdef void keep_head(Exchange* ex, bytes line, const Writer* fields, int64_t length, bint varies):
    """Where the answer may be kept, keep of its head what every client gets alike."""
    cdef Offer offer
    cdef Writer* w
    cdef uint32_t i
    cdef const Field* f
    offer.status = ex.status
    offer.base = fields.p
    offer.fields = given.fields
    offer.nfields = given.n if given.n < <uint32_t>FIELDS else FIELDS
    offer.ends = given.n <= <uint32_t>FIELDS      # all of them have been looked at
    offer.length = length if length > 0 else 0
    w = fill_head(ex, &offer)
    if w == NULL:
        return
    put(w, line, len(line))
    for i in range(offer.nfields):
        f = &offer.fields[i]
        if f.token != T_AGE:            # a cache counts it on itself
            put_field(w, fields.p, f.name, f.name_n, f.value, f.value_n)
    if varies:
        put_coding(w, ex)
    fill_begin(ex, &offer, len(line))


cdef int put_head(Exchange* ex, answer, int64_t length, bint varies) except -1:
    """Raises what a malformed Answer raises, before anything is written. length -1: the body comes in pieces. varies:
    another client may get it in another coding."""
    cdef bytes line = f"HTTP/1.1 {answer.status:d} \r\n".encode()
    cdef Writer fields
    if not 200 <= answer.status <= 599 or length > 0xFFFFFFFF:
        raise ValueError(f"an answer of status {answer.status} with {length} bytes")
    writer_init(&fields, field_bytes, FIELD_BYTES)
    put_answer_fields(&fields, ex, answer.headers, &given)
    ex.status = answer.status
    if ex.fill != NULL:
        keep_head(ex, line, &fields, length, varies)
    put(&to_client.text, line, len(line))
    put(&to_client.text, b"Date: ", 6)
    put(&to_client.text, http_date(), 29)
    put(&to_client.text, b"\r\n", 2)
    put(&to_client.text, fields.p, fields.n)
    if varies:
        put_coding(&to_client.text, ex)
    if ex.verb == HEAD or ex.status == 204 or ex.status == 304:
        ex.out = BODY_NONE
    elif length >= 0:
        ex.out = BODY_LENGTH
    elif takes_chunks(ex):
        ex.out = BODY_CHUNKED
    else:
        ex.out = BODY_CLOSE
        ex.keep = False
    if ex.status != 204 and ex.status != 304 and length >= 0:
        put(&to_client.text, b"Content-Length: ", 16)
        put_uint(&to_client.text, length)
        put(&to_client.text, b"\r\n", 2)
    elif ex.out == BODY_CHUNKED:
        put(&to_client.text, b"Transfer-Encoding: chunked\r\n", 28)
    program_write(&ex.stage.always, ex, &to_client.text)
    if ex.route.cache != NULL:
        caching_put_fields(&to_client.text, ex)
    put_cors(&to_client.text, ex)
    put_connection(&to_client.text, ex)
    put(&to_client.text, b"\r\n", 2)
    ex.answering = True
    return 0


cdef int deliver(Request request, answer) except -1:
    cdef Exchange* ex = request.ex
    cdef bytes body
    cdef Span sent
    cdef bint varies
    ex.keep = ex.keep and not core.drain and not ex.conn.stream.ended
    if hasattr(answer.body, "__aiter__"):
        pieces = aiter(answer.body)
        put_head(ex, answer, -1, False)
        work_start(request, shut(pieces) if ex.out == BODY_NONE else pour(request, pieces), poured)
        send(request)
        return 0
    body = answer.body
    sent = span(body, len(body))
    ex.status = answer.status
    varies = encode_varies(ex, sent.n) and not any(name.lower() == b"content-encoding" for name, _ in answer.headers)
    if varies and ex.verb != HEAD:
        encode_whole(ex, &sent)
    put_head(ex, answer, sent.n, varies)
    if ex.fill != NULL and sent.n:
        fill_piece(ex, sent.p, sent.n)
    if ex.out != BODY_NONE and sent.n:
        gather_piece(&to_client, sent.p, sent.n)
        ex.body_out = sent.n
    end(request)
    return 0


cdef void end(Request request):
    """Send what was gathered: the rest of the answer."""
    cdef Exchange* ex = request.ex
    cdef int error = gather_answer(ex)
    fill_done(ex)
    untie(request)
    with nogil:
        events.answered(ex, error)


# --- an answer in pieces

cdef void send(Request request):
    cdef Exchange* ex = request.ex
    cdef int error = gather_answer(ex)
    if error < 0:
        with nogil:
            events.answered(ex, error)      # its leave gives the task up
    elif ex.conn.stream.queued:
        request.paused_at = uv.now(core.loop)
        with nogil:
            events.queued(ex)


cdef void put_piece(Request request, bytes piece):
    cdef Exchange* ex = request.ex
    if not piece:
        return                  # an empty chunk would be the last one
    ex.body_out += len(piece)
    if ex.fill != NULL:
        fill_piece(ex, piece, len(piece))
    if ex.out == BODY_CHUNKED:
        gather_chunk(&to_client, piece, len(piece))
    else:
        gather_piece(&to_client, piece, len(piece))
    send(request)


async def pour(Request request, pieces):
    """The pieces of an answer, at the pace of its client. An iterator that never waits must not keep the loop."""
    cdef bytes piece
    cdef uint64_t since = micros()
    try:
        while True:
            if micros() - since > TURN_US:
                await asyncio.sleep(0)
                since = micros()
            if request.ex != NULL and request.ex.conn.stream.queued and not fill_hurries(request.ex):
                request.room = LOOP.create_future()
                await request.room
            try:
                piece = await anext(pieces)
            except StopAsyncIteration:
                return
            if request.ex != NULL:
                put_piece(request, piece)
    finally:
        await shut(pieces)


async def shut(pieces):
    if hasattr(pieces, "aclose"):
        await pieces.aclose()


def poured(Request request, task) -> None:
    """The last piece has been written, or the iterator failed: then the answer is cut."""
    if request.ex == NULL:
        work_hear(task)
    elif task.cancelled() or task.exception() is not None:
        failed(request, None if task.cancelled() else task.exception())
    else:
        if request.ex.out == BODY_CHUNKED:
            put(&to_client.text, b"0\r\n\r\n", 5)
        end(request)


# --- the step

cdef void run_step(Exchange* ex) noexcept:
    cdef Served request = Served.__new__(Served)
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
    work_took(request, result)


cdef void door_run(Exchange* ex) noexcept nogil:
    with gil:
        run_step(ex)


cdef void door_open(const DoorEvents* table, object loop):
    global events, LOOP
    events = table
    LOOP = loop
    work_open(loop)
    calls_open(loop)
