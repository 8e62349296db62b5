"""Write requests of HTTP/2 out."""
from libc.stdint cimport uint64_t
from libc.string cimport memcmp

from fastgw._core.bytes cimport Span, Writer, put, put_char, put_hex, put_span, same_case, span, value_clean, writer_init
from fastgw._core.exchange_memory cimport buffer_free, buffer_hold
from fastgw._core.h2_stream cimport h2_conns, h2_stream_taken
from fastgw._core.h2_state cimport H2Head
from fastgw._core.libuv cimport uv
from fastgw._core.state cimport core

cdef enum:
    TEXT_BYTES = 262144         # room for the largest head_bytes, one field more, and what is written around the fields
    LIST_MOST = 4               # times head_bytes: a header list beyond it ends the connection
    METHOD = 1                  # bits of H2Head.seen
    SCHEME = 2
    PATH = 4
    AUTHORITY = 8
    HOST = 16

cdef uint8_t NAME[256]          # 1: may stand in a field name (RFC 9113 section 8.2: a token without upper case)
cdef char text_bytes[TEXT_BYTES]


cdef void request_begin(H2* h2, H2Stream* s) noexcept nogil:
    cdef H2Head* head = &h2.head
    head.stream = s
    head.text_n = head.cookies_n = head.list_bytes = head.frames = head.fields = 0
    head.method_n = head.path_n = head.authority_n = 0
    head.seen = head.sized = head.malformed = False
    head.since = uv.now(core.loop)


cdef void request_forget(H2* h2) noexcept nogil:
    buffer_free(&h2.head.text, &h2.head.text_cap)
    buffer_free(&h2.head.cookies, &h2.head.cookies_cap)


# --- fields

cdef inline bint keep(H2Head* head, const char* p, size_t n) noexcept nogil:
    if not buffer_hold(&head.text, &head.text_cap, head.text_n, p, <uint32_t>n):
        return False
    head.text_n += <uint32_t>n
    return True


cdef inline bint keep_cookie(H2Head* head, const char* p, size_t n) noexcept nogil:
    if not buffer_hold(&head.cookies, &head.cookies_cap, head.cookies_n, p, <uint32_t>n):
        return False
    head.cookies_n += <uint32_t>n
    return True


cdef bint visible(Span s) noexcept nogil:
    """No byte that could end a word of the request line, or the line."""
    cdef uint32_t i
    for i in range(s.n):
        if <uint8_t>s.p[i] <= 32 or s.p[i] == 127:
            return False
    return s.n > 0


cdef bint name_valid(Span name) noexcept nogil:
    cdef uint32_t i
    for i in range(name.n):
        if not NAME[<uint8_t>name.p[i]]:
            return False
    return name.n > 0


cdef bint value_valid(Span value) noexcept nogil:
    """RFC 9113 section 8.2.1."""
    if value.n and (value.p[0] == c" " or value.p[0] == c"\t" or value.p[value.n - 1] == c" "
                    or value.p[value.n - 1] == c"\t"):
        return False
    return value_clean(value.p, value.n)


cdef inline bint is_name(Span name, const char* other, uint32_t n) noexcept nogil:
    return name.n == n and memcmp(name.p, other, n) == 0


cdef int pseudo(H2Head* head, Span name, Span value) noexcept nogil:
    """A pseudo field; each of them once, and before the others (RFC 9113 section 8.3)."""
    cdef int which = 0
    if is_name(name, b":method", 7):
        which, head.method, head.method_n = METHOD, head.text_n, value.n
    elif is_name(name, b":path", 5):
        which, head.path, head.path_n = PATH, head.text_n, value.n
    elif is_name(name, b":authority", 10):
        which, head.authority, head.authority_n = AUTHORITY, head.text_n, value.n
    elif is_name(name, b":scheme", 7) and (is_name(value, b"http", 4) or is_name(value, b"https", 5)):
        which = SCHEME
    if not which or head.seen & which or head.fields or not visible(value):
        head.malformed = True
        return HEADED
    head.seen |= which
    return HEADED if keep(head, value.p, value.n) else HEAD_TOO_MUCH


