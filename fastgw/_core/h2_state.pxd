"""What a connection that speaks HTTP/2 is made of.

Each stream of HTTP/2 is a Conn without a handle, carried by the client's connection: what the client asks there is
written out as a request of HTTP/1.1 for the engine's own parser, whose rules hold once for both; what the exchange
answers is read back into frames. So nothing behind a Conn knows of HTTP/2.

Ownership: a Conn that speaks HTTP/2 owns one H2, and this its session of nghttp2 and its H2Streams. An H2Stream lives
until both sides are done with it: nghttp2 (closed, in h2.pyx) and its own Conn (on_close, in h2_stream.pyx). What is
to be sent is sent from the loop, once for all that a turn brought: nobody calls into nghttp2's sending from inside an
event of an exchange or of nghttp2.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from fastgw._core.state cimport Conn
from fastgw._core.stream cimport StreamEvents

cdef enum:
    STREAMS_AT_ONCE = 100
    STREAM_WINDOW = 65536       # bytes that a client may send ahead on one stream, and on a connection
    CONNECTION_WINDOW = 1048576
    PATIENCE = 1000             # frames that bring nothing, which a client may be ahead; see h2_guard.pxd

cdef struct H2Events:           # what HTTP/2 asks of connections; conn.pyx
    const StreamEvents* stream  # of each Conn, also of a stream's
    void (*take)(Conn* c, const char* p, uint32_t n) noexcept nogil     # bytes of its request
    void (*arm)(Conn* c) noexcept nogil
    void (*close)(Conn* c) noexcept nogil
    void (*cut)(Conn* c) noexcept nogil
    void (*linger)(Conn* c) noexcept nogil
    void (*end)(Conn* c) noexcept nogil                     # before a stream's Conn is freed

cdef struct H2Stream:
    Conn conn                   # first: a Conn that has an outer one is cast back
    H2* h2                      # NULL: nghttp2 has closed the stream, or its connection is gone
    H2Stream* next              # of the connection; or of those to be freed
    H2Stream* prev
    H2Stream* next_ready        # in H2.ready
    int32_t id
    uint8_t ready
    uint8_t chunked             # the request's body has no length: it is handed on in chunks
    uint8_t started             # the answer's final head was given to nghttp2
    uint8_t deferred            # nghttp2 has asked for the answer's body in vain
    uint8_t finished            # nothing will follow in `out`
    uint8_t sent                # all of the answer has left
    char* out                   # the answer as it was written, from out_at on
    uint32_t out_at, out_n, out_cap
    uint32_t unread             # bytes of the request that nghttp2 has not been told of as taken

cdef struct H2Head:             # the header block that is coming; there is one at a time (RFC 9113 section 4.3)
    H2Stream* stream            # NULL: none, or one whose fields are dropped
    char* text                  # values of pseudo fields, then field lines
    uint32_t text_n, text_cap
    char* cookies               # all of them as one value (RFC 9113 section 8.2.3)
    uint32_t cookies_n, cookies_cap
    uint32_t method_n, path_n, authority_n      # they lie in text, in the order of their offsets
    uint32_t method, path, authority
    uint32_t fields             # offset of the first field line
    uint32_t list_bytes         # size of the header list (RFC 9113 section 10.5.1)
    uint32_t frames             # CONTINUATION frames
    uint8_t seen                # bits of the pseudo fields
    uint8_t sized               # has Content-Length
    uint8_t malformed
    uint64_t since              # ms

cdef struct H2:
    Conn* conn
    void* session
    H2* next_due                # of those that have something to send
    uint8_t due
    uint8_t noticed             # GOAWAY without a last stream was sent: new requests are still taken
    uint8_t going               # with one
    uint8_t ending              # nothing that comes is looked at any more
    H2Stream* streams
    uint32_t nstreams
    H2Stream* ready             # streams that have written, or that may again
    H2Head head
    int64_t patience            # see h2_guard.pxd
    uint64_t received           # bytes
    uint64_t known              # of them, or of what will follow: of frames that have a meaning, or are paid for
    uint64_t patient_at         # ms
    uint64_t idle_since         # ms
    uint64_t noticed_at         # ms
    uint64_t queued_at          # ms; the client has taken nothing since. 0: nothing is queued

cdef inline H2* h2_of(Conn* c) noexcept nogil:
    return <H2*>c.h2
