"""Parse and judge a request head."""
from libc.stdint cimport int32_t, uint8_t
from libc.stdlib cimport realloc
from libc.string cimport memchr, memcmp, memcpy, memset

from fastgw._core.bytes cimport Span, list_has, parse_length, same_case, span, trim, value_clean
from fastgw._core.failure cimport (F_BAD_MESSAGE, F_EXPECTATION_FAILED, F_HEADERS_TOO_LARGE, F_METHOD_NOT_ALLOWED,
                                   F_METHOD_NOT_IMPLEMENTED, F_OVERLOADED, F_REQUEST_TOO_LARGE, F_URI_TOO_LONG,
                                   F_VERSION_NOT_SUPPORTED)
from fastgw._core.hop cimport mark_listed
from fastgw._core.host cimport HOST_CAP, HOST_OK, host_parse
from fastgw._core.llhttp cimport (HPE_INVALID_METHOD, HPE_INVALID_VERSION, HPE_OK, HPE_PAUSED, HPE_USER,
                                  llhttp, version_unknown)
from fastgw._core.names cimport name_token
from fastgw._core.path cimport PATH_CHANGED, PATH_SAME, path_canonical, query_valid
from fastgw._core.state cimport (BODY_CHUNKED, BODY_LENGTH, BODY_NONE, Field, M_DROP, M_LOOSE, NO_VERB,
                                 OPTIONS, PATCH, POST, PUT, T_CONNECTION, T_CONTENT_LENGTH, T_EXPECT,
                                 T_FIRST_OF_PLAN, T_HOST, T_TRANSFER_ENCODING, core, field_value, verb_of)

cdef enum:
    TRAILER_BYTES = 8192        # chunk extensions and trailers of one body; both are dropped
    HEAD_BLOCK = 1024

cdef piece_cb take_piece


cdef void head_on_piece(piece_cb piece) noexcept nogil:
    global take_piece
    take_piece = piece


# --- llhttp callbacks; offsets are from ex.base, fragments of one span follow each other in memory

cdef int on_method(void* p, const char* at, size_t n) noexcept nogil:
    cdef Exchange* ex = <Exchange*>p
    if ex.verb_n == 0:
        ex.verb_off = <uint32_t>(at - ex.base)
    ex.verb_n += <uint32_t>n
    return 0


cdef int on_url(void* p, const char* at, size_t n) noexcept nogil:
    cdef Exchange* ex = <Exchange*>p
    if ex.target_n == 0:
        ex.target_off = <uint32_t>(at - ex.base)
    ex.target_n += <uint32_t>n
    return 0


cdef int on_protocol(void* p, const char* at, size_t n) noexcept nogil:
    # llhttp also speaks RTSP and ICE; a split "HTTP" arrives in pieces, each a part of it.
    cdef size_t i
    for i in range(n):
        if at[i] != c"H" and at[i] != c"T" and at[i] != c"P":
            return HPE_USER
    return 0


cdef int on_field(void* p, const char* at, size_t n) noexcept nogil:
    cdef Exchange* ex = <Exchange*>p
    cdef Field* f
    cdef uint32_t off
    if ex.in_body:
        ex.extension_bytes += <uint32_t>n
        return HPE_USER if ex.extension_bytes > TRAILER_BYTES else 0
    off = <uint32_t>(at - ex.base)
    if ex.nfields:
        f = &ex.fields[ex.nfields - 1]
        if ex.in_field and f.name + f.name_n == off:
            f.name_n += <uint32_t>n
            return 0
    ex.in_field = True
    ex.nfields += 1
    if ex.nfields > core.limits.head_fields:
        return HPE_USER
    f = &ex.fields[ex.nfields - 1]
    f.name = off
    f.name_n = <uint32_t>n
    f.value = off
    f.value_n = 0
    f.marks = 0
    return 0


