"""Streams over libuv handles."""
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memmove, memset, strlen
from libc.errno cimport EAGAIN, EINTR, ENOMEM, EPIPE, errno

from fastgw._core.libuv cimport (UV_ENOBUFS, UV_EOF, UV_REQ_CONNECT, UV_REQ_SHUTDOWN, UV_REQ_WRITE, uv, uv_data,
                                 uv_set_data)
from fastgw._core.tls cimport (TLS_BROKEN, TLS_CLOSED, TLS_HELD, TLS_MORE, TLS_PLAIN, TLS_RECORD, TLS_ROOM, tls_bye,
                               tls_free, tls_holds, tls_new, tls_out, tls_receive, tls_seal, tls_start)

cdef extern from "<sys/socket.h>" nogil:
    enum: MSG_PEEK, MSG_DONTWAIT, MSG_NOSIGNAL
    struct msghdr:
        void* msg_iov
        size_t msg_iovlen
    ssize_t recv(int fd, void* buf, size_t n, int flags)
    ssize_t send(int fd, const void* buf, size_t n, int flags)
    ssize_t sendmsg(int fd, const msghdr* message, int flags)

# One buffer for the whole worker: data is handled inside the read callback, or copied by its owner.
cdef char read_buffer[READ_BYTES]
cdef ssize_t received           # by on_alloc, for the on_read that follows it
cdef char plain[READ_BYTES + TLS_HELD]      # what TLS makes of read_buffer
cdef char record[TLS_RECORD]                # pieces of a write that share a record
cdef uint32_t requests_live = 0

cdef enum:
    FULL_READS = 16             # full buffers of one stream before the others have their turn
    STRAY_BYTES = 4096          # read at once from a connection at rest

cdef struct WriteRequest:       # followed by uv_write_t, then by the bytes
    Stream* stream
    uint32_t n


cdef void on_alloc(void* handle, size_t suggested, Buf* buf) noexcept nogil:
    """Called by libuv when the descriptor is readable. We receive here, with recv(), which is cheaper than the read()
    that libuv would do, and give no buffer: libuv then goes straight to on_read with UV_ENOBUFS."""
    global received
    received = receive(<Stream*>uv_data(handle))
    buf.base = NULL
    buf.len = 0


cdef inline ssize_t receive(Stream* s) noexcept nogil:
    cdef ssize_t n = recv(s.fd, read_buffer, READ_BYTES, MSG_DONTWAIT)
    return n if n >= 0 else -errno


cdef void on_read(void* handle, ssize_t status, const Buf* buf) noexcept nogil:
    cdef Stream* s = <Stream*>uv_data(handle)
    cdef ssize_t n = received if status == UV_ENOBUFS else status
    cdef int turns = 0
    while n > 0:
        if s.tls == NULL:
            s.on.data(s.owner, read_buffer, <uint32_t>n)
        else:
            open_records(s, <uint32_t>n)
        turns += 1
        if n < READ_BYTES or turns == FULL_READS or s.closing or not s.reading:
            return
        n = receive(s)
    if n == -EAGAIN or n == -EINTR:
        return
    if n == 0 or n == UV_EOF:
        n = 0 if s.tls == NULL or s.tls.closed else <int>STREAM_CUT
    end(s, <int>n)


cdef void end(Stream* s, int error) noexcept nogil:
    """Nothing more will be read. A connection of ours that was not made is told as one."""
    uv.read_stop(s.handle)
    s.reading = False
    s.ended = True
    if s.tls != NULL and not s.tls.open and not s.tls.server:
        s.on.connected(s.owner, error)
    else:
        s.on.ended(s.owner, error)


cdef void on_closed(void* handle) noexcept nogil:
    cdef Stream* s = <Stream*>uv_data(handle)
    if s.tls != NULL:
        tls_free(s.tls)
        s.tls = NULL
    s.on.closed(s.owner)


cdef void on_connected(void* request, int status) noexcept nogil:
    cdef Stream* s = <Stream*>uv_data(request)
    global requests_live
    requests_live -= 1
    free(request)
    if s.closing:
        return
    if status == 0:
        uv.fileno(s.handle, &s.fd)
        if s.tls != NULL:
            shake_hands(s)
            return
    s.on.connected(s.owner, status)


cdef void on_written(void* request, int status) noexcept nogil:
    cdef WriteRequest* w = <WriteRequest*>uv_data(request)
    cdef Stream* s = w.stream
    global requests_live
    s.queued -= w.n
    requests_live -= 1
    free(w)
    if s.closing:
        return
    if status < 0:
        end(s, status)
    elif s.queued == 0 and (s.tls == NULL or s.tls.open):   # else it was of the handshake, of which the owner knows nothing
        s.on.drained(s.owner)


cdef void on_finished(void* request, int status) noexcept nogil:
    global requests_live
    requests_live -= 1
    free(request)


