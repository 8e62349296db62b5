"""Evaluate mappings into one buffer."""
from fastgw._core.bytes cimport put_span, same_case, span, writer_init
from fastgw._core.ops cimport MAP_APPEND, MAP_REMOVE
from fastgw._core.program cimport PROGRAM_MISSING, program_write, query_name_is

cdef enum:
    MAPPED_BYTES = 32768

cdef char bytes_of_all[MAPPED_BYTES]
cdef bint has[MAPPED]
cdef const Mapping* rows = NULL
cdef uint16_t nrows = 0
cdef Writer text


cdef bint value_absent(const Mapping* row, int result) noexcept nogil:
    return result == PROGRAM_MISSING and row.value.n == 1


cdef inline void begin(const Mapping* all, uint16_t n) noexcept nogil:
    global rows, nrows
    rows = all
    nrows = n
    writer_init(&text, bytes_of_all, MAPPED_BYTES)


cdef inline void settle(uint16_t row, int result, uint32_t before) noexcept nogil:
    has[row] = not value_absent(&rows[row], result)
    if not has[row] or text.full:       # a row that did not fit leaves no half line
        text.n = before


cdef void evaluate(Exchange* ex, const Mapping* all, uint16_t n, Span start, Span between, Span end) noexcept nogil:
    cdef uint16_t i
    cdef uint32_t before
    cdef int result
    begin(all, n)
    for i in range(n):
        if all[i].action == MAP_REMOVE:
            has[i] = True
            continue
        before = text.n
        put_span(&text, start)
        put_span(&text, all[i].name)
        put_span(&text, between)
        result = program_write(&all[i].value, ex, &text)
        put_span(&text, end)
        settle(i, result, before)


cdef void mapped_fields(Exchange* ex, const Mapping* all, uint16_t n) noexcept nogil:
    evaluate(ex, all, n, span(b"", 0), span(b": ", 2), span(b"\r\n", 2))


cdef void mapped_queries(Exchange* ex, const Mapping* all, uint16_t n) noexcept nogil:
    evaluate(ex, all, n, span(b"&", 1), span(b"=", 1), span(b"", 0))


cdef bint mapped_hides_field(const char* name, uint32_t n) noexcept nogil:
    cdef uint16_t i
    for i in range(nrows):
        if has[i] and rows[i].action != MAP_APPEND and rows[i].name.n == n and same_case(rows[i].name.p, name, n):
            return True
    return False


cdef bint mapped_hides_query(Span name) noexcept nogil:
    cdef uint16_t i
    for i in range(nrows):
        if has[i] and rows[i].action != MAP_APPEND and query_name_is(name, rows[i].name):
            return True
    return False


cdef bint mapped_has(uint16_t row) noexcept nogil:
    return has[row]


cdef Span mapped_text() noexcept nogil:
    return span(text.p, text.n)


cdef bint mapped_full() noexcept nogil:
    return text.full
