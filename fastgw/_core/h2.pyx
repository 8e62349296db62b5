"""Sessions of HTTP/2."""
from libc.stdint cimport int32_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from fastgw._core.bytes cimport Span
from fastgw._core.counters cimport H_HTTP2_CONNECTIONS, H_HTTP2_FLOODS
from fastgw._core.h2_answer cimport answer_pump
from fastgw._core.h2_guard cimport COST_RESET, FRAME_HEAD_BYTES, STRAY_BYTES, guard_spend
from fastgw._core.h2_request cimport (HEADED, HEAD_MALFORMED, HEAD_TOO_MUCH, request_begin, request_body, request_ended,
                                      request_field, request_forget, request_headed)
from fastgw._core.h2_state cimport CONNECTION_WINDOW, H2, H2Stream, PATIENCE, STREAM_WINDOW, STREAMS_AT_ONCE, h2_of
from fastgw._core.h2_stream cimport (h2_conns, h2_due, h2_forget, h2_stream_closed, h2_stream_new, h2_streams_close,
                                     h2_streams_open)
from fastgw._core.libuv cimport Buf, uv
from fastgw._core.nghttp2 cimport (FLAG_END_STREAM, FRAME_CONTINUATION, FRAME_DATA, FRAME_HEADERS, FrameHead,
                                   H2_ENHANCE_YOUR_CALM, H2_NO_ERROR, H2_PROTOCOL_ERROR, NG_BAD_PREFACE,
                                   NG_REFUSE_STREAM, NG_STOP, SETTING_HEADER_LIST, SETTING_MAX_STREAMS, SETTING_WINDOW,
                                   SessionCallbacks, Setting, nghttp2, session_new)
from fastgw._core.state cimport core, count
from fastgw._core.stream cimport stream_read, stream_write
from fastgw._core.tls cimport tls_alpn

cdef enum:
    SEND_BYTES = 65536          # of one write
    TURNS = 8                   # of a connection before the others have theirs
    CONTINUATIONS = 8           # of one header block
    PREFACE_BYTES = 24          # RFC 9113 section 3.4

cdef const char* PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

cdef SessionCallbacks callbacks
cdef char send_buffer[SEND_BYTES]


cdef inline uint64_t now_ms() noexcept nogil:
    return uv.now(core.loop)


# --- what nghttp2 tells

cdef int give_up(H2* h2, uint32_t error) noexcept nogil:
    """Say why, and look at nothing more that comes. Its result stops nghttp2 where it stands."""
    if h2.ending:
        return NG_STOP
    if error == H2_ENHANCE_YOUR_CALM:
        count(H_HTTP2_FLOODS)
    h2.ending = True
    nghttp2.terminate(h2.session, error)
    return NG_STOP


cdef int spend(H2* h2, int points) noexcept nogil:
    return 0 if guard_spend(h2, points, now_ms()) else give_up(h2, H2_ENHANCE_YOUR_CALM)


cdef int on_begin_frame(void* session, const FrameHead* frame, void* owner) noexcept nogil:
    """Frames by what they may bring: DATA and HEADERS are paid for by what they are, the others by patience."""
    cdef H2* h2 = <H2*>owner
    h2.known += FRAME_HEAD_BYTES + frame.length
    if frame.type == FRAME_HEADERS:
        return 0
    if frame.type == FRAME_DATA:
        return 0 if frame.length or frame.flags & FLAG_END_STREAM else spend(h2, 1)
    if frame.type == FRAME_CONTINUATION:
        h2.head.frames += 1
        return give_up(h2, H2_ENHANCE_YOUR_CALM) if h2.head.frames > CONTINUATIONS else 0
    return spend(h2, 1)


cdef int on_begin_headers(void* session, const FrameHead* frame, void* owner) noexcept nogil:
    cdef H2* h2 = <H2*>owner
    cdef H2Stream* s = NULL
    if nghttp2.owner(session, frame.stream_id) == NULL:
        s = h2_stream_new(h2, frame.stream_id)
        if s == NULL:
            return NG_REFUSE_STREAM
    request_begin(h2, s)
    return 0


cdef int on_header(void* session, const FrameHead* frame, const uint8_t* name, size_t name_n, const uint8_t* value,
                   size_t value_n, uint8_t flags, void* owner) noexcept nogil:
    cdef H2* h2 = <H2*>owner
    if request_field(h2, <const char*>name, name_n, <const char*>value, value_n) == HEAD_TOO_MUCH:
        return give_up(h2, H2_ENHANCE_YOUR_CALM)
    return 0


cdef int on_invalid_header(void* session, const FrameHead* frame, const uint8_t* name, size_t name_n,
                           const uint8_t* value, size_t value_n, uint8_t flags, void* owner) noexcept nogil:
    (<H2*>owner).head.malformed = True      # without this nghttp2 would only leave the field out
    return 0


