"""Fields given by Python."""
from libc.stdint cimport uint8_t

from fastgw._core.bytes cimport put, value_clean

OURS = frozenset(b"connection content-length keep-alive proxy-connection te transfer-encoding".split())
"""Framing and the connection. A request's Upgrade and Trailer say nothing without them and pass, as mapped ones do on
the compiled path."""
OURS_OF_ANSWER = OURS | {b"date", b"trailer", b"upgrade"}

cdef uint8_t TCHAR[256]


cdef int fill_table() except -1:
    for byte in b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz":
        TCHAR[byte] = 1
    return 0


fill_table()


cdef bint token_clean(bytes token):
    cdef const char* p = token
    cdef Py_ssize_t i
    for i in range(len(token)):
        if not TCHAR[<uint8_t>p[i]]:
            return False
    return len(token) > 0


cdef int put_given(Writer* w, object fields, bint answer) except -1:
    cdef bytes name, value
    cdef frozenset ours = OURS_OF_ANSWER if answer else OURS
    for name, value in fields:
        if name is None or value is None or not token_clean(name) or not value_clean(value, len(value)):
            raise ValueError(f"not a header field: {(name or b'')[:80]!r}: {(value or b'')[:80]!r}")
        if name.lower() in ours:
            continue
        put(w, name, len(name))
        put(w, b": ", 2)
        put(w, value, len(value))
        put(w, b"\r\n", 2)
    if w.full:
        raise ValueError(f"more than {w.cap} bytes of header fields")
    return 0
