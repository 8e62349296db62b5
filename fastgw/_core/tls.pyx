"""TLS sessions over memory, and the contexts that they are made of."""
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from fastgw._core.bytes cimport put, span, writer_init
from fastgw._core.client_cert cimport client_cert_read
from fastgw._core.libssl cimport (BIO_CTRL_FLUSH, BIO_READ_LATER, BIO_RETRY_BITS, BIO_TYPE_SOURCE_SINK, SSL_CTRL_CHAIN_CERT,
                                  SSL_CTRL_MODE, SSL_CTRL_SET_MIN_PROTO_VERSION, SSL_CTRL_SET_SESS_CACHE_MODE,
                                  SSL_CTRL_SET_TLSEXT_HOSTNAME, SSL_ERROR_WANT_READ, SSL_ERROR_ZERO_RETURN,
                                  SSL_MODE_RELEASE_BUFFERS, SSL_OP_NO_COMPRESSION, SSL_OP_NO_RENEGOTIATION,
                                  SSL_OWN_DATA, SSL_RECEIVED_SHUTDOWN, SSL_SENT_SHUTDOWN, SSL_SESS_CACHE_CLIENT,
                                  SSL_SESS_CACHE_NO_INTERNAL, SSL_SESS_CACHE_OFF, SSL_VERIFY_NONE, SSL_VERIFY_PEER,
                                  TLS1_2_VERSION, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
                                  X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
                                  X509_V_OK, ssl)

cdef enum:
    OUT_BYTES = 131072
    NAME_BYTES = 253            # of a DNS name
    HANDSHAKE_RECORD = 22       # first byte of a TLS connection (RFC 8446 section 5.1)

# The one transport: what the call under way has to read, and what it wrote.
cdef char out_bytes[OUT_BYTES]
cdef Span incoming
cdef void* wire = NULL
cdef uint32_t live = 0

writer_init(&tls_out, out_bytes, OUT_BYTES)


# --- the transport

cdef int wire_read(void* bio, char* to, int n) noexcept nogil:
    ssl.bio_clear_flags(bio, BIO_RETRY_BITS)
    if incoming.n == 0:
        ssl.bio_set_flags(bio, BIO_READ_LATER)
        return -1
    if <uint32_t>n > incoming.n:
        n = <int>incoming.n
    memcpy(to, incoming.p, n)
    incoming.p += n
    incoming.n -= <uint32_t>n
    return n


cdef int wire_write(void* bio, const char* p, int n) noexcept nogil:
    """All or, where a peer makes us write more than it ever reads, nothing: then the connection is broken."""
    ssl.bio_clear_flags(bio, BIO_RETRY_BITS)
    if <uint32_t>n > tls_out.cap - tls_out.n:
        return -1
    put(&tls_out, p, <uint32_t>n)
    return n


cdef long wire_ctrl(void* bio, int command, long number, void* pointer) noexcept nogil:
    return 1 if command == BIO_CTRL_FLUSH else 0


cdef int open_wire() except -1:
    global wire
    cdef void* kind = ssl.bio_kind(ssl.bio_index() | BIO_TYPE_SOURCE_SINK, b"fastgw")
    if kind == NULL:
        raise MemoryError
    ssl.bio_kind_read(kind, wire_read)
    ssl.bio_kind_write(kind, wire_write)
    ssl.bio_kind_ctrl(kind, wire_ctrl)
    wire = ssl.bio_new(kind)
    if wire == NULL:
        raise MemoryError
    ssl.bio_set_init(wire, 1)
    return 0


# --- connections

cdef bint is_address(const char* name) noexcept nogil:
    """Of IPv4 or IPv6: no DNS name ends in a label of digits alone or has a colon."""
    cdef uint32_t i = 0
    cdef bint digits = True
    while name[i]:
        if name[i] == c":":
            return True
        if name[i] == c".":
            digits = True
        elif not c"0" <= name[i] <= c"9":
            digits = False
        i += 1
    return digits


