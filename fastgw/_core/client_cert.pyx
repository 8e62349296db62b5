"""Read certificates, through OpenSSL's own writers of text."""
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from fastgw._core.bytes cimport Writer, put_char, span, writer_init
from fastgw._core.libssl cimport BIO_CTRL_INFO, XN_FLAG_RFC2253, ssl

cdef enum:
    PIECES = 6
    SERIAL_BYTES = 64       # 20 bytes (RFC 5280 section 4.1.2.2) in hexadecimal, with a colon between two


cdef Span memory_of(void* bio) noexcept nogil:
    cdef char* p = NULL
    cdef long n = ssl.bio_ctrl(bio, BIO_CTRL_INFO, 0, &p)
    return span(p, <uint32_t>n if n > 0 else 0)


cdef bint write_piece(void* bio, int which, void* certificate) noexcept nogil:
    if which == 0:
        return ssl.write_certificate(bio, certificate) == 1
    if which == 1:
        return ssl.write_name(bio, ssl.subject(certificate), 0, XN_FLAG_RFC2253) >= 0
    if which == 2:
        return ssl.write_name(bio, ssl.issuer(certificate), 0, XN_FLAG_RFC2253) >= 0
    if which == 3:
        return ssl.write_integer(bio, ssl.serial(certificate)) > 0
    return ssl.write_time(bio, ssl.not_before(certificate) if which == 4 else ssl.not_after(certificate)) == 1


cdef Span with_colons(Span digits, char* to) noexcept nogil:
    """Lower case, two digits between colons."""
    cdef Writer w
    cdef uint32_t i
    writer_init(&w, to, SERIAL_BYTES)
    for i in range(digits.n):
        if i and i % 2 == 0 and c"0" <= digits.p[0]:
            put_char(&w, c":")
        put_char(&w, digits.p[i] | 32 if c"A" <= digits.p[i] <= c"F" else digits.p[i])
    return span(to, w.n)


cdef ClientCert* gathered(Span* pieces) noexcept nogil:
    cdef ClientCert* c
    cdef Span* to
    cdef char* at
    cdef size_t bytes = 0
    cdef int i
    for i in range(PIECES):
        bytes += pieces[i].n
    c = <ClientCert*>malloc(sizeof(ClientCert) + bytes)
    if c == NULL:
        return NULL
    memset(c, 0, sizeof(ClientCert))
    c.refs = 1
    at = <char*>c + sizeof(ClientCert)
    to = &c.pem             # six in a row
    for i in range(PIECES):
        memcpy(at, pieces[i].p, pieces[i].n)
        to[i] = span(at, pieces[i].n)
        at += pieces[i].n
    return c


cdef ClientCert* client_cert_read(void* connection) noexcept nogil:
    cdef void* certificate = ssl.ssl_peer(connection)
    cdef void* bios[PIECES]
    cdef Span pieces[PIECES]
    cdef char serial[SERIAL_BYTES]
    cdef ClientCert* c = NULL
    cdef bint good = True
    cdef int i
    if certificate == NULL:
        return NULL
    for i in range(PIECES):
        bios[i] = ssl.bio_new(ssl.bio_memory())
        good = good and bios[i] != NULL and write_piece(bios[i], i, certificate)
        pieces[i] = memory_of(bios[i]) if good else span(NULL, 0)
    if good:
        pieces[3] = with_colons(pieces[3], serial)
        c = gathered(pieces)
    for i in range(PIECES):
        ssl.bio_free(bios[i])
    ssl.certificate_free(certificate)
    return c


cdef ClientCert* client_cert_hold(ClientCert* c) noexcept nogil:
    if c != NULL:
        c.refs += 1
    return c


cdef void client_cert_leave(ClientCert* c) noexcept nogil:
    if c != NULL:
        c.refs -= 1
        if c.refs == 0:
            free(c)
