"""The PROXY protocol."""
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memset

from fastgw._core.bytes cimport Span, parse_length, span
from fastgw._core.network cimport address_bytes, address_read, address_unmap

cdef enum:
    LINE_BYTES = 107        # of version 1, its CR and LF included
    SIGNATURE_BYTES = 12
    HEAD_BYTES = 16         # of version 2
    COMMAND_LOCAL = 0x20
    COMMAND_PROXY = 0x21
    TCP4 = 0x11
    TCP6 = 0x21

cdef const char* SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


cdef bint word(Span line, uint32_t* at, Span* found) noexcept nogil:
    """The next of the words that one blank each separates."""
    cdef uint32_t start = at[0]
    while at[0] < line.n and line.p[at[0]] != c" ":
        at[0] += 1
    found[0] = span(line.p + start, at[0] - start)
    at[0] += 1
    return found.n > 0


cdef bint literal(Span text, uint8_t family, IpAddress* address) noexcept nogil:
    """An address of this family, without the brackets and ports that people write."""
    cdef bint v6 = memchr(text.p, c":", text.n) != NULL
    if (family == 6) != v6 or text.p[0] == c"[":
        return False
    return address_read(text, address)


cdef bint port(Span text, uint16_t* number) noexcept nogil:
    cdef uint64_t value
    if text.n > 5 or not parse_length(text, &value) or value > 65535 or (text.n > 1 and text.p[0] == c"0"):
        return False
    number[0] = <uint16_t>value
    return True


cdef bint read_line(Span line, ProxyHeader* header) noexcept nogil:
    """Version 1, behind "PROXY "."""
    cdef uint32_t at = 0
    cdef Span family, source, destination, source_port, destination_port
    cdef IpAddress unused
    cdef uint16_t any_port
    cdef uint8_t kind
    if not word(line, &at, &family):
        return False
    if family.n == 7 and memcmp(family.p, b"UNKNOWN", 7) == 0:
        return True
    if family.n != 4 or memcmp(family.p, b"TCP", 3) != 0 or (family.p[3] != c"4" and family.p[3] != c"6"):
        return False
    kind = family.p[3] - c"0"
    if not (word(line, &at, &source) and word(line, &at, &destination) and word(line, &at, &source_port)
            and word(line, &at, &destination_port)) or at != line.n + 1:
        return False
    header.told = True
    return literal(source, kind, &header.source) and literal(destination, kind, &unused) \
        and port(source_port, &any_port) and port(destination_port, &header.port)


cdef int read_text(const char* p, uint32_t n, ProxyHeader* header) noexcept nogil:
    cdef uint32_t known = 6 if n > 6 else n
    cdef const char* end
    if memcmp(p, b"PROXY ", known) != 0:
        return PROXY_BAD
    end = <const char*>memchr(p, c"\n", n if n < LINE_BYTES else <int>LINE_BYTES)
    if end == NULL:
        return PROXY_MORE if n < LINE_BYTES else PROXY_BAD
    if end - p < 7 or (end - 1)[0] != c"\r" or not read_line(span(p + 6, end - p - 7), header):
        return PROXY_BAD
    return <int>(end - p) + 1


cdef int read_binary(const uint8_t* p, uint32_t n, ProxyHeader* header) noexcept nogil:
    cdef uint32_t length
    if n < HEAD_BYTES:
        return PROXY_MORE
    length = <uint32_t>p[14] << 8 | p[15]
    if (p[12] != COMMAND_LOCAL and p[12] != COMMAND_PROXY) or length + HEAD_BYTES > PROXY_BYTES:
        return PROXY_BAD
    if n < HEAD_BYTES + length:
        return PROXY_MORE
    if p[12] == COMMAND_LOCAL or (p[13] != TCP4 and p[13] != TCP6):
        return HEAD_BYTES + length
    header.source.family = 4 if p[13] == TCP4 else 6
    if length < 2 * address_bytes(&header.source) + 4:
        return PROXY_BAD
    memcpy(header.source.bytes, p + HEAD_BYTES, address_bytes(&header.source))
    p += HEAD_BYTES + 2 * address_bytes(&header.source) + 2
    header.port = <uint16_t>p[0] << 8 | p[1]
    address_unmap(&header.source)
    header.told = True
    return HEAD_BYTES + length


cdef int proxy_read(const char* p, uint32_t n, ProxyHeader* header) noexcept nogil:
    memset(header, 0, sizeof(ProxyHeader))
    if n == 0:
        return PROXY_MORE
    if p[0] == c"P":
        return read_text(p, n, header)
    if memcmp(p, SIGNATURE, n if n < SIGNATURE_BYTES else <int>SIGNATURE_BYTES) != 0:
        return PROXY_BAD
    return read_binary(<const uint8_t*>p, n, header)