cdef int on_headers(H2* h2, H2Stream* s, bint ended) noexcept nogil:
    """A header block is complete: of a new request, or trailers."""
    cdef int result
    if h2.head.stream != s:
        if ended:
            request_ended(s)
        return 0
    h2.conn.requests += 1
    if core.drain or core.memory_step or h2.conn.requests >= core.limits.keepalive_requests:
        last_one(h2)
    result = request_headed(h2, ended)
    if result == HEAD_TOO_MUCH:
        return give_up(h2, H2_ENHANCE_YOUR_CALM)
    if result == HEAD_MALFORMED:
        nghttp2.submit_reset(h2.session, 0, s.id, H2_PROTOCOL_ERROR)
    return 0


cdef int on_frame(void* session, const FrameHead* frame, void* owner) noexcept nogil:
    cdef H2* h2 = <H2*>owner
    cdef H2Stream* s
    cdef bint ended
    if frame.type != FRAME_HEADERS and frame.type != FRAME_DATA:
        return 0
    s = <H2Stream*>nghttp2.owner(session, frame.stream_id)
    ended = frame.flags & FLAG_END_STREAM
    if s == NULL:
        return 0
    if frame.type == FRAME_HEADERS:
        return on_headers(h2, s, ended)
    if ended:
        request_ended(s)
    return 0


cdef int on_chunk(void* session, uint8_t flags, int32_t id, const uint8_t* p, size_t n, void* owner) noexcept nogil:
    cdef H2* h2 = <H2*>owner
    cdef H2Stream* s = <H2Stream*>nghttp2.owner(session, id)
    if s == NULL or s.conn.lingering or s.conn.stream.closing:
        nghttp2.consume_connection(session, n)
    else:
        request_body(s, <const char*>p, <uint32_t>n)
    return 0


cdef int on_closed(void* session, int32_t id, uint32_t error, void* owner) noexcept nogil:
    cdef H2Stream* s = <H2Stream*>nghttp2.owner(session, id)
    if s == NULL:
        return 0
    if error != H2_NO_ERROR and not s.started:
        spend(<H2*>owner, COST_RESET)
    h2_stream_closed(s)
    return 0


# --- sending

cdef void pump(H2* h2) noexcept nogil:
    cdef H2Stream* s
    while h2.ready != NULL:
        s = h2.ready
        h2.ready = s.next_ready
        s.ready = False
        answer_pump(s)


cdef bint write(H2* h2, uint32_t n) noexcept nogil:
    cdef Buf buf
    buf.base = send_buffer
    buf.len = n
    return n == 0 or stream_write(&h2.conn.stream, &buf, 1) == 0


cdef bint send(H2* h2) noexcept nogil:
    """All that nghttp2 has, or as much as the client takes; False: the connection has failed."""
    cdef const uint8_t* p = NULL
    cdef ssize_t n
    cdef uint32_t have = 0
    while h2.conn.stream.queued == 0:
        n = nghttp2.mem_send(h2.session, &p)
        if n < 0:
            return False
        if n == 0 or have + n > SEND_BYTES:
            if not write(h2, have):
                return False
            have = 0
        if n == 0:
            return True
        memcpy(send_buffer + have, p, n)
        have += <uint32_t>n
    return write(h2, have)


cdef void flush(H2* h2) noexcept nogil:
    """What a turn of the loop brought, in as few writes as it takes."""
    cdef Conn* c = h2.conn
    cdef int turn
    if c.lingering or c.stream.closing:
        return
    for turn in range(TURNS):
        pump(h2)
        if not send(h2):
            h2_conns.cut(c)
            return
        if h2.ready == NULL or c.stream.queued:
            break
    if c.stream.queued:
        if h2.queued_at == 0:
            h2.queued_at = now_ms()
    elif h2.ready != NULL:
        h2_due(h2)
    elif nghttp2.want_write(h2.session) == 0 and (h2.ending or nghttp2.want_read(h2.session) == 0):
        h2_conns.linger(c)
        return
    if h2.nstreams == 0:
        request_forget(h2)
    stream_read(&c.stream, c.stream.queued == 0)
    h2_conns.arm(c)


cdef void h2_drained(Conn* c) noexcept nogil:
    h2_of(c).queued_at = 0
    h2_due(h2_of(c))


# --- life

cdef bint start(Conn* c) noexcept nogil:
    cdef H2* h2 = <H2*>calloc(1, sizeof(H2))
    cdef Setting settings[3]
    if h2 == NULL:
        return False
    h2.session = session_new(&callbacks, h2)
    if h2.session == NULL:
        free(h2)
        return False
    h2.conn = c
    h2.patience = PATIENCE
    h2.known = PREFACE_BYTES
    h2.patient_at = h2.idle_since = now_ms()
    c.h2 = h2
    core.live.sessions += 1
    count(H_HTTP2_CONNECTIONS)
    settings[0].id, settings[0].value = SETTING_MAX_STREAMS, STREAMS_AT_ONCE
    settings[1].id, settings[1].value = SETTING_WINDOW, STREAM_WINDOW
    settings[2].id, settings[2].value = SETTING_HEADER_LIST, core.limits.head_bytes
    nghttp2.submit_settings(h2.session, 0, settings, 3)
    nghttp2.set_local_window(h2.session, 0, 0, CONNECTION_WINDOW)
    h2_due(h2)
    return True


