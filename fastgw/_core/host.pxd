"""The Host field and the authority of an absolute-form target (RFC 9110 section 7.2, RFC 3986 section 3.2).

Accepted: a registered name (letters, digits, - . _ ~; no empty label), an IPv4 address, a bracketed IPv6
address, each with an optional ":port". Refused: an empty value, userinfo, percent-escapes, sub-delims,
spaces, lists, IPvFuture and zone ids.
"""

from libc.stdint cimport int32_t, uint32_t

cdef enum:
    HOST_CAP = 256      # bytes `out` must hold; a longer name is refused

cdef enum:
    HOST_OK = 0
    HOST_BAD = -1       # refuse the request (400)

# out[:name_n] is the name in lower case, without one trailing dot; an IPv6 address keeps its brackets and
# its spelling. port is 1..65535, or 0 where none is given ("host" and "host:").
cdef int host_parse(const char* raw, uint32_t n, char* out, uint32_t* name_n, int32_t* port) noexcept nogil
cdef bint host_is_ipv4(const unsigned char* s, uint32_t n) noexcept nogil   # RFC 3986 section 3.2.2
cdef bint host_is_ipv6(const unsigned char* s, uint32_t n) noexcept nogil   # without its brackets
