"""Programs: texts with values of the request put in, compiled to a list of ops.

Upstream paths and queries, mapped parameters, gateway responses and fixed answers are all Programs.
"""
from libc.stdint cimport uint8_t, uint32_t

from fastgw._core.bytes cimport Span, Writer
from fastgw._core.state cimport Exchange, Program

cdef enum Context:          # what OP_CONTEXT can put in; `index` of the op
    # Texts of the engine's own making: no byte of theirs needs an escape anywhere.
    C_NOTHING = 0           # a variable that never has a value here
    C_REQUEST_ID = 1
    C_EXTENDED_ID = 2
    C_DATE = 3              # IMF-fixdate
    C_TRACE_ID = 4          # Root=1-{8 hex: seconds}-{24 hex}
    C_PROTOCOL = 5
    C_SOURCE_IP = 6
    C_TIME_CLF = 7          # of the request's first byte: 20/Nov/2026:20:58:40 +0000
    C_FORWARDED_FOR = 8     # the addresses that trusted hops named, in their words, and the peer's
    C_FORWARDED_PORT = 9    # of the listener, or what a trusted hop says that it was
    C_FORWARDED_PROTO = 10
    C_TLS_VERSION = 11      # "TLSv1.3"
    C_TLS_CIPHER = 12
    # Whole numbers.
    C_TIME_MS = 20          # the same, since the epoch
    C_LOCAL_PORT = 21       # of the listener
    C_STATUS = 22
    C_RESPONSE_LENGTH = 23  # bytes of the body; this and the following have a value at LOG
    C_RESPONSE_LATENCY = 24     # ms
    C_INTEGRATION_STATUS = 25   # of the upstream's answer
    C_INTEGRATION_LATENCY = 26  # ms, from the request sent to the head of the answer, or to the end without one
    C_ANSWER_STATUS = 27    # that a step read out of that answer, as a function's own; else as C_INTEGRATION_STATUS
    C_AUTHORIZER_STATUS = 28    # 200 where the caller became known, else what the client got
    C_AUTHORIZER_LATENCY = 29   # ms
    C_AUTHORIZER_ANSWER = 30    # status of the answer of the authorizer's function or endpoint
    C_AUTHORIZER_WAIT = 31      # ms; as C_AUTHORIZER_LATENCY, where it was asked
    C_AUTHORIZE_STATUS = 32     # 200 where the caller may, else what the client got
    C_GUARD_LATENCY = 33    # ms that the firewall took
    C_GUARD_STATUS = 34     # 200 where it was asked
    # Texts that lie in memory and may hold any byte; see context_text.
    C_METHOD = 40
    C_PATH = 41             # as the client wrote it, base path and stage included
    C_RESOURCE = 42
    C_ROUTE_KEY = 43        # "GET /pets/{id}"
    C_STAGE = 44
    C_API_ID = 45
    C_USER_AGENT = 46
    C_HOST = 47
    C_HOST_LABEL = 48       # the host's first label
    C_ERROR_MESSAGE = 49
    C_ERROR_TYPE = 50
    C_INTEGRATION_ERROR = 51    # what a step found wrong with an answer, or the message of a failure that is the upstream's
    C_ERROR_DETAIL = 52     # why a body was refused
    C_REFERER = 53          # without its query and fragment
    C_KEY = 54              # value of the API key
    C_KEY_NAME = 55
    C_LEVEL = 56            # of the limit that refused the request
    C_CACHE = 57            # "hit", "miss", "bypass"
    C_BELOW_STAGE = 58      # canonical path below base path and stage, still encoded
    C_ENDPOINT_ID = 59      # by which the upstream knows the request
    C_RESOURCE_PATH = 60    # as C_BELOW_STAGE, without the slash at its end that routing does not look at
    C_CHALLENGE = 61        # of a refusal
    C_AUTHORIZER_ERROR = 62
    C_AUTHORIZER_ID = 63    # by which the authorizer's function or endpoint knows the request
    C_AUTHORIZE_ERROR = 64
    C_GUARD_ANSWER = 65     # of the firewall: "WAF_ALLOW", "WAF_BLOCK"
    C_GUARD_ID = 66         # by which it is known
    C_CERT_PEM = 70         # of the client's certificate: this and the following in ClientCert's order
    C_CERT_SUBJECT = 71
    C_CERT_ISSUER = 72
    C_CERT_SERIAL = 73
    C_CERT_NOT_BEFORE = 74
    C_CERT_NOT_AFTER = 75

cdef enum:
    C_FIRST_NUMBER = C_TIME_MS
    C_FIRST_TEXT = C_METHOD

cdef enum ProgramResult:
    PROGRAM_OK = 0
    PROGRAM_MISSING = 1     # a value was absent; the rest was written
    PROGRAM_REFUSED = -1    # a value would change the target (a dot segment); answer 400

cdef int program_write(const Program* program, Exchange* ex, Writer* w) noexcept nogil
cdef bint context_value(Exchange* ex, int which, Writer* w) noexcept nogil
"""Write one variable as it is; False where it has no value."""
cdef bint context_text(Exchange* ex, int which, Span* value) noexcept nogil
"""Where the bytes of a variable from C_FIRST_TEXT on lie; False where it has no value."""
cdef uint32_t utf8_length(const uint8_t* p, uint32_t n) noexcept nogil
"""Bytes of the well-formed UTF-8 sequence at p (RFC 3629), 0 where there is none."""
cdef int encode_put(Writer* w, Span value, int mode) noexcept nogil
cdef bint query_name_is(Span raw, Span name) noexcept nogil
cdef void put_query_decoded(Writer* w, Span raw) noexcept nogil
cdef uint32_t decode_at(Span raw, uint32_t i, uint8_t* byte) noexcept nogil
"""One decoded byte of a query at i, "+" being a space; how many raw bytes it took."""
cdef bint query_next(Span query, uint32_t* at, Span* name, Span* value) noexcept nogil