cdef int field(H2Head* head, Span name, Span value) noexcept nogil:
    if not name_valid(name) or not value_valid(value):
        head.malformed = True
        return HEADED
    if not head.fields:
        head.fields = head.text_n
    if is_name(name, b"cookie", 6):
        if head.cookies_n and not keep_cookie(head, b"; ", 2):
            return HEAD_TOO_MUCH
        return HEADED if keep_cookie(head, value.p, value.n) else HEAD_TOO_MUCH
    if is_name(name, b"content-length", 14):
        head.sized = True
    elif is_name(name, b"host", 4):
        if head.seen & HOST:
            head.malformed = True
        head.seen |= HOST
        if head.seen & AUTHORITY:       # it says the same, or it is a lie (RFC 9113 section 8.3.1)
            if value.n != head.authority_n or not same_case(value.p, head.text + head.authority, value.n):
                head.malformed = True
            return HEADED
    if keep(head, name.p, name.n) and keep(head, b": ", 2) and keep(head, value.p, value.n) and keep(head, b"\r\n", 2):
        return HEADED
    return HEAD_TOO_MUCH


cdef int request_field(H2* h2, const char* name, size_t name_n, const char* value, size_t value_n) noexcept nogil:
    cdef H2Head* head = &h2.head
    cdef uint64_t size = <uint64_t>name_n + value_n + 32
    if head.list_bytes + size > <uint64_t>core.limits.head_bytes * LIST_MOST:
        return HEAD_TOO_MUCH
    head.list_bytes += <uint32_t>size
    if head.stream == NULL or head.text_n + head.cookies_n > core.limits.head_bytes:
        return HEADED           # trailers; or enough for the parser to see that it is too much
    if name_n and name[0] == c":":
        return pseudo(head, span(name, <uint32_t>name_n), span(value, <uint32_t>value_n))
    return field(head, span(name, <uint32_t>name_n), span(value, <uint32_t>value_n))


# --- the head

cdef bint target_valid(H2Head* head) noexcept nogil:
    cdef Span path = span(head.text + head.path, head.path_n)
    if is_name(span(head.text + head.method, head.method_n), b"CONNECT", 7):
        return head.seen & AUTHORITY and not head.seen & PATH
    return head.seen & PATH and head.seen & SCHEME and (path.p[0] == c"/" or (path.n == 1 and path.p[0] == c"*"))


cdef void put_head(Writer* w, H2Head* head, bint ended) noexcept nogil:
    put(w, head.text + head.method, head.method_n)
    put_char(w, c" ")
    if head.seen & PATH:
        put(w, head.text + head.path, head.path_n)
    else:
        put(w, head.text + head.authority, head.authority_n)
    put(w, b" HTTP/1.1\r\n", 11)
    if head.seen & AUTHORITY:
        put(w, b"host: ", 6)
        put(w, head.text + head.authority, head.authority_n)
        put(w, b"\r\n", 2)
    if head.fields:
        put(w, head.text + head.fields, head.text_n - head.fields)
    if head.cookies_n:
        put(w, b"cookie: ", 8)
        put(w, head.cookies, head.cookies_n)
        put(w, b"\r\n", 2)
    if not ended and not head.sized:
        put(w, b"transfer-encoding: chunked\r\n", 28)
    put(w, b"\r\n", 2)


cdef int request_headed(H2* h2, bint ended) noexcept nogil:
    cdef H2Head* head = &h2.head
    cdef H2Stream* s = head.stream
    cdef Writer w
    head.stream = NULL
    if head.malformed or not head.seen & METHOD or not target_valid(head):
        return HEAD_MALFORMED
    writer_init(&w, text_bytes, TEXT_BYTES)
    put_head(&w, head, ended)
    if w.full:
        return HEAD_TOO_MUCH    # what was left out may be what decides
    s.chunked = not ended and not head.sized
    # The parser refuses a head that has no end within head_bytes; so does it what did not fit here.
    h2_conns.take(&s.conn, w.p, min(w.n, core.limits.head_bytes))
    return HEADED


# --- the body

cdef void request_body(H2Stream* s, const char* p, uint32_t n) noexcept nogil:
    cdef char text[20]
    cdef Writer w
    s.unread += n
    if n and s.chunked:
        writer_init(&w, text, 20)
        put_hex(&w, n, 0)
        put(&w, b"\r\n", 2)
        h2_conns.take(&s.conn, w.p, w.n)
    h2_conns.take(&s.conn, p, n)
    if n and s.chunked:
        h2_conns.take(&s.conn, b"\r\n", 2)
    h2_stream_taken(s)


cdef void request_ended(H2Stream* s) noexcept nogil:
    if s.chunked:
        h2_conns.take(&s.conn, b"0\r\n\r\n", 5)


cdef int fill_names() except -1:
    cdef uint8_t letter
    for letter in b"abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~":
        NAME[letter] = 1
    return 0


fill_names()
