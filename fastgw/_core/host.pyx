"""Host values; host.pxd says what is accepted."""

from libc.stdint cimport int32_t, uint32_t

cdef enum:
    PORT_BAD = -1
    PORT_DIGITS = 5

cdef unsigned char NAME_BYTE[256]   # a byte of a registered name in lower case; 0: it may not stand there


cdef inline bint is_digit(unsigned char c) noexcept nogil:
    return c"0" <= c <= c"9"


cdef inline bint is_hex(unsigned char c) noexcept nogil:
    return is_digit(c) or c"a" <= (c | 0x20) <= c"f"


cdef inline unsigned char lower(unsigned char c) noexcept nogil:
    return c + 32 if c"A" <= c <= c"Z" else c


cdef int32_t parse_port(const unsigned char* s, uint32_t n) noexcept nogil:
    """s is what follows the name: nothing, ":" or ":" and digits. 0 where no port is given."""
    cdef uint32_t i
    cdef int32_t value = 0
    if n == 0 or (n == 1 and s[0] == c":"):
        return 0
    if s[0] != c":" or n > 1 + PORT_DIGITS:
        return PORT_BAD
    for i in range(1, n):
        if not is_digit(s[i]):
            return PORT_BAD
        value = value * 10 + (s[i] - c"0")
    return value if 1 <= value <= 65535 else PORT_BAD


cdef bint host_is_ipv4(const unsigned char* s, uint32_t n) noexcept nogil:
    """Four dec-octets of RFC 3986 section 3.2.2: no leading zero."""
    cdef uint32_t i = 0, start
    cdef int value, octet
    for octet in range(4):
        start = i
        value = 0
        while i < n and i - start < 3 and is_digit(s[i]):
            value = value * 10 + (s[i] - c"0")
            i += 1
        if i == start or value > 255 or (s[start] == c"0" and i - start > 1):
            return False
        if octet < 3:
            if i == n or s[i] != c".":
                return False
            i += 1
    return i == n


cdef bint host_is_ipv6(const unsigned char* s, uint32_t n) noexcept nogil:
    """RFC 3986 section 3.2.2: eight groups, one run of them elided by "::", the last two as IPv4 if wanted."""
    cdef uint32_t i = 0, start
    cdef int groups = 0
    cdef bint elided = False
    if n >= 2 and s[0] == c":" and s[1] == c":":
        elided = True
        i = 2
    elif n == 0:
        return False
    while i < n:
        start = i
        while i < n and i - start < 4 and is_hex(s[i]):
            i += 1
        if i < n and s[i] == c".":
            if not host_is_ipv4(s + start, n - start):
                return False
            groups += 2
            break
        if i == start:
            return False
        groups += 1
        if i == n:
            break
        if s[i] != c":" or i + 1 == n:
            return False
        i += 1
        if s[i] == c":":
            if elided:
                return False
            elided = True
            i += 1
    return groups <= 7 if elided else groups == 8


cdef int32_t bracket_end(const unsigned char* s, uint32_t n) noexcept nogil:
    """Bytes of "[v6]" at the start of s, or HOST_BAD."""
    cdef uint32_t i = 1
    while i < n and i < HOST_CAP and s[i] != c"]":
        i += 1
    if i == n or i == HOST_CAP or not host_is_ipv6(s + 1, i - 1):
        return HOST_BAD
    return i + 1


cdef int32_t put_name(const unsigned char* s, uint32_t n, char* out) noexcept nogil:
    """Write the registered name at the start of s (up to ':' or the end) in lower case; its bytes, or HOST_BAD."""
    cdef uint32_t i = 0
    cdef unsigned char byte, before = c"."
    while i < n and s[i] != c":":
        byte = NAME_BYTE[s[i]]
        if byte == 0 or i == HOST_CAP or (byte == c"." and before == c"."):
            return HOST_BAD
        out[i] = before = byte
        i += 1
    return i if i else HOST_BAD


cdef int host_parse(const char* raw, uint32_t n, char* out, uint32_t* name_n, int32_t* port) noexcept nogil:
    cdef const unsigned char* s = <const unsigned char*> raw
    cdef int32_t end, i, found
    if n == 0:
        return HOST_BAD
    if s[0] == c"[":
        end = bracket_end(s, n)
        for i in range(end):
            out[i] = lower(s[i])
    else:
        end = put_name(s, n, out)
    if end < 0:
        return HOST_BAD
    found = parse_port(s + end, n - end)
    if found == PORT_BAD:
        return HOST_BAD
    if s[end - 1] == c".":
        end -= 1
    name_n[0] = end
    port[0] = found
    return HOST_OK


cdef int fill_table() except -1:
    cdef unsigned char byte
    for byte in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~.":
        NAME_BYTE[byte] = lower(byte)
    return 0


fill_table()


def parse(const unsigned char[::1] raw not None) -> tuple[bytes, int]:
    """(name in lower case, port or 0). Raises ValueError for a value that is refused."""
    cdef char out[HOST_CAP]
    cdef uint32_t name_n = 0, n = raw.shape[0]
    cdef int32_t port = 0
    cdef const char* s = <const char*> &raw[0]
    if host_parse(s, n, out, &name_n, &port) != HOST_OK:
        raise ValueError(f"not a host: {s[:n]!r}")
    return out[:name_n], port
