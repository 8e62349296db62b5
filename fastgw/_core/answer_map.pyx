"""Apply the mappings of answers."""
from libc.stdint cimport uint16_t, uint32_t

from fastgw._core.bytes cimport put, put_char, put_span, put_uint, writer_init
from fastgw._core.mapped cimport mapped_fields
from fastgw._core.program cimport program_write
from fastgw._core.state cimport AnswerPlan

cdef enum:
    STATUS_BYTES = 64

cdef char status_bytes[STATUS_BYTES]


cdef uint16_t status_said(Exchange* ex, const AnswerPlan* answer) noexcept nogil:
    """A status from 200 to 599 in three digits; 0 where the mapping gives none."""
    cdef Writer w
    cdef uint16_t status = 0
    cdef uint32_t i
    if answer.sends:
        return answer.sends
    writer_init(&w, status_bytes, STATUS_BYTES)
    program_write(&answer.says, ex, &w)
    if w.full or w.n != 3:
        return 0
    for i in range(3):
        if not c"0" <= w.p[i] <= c"9":
            return 0
        status = <uint16_t>(status * 10 + (w.p[i] - c"0"))
    return status if 200 <= status <= 599 else 0


cdef void answer_find(Exchange* ex) noexcept nogil:
    cdef uint16_t i
    ex.answer = NULL
    for i in range(ex.route.nanswers):
        if ex.route.answers[i].status == ex.up_status:
            ex.answer = &ex.route.answers[i]
            return


cdef void answer_apply(Exchange* ex) noexcept nogil:
    cdef uint16_t said
    ex.status = ex.up_status
    if ex.answer == NULL:
        return
    said = status_said(ex, ex.answer)
    if said:
        ex.status = said
    mapped_fields(ex, ex.answer.fields, ex.answer.nfields)


cdef void put_answer_line(Writer* w, Exchange* ex, UpConn* up) noexcept nogil:
    """A reason phrase goes with its own status only; RFC 9112 section 4 lets it be empty."""
    if ex.answer != NULL and ex.answer.sends:
        put_span(w, ex.answer.status_line)
        return
    put(w, b"HTTP/1.1 ", 9)
    put_uint(w, ex.status)
    put_char(w, c" ")
    if ex.status == ex.up_status:
        put(w, up.base + up.reason_off, up.reason_n)
    put(w, b"\r\n", 2)
