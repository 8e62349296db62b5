"""Evaluate programs into a Writer. Values are encoded for the place they go to, byte by byte."""
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy, strlen

from fastgw._core.address cimport client_address
from fastgw._core.bytes cimport (HEX, UNRESERVED, put, put_char, put_escape, put_hex, put_span, put_uint, same_case, span,
                                 writer_init)
from fastgw._core.clock cimport clf_time, http_date, wall_us
from fastgw._core.access cimport AUTH_KNOWN, AUTH_NONE, AUTH_PASSED, AUTH_UNKNOWN
from fastgw._core.caller cimport caller_value
from fastgw._core.firewall cimport GUARD_ALLOWED
from fastgw._core.failure cimport F_INTEGRATION_FAILURE, F_UPSTREAM_OVERLOADED
from fastgw._core.allowance cimport LEVEL_NONE
from fastgw._core.forwarded cimport put_forwarded_for, put_forwarded_port, put_forwarded_proto
from fastgw._core.json_find cimport json_find
from fastgw._core.keys cimport key_name
from fastgw._core.network cimport address_put
from fastgw._core.state cimport (CACHE_BYPASS, CACHE_HIT, CACHE_MISS, E_ESCAPED_PATH, E_ESCAPED_QUERY, E_HEADER, E_JSON,
                                 E_JSON_STRING, E_PATH, E_QUERY, E_RAW, E_WHOLE_PATH, Field, M_LOOSE, OP_ANSWER_BODY,
                                 OP_ANSWER_MULTI, OP_BODY, OP_CALLER, OP_CONTEXT, OP_HEADER_MULTI, OP_PARAM, OP_QUERY,
                                 OP_QUERY_MULTI, OP_TEXT, Op, Reply, T_USER_AGENT, field_value)

cdef enum:
    VALUE_BYTES = 65536     # one value at a time is decoded here; the worker has one thread of execution in the engine

cdef char value_bytes[VALUE_BYTES]
cdef const char* LEVELS[9]   # by allowance.Level
cdef char BASE64_PAIRS[8192]    # two letters of base64url (RFC 4648 section 5) for each 12 bits


cdef uint32_t utf8_length(const uint8_t* p, uint32_t n) noexcept nogil:
    cdef uint32_t need, i
    if p[0] < 0x80:
        return 1
    if 0xC2 <= p[0] <= 0xDF:
        need = 2
    elif 0xE0 <= p[0] <= 0xEF:
        need = 3
    elif 0xF0 <= p[0] <= 0xF4:
        need = 4
    else:
        return 0
    if need > n:
        return 0
    for i in range(1, need):
        if p[i] & 0xC0 != 0x80:
            return 0
    if (p[0] == 0xE0 and p[1] < 0xA0) or (p[0] == 0xED and p[1] > 0x9F) or (p[0] == 0xF0 and p[1] < 0x90) \
            or (p[0] == 0xF4 and p[1] > 0x8F):
        return 0
    return need


cdef void put_json(Writer* w, Span value) noexcept nogil:
    """value inside a JSON string; a byte that is no UTF-8 is read as Latin-1."""
    cdef uint32_t i = 0, run
    cdef uint8_t byte
    while i < value.n:
        byte = <uint8_t>value.p[i]
        run = utf8_length(<const uint8_t*>value.p + i, value.n - i)
        if byte == c'"' or byte == c"\\":
            put_char(w, c"\\")
            put_char(w, <char>byte)
        elif byte < 32 or byte == 127 or run == 0:
            put(w, b"\\u00", 4)
            put_hex(w, byte, 2)
        else:
            put(w, value.p + i, run)
        i += run if run else 1


