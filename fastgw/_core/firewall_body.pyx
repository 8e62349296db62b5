"""Look at what there is of a body; gzip and deflate are undone as far as it is looked at."""
from libc.stdint cimport uint8_t

from fastgw._core.bytes cimport span
from fastgw._core.decode cimport CONTENT_GZIP, CONTENT_PLAIN, content_of, window_of
from fastgw._core.libz cimport (ZStream, Z_BUF_ERROR, Z_OK, Z_STREAM_END, inflate, inflate_end, inflate_init)
from fastgw._core.state cimport BODY_LENGTH, BODY_NONE

cdef char decoded[BODY_MOST + 1]      # one more: to see that there is more


cdef inline Span arrived(Exchange* ex) noexcept nogil:
    """What has come of the body. An exchange that holds some of it has what it holds."""
    if ex.collected != NULL:
        return span(ex.collected, <uint32_t>ex.body_seen)
    return span(ex.body_now, ex.body_now_n)


cdef inline bint whole(Exchange* ex) noexcept nogil:
    return ex.received or ex.body == BODY_NONE or (ex.collected == NULL and ex.body == BODY_LENGTH
                                                   and ex.body_now_n == ex.body_left)


cdef bint beginning_here(Exchange* ex, uint32_t n) noexcept nogil:
    return whole(ex) or arrived(ex).n >= n


cdef void undo(int content, Span body, uint32_t n, Beginning* b) noexcept nogil:
    """As many as n decoded bytes; bad: the coding is not what was said, or ends before its time."""
    cdef ZStream z
    cdef int result = Z_OK
    if inflate_init(&z, window_of(content == CONTENT_GZIP, body)) != Z_OK:
        b.bad = True
        return
    z.next_in = <const uint8_t*>body.p
    z.avail_in = body.n
    z.next_out = <uint8_t*>decoded
    z.avail_out = n + 1
    while result == Z_OK and z.avail_in and z.avail_out:
        result = inflate(&z)
    b.cut = b.cut or z.avail_out == 0
    b.text = span(decoded, n if z.avail_out == 0 else n + 1 - z.avail_out)
    if result == Z_STREAM_END:
        b.bad = z.avail_in > 0          # another member follows, or something else
    else:
        b.bad = not b.cut or (result != Z_OK and result != Z_BUF_ERROR)
    inflate_end(&z)


cdef void beginning_read(Exchange* ex, uint32_t n, Beginning* b) noexcept nogil:
    cdef Span body = arrived(ex)
    cdef int content = content_of(ex)
    b.bad = False
    b.cut = not whole(ex) or body.n > n
    if body.n > n:
        body.n = n
    b.text = body
    if content < 0:
        b.bad = body.n > 0
    elif content != CONTENT_PLAIN and body.n:
        undo(content, body, n, b)
