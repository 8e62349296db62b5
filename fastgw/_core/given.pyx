"""Fields given by Python."""
from libc.stdint cimport uint8_t, uint16_t

from fastgw._core.bytes cimport put, value_clean
from fastgw._core.names cimport name_token
from fastgw._core.state cimport R_CORS_ANSWER

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


cdef bint among(frozenset ours, bytes name, bytes value) except -1:
    """Whether only the engine may write it."""
    if name is None or value is None or not token_clean(name) or not value_clean(value, len(value)):
        raise ValueError(f"not a header field: {(name or b'')[:80]!r}: {(value or b'')[:80]!r}")
    return name.lower() in ours


cdef inline void put_line(Writer* w, bytes name, bytes value):
    put(w, name, len(name))
    put(w, b": ", 2)
    put(w, value, len(value))
    put(w, b"\r\n", 2)


cdef int check_room(Writer* w) except -1:
    if w.full:
        raise ValueError(f"more than {w.cap} bytes of header fields")
    return 0


cdef int put_given(Writer* w, object fields) except -1:
    cdef bytes name, value
    for name, value in fields:
        if not among(OURS, name, value):
            put_line(w, name, value)
    return check_room(w)


cdef int put_answer_fields(Writer* w, Exchange* ex, object fields, Given* given) except -1:
    cdef bytes name, value
    cdef Field* f
    cdef uint8_t token
    cdef bint exact
    given.n = 0
    for name, value in fields:
        if among(OURS_OF_ANSWER, name, value):
            continue
        token = name_token(ex.plan.names, name, <uint32_t>len(name), &exact)
        if not exact:
            token = 0
        if token and ex.stage.cors != NULL and ex.stage.rules[token] & R_CORS_ANSWER:
            continue            # the gateway answers for CORS itself
        if given.n < FIELDS:
            f = &given.fields[given.n]
            f.name = w.n
            f.name_n = <uint16_t>len(name)
            f.value = w.n + f.name_n + 2
            f.value_n = <uint32_t>len(value)
            f.token = token
            f.marks = 0
        given.n += 1
        put_line(w, name, value)
    return check_room(w)