cdef int on_value(void* p, const char* at, size_t n) noexcept nogil:
    cdef Exchange* ex = <Exchange*>p
    cdef Field* f
    if ex.in_body:
        ex.extension_bytes += <uint32_t>n
        return HPE_USER if ex.extension_bytes > TRAILER_BYTES else 0
    f = &ex.fields[ex.nfields - 1]
    ex.in_field = False
    if f.value_n == 0:
        f.value = <uint32_t>(at - ex.base)
    f.value_n += <uint32_t>n
    return 0


cdef int on_extension(void* p, const char* at, size_t n) noexcept nogil:
    """A piece of a name or a value of a chunk extension."""
    cdef Exchange* ex = <Exchange*>p
    ex.extension_bytes += <uint32_t>n + 1
    ex.extension_part += n != 0
    return HPE_USER if ex.extension_bytes > TRAILER_BYTES else 0


cdef int on_extension_part(void* p) noexcept nogil:
    """Neither of the two may be empty (RFC 9112 section 7.1.1); llhttp lets it be."""
    cdef Exchange* ex = <Exchange*>p
    cdef bint empty = ex.extension_part == 0
    ex.extension_part = 0
    return HPE_USER if empty else 0


cdef int on_head(void* p) noexcept nogil:
    return HPE_PAUSED


cdef int on_body(void* p, const char* at, size_t n) noexcept nogil:
    take_piece(<Exchange*>p, at, <uint32_t>n)
    return 0


cdef int on_message(void* p) noexcept nogil:
    return HPE_PAUSED


memset(&request_settings, 0, sizeof(request_settings))
request_settings.on_method = on_method
request_settings.on_url = on_url
request_settings.on_protocol = on_protocol
request_settings.on_header_field = on_field
request_settings.on_header_value = on_value
request_settings.on_chunk_extension_name = on_extension
request_settings.on_chunk_extension_value = on_extension
request_settings.on_chunk_extension_name_complete = on_extension_part
request_settings.on_chunk_extension_value_complete = on_extension_part
request_settings.on_headers_complete = on_head
request_settings.on_body = on_body
request_settings.on_message_complete = on_message


# --- feeding

cdef bint keep_head(Exchange* ex, const char* p, uint32_t n) noexcept nogil:
    """Append raw head bytes to ex.head. Room is left for the canonical path and the host name."""
    cdef uint32_t need = ex.head_n + n
    cdef uint32_t cap = ex.head_cap
    cdef char* grown
    need += need + HOST_CAP
    if need > cap:
        cap = cap if cap else HEAD_BLOCK
        while cap < need:
            cap *= 2
        grown = <char*>realloc(ex.head, cap)
        if grown == NULL:
            return False
        ex.head = grown
        ex.head_cap = cap
    memcpy(ex.head + ex.head_n, p, n)
    ex.head_n += n
    return True


cdef int parse_failure(Exchange* ex, int error) noexcept nogil:
    """The failure code for an error of llhttp; the same wherever the segments were cut."""
    cdef char at
    if ex.nfields > core.limits.head_fields:
        return F_HEADERS_TOO_LARGE
    if error == HPE_INVALID_VERSION and version_unknown(ex.parser):
        return F_VERSION_NOT_SUPPORTED
    if error == HPE_INVALID_METHOD:
        # Where the first byte that fits no known method is a letter, it is an unknown method, else no HTTP.
        at = llhttp.error_pos(ex.parser)[0] | 32
        return F_METHOD_NOT_IMPLEMENTED if c"a" <= at <= c"z" else F_BAD_MESSAGE
    return F_BAD_MESSAGE


