"""Contexts of listeners that speak TLS.

A connection begins with a context without a certificate. Its first message names the host (SNI); the host's domain
gives it certificate, ciphers, lowest version and whether the client must show a certificate. Tickets are sealed with
keys that all workers have and that change; see tickets().
"""
import hashlib
import os

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport malloc, realloc
from libc.string cimport memcmp, memcpy, memset

from fastgw._core.bytes cimport span
from fastgw._core.libssl cimport (EVP_PKEY_EC, EVP_PKEY_RSA, EVP_PKEY_RSA_PSS, OSSL_PARAM_OCTET_STRING,
                                  OSSL_PARAM_UTF8_STRING, OsslParam, SSL_AD_UNRECOGNIZED_NAME, SSL_CLIENT_HELLO_ERROR,
                                  SSL_CLIENT_HELLO_SUCCESS, SSL_CTRL_SET_MIN_PROTO_VERSION,
                                  SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB,
                                  SSL_CTRL_SET_TLSEXT_STATUS_REQ_OCSP_RESP, SSL_OP_CIPHER_SERVER_PREFERENCE,
                                  SSL_OP_NO_TICKET, SSL_TLSEXT_ERR_ALERT_FATAL, SSL_TLSEXT_ERR_NOACK,
                                  SSL_TLSEXT_ERR_OK, SSL_VERIFY_FAIL_IF_NO_PEER_CERT, SSL_VERIFY_PEER,
                                  TLSEXT_TYPE_SERVER_NAME, X509_V_ERR_CA_MD_TOO_WEAK, X509_V_ERR_EE_KEY_TOO_SMALL,
                                  X509_V_FLAG_CRL_CHECK, X509_V_FLAG_CRL_CHECK_ALL, ssl)
from fastgw._core.tls cimport (certificates_of, context_leave, context_new, ctx_new, domain_free, free_certificates,
                               protocols, reason, refuse_password, tls_at_work, use_certificate)

cdef enum:
    NAME_BYTES = 253        # of a DNS name
    BETWEEN = 2             # certificates between a client's and the root: a chain of 4
    RSA_BITS = 2048
    EC_BITS = 256
    SIGNATURE_BITS = 128    # of security: SHA-256 or better

cdef const char* DIGEST = b"SHA256"

cdef struct TicketKey:
    uint8_t name[16]
    uint8_t mac[32]
    uint8_t cipher[32]

cdef TicketKey ticket_keys[2]       # the one in use, and the one before


# --- names

cdef int compare(const char* a, uint32_t a_n, const char* b, uint32_t b_n) noexcept nogil:
    cdef int found = memcmp(a, b, min(a_n, b_n))
    return found if found else <int>a_n - <int>b_n


cdef const TlsDomain* named(const TlsContext* context, const char* name, uint32_t n) noexcept nogil:
    cdef uint32_t low = 0, high = context.ndomains, middle
    cdef int found
    while low < high:
        middle = (low + high) // 2
        found = compare(name, n, context.domains[middle].name, context.domains[middle].name_n)
        if found == 0:
            return &context.domains[middle]
        if found < 0:
            high = middle
        else:
            low = middle + 1
    return NULL


cdef const TlsDomain* tls_domain(const TlsContext* context, Span host) noexcept nogil:
    cdef const TlsDomain* found
    cdef char wild[NAME_BYTES + 2]
    cdef uint32_t dot = 0
    if 0 < host.n <= NAME_BYTES:
        found = named(context, host.p, host.n)
        if found != NULL:
            return found
        while dot < host.n and host.p[dot] != c".":
            dot += 1
        if 0 < dot < host.n:
            wild[0] = c"*"
            memcpy(wild + 1, host.p + dot, host.n - dot)
            found = named(context, wild, host.n - dot + 1)
            if found != NULL:
                return found
    return named(context, b"*", 1)