cdef bint name_server(Tls* t, Span given) noexcept nogil:
    cdef char name[NAME_BYTES + 1]
    if given.n == 0:
        return not t.context.verifies
    if given.n > NAME_BYTES:
        return False
    memcpy(name, given.p, given.n)
    name[given.n] = 0
    if is_address(name):
        return not t.context.verifies or ssl.param_address(ssl.ssl_param(t.ssl), name) == 1
    if ssl.ssl_ctrl(t.ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, name) != 1:
        return False
    if not t.context.verifies:
        return True
    ssl.ssl_host_flags(t.ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)
    return ssl.ssl_host(t.ssl, name) == 1


cdef Tls* tls_new(TlsContext* context, bint server, Span name) noexcept nogil:
    global live
    cdef Tls* t = <Tls*>calloc(1, sizeof(Tls))
    if t == NULL:
        return NULL
    t.ssl = ssl.ssl_new(context.ctx)
    if t.ssl == NULL:
        free(t)
        return NULL
    t.context = context
    context.refs += 1
    live += 1
    t.server = server
    ssl.bio_up_ref(wire)
    ssl.ssl_bio(t.ssl, wire, wire)      # one for both directions: one reference
    if server:
        ssl.ssl_accept(t.ssl)
    elif name_server(t, name):
        ssl.ssl_connect(t.ssl)
    else:
        tls_free(t)
        return NULL
    return t


cdef void tls_resume(Tls* t, void** session) noexcept nogil:
    t.session = session
    ssl.ssl_set_data(t.ssl, SSL_OWN_DATA, t)
    if session[0] != NULL:
        ssl.ssl_set_session(t.ssl, session[0])


cdef int keep_session(void* connection, void* session) noexcept nogil:
    """A server's ticket: with TLS 1.3 it comes after the handshake, one or more of them, and the last counts."""
    cdef Tls* t = <Tls*>ssl.ssl_data(connection, SSL_OWN_DATA)
    if t == NULL or t.session == NULL:
        return 0
    tls_session_free(t.session[0])
    t.session[0] = session
    return 1


cdef void tls_session_free(void* session) noexcept nogil:
    if session != NULL:
        ssl.session_free(session)