cdef int encode_put(Writer* w, Span value, int mode) noexcept nogil:
    """Write a value for its place: mode is one of state.Encode."""
    cdef uint32_t i
    cdef uint8_t byte
    if (mode == E_PATH or mode == E_ESCAPED_PATH) and 1 <= value.n <= 2 and value.p[0] == c"." \
            and value.p[value.n - 1] == c".":
        return PROGRAM_REFUSED      # a dot segment would lead elsewhere
    if mode == E_RAW or mode == E_ESCAPED_PATH:
        put_span(w, value)
    elif mode == E_PATH or mode == E_QUERY or mode == E_ESCAPED_QUERY or mode == E_WHOLE_PATH:
        for i in range(value.n):
            byte = <uint8_t>value.p[i]
            if UNRESERVED[byte] or (mode == E_ESCAPED_QUERY and byte == c"%") \
                    or (mode == E_WHOLE_PATH and byte == c"/"):
                put_char(w, <char>byte)
            else:
                put_escape(w, byte)
    elif mode == E_HEADER:
        for i in range(value.n):
            byte = <uint8_t>value.p[i]
            if (byte < 32 and byte != c"\t") or byte == 127:
                put_escape(w, byte)
            else:
                put_char(w, <char>byte)
    elif mode == E_JSON:
        put_json(w, value)
    else:
        put_char(w, c'"')
        put_json(w, value)
        put_char(w, c'"')
    return PROGRAM_OK


# --- query parameters

cdef bint query_next(Span query, uint32_t* at, Span* name, Span* value) noexcept nogil:
    """The next name and value, both still encoded; empty pairs are skipped."""
    cdef uint32_t start, equals
    while at[0] < query.n:
        start = at[0]
        while at[0] < query.n and query.p[at[0]] != c"&":
            at[0] += 1
        equals = start
        while equals < at[0] and query.p[equals] != c"=":
            equals += 1
        name[0] = span(query.p + start, equals - start)
        value[0] = span(query.p + equals + 1, at[0] - equals - 1) if equals < at[0] else span(query.p + equals, 0)
        at[0] += 1
        if name.n:
            return True
    return False


cdef uint32_t decode_at(Span raw, uint32_t i, uint8_t* byte) noexcept nogil:
    cdef uint8_t ch = <uint8_t>raw.p[i]
    if ch == c"%" and i + 2 < raw.n and HEX[<uint8_t>raw.p[i + 1]] != 255 and HEX[<uint8_t>raw.p[i + 2]] != 255:
        byte[0] = HEX[<uint8_t>raw.p[i + 1]] << 4 | HEX[<uint8_t>raw.p[i + 2]]
        return 3
    byte[0] = c" " if ch == c"+" else ch
    return 1


cdef bint query_name_is(Span raw, Span name) noexcept nogil:
    cdef uint32_t i = 0, k = 0
    cdef uint8_t byte = 0
    while i < raw.n:
        i += decode_at(raw, i, &byte)
        if k == name.n or <uint8_t>name.p[k] != byte:
            return False
        k += 1
    return k == name.n


cdef void put_query_decoded(Writer* w, Span raw) noexcept nogil:
    cdef uint32_t i = 0
    cdef uint8_t byte = 0
    while i < raw.n:
        i += decode_at(raw, i, &byte)
        put_char(w, <char>byte)


cdef bint query_value(Exchange* ex, Span wanted, bint multi, Writer* w) noexcept nogil:
    cdef uint32_t at = 0
    cdef Span name, value
    cdef bint found = False
    while query_next(ex.query, &at, &name, &value):
        if not query_name_is(name, wanted):
            continue
        if not multi:
            w.n = 0
        elif found:
            put_char(w, c",")
        found = True
        put_query_decoded(w, value)
    return found


cdef bint header_value(const char* base, Field* fields, uint32_t n, Span wanted, bint multi, Writer* w) noexcept nogil:
    """The last value of a head's field, or all of them."""
    cdef uint32_t i
    cdef Field* f
    cdef bint found = False
    for i in range(n):
        f = &fields[i]
        if f.name_n != wanted.n or not same_case(base + f.name, wanted.p, wanted.n):
            continue
        if not multi:
            w.n = 0
        elif found:
            put_char(w, c",")
        found = True
        put_span(w, field_value(base, f))
    return found


# --- context