cdef Span server_name(void* connection, char* to) noexcept nogil:
    """The one name of the extension (RFC 6066 section 3), in lower case; n 0: none."""
    cdef const uint8_t* p = NULL
    cdef size_t n = 0
    cdef uint32_t i, length
    if ssl.hello_extension(connection, TLSEXT_TYPE_SERVER_NAME, &p, &n) != 1 or n < 5 or p[2] != 0:
        return span(NULL, 0)
    length = <uint32_t>p[3] << 8 | p[4]
    if length > NAME_BYTES or 5 + length != n:
        return span(NULL, 0)
    for i in range(length):
        to[i] = <char>(p[5 + i] | 32 if c"A" <= p[5 + i] <= c"Z" else p[5 + i])
    return span(to, length)


cdef int on_hello(void* connection, int* alert, void* arg) noexcept nogil:
    """The client's first message is there: from here on the connection is its domain's."""
    cdef char name[NAME_BYTES]
    cdef const TlsDomain* domain = tls_domain(tls_at_work.context, server_name(connection, name))
    if domain == NULL:
        alert[0] = SSL_AD_UNRECOGNIZED_NAME
        return SSL_CLIENT_HELLO_ERROR
    tls_at_work.domain = domain
    ssl.ssl_take_ctx(connection, domain.ctx)
    ssl.ssl_ctrl(connection, SSL_CTRL_SET_MIN_PROTO_VERSION, domain.minimum, NULL)
    if ssl.ssl_session_context(connection, domain.session, sizeof(domain.session)) != 1:
        return SSL_CLIENT_HELLO_ERROR
    if domain.mark:
        # No session is resumed: a certificate is looked at each time, by the rules of that time.
        ssl.ssl_options(connection, SSL_OP_NO_TICKET)
        ssl.ssl_tickets(connection, 0)
        ssl.ssl_verify(connection, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, hold_against)
        ssl.ssl_verify_depth(connection, BETWEEN)
    return SSL_CLIENT_HELLO_SUCCESS


cdef int on_server_name(void* connection, int* alert, void* arg) noexcept nogil:
    """Say that the name was heard; a session then belongs to it."""
    return SSL_TLSEXT_ERR_OK


cdef int choose_protocol(void* connection, const uint8_t** out, uint8_t* out_n, const uint8_t* offered,
                         unsigned int n, void* arg) noexcept nogil:
    """The first of ours that the client offers; none is fatal (RFC 7301 section 3.2)."""
    cdef const TlsContext* context = tls_at_work.context
    cdef unsigned int mine = 0, theirs
    cdef uint8_t length
    while mine < context.alpn_n:
        length = context.alpn[mine]
        theirs = 0
        while theirs < n:
            if offered[theirs] == length and theirs + 1 + length <= n \
                    and memcmp(&offered[theirs + 1], &context.alpn[mine + 1], length) == 0:
                out[0] = &offered[theirs + 1]
                out_n[0] = length
                return SSL_TLSEXT_ERR_OK
            theirs += 1 + offered[theirs]
        mine += 1 + length
    return SSL_TLSEXT_ERR_ALERT_FATAL


cdef int staple(void* connection, void* arg) noexcept nogil:
    """The OCSP response that is held for the domain (RFC 6066 section 8)."""
    cdef const TlsDomain* domain = tls_at_work.domain
    cdef void* copied
    if domain == NULL or domain.staple == NULL:
        return SSL_TLSEXT_ERR_NOACK
    copied = ssl.copied(domain.staple, domain.staple_n, b"", 0)     # OpenSSL's to free
    if copied == NULL:
        return SSL_TLSEXT_ERR_NOACK
    ssl.ssl_ctrl(connection, SSL_CTRL_SET_TLSEXT_STATUS_REQ_OCSP_RESP, domain.staple_n, copied)
    return SSL_TLSEXT_ERR_OK


# --- clients' certificates

cdef bint key_strong(const void* key) noexcept nogil:
    cdef int kind
    if key == NULL:
        return False
    kind = ssl.key_kind(key)
    if kind == EVP_PKEY_RSA or kind == EVP_PKEY_RSA_PSS:
        return ssl.key_bits(key) >= RSA_BITS
    return kind == EVP_PKEY_EC and ssl.key_bits(key) >= EC_BITS


