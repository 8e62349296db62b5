"""Formats of JSON Schema that are asserted, checked on the value's bytes (valid UTF-8, escapes resolved)."""
from libc.stdint cimport uint32_t

cdef enum Format:
    FORMAT_NONE = 0
    FORMAT_DATE_TIME = 1        # RFC 3339 section 5.6; a leap second as section 5.7 allows it
    FORMAT_DATE = 2
    FORMAT_TIME = 3             # with its offset
    FORMAT_EMAIL = 4            # RFC 5321 section 4.1.2, no comments
    FORMAT_UUID = 5             # RFC 9562 section 4
    FORMAT_IPV4 = 6             # RFC 2673 section 3.2: no leading zero
    FORMAT_IPV6 = 7             # RFC 4291 section 2.2, no zone
    FORMAT_URI = 8              # RFC 3986, with a scheme
    FORMAT_HOSTNAME = 9         # RFC 1123 section 2.1: labels of 1 to 63, 253 in all

cdef bint format_holds(int format, const char* p, uint32_t n) noexcept nogil
