"""IP addresses and networks."""
from libc.string cimport memchr, memcmp, memcpy, memset, strlen

from fastgw._core.bytes cimport put, put_char, put_uint, span

cdef extern from "<arpa/inet.h>" nogil:
    enum: AF_INET, AF_INET6
    int inet_pton(int family, const char* text, void* address)
    const char* inet_ntop(int family, const void* address, char* text, uint32_t n)

cdef enum:
    TEXT_BYTES = 64         # longer than any address

cdef const char* MAPPED = b"\0\0\0\0\0\0\0\0\0\0\xFF\xFF"


cdef void address_unmap(IpAddress* address) noexcept nogil:
    if address.family == 6 and memcmp(address.bytes, MAPPED, 12) == 0:
        address.family = 4
        memcpy(address.bytes, address.bytes + 12, 4)
        memset(address.bytes + 4, 0, 12)


cdef bint is_port(Span text) noexcept nogil:
    cdef uint32_t i
    for i in range(text.n):
        if not c"0" <= text.p[i] <= c"9":
            return False
    return 1 <= text.n <= 5


cdef Span without_port(Span text) noexcept nogil:
    """text without a port that stands behind it; text itself where none does."""
    cdef const char* end
    if text.n and text.p[0] == c"[":
        end = <const char*>memchr(text.p, c"]", text.n)
        if end == NULL:
            return text
        if end + 1 == text.p + text.n or (end[1] == c":" and is_port(span(end + 2, text.n - (end + 2 - text.p)))):
            return span(text.p + 1, end - text.p - 1)
        return text
    end = <const char*>memchr(text.p, c":", text.n)
    if end != NULL and is_port(span(end + 1, text.n - (end + 1 - text.p))):
        return span(text.p, end - text.p)
    return text


cdef bint address_read(Span text, IpAddress* address) noexcept nogil:
    cdef char literal[TEXT_BYTES]
    cdef Span bare = without_port(text)
    memset(address, 0, sizeof(IpAddress))
    if bare.n == 0 or bare.n >= TEXT_BYTES or memchr(bare.p, 0, bare.n) != NULL:
        return False
    memcpy(literal, bare.p, bare.n)
    literal[bare.n] = 0
    if inet_pton(AF_INET, literal, address.bytes) == 1:
        address.family = 4
    elif inet_pton(AF_INET6, literal, address.bytes) == 1:
        address.family = 6
        address_unmap(address)
    return address.family != 0


cdef void address_put(Writer* w, const IpAddress* address) noexcept nogil:
    cdef char text[TEXT_BYTES]
    cdef int i
    if address.family == 4:
        for i in range(4):
            if i:
                put_char(w, c".")
            put_uint(w, address.bytes[i])
    elif address.family == 6 and inet_ntop(AF_INET6, address.bytes, text, TEXT_BYTES) != NULL:
        put(w, text, <uint32_t>strlen(text))
    else:
        put(w, b"unix:", 5)


cdef bint network_holds(const Network* network, const IpAddress* address) noexcept nogil:
    cdef uint32_t whole = network.bits >> 3, rest = network.bits & 7
    if network.address.family != address.family or memcmp(network.address.bytes, address.bytes, whole) != 0:
        return False
    return rest == 0 or (network.address.bytes[whole] ^ address.bytes[whole]) >> (8 - rest) == 0