cdef extern from *:
    """
    #include <stdint.h>
    /* The eight hex digits of a 32-bit value, the first in the lowest byte: nibbles are spread to bytes, then
       each of them above 9 is moved on from '0'+n to 'a'+n-10, all eight at once. */
    static inline uint64_t fastgw_hex8(uint32_t value) {
        uint64_t x = __builtin_bswap32(value), over;
        x = (x | x << 16) & 0x0000ffff0000ffffULL;
        x = (x | x << 8) & 0x00ff00ff00ff00ffULL;
        x = (x >> 4 | x << 8) & 0x0f0f0f0f0f0f0f0fULL;
        over = ((x + 0x0606060606060606ULL) >> 4) & 0x0101010101010101ULL;
        return x + 0x3030303030303030ULL + over * ('a' - '0' - 10);
    }
    """
    uint64_t fastgw_hex8(uint32_t value) nogil


cdef inline void hex8(char* at, uint64_t value) noexcept nogil:
    """The 32 low bits of value as 8 hex digits at `at`."""
    cdef uint64_t digits = fastgw_hex8(<uint32_t>value)
    memcpy(at, &digits, 8)


cdef void put_uuid(Writer* w, uint64_t high, uint64_t low) noexcept nogil:
    """A version 4 UUID (RFC 9562) of 122 random bits."""
    cdef char digits[32]
    cdef char text[36]
    high = (high & ~<uint64_t>0xF000) | 0x4000
    low = (low & 0x3FFFFFFFFFFFFFFFULL) | 0x8000000000000000ULL
    hex8(digits, high >> 32)
    hex8(digits + 8, high)
    hex8(digits + 16, low >> 32)
    hex8(digits + 24, low)
    memcpy(text, digits, 8)
    memcpy(text + 9, digits + 8, 4)
    memcpy(text + 14, digits + 12, 4)
    memcpy(text + 19, digits + 16, 4)
    memcpy(text + 24, digits + 20, 12)
    text[8] = text[13] = text[18] = text[23] = c"-"
    put(w, text, 36)


cdef void put_extended_id(Writer* w, uint64_t high, uint64_t low) noexcept nogil:
    """15 letters of base64url and "=": 90 bits of the request's id, mixed."""
    cdef char text[16]
    cdef uint64_t bits = high * <uint64_t>0x9E3779B97F4A7C15ULL ^ low
    cdef int i
    for i in range(0, 10, 2):
        memcpy(text + i, BASE64_PAIRS + 2 * (bits & 4095), 2)
        bits >>= 12
    bits = low * <uint64_t>0xC2B2AE3D27D4EB4FULL ^ high
    for i in range(10, 16, 2):
        memcpy(text + i, BASE64_PAIRS + 2 * (bits & 4095), 2)
        bits >>= 12
    text[15] = c"="
    put(w, text, 16)