cdef int head_feed(Exchange* ex, const char* p, uint32_t n, uint32_t* used) noexcept nogil:
    cdef uint32_t before = ex.head_n, room = core.limits.head_bytes - ex.head_n
    cdef uint32_t take = n if n < room else room
    cdef const char* fed = p
    cdef int error
    if before:
        if not keep_head(ex, p, take):
            return F_OVERLOADED
        fed = ex.head + before
        ex.base = ex.head
    else:
        ex.base = p
    error = llhttp.execute(ex.parser, fed, take)
    if error == HPE_OK:
        used[0] = take
        if before + take >= core.limits.head_bytes:
            return F_HEADERS_TOO_LARGE if ex.nfields else F_URI_TOO_LONG
        if not before and not keep_head(ex, p, take):
            return F_OVERLOADED
        return HEAD_MORE
    if error != HPE_PAUSED:
        if not before:
            keep_head(ex, p, take)      # for the access log
        return parse_failure(ex, error)
    used[0] = <uint32_t>(llhttp.error_pos(ex.parser) - fed)
    if before:
        ex.head_n = before + used[0]
    elif not keep_head(ex, p, used[0]):
        return F_OVERLOADED
    ex.base = ex.head
    llhttp.resume(ex.parser)        # a paused parser takes no body: a chunked one would be read as the next request
    return judge(ex)


cdef int chunks_feed(Exchange* ex, const char* p, uint32_t n, uint32_t* used) noexcept nogil:
    cdef int error
    ex.in_body = True
    error = llhttp.execute(ex.parser, p, n)
    used[0] = n if error == HPE_OK else <uint32_t>(llhttp.error_pos(ex.parser) - p)
    return error


# --- the rules

cdef int judge_fields(Exchange* ex, Span* host) noexcept nogil:
    cdef uint32_t i
    cdef Field* f
    cdef Span raw, value
    cdef bint exact, coded = False, sized = False
    cdef int code = HEAD_DONE, hosts = 0
    for i in range(ex.nfields):
        f = &ex.fields[i]
        raw = field_value(ex.base, f)
        value = trim(raw)
        f.value = <uint32_t>(value.p - ex.base)
        f.value_n = value.n
        if not value_clean(value.p, value.n):
            return F_BAD_MESSAGE
        f.token = name_token(ex.plan.names, ex.base + f.name, f.name_n, &exact)
        if not exact and f.token:
            f.marks = M_LOOSE
            if f.token < T_FIRST_OF_PLAN:
                f.marks = M_DROP
                f.token = 0
        if f.token == T_HOST:
            hosts += 1
            host[0] = value
        elif f.token == T_CONTENT_LENGTH:
            if sized or coded:
                return F_BAD_MESSAGE
            sized = True
            if not parse_length(value, &ex.body_left):
                return F_BAD_MESSAGE
            ex.body = BODY_LENGTH if ex.body_left else BODY_NONE
            if ex.body_left > core.limits.body_bytes:
                code = F_REQUEST_TOO_LARGE
        elif f.token == T_TRANSFER_ENCODING:
            # A parser that stumbles over a tab behind the coding, as llhttp does, would read another body.
            if coded or sized or not ex.minor or value.n != 7 or not same_case(value.p, b"chunked", 7) \
                    or memchr(raw.p, c"\t", raw.n) != NULL:
                return F_BAD_MESSAGE
            coded = True
            ex.body = BODY_CHUNKED
        elif f.token == T_EXPECT:
            if value.n != 12 or not same_case(value.p, b"100-continue", 12):
                code = F_EXPECTATION_FAILED
            else:
                ex.expects = ex.minor
        elif f.token == T_CONNECTION and not ex.minor and list_has(value.p, value.n, b"keep-alive", 10):
            ex.keep = True
    for i in range(ex.nfields):         # after all of the above: close wins (RFC 9112 section 9.3)
        if ex.fields[i].token == T_CONNECTION:
            value = field_value(ex.base, &ex.fields[i])
            if list_has(value.p, value.n, b"close", 5):
                ex.keep = False
            if not mark_listed(ex.base, ex.fields, ex.nfields, value):
                return F_BAD_MESSAGE
    if hosts > 1 or (hosts == 0 and ex.minor):
        return F_BAD_MESSAGE
    return code