cdef int stream_init(Stream* s, void* handle, void* loop, bint tcp, void* owner, const StreamEvents* on) noexcept nogil:
    s.carrier = NULL
    s.handle = handle
    s.owner = owner
    s.on = on
    s.queued = 0
    s.fd = -1
    s.tls = NULL
    s.tcp = tcp
    s.reading = s.ended = s.closing = s.reset = False
    cdef int error = uv.tcp_init(loop, handle) if tcp else uv.pipe_init(loop, handle, 0)
    uv_set_data(handle, s)
    return error


cdef void stream_carried(Stream* s, const Carrier* carrier, void* owner, const StreamEvents* on) noexcept nogil:
    s.carrier = carrier
    s.owner = owner
    s.on = on
    s.fd = -1
    s.reading = True


cdef int stream_accept(Stream* s, void* server) noexcept nogil:
    cdef int error = uv.accept(server, s.handle)
    return uv.fileno(s.handle, &s.fd) if error == 0 else error


cdef int stream_connect(Stream* s, const void* address, const char* unix_path) noexcept nogil:
    """Start to connect; exactly one of address (struct sockaddr*) and unix_path is set."""
    global requests_live
    cdef void* request = malloc(uv.req_size(UV_REQ_CONNECT))
    cdef int error
    if request == NULL:
        return -ENOMEM
    uv_set_data(request, s)
    if unix_path != NULL:
        error = uv.pipe_connect2(request, s.handle, unix_path, strlen(unix_path), 0, on_connected)
    else:
        uv.tcp_nodelay(s.handle, 1)
        error = uv.tcp_connect(request, s.handle, address, on_connected)
    if error < 0:
        free(request)
    else:
        requests_live += 1
    return error


cdef inline ssize_t try_send(Stream* s, const Buf* bufs, uint32_t n) noexcept nogil:
    """One system call: send() takes neither the file-position lock nor the checks that write() does."""
    cdef msghdr message
    if n == 1:
        return send(s.fd, bufs[0].base, bufs[0].len, MSG_DONTWAIT | MSG_NOSIGNAL)
    memset(&message, 0, sizeof(message))
    message.msg_iov = <void*>bufs       # Buf is struct iovec
    message.msg_iovlen = n
    return sendmsg(s.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL)


cdef int write_raw(Stream* s, const Buf* bufs, uint32_t n) noexcept nogil:
    global requests_live
    cdef ssize_t sent = 0
    cdef size_t total = 0, left
    cdef uint32_t i
    cdef WriteRequest* w
    cdef char* to
    cdef Buf rest
    cdef size_t request_bytes
    cdef int error
    if s.queued == 0:
        sent = try_send(s, bufs, n)
        if sent < 0:
            if errno != EAGAIN and errno != EINTR:
                return -errno
            sent = 0
    for i in range(n):
        total += bufs[i].len
    if <size_t>sent == total:
        return 0
    left = total - sent
    request_bytes = (uv.req_size(UV_REQ_WRITE) + 15) & ~<size_t>15
    w = <WriteRequest*>malloc(16 + request_bytes + left)
    if w == NULL:
        return -ENOMEM
    w.stream = s
    w.n = <uint32_t>left
    to = <char*>w + 16 + request_bytes
    rest.base = to
    rest.len = left
    for i in range(n):
        if <size_t>sent >= bufs[i].len:
            sent -= bufs[i].len
            continue
        memcpy(to, bufs[i].base + sent, bufs[i].len - sent)
        to += bufs[i].len - sent
        sent = 0
    uv_set_data(<char*>w + 16, w)
    error = uv.write(<char*>w + 16, s.handle, &rest, 1, on_written)
    if error < 0:
        free(w)
        return error
    requests_live += 1
    s.queued += w.n
    return 0


cdef int stream_write(Stream* s, const Buf* bufs, uint32_t n) noexcept nogil:
    if s.closing:
        return -EPIPE
    if s.carrier != NULL:
        return s.carrier.write(s, bufs, n)
    return write_raw(s, bufs, n) if s.tls == NULL else write_sealed(s, bufs, n)


# --- TLS

cdef int send_sealed(Stream* s) noexcept nogil:
    """What TLS has to send, for the write or the read under way."""
    cdef Buf out
    cdef int error = 0
    if tls_out.n:
        out.base = tls_out.p
        out.len = tls_out.n
        error = write_raw(s, &out, 1)
        tls_out.n = 0
    return error


cdef inline int seal(Stream* s, const char* p, uint32_t n) noexcept nogil:
    cdef int error = send_sealed(s) if tls_out.cap - tls_out.n < TLS_ROOM else 0
    return error if error or tls_seal(s.tls, p, n) else <int>STREAM_BROKEN


