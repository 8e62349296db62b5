"""The one canonical spelling of a request path, used by the matcher, the authorizer and the upstream alike.

Canonical form (RFC 3986 section 6.2.2):
  - escapes of unreserved bytes (letters, digits, - . _ ~) are decoded, all others kept in upper-case hex
  - "." and ".." segments, in any spelling, are resolved once and never climb above the root
  - "//" is merged when PATH_MERGE_SLASHES is given
It is never longer than the raw path, and canonicalising it again changes nothing; "%252e" stays "%252e".

Refused: a byte outside visible ASCII; any of "<>{}|^`\\#? raw; a malformed escape; an encoded NUL or
backslash; an encoded slash unless PATH_PASS_ENCODED_SLASH is given (it then stays "%2F" and never
separates segments); a path that does not start with '/'.
"""

from libc.stdint cimport uint32_t

cdef enum:
    PATH_MERGE_SLASHES = 1
    PATH_PASS_ENCODED_SLASH = 2

cdef enum:
    PATH_SAME = 0       # raw is canonical, nothing was written
    PATH_CHANGED = 1    # out[:out_n] is the canonical path
    PATH_BAD = -1       # refuse the request (400)
    PATH_FULL = -2      # the path needs rewriting and cap < n; cap == n is always enough

# raw is the path alone, without '?' and query. out must not overlap raw; out_n is written with PATH_CHANGED only.
cdef int path_canonical(const char* raw, uint32_t n, int flags, char* out, uint32_t cap, uint32_t* out_n) noexcept nogil

# 1: only visible ASCII, well-formed escapes and no '#'. 0: refuse the request. The query excludes its '?';
# it is forwarded as it came, so nothing in it is rewritten.
cdef int query_valid(const char* query, uint32_t n) noexcept nogil