cdef void put_trace_id(Writer* w, Exchange* ex) noexcept nogil:
    cdef char text[40]
    memcpy(text, b"Root=1-", 7)
    hex8(text + 7, wall_us(ex.started) // 1000000)
    text[15] = c"-"
    hex8(text + 16, ex.id_high)
    hex8(text + 24, ex.id_low >> 32)
    hex8(text + 32, ex.id_low)
    put(w, text, 40)


cdef Span field_named(Exchange* ex, const char* name, uint32_t n) noexcept nogil:
    """The first field of this name, without a token's help; p NULL: none. The fields have been judged."""
    cdef uint32_t i
    for i in range(ex.nfields):
        if ex.fields[i].name_n == n and same_case(ex.head + ex.fields[i].name, name, n):
            return field_value(ex.head, &ex.fields[i])
    return span(NULL, 0)


cdef Span user_agent(Exchange* ex) noexcept nogil:
    cdef uint32_t i
    for i in range(ex.nfields):
        if ex.fields[i].token == T_USER_AGENT:
            return field_value(ex.head, &ex.fields[i])
    return span(NULL, 0)


cdef Span key_value(Exchange* ex) noexcept nogil:
    """The value of the API key, from the field or the caller that it came with; its record has only the digest."""
    cdef uint32_t i
    if ex.key != NULL and ex.stage.keys_of_callers:
        return ex.caller.usage_key
    for i in range(ex.nfields):
        if ex.key != NULL and ex.fields[i].token == ex.plan.key_token and not ex.fields[i].marks & M_LOOSE:
            return field_value(ex.head, &ex.fields[i])
    return span(NULL, 0)


cdef Span until(Span s, char first, char second) noexcept nogil:
    """s up to the first of two bytes."""
    cdef uint32_t i = 0
    while i < s.n and s.p[i] != first and s.p[i] != second:
        i += 1
    return span(s.p, i)


cdef Span asked_path(Exchange* ex) noexcept nogil:
    """The path as written; of a head that was refused, as far as it was read."""
    if ex.raw_path.p != NULL:
        return ex.raw_path
    if ex.target_n and ex.target_off + ex.target_n <= ex.head_n and ex.head[ex.target_off] == c"/":
        return until(span(ex.head + ex.target_off, ex.target_n), c"?", c"#")
    return span(NULL, 0)


cdef bint context_text(Exchange* ex, int which, Span* value) noexcept nogil:
    cdef bint judged = ex.raw_path.p != NULL        # before that the fields may be an earlier request's
    cdef Reply* reply
    value[0] = span(NULL, 0)
    if which == C_METHOD:
        if ex.verb_n and ex.verb_off + ex.verb_n <= ex.head_n:
            value[0] = span(ex.head + ex.verb_off, ex.verb_n)
    elif which == C_PATH:
        value[0] = asked_path(ex)
    elif which == C_RESOURCE or which == C_ROUTE_KEY:
        if ex.route != NULL:
            value[0] = ex.route.resource if which == C_RESOURCE else ex.route.key
    elif which == C_STAGE or which == C_API_ID:
        if ex.stage != NULL:
            value[0] = ex.stage.name if which == C_STAGE else ex.stage.api_id
    elif which == C_USER_AGENT:
        if judged:
            value[0] = user_agent(ex)
    elif which == C_HOST:
        value[0] = ex.host
    elif which == C_HOST_LABEL:
        value[0] = until(ex.host, c".", c".")
    elif which == C_REFERER:
        if judged:
            value[0] = until(field_named(ex, b"referer", 7), c"?", c"#")
    elif which == C_KEY:
        value[0] = key_value(ex)
    elif which == C_KEY_NAME:
        if ex.key != NULL:
            value[0] = key_name(ex.key)
    elif which == C_LEVEL:
        if ex.level != LEVEL_NONE:
            value[0] = span(LEVELS[ex.level], <uint32_t>strlen(LEVELS[ex.level]))
    elif which == C_BELOW_STAGE:
        value[0] = ex.rest
    elif which == C_RESOURCE_PATH:
        value[0] = span(ex.rest.p, ex.rest.n - (ex.rest.n > 1 and ex.rest.p[ex.rest.n - 1] == c"/"))
    elif which == C_CHALLENGE:
        value[0] = ex.challenge
    elif which == C_AUTHORIZER_ID:
        value[0] = ex.auth_id
    elif which == C_AUTHORIZER_ERROR or which == C_AUTHORIZE_ERROR:
        if ex.failure and ex.auth == (AUTH_UNKNOWN if which == C_AUTHORIZER_ERROR else AUTH_KNOWN):
            value[0] = ex.detail if ex.detail.p != NULL else \
                (ex.stage.replies if ex.stage != NULL else ex.plan.replies)[ex.failure - 1].message
    elif which == C_CACHE:
        if ex.cache == CACHE_HIT:
            value[0] = span(b"hit", 3)
        elif ex.cache == CACHE_MISS:
            value[0] = span(b"miss", 4)
        elif ex.cache == CACHE_BYPASS:
            value[0] = span(b"bypass", 6)
    elif which == C_ERROR_DETAIL:
        value[0] = ex.detail
    elif C_CERT_PEM <= which <= C_CERT_NOT_AFTER:
        if ex.conn.secured.certificate != NULL:
            value[0] = (&ex.conn.secured.certificate.pem)[which - C_CERT_PEM]
    elif which == C_ENDPOINT_ID:
        value[0] = ex.told_id
    elif which == C_GUARD_ANSWER and ex.guard.answer:
        value[0] = span(b"WAF_ALLOW", 9) if ex.guard.answer == GUARD_ALLOWED else span(b"WAF_BLOCK", 9)
    elif which == C_GUARD_ID and ex.guard.answer:
        value[0] = ex.stage.firewall.id
    elif which == C_INTEGRATION_ERROR and ex.told_error.p != NULL:
        value[0] = ex.told_error
    elif which == C_INTEGRATION_ERROR and ex.tls_error != NULL:
        value[0] = span(ex.tls_error, <uint32_t>strlen(ex.tls_error))
    elif which == C_ERROR_MESSAGE and ex.message.p != NULL:
        value[0] = until(ex.message, c"\n", c"\n") if ex.ended else ex.message     # a log has the first line of it
    elif ex.failure:
        reply = &(ex.stage.replies if ex.stage != NULL else ex.plan.replies)[ex.failure - 1]
        if which == C_ERROR_TYPE:
            value[0] = reply.type
        elif which == C_ERROR_MESSAGE or F_INTEGRATION_FAILURE <= ex.failure - 1 <= F_UPSTREAM_OVERLOADED:
            value[0] = reply.message
    return value.p != NULL


cdef inline bint put_auth(Writer* w, Exchange* ex, int which) noexcept nogil:
    if ex.auth == AUTH_NONE:
        return False
    if which == C_AUTHORIZER_STATUS:
        put_uint(w, ex.status if ex.auth == AUTH_UNKNOWN else 200)
    elif which == C_AUTHORIZER_LATENCY or (which == C_AUTHORIZER_WAIT and ex.auth_since):
        put_uint(w, ex.auth_us // 1000)
    elif which == C_AUTHORIZER_ANSWER and ex.auth_status:
        put_uint(w, ex.auth_status)
    elif which == C_AUTHORIZE_STATUS and ex.auth != AUTH_UNKNOWN:
        put_uint(w, 200 if ex.auth == AUTH_PASSED else ex.status)
    else:
        return False
    return True


cdef inline bint put_at_log(Writer* w, Exchange* ex, int which) noexcept nogil:
    """What is known at the end only."""
    if not ex.ended:
        return False
    if which == C_RESPONSE_LENGTH:
        put_uint(w, ex.body_out)
    elif which == C_RESPONSE_LATENCY:
        put_uint(w, (ex.ended - ex.started) // 1000)
    elif which == C_INTEGRATION_LATENCY and ex.sent:
        put_uint(w, ((ex.answered if ex.answered else ex.ended) - ex.sent) // 1000)
    elif (which == C_GUARD_LATENCY or which == C_GUARD_STATUS) and ex.guard.answer:
        put_uint(w, 200 if which == C_GUARD_STATUS else ex.guard.us // 1000)
    elif which == C_ANSWER_STATUS and ex.told_status:
        put_uint(w, ex.told_status)
    elif (which == C_INTEGRATION_STATUS or which == C_ANSWER_STATUS) and ex.up_status:
        put_uint(w, ex.up_status)
    else:
        return False
    return True


cdef bint context_value(Exchange* ex, int which, Writer* w) noexcept nogil:
    cdef Span text
    cdef const char* told
    if which >= C_FIRST_TEXT:
        if not context_text(ex, which, &text):
            return False
        put_span(w, text)
    elif which == C_REQUEST_ID:
        put_uuid(w, ex.id_high, ex.id_low)
    elif which == C_EXTENDED_ID:
        put_extended_id(w, ex.id_high, ex.id_low)
    elif which == C_DATE:
        put(w, http_date(), 29)
    elif which == C_TRACE_ID:
        put_trace_id(w, ex)
    elif which == C_PROTOCOL:
        put(w, b"HTTP/2.0" if ex.conn.outer != NULL else b"HTTP/1.1" if ex.minor else b"HTTP/1.0", 8)
    elif which == C_SOURCE_IP:
        address_put(w, client_address(ex))
    elif which == C_FORWARDED_FOR:
        put_forwarded_for(w, ex)
    elif which == C_TLS_VERSION or which == C_TLS_CIPHER:
        told = ex.conn.secured.version if which == C_TLS_VERSION else ex.conn.secured.cipher
        if told == NULL:
            return False
        put(w, told, <uint32_t>strlen(told))
    elif which == C_FORWARDED_PROTO:
        put_forwarded_proto(w, ex)
    elif which == C_FORWARDED_PORT:
        return put_forwarded_port(w, ex)
    elif which == C_TIME_CLF:
        put(w, clf_time(wall_us(ex.started) // 1000000), 26)
    elif which == C_TIME_MS:
        put_uint(w, wall_us(ex.started) // 1000)
    elif which == C_LOCAL_PORT:
        put_uint(w, ex.conn.local_port)
        return ex.conn.local_port != 0
    elif which == C_STATUS:
        put_uint(w, ex.status)
    elif C_AUTHORIZER_STATUS <= which <= C_AUTHORIZE_STATUS:
        return put_auth(w, ex, which)
    elif which >= C_RESPONSE_LENGTH:
        return put_at_log(w, ex, which)
    else:
        return False
    return True


cdef int program_write(const Program* program, Exchange* ex, Writer* w) noexcept nogil:
    cdef uint32_t i
    cdef const Op* op
    cdef Writer value
    cdef Span text
    cdef bint found
    cdef int result = PROGRAM_OK, k
    for i in range(program.n):
        op = &program.ops[i]
        if op.kind == OP_TEXT:
            put_span(w, op.text)
            continue
        if op.kind == OP_CONTEXT and op.encode == E_RAW:
            if not context_value(ex, op.index, w):
                result = PROGRAM_MISSING
            continue
        if op.kind == OP_PARAM:
            k = op.index
            if k >= ex.match.nparams:
                result = PROGRAM_MISSING
            elif encode_put(w, span(ex.rest.p + ex.match.off[k], ex.match.len[k]), op.encode) < 0:
                return PROGRAM_REFUSED
            continue
        writer_init(&value, value_bytes, VALUE_BYTES)
        if op.kind == OP_CONTEXT:
            found = context_value(ex, op.index, &value)
        elif op.kind == OP_QUERY or op.kind == OP_QUERY_MULTI:
            found = query_value(ex, op.text, op.kind == OP_QUERY_MULTI, &value)
        elif op.kind == OP_ANSWER_MULTI:
            found = ex.up != NULL and header_value(ex.up.base, ex.up.fields, ex.up.nfields, op.text, True, &value)
        elif op.kind == OP_BODY:
            found = json_find(span(ex.collected, <uint32_t>ex.body_seen if ex.collected != NULL else 0), op.text, &text)
        elif op.kind == OP_ANSWER_BODY:
            found = json_find(span(ex.held, ex.held_n), op.text, &text)
        elif op.kind == OP_CALLER:
            found = caller_value(ex.caller, op.text, &text)
        else:
            found = header_value(ex.head, ex.fields, ex.nfields, op.text, op.kind == OP_HEADER_MULTI, &value)
        if op.kind != OP_BODY and op.kind != OP_ANSWER_BODY and op.kind != OP_CALLER:
            text = span(value.p, value.n)
        if value.full:
            w.full = True
        if not found:
            result = PROGRAM_MISSING
            if op.encode == E_JSON_STRING:
                put(w, b"null", 4)
        elif encode_put(w, text, op.encode) < 0:
            return PROGRAM_REFUSED
    return result


cdef int fill_table() except -1:
    cdef int i
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    LEVELS[:] = [b"", b"PLAN_METHOD", b"PLAN", b"STAGE_METHOD", b"STAGE", b"ACCOUNT", b"QUOTA", b"CONCURRENCY",
                 b"OVERLOAD"]
    for i in range(4096):
        BASE64_PAIRS[2 * i] = letters[i & 63]
        BASE64_PAIRS[2 * i + 1] = letters[i >> 6]
    return 0


fill_table()

CONTEXTS = {
    "NOTHING": C_NOTHING, "REQUEST_ID": C_REQUEST_ID, "EXTENDED_ID": C_EXTENDED_ID, "METHOD": C_METHOD, "PATH": C_PATH,
    "RESOURCE": C_RESOURCE, "STAGE": C_STAGE, "API_ID": C_API_ID, "PROTOCOL": C_PROTOCOL, "SOURCE_IP": C_SOURCE_IP,
    "USER_AGENT": C_USER_AGENT, "TIME_CLF": C_TIME_CLF, "TIME_MS": C_TIME_MS, "HOST": C_HOST,
    "HOST_LABEL": C_HOST_LABEL, "ERROR_MESSAGE": C_ERROR_MESSAGE, "ERROR_TYPE": C_ERROR_TYPE, "KEY": C_KEY,
    "KEY_NAME": C_KEY_NAME, "LEVEL": C_LEVEL, "STATUS": C_STATUS, "DATE": C_DATE, "TRACE_ID": C_TRACE_ID,
    "ROUTE_KEY": C_ROUTE_KEY, "LOCAL_PORT": C_LOCAL_PORT, "ERROR_DETAIL": C_ERROR_DETAIL,
    "RESPONSE_LENGTH": C_RESPONSE_LENGTH, "RESPONSE_LATENCY": C_RESPONSE_LATENCY,
    "INTEGRATION_STATUS": C_INTEGRATION_STATUS, "INTEGRATION_LATENCY": C_INTEGRATION_LATENCY,
    "INTEGRATION_ERROR": C_INTEGRATION_ERROR, "REFERER": C_REFERER, "CACHE": C_CACHE, "GUARD_ANSWER": C_GUARD_ANSWER,
    "GUARD_ID": C_GUARD_ID, "GUARD_LATENCY": C_GUARD_LATENCY, "GUARD_STATUS": C_GUARD_STATUS,
    "BELOW_STAGE": C_BELOW_STAGE, "FORWARDED_FOR": C_FORWARDED_FOR, "FORWARDED_PORT": C_FORWARDED_PORT,
    "FORWARDED_PROTO": C_FORWARDED_PROTO, "CERT_PEM": C_CERT_PEM, "CERT_SUBJECT": C_CERT_SUBJECT,
    "CERT_ISSUER": C_CERT_ISSUER, "CERT_SERIAL": C_CERT_SERIAL, "CERT_NOT_BEFORE": C_CERT_NOT_BEFORE,
    "CERT_NOT_AFTER": C_CERT_NOT_AFTER, "TLS_VERSION": C_TLS_VERSION, "TLS_CIPHER": C_TLS_CIPHER,
    "ANSWER_STATUS": C_ANSWER_STATUS, "ENDPOINT_ID": C_ENDPOINT_ID, "RESOURCE_PATH": C_RESOURCE_PATH,
    "CHALLENGE": C_CHALLENGE, "AUTHORIZER_ERROR": C_AUTHORIZER_ERROR, "AUTHORIZER_ID": C_AUTHORIZER_ID,
    "AUTHORIZER_STATUS": C_AUTHORIZER_STATUS, "AUTHORIZER_LATENCY": C_AUTHORIZER_LATENCY,
    "AUTHORIZER_ANSWER": C_AUTHORIZER_ANSWER, "AUTHORIZER_WAIT": C_AUTHORIZER_WAIT,
    "AUTHORIZE_STATUS": C_AUTHORIZE_STATUS, "AUTHORIZE_ERROR": C_AUTHORIZE_ERROR,
}
"""Context variables by the engine's own names, for the plan compiler."""