cdef int write_sealed(Stream* s, const Buf* bufs, uint32_t n) noexcept nogil:
    """Pieces share records, and records a system call; what fills a record by itself is not copied for it."""
    cdef uint32_t i, filled = 0
    cdef size_t at, take
    cdef int error = 0
    for i in range(n):
        at = 0
        while at < bufs[i].len and error == 0:
            take = min(bufs[i].len - at, <size_t>(TLS_RECORD - filled))
            if filled == 0 and (take == TLS_RECORD or i + 1 == n):
                error = seal(s, bufs[i].base + at, <uint32_t>take)
            else:
                memcpy(record + filled, bufs[i].base + at, take)
                filled += <uint32_t>take
                if filled == TLS_RECORD:
                    error = seal(s, record, filled)
                    filled = 0
            at += take
    if filled and error == 0:
        error = seal(s, record, filled)
    if error:
        tls_out.n = 0
        return error
    return send_sealed(s)


cdef int secured(int result) noexcept nogil:
    if result == TLS_CLOSED:
        return 0
    return STREAM_PLAIN if result == TLS_PLAIN else STREAM_BROKEN


cdef void open_records(Stream* s, uint32_t n) noexcept nogil:
    """Hand on what read_buffer holds: a handshake's end, data, the end.

    The end waits while the owner does not read, and is told with the FIN that follows. An upstream's is known before
    its last data are handed on, for the connection not to be used again.
    """
    cdef bint was_open = s.tls.open
    cdef uint32_t got = 0
    cdef int result, error
    if s.tls.closed:
        return
    result = tls_receive(s.tls, read_buffer, n, plain, sizeof(plain), &got)
    error = send_sealed(s)
    if error:
        end(s, error)
        return
    if result == TLS_CLOSED and not s.tls.server:
        s.ended = True
    if s.tls.open and not was_open and s.on.connected != NULL:
        s.on.connected(s.owner, 0)
    if got and not s.closing:
        s.on.data(s.owner, plain, got)
    if s.closing or result == TLS_MORE:
        return
    if result == TLS_PLAIN:
        tls_free(s.tls)
        s.tls = NULL
        s.on.ended(s.owner, STREAM_PLAIN)
    elif s.reading or result != TLS_CLOSED:
        end(s, secured(result))


cdef void shake_hands(Stream* s) noexcept nogil:
    cdef int result = tls_start(s.tls)
    cdef int error = send_sealed(s)
    if error or result != TLS_MORE:
        end(s, error if error else secured(result))
    else:
        stream_read(s, True)


cdef int stream_secure(Stream* s, TlsContext* context, bint server, Span name) noexcept nogil:
    s.tls = tls_new(context, server, name)
    return 0 if s.tls != NULL else -ENOMEM


cdef void stream_unread(Stream* s, const char* p, uint32_t n) noexcept nogil:
    memmove(read_buffer, p, n)
    if n:
        open_records(s, n)


cdef void say_bye(Stream* s) noexcept nogil:
    if s.tls != NULL and not s.reset:
        tls_bye(s.tls)
        send_sealed(s)


cdef bint rests(Stream* s) noexcept nogil:
    """A peer may send session tickets and new keys whenever it likes: only data, or the end, is a change."""
    cdef char some[STRAY_BYTES]
    cdef char data[STRAY_BYTES + TLS_HELD]
    cdef uint32_t got = 0
    cdef ssize_t n
    while True:
        n = recv(s.fd, some, sizeof(some), MSG_DONTWAIT)
        if n < 0:
            return errno == EAGAIN and not tls_holds(s.tls)
        if n == 0 or tls_receive(s.tls, some, <uint32_t>n, data, sizeof(data), &got) != TLS_MORE or got:
            tls_out.n = 0
            return False
        if send_sealed(s):
            return False


cdef void stream_read(Stream* s, bint on) noexcept nogil:
    if s.closing or s.ended or s.reading == on:
        return
    s.reading = on
    if s.carrier != NULL:
        s.carrier.read(s, on)
    elif on:
        uv.read_start(s.handle, on_alloc, on_read)
    else:
        uv.read_stop(s.handle)


cdef void stream_finish(Stream* s) noexcept nogil:
    global requests_live
    if s.closing:
        return
    if s.carrier != NULL:
        s.carrier.finish(s)
        return
    say_bye(s)
    cdef void* request = malloc(uv.req_size(UV_REQ_SHUTDOWN))
    if request == NULL:
        return
    if uv.shutdown(request, s.handle, on_finished) < 0:
        free(request)
    else:
        requests_live += 1


cdef void stream_close(Stream* s) noexcept nogil:
    if s.closing:
        return
    if s.carrier != NULL:
        s.closing = True
        s.carrier.close(s)
        return
    if s.queued == 0:
        say_bye(s)
    s.closing = True
    if s.reset and s.tcp and uv.tcp_close_reset(s.handle, on_closed) == 0:
        return
    uv.close(s.handle, on_closed)


cdef bint stream_fresh(Stream* s) noexcept nogil:
    cdef char byte
    if s.ended or s.closing:
        return False
    if s.tls != NULL:
        return rests(s)
    return recv(s.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 and errno == EAGAIN


cdef uint32_t stream_live() noexcept nogil:
    return requests_live
