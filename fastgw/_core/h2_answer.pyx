"""Read answers into frames."""
from libc.string cimport memchr, memcmp, memcpy

from fastgw._core.h2_guard cimport EARN_ANSWER, EARN_DATA, guard_earn
from fastgw._core.h2_stream cimport h2_conns, h2_ready, h2_stream_relieve
from fastgw._core.nghttp2 cimport DataProvider, DataSource, H2_NO_ERROR, HeaderField, NG_DATA_EOF, NG_DEFERRED, nghttp2

cdef extern from *:
    """
    #include <string.h>
    """
    void* memmem(const void* p, size_t n, const void* what, size_t what_n) nogil

cdef enum:
    FIELDS = 512                # of an answer
    WHOLE_BYTES = 1024          # of a DATA frame that moves an answer on, however small its client's windows are

cdef HeaderField list[FIELDS]
cdef DataProvider provider


cdef void sent(H2Stream* s) noexcept nogil:
    """The frame that ends the answer is on its way. A client that still sends may stop (RFC 9113 section 8.1)."""
    s.sent = True
    guard_earn(s.h2, EARN_ANSWER)
    if nghttp2.remote_closed(s.h2.session, s.id) == 0:
        nghttp2.submit_reset(s.h2.session, 0, s.id, H2_NO_ERROR)


# --- the body

cdef ssize_t on_wanted(void* session, int32_t id, uint8_t* buffer, size_t n, uint32_t* flags, DataSource* source,
                       void* owner) noexcept nogil:
    """A DATA frame of up to n bytes can be sent."""
    cdef H2Stream* s = <H2Stream*>source.ptr
    cdef uint32_t left = s.out_n - s.out_at
    cdef uint32_t take = left if left < n else <uint32_t>n
    if s.conn.stream.closing or (left == 0 and not s.finished):
        s.deferred = True
        return NG_DEFERRED
    memcpy(buffer, s.out + s.out_at, take)
    s.out_at += take
    if take == left:
        s.out_at = s.out_n = 0
        if s.finished:
            flags[0] |= NG_DATA_EOF
            sent(s)
    else:
        h2_conns.arm(&s.conn)           # the client takes bytes: it has as long again for the next
    if take == left or take >= WHOLE_BYTES:
        guard_earn(s.h2, EARN_DATA)
    if s.conn.stream.queued:
        h2_ready(s)
    return take


# --- the head

cdef bint for_connection(const char* name, uint32_t n) noexcept nogil:
    """A field of the connection, which HTTP/2 does not know (RFC 9113 section 8.2.2)."""
    if n == 7:
        return memcmp(name, b"upgrade", 7) == 0
    if n == 10:
        return memcmp(name, b"connection", 10) == 0 or memcmp(name, b"keep-alive", 10) == 0
    if n == 16:
        return memcmp(name, b"proxy-connection", 16) == 0
    return n == 17 and memcmp(name, b"transfer-encoding", 17) == 0


cdef int read_fields(char* p, char* end) noexcept nogil:
    """Field lines into `list` behind the status; how many there are with it, or -1."""
    cdef int n = 1
    cdef char* stop
    cdef char* colon
    cdef char* i
    while p < end:
        stop = <char*>memchr(p, c"\r", end - p)
        colon = <char*>memchr(p, c":", stop - p)
        if colon == NULL or n == FIELDS:
            return -1
        i = p
        while i < colon:
            if c"A" <= i[0] <= c"Z":
                i[0] |= 32
            i += 1
        if not for_connection(p, <uint32_t>(colon - p)):
            list[n].name = <const uint8_t*>p
            list[n].name_n = colon - p
            colon += 1
            while colon < stop and colon[0] == c" ":
                colon += 1
            list[n].value = <const uint8_t*>colon
            list[n].value_n = stop - colon
            n += 1
        p = stop + 2
    return n


cdef bint head_next(H2Stream* s) noexcept nogil:
    """Give nghttp2 the next head, final or interim; False: there is none, or it is of no use."""
    cdef char* p = s.out + s.out_at
    cdef char* end = <char*>memmem(p, s.out_n - s.out_at, b"\r\n\r\n", 4) if s.out != NULL else NULL
    cdef char* line
    cdef int n, error
    if end == NULL:
        if s.finished:
            h2_conns.cut(&s.conn)
        return False
    line = <char*>memchr(p, c"\r", end + 2 - p)
    n = read_fields(line + 2, end + 2)
    list[0].name = <const uint8_t*>b":status"
    list[0].name_n = 7
    list[0].value = <const uint8_t*>p + 9
    list[0].value_n = 3
    s.out_at += <uint32_t>(end + 4 - p)
    if n > 0 and p[9] == c"1":
        return nghttp2.submit_headers(s.h2.session, 0, s.id, NULL, list, n, s) == 0
    s.started = True
    provider.source.ptr = s
    if n > 0 and s.finished and s.out_at == s.out_n:
        error = nghttp2.submit_response(s.h2.session, s.id, list, n, NULL)
        sent(s)
    else:
        error = nghttp2.submit_response(s.h2.session, s.id, list, n, &provider) if n > 0 else -1
    if error:
        h2_conns.cut(&s.conn)
    return error == 0


cdef void answer_pump(H2Stream* s) noexcept nogil:
    while not s.started and not s.conn.stream.closing:
        if not head_next(s):
            return
    if s.deferred and (s.out_at < s.out_n or s.finished) and not s.conn.stream.closing:
        s.deferred = False
        nghttp2.resume_data(s.h2.session, s.id)
    h2_stream_relieve(s)


provider.read = on_wanted