cdef void tls_free(Tls* t) noexcept nogil:
    global live
    if t.open:
        # Without it OpenSSL takes the connection for broken, and its session for one not to be resumed.
        ssl.ssl_set_shutdown(t.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
    ssl.ssl_free(t.ssl)
    context_leave(t.context)
    live -= 1
    free(t)


cdef int broken(Tls* t) noexcept nogil:
    t.error = ssl.get_error()
    return TLS_BROKEN


cdef int shake(Tls* t) noexcept nogil:
    global tls_at_work
    cdef int result
    ssl.clear_error()
    tls_at_work = t
    result = ssl.ssl_handshake(t.ssl)
    tls_at_work = NULL
    if result == 1:
        t.open = True
    elif ssl.ssl_error(t.ssl, result) != SSL_ERROR_WANT_READ:
        return broken(t)
    return TLS_MORE


cdef int tls_start(Tls* t) noexcept nogil:
    incoming.n = 0
    return shake(t)


cdef inline bint plain_request(const char* p) noexcept nogil:
    """A method's first letter; no TLS connection begins with it."""
    return c"A" <= p[0] <= c"Z"


cdef int tls_receive(Tls* t, const char* p, uint32_t n, char* plain, uint32_t cap, uint32_t* got) noexcept nogil:
    global incoming
    cdef size_t some
    cdef int result
    got[0] = 0
    if not t.spoke and t.server and plain_request(p):
        return TLS_PLAIN
    t.spoke = True
    incoming = span(p, n)
    if not t.open:
        result = shake(t)
        if result != TLS_MORE or not t.open:
            return result
    ssl.clear_error()
    while got[0] < cap:
        some = 0
        if ssl.ssl_read(t.ssl, plain + got[0], cap - got[0], &some) != 1:
            break
        got[0] += <uint32_t>some
    else:
        return broken(t)
    result = ssl.ssl_error(t.ssl, 0)
    if result == SSL_ERROR_WANT_READ:
        return TLS_MORE
    if result == SSL_ERROR_ZERO_RETURN:
        t.closed = True
        return TLS_CLOSED
    return broken(t)


cdef bint tls_seal(Tls* t, const char* p, uint32_t n) noexcept nogil:
    cdef size_t written = 0
    incoming.n = 0
    ssl.clear_error()
    if t.open and ssl.ssl_write(t.ssl, p, n, &written) == 1 and written == n:
        return True
    t.error = ssl.get_error()
    return False


cdef void tls_bye(Tls* t) noexcept nogil:
    if t.open and not t.error and not ssl.ssl_shutdown_state(t.ssl) & SSL_SENT_SHUTDOWN:
        incoming.n = 0
        ssl.clear_error()
        ssl.ssl_shutdown(t.ssl)


cdef bint tls_holds(const Tls* t) noexcept nogil:
    return ssl.ssl_has_pending(t.ssl) == 1


cdef Span tls_alpn(const Tls* t) noexcept nogil:
    cdef const unsigned char* p = NULL
    cdef unsigned int n = 0
    ssl.ssl_alpn(t.ssl, &p, &n)
    return span(<const char*>p, n)


cdef bint tls_resumed(const Tls* t) noexcept nogil:
    return ssl.ssl_reused(t.ssl) == 1


cdef Secured tls_secured(const Tls* t) noexcept nogil:
    cdef Secured found
    found.version = ssl.ssl_version(t.ssl)
    found.cipher = ssl.cipher_name(ssl.ssl_cipher(t.ssl))
    found.mark = t.domain.mark if t.domain != NULL else 0
    found.certificate = client_cert_read(t.ssl) if found.mark else NULL
    return found


cdef const char* tls_reason(const Tls* t) noexcept nogil:
    cdef long verdict = ssl.ssl_verify_result(t.ssl) if t.context.verifies and not t.server else X509_V_OK
    cdef const char* text = b"no TLS handshake"
    if verdict != X509_V_OK:
        text = ssl.verify_text(verdict)
    elif ssl.error_reason(t.error) != NULL:
        text = ssl.error_reason(t.error)
    return text


cdef uint32_t tls_live() noexcept nogil:
    return live


# --- contexts

cdef void domain_free(TlsDomain* domain) noexcept nogil:
    """What it owns."""
    ssl.ctx_free(domain.ctx)
    free(domain.name)
    free(domain.staple)


cdef TlsContext* context_hold(TlsContext* context) noexcept nogil:
    context.refs += 1
    return context


cdef void context_leave(TlsContext* context) noexcept nogil:
    cdef uint32_t i
    context.refs -= 1
    if context.refs:
        return
    for i in range(context.ndomains):
        domain_free(&context.domains[i])
    free(context.domains)
    ssl.ctx_free(context.ctx)
    free(context)


cdef int refuse_password(char* to, int n, int writing, void* arg) noexcept nogil:
    return -1


cdef str reason():
    """The queue of errors is empty after it."""
    cdef unsigned long error = ssl.get_error(), next = error
    cdef const char* text
    while next:
        error = next
        next = ssl.get_error()
    text = ssl.error_reason(error)
    return (<bytes>text).decode() if text != NULL else "out of memory"


cdef TlsContext* context_new(const void* method) except NULL:
    cdef TlsContext* context = <TlsContext*>calloc(1, sizeof(TlsContext))
    if context == NULL:
        raise MemoryError
    context.refs = 1
    try:
        context.ctx = ctx_new(method)
    except MemoryError:
        free(context)
        raise
    return context


cdef void* ctx_new(const void* method) except NULL:
    cdef void* ctx = ssl.ctx_new(method)
    if ctx == NULL:
        raise MemoryError
    ssl.ctx_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION)
    ssl.ctx_ctrl(ctx, SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, NULL)
    ssl.ctx_ctrl(ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL)
    ssl.ctx_ctrl(ctx, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, NULL)
    return ctx