cdef void h2_secured(Conn* c) noexcept nogil:
    cdef Span protocol = tls_alpn(c.stream.tls)
    if protocol.n == 2 and protocol.p[0] == c"h" and not start(c):      # h2, which is offered where it is spoken
        h2_conns.cut(c)


cdef bint h2_greeted(Conn* c, const char* p, uint32_t n) noexcept nogil:
    """HTTP/2 with prior knowledge begins with its preface (RFC 9113 section 3.3), HTTP/1.1 with anything else."""
    cdef uint32_t at = 0, before = c.preface
    while at < n and c.preface < PREFACE_BYTES and p[at] == PREFACE[c.preface]:
        at += 1
        c.preface += 1
    if c.preface == PREFACE_BYTES:
        if start(c):
            h2_data(c, PREFACE, PREFACE_BYTES)
            h2_data(c, p + at, n - at)
        else:
            h2_conns.cut(c)
    elif at < n:
        c.http2 = False
        if before:
            h2_conns.take(c, PREFACE, before)
        return c.lingering or c.stream.closing
    return True


cdef void h2_data(Conn* c, const char* p, uint32_t n) noexcept nogil:
    cdef H2* h2 = h2_of(c)
    cdef ssize_t error
    cdef uint64_t stray
    if h2.ending:
        return
    error = nghttp2.mem_recv(h2.session, <const uint8_t*>p, n)
    if error < 0 and not h2.ending:
        give_up(h2, H2_PROTOCOL_ERROR if error == NG_BAD_PREFACE else H2_ENHANCE_YOUR_CALM)
    h2.received += n
    if h2.received >= h2.known + STRAY_BYTES:
        stray = (h2.received - h2.known) // STRAY_BYTES
        h2.known += stray * STRAY_BYTES
        spend(h2, <int>stray)
    h2_due(h2)


cdef void last_one(H2* h2) noexcept nogil:
    """GOAWAY: requests that come after those that are under way are not looked at (RFC 9113 section 6.8)."""
    if not h2.going:
        h2.going = True
        nghttp2.submit_goaway(h2.session, 0, nghttp2.last_stream(h2.session), H2_NO_ERROR, NULL, 0)
        h2_due(h2)


cdef void h2_drain(Conn* c, uint64_t lull_ms) noexcept nogil:
    cdef H2* h2 = h2_of(c)
    if lull_ms == 0 or (h2.noticed and now_ms() - h2.noticed_at >= lull_ms):
        last_one(h2)
    elif not h2.noticed:
        h2.noticed = True
        h2.noticed_at = now_ms()
        nghttp2.submit_shutdown_notice(h2.session)
        h2_due(h2)


cdef void h2_leave(Conn* c) noexcept nogil:
    cdef H2* h2 = h2_of(c)
    h2.ending = True
    while h2.streams != NULL:
        h2_stream_closed(h2.streams)


cdef void h2_free(Conn* c) noexcept nogil:
    cdef H2* h2 = h2_of(c)
    h2_forget(h2)
    request_forget(h2)
    nghttp2.session_del(h2.session)
    free(h2)
    c.h2 = NULL
    core.live.sessions -= 1


# --- deadlines

cdef uint64_t h2_deadline(Conn* c) noexcept nogil:
    cdef H2* h2 = h2_of(c)
    if c.stream.queued:
        return h2.queued_at + core.limits.send_timeout
    if h2.head.stream != NULL:
        return h2.head.since + core.limits.head_timeout
    if h2.nstreams:
        return 0
    # What a connection without a request says does not keep it.
    return h2.idle_since + (core.limits.keepalive_timeout if c.requests else core.limits.head_timeout)


cdef void h2_late(Conn* c) noexcept nogil:
    cdef H2* h2 = h2_of(c)
    cdef uint64_t deadline = h2_deadline(c)
    if deadline == 0 or now_ms() < deadline:
        h2_conns.arm(c)
    elif c.stream.queued:
        h2_conns.cut(c)             # the client does not read
    else:
        give_up(h2, H2_NO_ERROR)
        h2_due(h2)


cdef int h2_open(const H2Events* events, void* loop) except -1:
    callbacks.begin_frame = on_begin_frame
    callbacks.begin_headers = on_begin_headers
    callbacks.header = on_header
    callbacks.invalid_header = on_invalid_header
    callbacks.frame = on_frame
    callbacks.chunk = on_chunk
    callbacks.closed = on_closed
    return h2_streams_open(events, flush, loop)


cdef void h2_close() noexcept nogil:
    h2_streams_close()