cdef int judge_target(Exchange* ex, Span host) noexcept nogil:
    """Split the target, check Host against it, make the canonical path."""
    cdef Span target = span(ex.head + ex.target_off, ex.target_n), authority = span(NULL, 0), other
    cdef uint32_t i = 0, used = 0, name_n = 0, other_n = 0
    cdef int32_t port = 0, other_port = 0
    cdef char* room = ex.head + ex.head_n
    cdef char text[HOST_CAP]
    cdef int kind
    if target.n == 1 and target.p[0] == c"*":
        if ex.verb != OPTIONS:
            return F_BAD_MESSAGE
        ex.asterisk = True
    elif target.p[0] != c"/":
        if target.n > 7 and same_case(target.p, b"http://", 7):
            i = 7
        elif target.n > 8 and same_case(target.p, b"https://", 8):
            i = 8
        else:
            return F_BAD_MESSAGE
        used = i
        while i < target.n and target.p[i] != c"/" and target.p[i] != c"?":
            i += 1
        authority = span(target.p + used, i - used)
        target = span(target.p + i, target.n - i)
    if host.p != NULL:
        if host_parse(host.p, host.n, room, &name_n, &port) != HOST_OK:
            return F_BAD_MESSAGE
        ex.host = span(room, name_n)
        room += name_n
    if authority.p != NULL:
        if host_parse(authority.p, authority.n, text, &other_n, &other_port) != HOST_OK:
            return F_BAD_MESSAGE
        if host.p != NULL and (other_n != name_n or memcmp(text, ex.host.p, name_n) != 0 or other_port != port):
            return F_BAD_MESSAGE
        if host.p == NULL:
            memcpy(room, text, other_n)
            ex.host = span(room, other_n)
            room += other_n
    i = 0
    while i < target.n and target.p[i] != c"?":
        i += 1
    ex.raw_path = span(target.p, i)
    ex.query = span(target.p + i + 1, target.n - i - 1) if i < target.n else span(target.p + i, 0)
    if ex.query.n and not query_valid(ex.query.p, ex.query.n):
        return F_BAD_MESSAGE
    if i == 0 or ex.asterisk:       # "http://host", or "OPTIONS *": the root
        ex.raw_path = ex.path = span(b"/", 1)
        return HEAD_DONE
    kind = path_canonical(ex.raw_path.p, ex.raw_path.n, core.limits.path_flags, room, ex.raw_path.n, &used)
    if kind == PATH_SAME:
        ex.path = ex.raw_path
    elif kind == PATH_CHANGED:
        ex.path = span(room, used)
    else:
        return F_BAD_MESSAGE
    return HEAD_DONE


cdef int judge(Exchange* ex) noexcept nogil:
    """All rules on a complete head; HEAD_DONE or a failure code."""
    cdef Span host = span(NULL, 0)
    cdef uint8_t major = llhttp.http_major(ex.parser)
    cdef int fields, target
    ex.minor = llhttp.http_minor(ex.parser)
    if major != 1 or ex.minor > 1:
        ex.minor = 1
        return F_VERSION_NOT_SUPPORTED
    ex.keep = ex.minor
    # llhttp skips any number of blank lines first, and lets several spaces stand where RFC 9112 section 3 has one.
    if ex.verb_off or ex.target_off != ex.verb_n + 1 \
            or memcmp(ex.head + ex.target_off + ex.target_n, b" HTTP/", 6) != 0:
        return F_BAD_MESSAGE
    ex.verb = verb_of(ex.head + ex.verb_off, ex.verb_n)
    fields = judge_fields(ex, &host)
    if fields == F_BAD_MESSAGE:
        return F_BAD_MESSAGE
    if ex.verb == NO_VERB:
        if (ex.verb_n == 5 and memcmp(ex.head + ex.verb_off, b"TRACE", 5) == 0) or (
                ex.verb_n == 7 and memcmp(ex.head + ex.verb_off, b"CONNECT", 7) == 0):
            return F_METHOD_NOT_ALLOWED
        return F_METHOD_NOT_IMPLEMENTED
    target = judge_target(ex, host)
    if target != HEAD_DONE:
        return target
    return fields