cdef int hold_against(int ok, void* store) noexcept nogil:
    """Each certificate of the chain, whatever OpenSSL says of it: RSA of 2048 bits or an EC key of 256, and SHA-256."""
    cdef void* certificate = ssl.verified(store)
    cdef int digest = 0, key = 0, bits = 0
    cdef uint32_t flags = 0
    if not ok or certificate == NULL:
        return 0
    if not key_strong(ssl.public_key(certificate)):
        ssl.verify_fails(store, X509_V_ERR_EE_KEY_TOO_SMALL)
        return 0
    if ssl.signature(certificate, &digest, &key, &bits, &flags) != 1 or bits < SIGNATURE_BITS:
        ssl.verify_fails(store, X509_V_ERR_CA_MD_TOO_WEAK)
        return 0
    return 1


# --- tickets

cdef OsslParam param(const char* name, unsigned int kind, const void* p, size_t n) noexcept nogil:
    cdef OsslParam made
    made.key = name
    made.data_type = kind
    made.data = <void*>p
    made.data_size = n
    made.return_size = 0
    return made


cdef int on_ticket(void* connection, uint8_t* name, uint8_t* iv, void* cipher, void* mac, int writes) noexcept nogil:
    """RFC 5077 section 4, as OpenSSL has it. 1: this key; 2: this key, and a new ticket; 0: unknown; -1: an error."""
    cdef TicketKey* key = NULL
    cdef OsslParam params[3]
    cdef int i
    if writes:
        key = &ticket_keys[0]
        if ssl.random(iv, 16) != 1:
            return -1
        memcpy(name, key.name, 16)
    else:
        for i in range(2):
            if memcmp(name, ticket_keys[i].name, 16) == 0:
                key = &ticket_keys[i]
                break
        if key == NULL:
            return 0
    params[0] = param(b"key", OSSL_PARAM_OCTET_STRING, &key.mac[0], sizeof(key.mac))
    params[1] = param(b"digest", OSSL_PARAM_UTF8_STRING, DIGEST, 6)
    params[2] = param(NULL, 0, NULL, 0)
    if ssl.mac_params(mac, params) != 1:
        return -1
    if writes:
        return 1 if ssl.cipher_writes(cipher, ssl.aes_256_cbc(), NULL, key.cipher, iv) == 1 else -1
    if ssl.cipher_reads(cipher, ssl.aes_256_cbc(), NULL, key.cipher, iv) != 1:
        return -1
    return 1 if key == &ticket_keys[0] else 2


def tickets(bytes secret, bytes before) -> None:
    """What session tickets are sealed with from now on, and what was used before, which still opens them.

    Both are secrets of 32 bytes that the workers of a node share. On the loop's thread.
    """
    for i, each in enumerate((secret, before)):
        if len(each) != 32:
            raise ValueError("a secret has 32 bytes")
        expanded = b"".join(hashlib.blake2b(each, digest_size=n, person=person).digest()
                            for n, person in ((16, b"ticket name"), (32, b"ticket mac"), (32, b"ticket cipher")))
        memcpy(&ticket_keys[i], <const char*>expanded, sizeof(TicketKey))


# --- contexts

cdef int trust(void* ctx, bytes pem, bytes revoked) except -1:
    """pem: whose certificates clients may have; revoked: PEM of lists of revoked ones, one of each authority, or None."""
    cdef size_t found
    cdef void* store = ssl.ctx_store(ctx)
    cdef void* bio
    cdef void* revocations
    trusted = certificates_of(pem)
    for found in trusted:
        ssl.store_add(store, <void*>found)
        ssl.ctx_client_ca(ctx, <void*>found)
    free_certificates(trusted)
    if revoked is None:
        return 0
    bio = ssl.bio_of_text(<const char*>revoked, <int>len(revoked))
    if bio == NULL:
        raise MemoryError
    ssl.clear_error()
    count = 0
    while True:
        revocations = ssl.read_revocations(bio, NULL, refuse_password, NULL)
        if revocations == NULL:
            break
        ssl.store_add_revocations(store, revocations)
        ssl.revocations_free(revocations)
        count += 1
    ssl.bio_free(bio)
    why = reason()
    if why != "no start line" or not count:
        raise ValueError(f"not a PEM file of revocations: {why}")
    ssl.store_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL)
    return 0


