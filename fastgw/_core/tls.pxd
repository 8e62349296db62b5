"""TLS between memory and memory: what came from the wire goes in, what has to go out is in tls_out after each call.

No descriptor is touched here: stream.pyx carries the bytes. One transport (BIO) serves all connections of a worker,
for a call never leaves bytes in it: a connection at rest holds no buffer but what OpenSSL keeps of a record that has
come in part.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastgw._core.bytes cimport Span, Writer
from fastgw._core.client_cert cimport ClientCert

cdef enum TlsResult:
    TLS_MORE = 0            # all was taken
    TLS_CLOSED = 1          # the peer sent close_notify: nothing follows
    TLS_BROKEN = 2          # the handshake failed, or the peer does not keep to the protocol. An alert may be in tls_out
    TLS_PLAIN = 3           # a client speaks plain HTTP to a server: what came is no TLS at all

cdef enum:
    TLS_RECORD = 16384      # most plain bytes of one record
    TLS_HELD = 32768        # what a read may give beyond its own length: a record that had come in part
    TLS_ROOM = 17408        # a sealed record is no longer

cdef struct TlsDomain:      # what a server shows and asks under one name
    char* name              # owned; lower case: "api.test", "*.test" for one more label before it, "*" for the rest
    uint32_t name_n
    void* ctx               # SSL_CTX, with its certificate
    int minimum             # version
    uint8_t session[32]     # sessions of other domains, or of other rules for this one, are not resumed
    uint64_t mark           # of the authorities and revocations that clients are held against; 0: no certificate is asked
    char* staple            # OCSP response, DER; owned. NULL: none
    uint32_t staple_n

cdef struct TlsContext:     # settings that connections share; lives as long as its Python object or one of them
    void* ctx               # SSL_CTX
    uint32_t refs
    uint8_t verifies        # a client's: the server's certificate
    uint8_t alpn[64]        # a server's: protocols in its order, each with its length
    uint8_t alpn_n
    TlsDomain* domains      # a server's, by name
    uint32_t ndomains

cdef struct Tls:            # one connection's
    void* ssl
    TlsContext* context
    uint8_t server
    uint8_t open            # the handshake is done
    uint8_t closed          # close_notify came
    uint8_t spoke           # anything came
    unsigned long error     # of OpenSSL, why it broke
    const TlsDomain* domain # of a server, once the client has named it
    void** session          # a client's: where the next connection finds what to resume. NULL: nothing is kept

cdef struct Secured:        # what a handshake with a client agreed on; all NULL: plain
    const char* version     # "TLSv1.3"; these two are OpenSSL's own for good
    const char* cipher
    uint64_t mark           # of the authorities that its certificate was held against; 0: it has shown none
    ClientCert* certificate     # held; NULL: it has shown none

cdef Writer tls_out         # sealed bytes that are to be sent; the caller empties it

cdef Tls* tls_new(TlsContext* context, bint server, Span name) noexcept nogil
"""name: of a client's server, for SNI (not for an IP address) and, where the context verifies, for its certificate."""
cdef void tls_resume(Tls* t, void** session) noexcept nogil
"""Before tls_start: resume what is at `session`, and put there what the server gives. It is the caller's, to be freed
by tls_session_free; t.session is set back to NULL before the place goes."""
cdef void tls_session_free(void* session) noexcept nogil    # NULL: nothing
cdef const char* tls_reason(const Tls* t) noexcept nogil    # why it broke, in OpenSSL's words, which nobody frees
cdef TlsContext* context_hold(TlsContext* context) noexcept nogil
cdef void tls_free(Tls* t) noexcept nogil
cdef int tls_start(Tls* t) noexcept nogil       # a client's first flight
cdef int tls_receive(Tls* t, const char* p, uint32_t n, char* plain, uint32_t cap, uint32_t* got) noexcept nogil
"""Handshake and records. cap is at least n + TLS_HELD; got may be more than 0 whatever the result is."""
cdef bint tls_seal(Tls* t, const char* p, uint32_t n) noexcept nogil    # n up to TLS_RECORD. False: broken
cdef void tls_bye(Tls* t) noexcept nogil        # close_notify
cdef bint tls_holds(const Tls* t) noexcept nogil    # part of a record
cdef Span tls_alpn(const Tls* t) noexcept nogil     # the protocol agreed on, or nothing
cdef bint tls_resumed(const Tls* t) noexcept nogil
cdef Secured tls_secured(const Tls* t) noexcept nogil      # once it is open; the certificate is the caller's to leave
cdef uint32_t tls_live() noexcept nogil         # connections

cdef Tls* tls_at_work       # whose handshake goes on, for OpenSSL's callbacks
cdef TlsContext* context_new(const void* method) except NULL
cdef void* ctx_new(const void* method) except NULL
cdef void domain_free(TlsDomain* domain) noexcept nogil
cdef void context_leave(TlsContext* context) noexcept nogil
cdef list certificates_of(bytes pem)        # X509 pointers as numbers; ValueError
cdef void free_certificates(list certificates)
cdef int use_certificate(void* ctx, bytes pem, bytes key_pem) except -1
cdef bytes protocols(object names)          # as ALPN writes them (RFC 7301 section 3.1)
cdef str reason()                           # of the newest error
cdef int refuse_password(char* to, int n, int writing, void* arg) noexcept nogil

cdef class ClientContext:
    cdef TlsContext* context
    cdef object __weakref__
