"""The transport seam: bytes in, bytes out, over one libuv TCP or pipe handle.

Whoever owns a Stream gives it a StreamEvents table. What the kernel does not take at once is
copied and counted in `queued`; the owner stops its source while queued > 0 and goes on at
on.drained. A stream that was secured speaks TLS: what is written is sealed on its way, in as few records and
system calls as can be; what arrives is opened, and one read gives one on.data at most.
"""
from libc.stdint cimport uint8_t, uint32_t

from fastgw._core.bytes cimport Span
from fastgw._core.libuv cimport Buf
from fastgw._core.tls cimport Tls, TlsContext

cdef enum StreamError:      # of on.ended and on.connected, beside what errno has; below all of errno's
    STREAM_CUT = -10001     # FIN without close_notify: somebody may have cut what came (RFC 8446 section 6.1)
    STREAM_BROKEN = -10002  # no TLS handshake, or no valid record; an alert has been sent
    STREAM_PLAIN = -10003   # a client speaks plain HTTP. It may be answered: the stream is plain from here on


cdef struct StreamEvents:
    void (*data)(void* owner, const char* p, uint32_t n) noexcept nogil   # p is valid during the call only
    # 0: the peer sent FIN (TLS: close_notify); else a negative errno or a StreamError
    void (*ended)(void* owner, int error) noexcept nogil
    void (*drained)(void* owner) noexcept nogil             # queued went back to 0
    # After stream_connect, and its TLS handshake. Of an accepted stream after its TLS handshake, unless NULL
    void (*connected)(void* owner, int error) noexcept nogil
    void (*closed)(void* owner) noexcept nogil              # nothing refers to the stream any more: free it

cdef struct Carrier:        # of a Stream without a handle: another one's bytes hold its own
    int (*write)(Stream* s, const Buf* bufs, uint32_t n) noexcept nogil     # sets s.queued where it holds much
    void (*read)(Stream* s, bint on) noexcept nogil
    void (*finish)(Stream* s) noexcept nogil
    void (*close)(Stream* s) noexcept nogil             # nothing more is told; s.reset says whether it is cut

cdef struct Stream:
    const Carrier* carrier  # NULL: it has a handle
    void* handle            # uv_tcp_t or uv_pipe_t, in the same allocation as the owner
    void* owner
    const StreamEvents* on
    Tls* tls                # NULL: plain
    uint8_t tcp
    int fd                  # for the first try of a write; -1 until connected
    uint32_t queued         # bytes accepted by write and not yet by the kernel
    uint8_t reading
    uint8_t ended           # the peer sent FIN, or the connection failed
    uint8_t closing
    uint8_t reset           # close with RST, so that a cut message never looks whole

cdef enum:
    READ_BYTES = 65536

cdef int stream_init(Stream* s, void* handle, void* loop, bint tcp, void* owner, const StreamEvents* on) noexcept nogil
cdef void stream_carried(Stream* s, const Carrier* carrier, void* owner, const StreamEvents* on) noexcept nogil
cdef int stream_accept(Stream* s, void* server) noexcept nogil
cdef int stream_connect(Stream* s, const void* address, const char* unix_path) noexcept nogil
cdef int stream_secure(Stream* s, TlsContext* context, bint server, Span name) noexcept nogil
"""Speak TLS. Before stream_connect, or after stream_accept and before the first read. name: as tls_new's."""
cdef void stream_unread(Stream* s, const char* p, uint32_t n) noexcept nogil
"""What came before the stream was secured is TLS's to read. n up to READ_BYTES."""
cdef int stream_write(Stream* s, const Buf* bufs, uint32_t n) noexcept nogil   # 0, or a negative errno: then close
cdef void stream_read(Stream* s, bint on) noexcept nogil
cdef void stream_finish(Stream* s) noexcept nogil       # send FIN after what is queued; TLS: close_notify before it
cdef void stream_close(Stream* s) noexcept nogil        # idempotent; on.closed follows from the loop
cdef bint stream_fresh(Stream* s) noexcept nogil        # nothing to read and not closed by the peer
cdef uint32_t stream_live() noexcept nogil              # write requests in flight
