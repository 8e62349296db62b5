"""Streams of HTTP/2 as transports."""
from libc.errno cimport ENOMEM, EPIPE
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memmove

from fastgw._core.client_cert cimport client_cert_hold, client_cert_leave
from fastgw._core.clock cimport TIMER_CONN, timer_init
from fastgw._core.exchange_memory cimport buffer_free, buffer_hold
from fastgw._core.libuv cimport Buf, UV_TIMER, uv
from fastgw._core.nghttp2 cimport H2_CANCEL, H2_INTERNAL_ERROR, nghttp2
from fastgw._core.state cimport Conn, core
from fastgw._core.stream cimport Carrier, Stream, stream_carried

cdef enum:
    MUCH = 65536            # bytes to be sent beyond which the source of an answer waits
    LITTLE = 16384          # and at which it goes on

cdef Carrier carrier
cdef void (*flush)(H2* h2) noexcept nogil
cdef void* waker = NULL     # libuv's timer; due at once
cdef bint awake = False
cdef H2* due = NULL
cdef H2Stream* graves = NULL    # to be freed where no event of theirs can be on the stack


# --- from the loop

cdef void on_wake(void* handle) noexcept nogil:
    global awake, due
    cdef H2* h2 = due
    cdef H2* following
    awake = False
    due = NULL
    while h2 != NULL:
        following = h2.next_due
        h2.due = False
        flush(h2)
        h2 = following
    reap()


cdef void wake() noexcept nogil:
    global awake
    if not awake and waker != NULL:
        awake = True
        uv.timer_start(waker, on_wake, 0, 0)


cdef void reap() noexcept nogil:
    global graves
    cdef H2Stream* s
    while graves != NULL:
        s = graves
        graves = s.next
        h2_conns.end(&s.conn)
        buffer_free(&s.out, &s.out_cap)
        client_cert_leave(s.conn.secured.certificate)
        free(s)
        core.live.streams -= 1


cdef void bury(H2Stream* s) noexcept nogil:
    global graves
    s.next = graves
    graves = s
    wake()


cdef void h2_due(H2* h2) noexcept nogil:
    global due
    if not h2.due:
        h2.due = True
        h2.next_due = due
        due = h2
        wake()


cdef void h2_ready(H2Stream* s) noexcept nogil:
    if not s.ready and s.h2 != NULL:
        s.ready = True
        s.next_ready = s.h2.ready
        s.h2.ready = s
        h2_due(s.h2)


cdef void h2_forget(H2* h2) noexcept nogil:
    cdef H2** link = &due
    while link[0] != NULL:
        if link[0] == h2:
            link[0] = h2.next_due
            return
        link = &link[0].next_due


# --- life

cdef void begin(Conn* c, Conn* outer) noexcept nogil:
    c.outer = outer
    c.local_port, c.address, c.secure = outer.local_port, outer.address, outer.secure
    c.secured = outer.secured
    client_cert_hold(c.secured.certificate)
    c.activity = uv.now(core.loop)
    stream_carried(&c.stream, &carrier, c, h2_conns.stream)
    timer_init(&c.timer, TIMER_CONN)


cdef H2Stream* h2_stream_new(H2* h2, int32_t id) noexcept nogil:
    cdef H2Stream* s = <H2Stream*>calloc(1, sizeof(H2Stream))
    if s == NULL:
        return NULL
    if nghttp2.set_owner(h2.session, id, s) != 0:
        free(s)
        return NULL
    s.h2 = h2
    s.id = id
    s.next = h2.streams
    if h2.streams != NULL:
        h2.streams.prev = s
    h2.streams = s
    h2.nstreams += 1
    core.live.streams += 1
    begin(&s.conn, h2.conn)
    return s


cdef void unlink(H2Stream* s) noexcept nogil:
    cdef H2* h2 = s.h2
    cdef H2Stream** link = &h2.ready
    if s.prev != NULL:
        s.prev.next = s.next
    else:
        h2.streams = s.next
    if s.next != NULL:
        s.next.prev = s.prev
    if s.ready:
        while link[0] != s:
            link = &link[0].next_ready
        link[0] = s.next_ready
    if h2.head.stream == s:
        h2.head.stream = NULL
    h2.nstreams -= 1
    if h2.nstreams == 0:
        h2.idle_since = uv.now(core.loop)
    s.h2 = NULL


cdef void h2_stream_closed(H2Stream* s) noexcept nogil:
    give_back(s)
    unlink(s)
    if s.conn.stream.closing:
        bury(s)
    else:
        h2_conns.close(&s.conn)         # on_close follows


# --- the request's window

cdef void give_back(H2Stream* s) noexcept nogil:
    """The connection's window does not end with the stream."""
    if s.unread:
        nghttp2.consume_connection(s.h2.session, s.unread)
        s.unread = 0
        h2_due(s.h2)


cdef void h2_stream_taken(H2Stream* s) noexcept nogil:
    if s.unread and s.h2 != NULL and (s.conn.stream.reading or s.conn.lingering):
        nghttp2.consume(s.h2.session, s.id, s.unread)
        s.unread = 0
        h2_due(s.h2)


# --- the transport

cdef inline H2Stream* of(Stream* stream) noexcept nogil:
    return <H2Stream*>stream.owner


cdef int on_write(Stream* stream, const Buf* bufs, uint32_t n) noexcept nogil:
    cdef H2Stream* s = of(stream)
    cdef uint32_t i
    if s.h2 == NULL:
        return -EPIPE
    if s.out_at:
        memmove(s.out, s.out + s.out_at, s.out_n - s.out_at)
        s.out_n -= s.out_at
        s.out_at = 0
    for i in range(n):
        if not buffer_hold(&s.out, &s.out_cap, s.out_n, bufs[i].base, <uint32_t>bufs[i].len):
            return -ENOMEM
        s.out_n += <uint32_t>bufs[i].len
    if s.out_n > MUCH:
        stream.queued = s.out_n
    h2_ready(s)
    return 0


cdef void h2_stream_relieve(H2Stream* s) noexcept nogil:
    cdef Stream* stream = &s.conn.stream
    if stream.queued and s.out_n - s.out_at <= LITTLE and not stream.closing:
        stream.queued = 0
        stream.on.drained(stream.owner)


cdef void on_read(Stream* stream, bint on) noexcept nogil:
    if on:
        h2_stream_taken(of(stream))


cdef void on_finish(Stream* stream) noexcept nogil:
    of(stream).finished = True
    h2_ready(of(stream))


cdef void on_close(Stream* stream) noexcept nogil:
    cdef H2Stream* s = of(stream)
    if s.h2 == NULL:
        bury(s)
        return
    if not s.sent:
        nghttp2.submit_reset(s.h2.session, 0, s.id, H2_INTERNAL_ERROR if stream.reset else H2_CANCEL)
    give_back(s)
    h2_due(s.h2)


cdef int h2_streams_open(const H2Events* events, void (*on_due)(H2* h2) noexcept nogil, void* loop) except -1:
    global h2_conns, flush, waker, awake
    awake = False
    h2_conns = events
    flush = on_due
    carrier.write = on_write
    carrier.read = on_read
    carrier.finish = on_finish
    carrier.close = on_close
    waker = calloc(1, uv.handle_size(UV_TIMER))
    if waker == NULL:
        raise MemoryError
    uv.timer_init(loop, waker)
    return 0


cdef void on_waker_closed(void* handle) noexcept nogil:
    free(handle)


cdef void h2_streams_close() noexcept nogil:
    global waker
    reap()
    if waker != NULL:
        uv.close(waker, on_waker_closed)
        waker = NULL