cdef char* kept(bytes text) except NULL:
    cdef char* copied = <char*>malloc(len(text) or 1)
    if copied == NULL:
        raise MemoryError
    memcpy(copied, <const char*>text, len(text))
    return copied


cdef int fill(TlsDomain* domain, dict spec) except -1:
    cdef bytes name = spec["name"], ciphers = spec["ciphers"], suites = spec["suites"]
    cdef bytes pem = spec.get("trust"), revoked = spec.get("revoked"), response = spec.get("staple")
    cdef void* ctx = ctx_new(ssl.server_method())
    domain.ctx = ctx
    domain.name = kept(name)
    domain.name_n = <uint32_t>len(name)
    domain.minimum = spec["minimum"]
    ssl.ctx_alpn_select(ctx, choose_protocol, NULL)
    ssl.ctx_callback(ctx, SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB, <void (*)() noexcept nogil>staple)
    if (ciphers and ssl.ctx_ciphers(ctx, ciphers) != 1) or ssl.ctx_suites(ctx, suites) != 1:
        raise ValueError(f"these ciphers cannot be used: {reason()}")
    use_certificate(ctx, spec["certificate"], spec["key"])
    if response is not None:
        domain.staple = kept(response)
        domain.staple_n = <uint32_t>len(response)
    rules = hashlib.sha256(b"\0".join((name, ciphers, b"%d" % domain.minimum, pem or b"", revoked or b""))).digest()
    memcpy(domain.session, <const char*>rules, 32)
    if pem is not None:
        trust(ctx, pem, revoked)
        domain.mark = int.from_bytes(rules[:8], "big") | 1
    return 0


cdef class ServerContext:
    """What connections of clients are secured with. alpn: protocols, the best first.

    Domains are added before the first connection.
    """

    def __cinit__(self, alpn=(b"http/1.1",)):
        cdef TlsContext* context = context_new(ssl.server_method())
        self.context = context
        cdef bytes offers = protocols(alpn)
        if len(offers) > <Py_ssize_t>sizeof(context.alpn):
            raise ValueError("too many protocols")
        memcpy(context.alpn, <const char*>offers, len(offers))
        context.alpn_n = <uint8_t>len(offers)
        ssl.ctx_options(context.ctx, SSL_OP_CIPHER_SERVER_PREFERENCE)
        ssl.ctx_tickets(context.ctx, 1)     # each resumed handshake brings a new one
        ssl.ctx_hello(context.ctx, on_hello, NULL)
        ssl.ctx_callback(context.ctx, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, <void (*)() noexcept nogil>on_server_name)
        if ssl.ctx_ticket_keys(context.ctx, on_ticket) != 1:
            raise MemoryError

    def add(self, dict spec) -> None:
        """A domain: name, certificate and key (PEM), minimum (0x0303 or 0x0304), ciphers (of TLS 1.2), suites (of 1.3).

        And, where there are, staple (an OCSP response, DER), trust and revoked (PEM): with trust clients must show a
        certificate. Raises ValueError, which never holds a word of a key.
        """
        cdef TlsContext* context = self.context
        cdef TlsDomain added
        cdef uint32_t at = context.ndomains
        cdef TlsDomain* grown = <TlsDomain*>realloc(context.domains, (at + 1) * sizeof(TlsDomain))
        if grown == NULL:
            raise MemoryError
        context.domains = grown
        memset(&added, 0, sizeof(added))
        try:
            fill(&added, spec)
        except BaseException:
            domain_free(&added)
            raise
        while at and compare(added.name, added.name_n, grown[at - 1].name, grown[at - 1].name_n) < 0:
            grown[at] = grown[at - 1]
            at -= 1
        grown[at] = added
        context.ndomains += 1
        self.asks_certificates = self.asks_certificates or added.mark != 0

    def __dealloc__(self):
        if self.context != NULL:
            context_leave(self.context)


tickets(os.urandom(32), os.urandom(32))