cdef list certificates_of(bytes pem):
    """X509 pointers as numbers, each to be freed. ValueError where there is none."""
    cdef void* bio = ssl.bio_of_text(<const char*>pem, <int>len(pem))
    cdef void* certificate
    if bio == NULL:
        raise MemoryError
    found = []
    ssl.clear_error()
    while True:
        certificate = ssl.read_certificate(bio, NULL, refuse_password, NULL)
        if certificate == NULL:
            break
        found.append(<size_t>certificate)
    ssl.bio_free(bio)
    why = reason()
    if why != "no start line" or not found:
        free_certificates(found)
        raise ValueError(f"not a PEM file of certificates: {why}")
    return found


cdef void free_certificates(list certificates):
    cdef size_t certificate
    for certificate in certificates:
        ssl.certificate_free(<void*>certificate)


cdef int use_certificate(void* ctx, bytes pem, bytes key_pem) except -1:
    """pem: the certificate and then those that it is signed by; key_pem: its key, not encrypted."""
    cdef list chain = certificates_of(pem)
    cdef size_t certificate
    cdef void* bio
    cdef void* key
    try:
        if ssl.ctx_certificate(ctx, <void*><size_t>chain[0]) != 1:
            raise ValueError(f"this certificate cannot be used: {reason()}")
        for certificate in chain[1:]:
            if ssl.ctx_ctrl(ctx, SSL_CTRL_CHAIN_CERT, 1, <void*>certificate) != 1:
                raise ValueError(f"this chain of certificates cannot be used: {reason()}")
    finally:
        free_certificates(chain)
    bio = ssl.bio_of_text(<const char*>key_pem, <int>len(key_pem))
    if bio == NULL:
        raise MemoryError
    key = ssl.read_key(bio, NULL, refuse_password, NULL)
    ssl.bio_free(bio)
    if key == NULL:
        raise ValueError(f"not a private key in PEM, or an encrypted one: {reason()}")
    fits = ssl.ctx_key(ctx, key) == 1 and ssl.ctx_check_key(ctx) == 1
    ssl.key_free(key)
    if not fits:
        raise ValueError(f"the key does not belong to the certificate: {reason()}")
    return 0


cdef bytes protocols(object names):
    return b"".join(bytes([len(name)]) + name for name in names)


cdef int take_any_root(int ok, void* store_context) noexcept nogil:
    """Of a chain that is whole: its dates and its name are still looked at."""
    cdef int error
    if ok:
        return 1
    error = ssl.verify_error(store_context)
    if error != X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT and error != X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return 0
    ssl.verify_set_error(store_context, X509_V_OK)
    return 1


cdef class ClientContext:
    """What connections to servers are secured with.

    trust: PEM of the certificates that a server's may be signed by; None: those of the system. verify False takes any
    certificate of any name; any_issuer one of any root that is in its chain. certificate and key: our own, PEM. alpn:
    protocols, the best first. Raises ValueError.
    """

    def __cinit__(self, bytes trust=None, bint verify=True, bint any_issuer=False, bytes certificate=None,
                  bytes key=None, alpn=()):
        cdef size_t found
        self.context = context_new(ssl.client_method())
        self.context.verifies = verify
        ssl.ctx_verify(self.context.ctx, SSL_VERIFY_PEER if verify else SSL_VERIFY_NONE, NULL)
        if any_issuer:
            ssl.ctx_verify(self.context.ctx, SSL_VERIFY_PEER, take_any_root)
        ssl.ctx_ctrl(self.context.ctx, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL,
                     NULL)
        ssl.ctx_new_session(self.context.ctx, keep_session)
        if not verify:
            pass
        elif trust is None:
            ssl.ctx_default_trust(self.context.ctx)
        else:
            trusted = certificates_of(trust)
            for found in trusted:
                ssl.store_add(ssl.ctx_store(self.context.ctx), <void*>found)
            free_certificates(trusted)
        if certificate is not None:
            use_certificate(self.context.ctx, certificate, key)
        cdef bytes list = protocols(alpn)
        if list and ssl.ctx_alpn(self.context.ctx, <const unsigned char*><const char*>list, <unsigned int>len(list)):
            raise MemoryError

    def __dealloc__(self):
        if self.context != NULL:
            context_leave(self.context)


open_wire()
