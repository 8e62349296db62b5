"""Parse an upstream's answer."""
from libc.stdint cimport uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memchr, memcpy, memset

from fastgw._core.bytes cimport Span, list_has, parse_length, same_case, trim, value_clean
from fastgw._core.hop cimport mark_listed
from fastgw._core.llhttp cimport HPE_OK, HPE_PAUSED, HPE_USER, PARSE_RESPONSE, ParserSettings, llhttp
from fastgw._core.names cimport name_token
from fastgw._core.state cimport (BODY_CHUNKED, BODY_CLOSE, BODY_LENGTH, BODY_NONE, Exchange, Field, HEAD, T_CONNECTION,
                                 T_CONTENT_LENGTH, T_TRANSFER_ENCODING, core, field_value)

cdef enum:
    TRAILER_BYTES = 8192
    STASH_BLOCK = 1024
    INTERIM = -1

cdef ParserSettings settings

cdef int on_status(void* p, const char* at, size_t n) noexcept nogil:
    cdef UpConn* up = <UpConn*>p
    if up.reason_n == 0:
        up.reason_off = <uint32_t>(at - up.base)
    up.reason_n += <uint32_t>n
    return 0


cdef int on_protocol(void* p, const char* at, size_t n) noexcept nogil:
    cdef size_t i
    for i in range(n):
        if at[i] != c"H" and at[i] != c"T" and at[i] != c"P":
            return HPE_USER
    return 0


cdef int on_field(void* p, const char* at, size_t n) noexcept nogil:
    cdef UpConn* up = <UpConn*>p
    cdef Field* f
    cdef uint32_t off
    if not up.in_head:
        up.trailer_bytes += <uint32_t>n
        return HPE_USER if up.trailer_bytes > TRAILER_BYTES else 0
    off = <uint32_t>(at - up.base)
    if up.nfields and up.in_field:
        f = &up.fields[up.nfields - 1]
        if f.name + f.name_n == off:
            f.name_n += <uint32_t>n
            return 0
    up.in_field = True
    if up.nfields == core.upstream_fields:
        return HPE_USER
    f = &up.fields[up.nfields]
    up.nfields += 1
    f.name = f.value = off
    f.name_n = <uint32_t>n
    f.value_n = 0
    f.marks = 0
    return 0


cdef int on_value(void* p, const char* at, size_t n) noexcept nogil:
    cdef UpConn* up = <UpConn*>p
    cdef Field* f
    if not up.in_head:
        up.trailer_bytes += <uint32_t>n
        return HPE_USER if up.trailer_bytes > TRAILER_BYTES else 0
    f = &up.fields[up.nfields - 1]
    up.in_field = False
    if f.value_n == 0:
        f.value = <uint32_t>(at - up.base)
    f.value_n += <uint32_t>n
    return 0


cdef int on_extension(void* p, const char* at, size_t n) noexcept nogil:
    cdef UpConn* up = <UpConn*>p
    up.trailer_bytes += <uint32_t>n + 1
    return HPE_USER if up.trailer_bytes > TRAILER_BYTES else 0


cdef int on_pause(void* p) noexcept nogil:
    return HPE_PAUSED


cdef int on_body(void* p, const char* at, size_t n) noexcept nogil:
    cdef UpConn* up = <UpConn*>p
    if up.ex == NULL:
        return HPE_USER
    up.ex.requester.piece(up.ex, up, at, <uint32_t>n)
    return 0


memset(&settings, 0, sizeof(settings))
settings.on_protocol = on_protocol
settings.on_status = on_status
settings.on_header_field = on_field
settings.on_header_value = on_value
settings.on_chunk_extension_name = on_extension
settings.on_chunk_extension_value = on_extension
settings.on_headers_complete = on_pause
settings.on_body = on_body
settings.on_message_complete = on_pause


cdef void next_head(UpConn* up) noexcept nogil:
    llhttp.init(up.parser, PARSE_RESPONSE, &settings)
    up.in_head = True
    up.in_field = False
    up.nfields = 0
    up.reason_n = 0
    up.stash_n = 0


cdef void answer_begin(UpConn* up) noexcept nogil:
    next_head(up)
    up.done = False
    up.got_bytes = False
    up.trailer_bytes = 0
    up.body = BODY_NONE


cdef bint stash(UpConn* up, const char* p, uint32_t n) noexcept nogil:
    cdef uint32_t cap = up.stash_cap if up.stash_cap else STASH_BLOCK
    cdef char* grown
    if up.stash_n + n > up.stash_cap:
        while cap < up.stash_n + n:
            cap *= 2
        grown = <char*>realloc(up.stash, cap)
        if grown == NULL:
            return False
        up.stash = grown
        up.stash_cap = cap
    memcpy(up.stash + up.stash_n, p, n)
    up.stash_n += n
    return True


cdef bint answer_keep_head(UpConn* up) noexcept nogil:
    cdef uint32_t n = up.reason_off + up.reason_n, i
    cdef const char* base = up.base
    if base == up.stash:
        return True
    for i in range(up.nfields):
        n = max(n, up.fields[i].value + up.fields[i].value_n, up.fields[i].name + up.fields[i].name_n)
    if not stash(up, base, n + 2):      # with the line's end, which whoever copies whole lines looks at
        return False
    up.base = up.stash
    up.stash_n = 0
    return True


cdef int judge_fields(UpConn* up, bint* sized, uint64_t* length, bint* coded) noexcept nogil:
    """Framing and connection fields; ANSWER_BAD for what two readers could read differently."""
    cdef uint32_t i
    cdef Field* f
    cdef Span raw, value
    cdef bint exact, close = False
    for i in range(up.nfields):
        f = &up.fields[i]
        raw = field_value(up.base, f)
        value = trim(raw)
        f.value = <uint32_t>(value.p - up.base)
        f.value_n = value.n
        if not value_clean(value.p, value.n):
            return ANSWER_BAD
        f.token = name_token(up.ex.plan.names, up.base + f.name, f.name_n, &exact)
        if not exact:
            f.token = 0
        if f.token == T_CONTENT_LENGTH:
            if sized[0] or not parse_length(value, length):
                return ANSWER_BAD
            sized[0] = True
        elif f.token == T_TRANSFER_ENCODING:
            # A parser that stumbles over a tab behind the coding, as llhttp does, would read another body.
            if coded[0] or not up.minor or value.n != 7 or not same_case(value.p, b"chunked", 7) \
                    or memchr(raw.p, c"\t", raw.n) != NULL:
                return ANSWER_BAD
            coded[0] = True
        elif f.token == T_CONNECTION:
            if list_has(value.p, value.n, b"close", 5):
                close = True
            elif not up.minor and list_has(value.p, value.n, b"keep-alive", 10):
                up.keep = True
    for i in range(up.nfields):         # when every token is known
        if up.fields[i].token == T_CONNECTION \
                and not mark_listed(up.base, up.fields, up.nfields, field_value(up.base, &up.fields[i])):
            return ANSWER_BAD
    if close:
        up.keep = False
    return ANSWER_BAD if sized[0] and coded[0] else ANSWER_MORE


cdef int judge(UpConn* up) noexcept nogil:
    """Decide the framing of a complete head: its status, INTERIM, or 0 for a bad answer."""
    cdef int status = llhttp.status_code(up.parser)
    cdef bint sized = False, coded = False
    cdef uint64_t length = 0
    up.minor = llhttp.http_minor(up.parser)
    if llhttp.http_major(up.parser) != 1 or up.minor > 1 or status < 100 or status > 599 or status == 101:
        return 0
    # llhttp skips blank lines before the status line and takes any byte in the reason phrase.
    if up.base[0] != c"H" or not value_clean(up.base + up.reason_off, up.reason_n):
        return 0
    up.keep = up.minor
    if judge_fields(up, &sized, &length, &coded) == ANSWER_BAD:
        return 0
    if status < 200:
        return INTERIM
    up.body_left = length
    if up.ex.sends == HEAD or status == 204 or status == 304:
        up.body = BODY_NONE
        if (coded and up.ex.sends != HEAD) or (length and status == 204):
            up.keep = False     # it says that a body follows where none may: it would be the next answer's
    elif coded:
        up.body = BODY_CHUNKED
    elif sized:
        up.body = BODY_LENGTH if length else BODY_NONE
    else:
        up.body = BODY_CLOSE
        up.keep = False
    return status


cdef int feed_head(UpConn* up, const char* p, uint32_t n, uint32_t* used) noexcept nogil:
    cdef uint32_t before = up.stash_n, room = core.upstream_head_bytes - up.stash_n
    cdef uint32_t take = n if n < room else room
    cdef const char* fed = p
    cdef Exchange* ex = up.ex
    cdef int error, status
    if before:
        if not stash(up, p, take):
            return ANSWER_BAD
        fed = up.stash + before
        up.base = up.stash
    else:
        up.base = p
    error = llhttp.execute(up.parser, fed, take)
    if error == HPE_OK:
        used[0] = take
        if before + take >= core.upstream_head_bytes or (not before and not stash(up, p, take)):
            return ANSWER_BAD
        return ANSWER_MORE
    if error != HPE_PAUSED:
        return ANSWER_BAD
    used[0] = <uint32_t>(llhttp.error_pos(up.parser) - fed)
    status = judge(up)
    if status == INTERIM:
        next_head(up)
        return ANSWER_MORE
    if status == 0:
        return ANSWER_BAD
    up.in_head = False
    up.stash_n = 0
    ex.requester.head(ex, up, status)
    if up.ex != ex:
        return ANSWER_LEFT
    if up.body == BODY_NONE:
        up.done = True
        return ANSWER_DONE
    if up.body == BODY_CHUNKED:
        llhttp.resume(up.parser)
    return ANSWER_MORE


cdef int feed_body(UpConn* up, const char* p, uint32_t n, uint32_t* used) noexcept nogil:
    cdef Exchange* ex = up.ex
    cdef uint32_t take = n
    cdef int error
    if up.body == BODY_CHUNKED:
        error = llhttp.execute(up.parser, p, n)
        if up.ex != ex:
            return ANSWER_LEFT
        used[0] = n
        if error == HPE_OK:
            return ANSWER_MORE
        if error != HPE_PAUSED:
            return ANSWER_BAD
        used[0] = <uint32_t>(llhttp.error_pos(up.parser) - p)
        up.done = True
        return ANSWER_DONE
    if up.body == BODY_LENGTH and up.body_left < n:
        take = <uint32_t>up.body_left
    used[0] = take
    ex.requester.piece(ex, up, p, take)
    if up.ex != ex:
        return ANSWER_LEFT
    if up.body == BODY_LENGTH:
        up.body_left -= take
        if up.body_left == 0:
            up.done = True
            return ANSWER_DONE
    return ANSWER_MORE


cdef int answer_feed(UpConn* up, const char* p, uint32_t n, uint32_t* used) noexcept nogil:
    cdef uint32_t one = 0
    cdef int result = ANSWER_MORE
    used[0] = 0
    up.got_bytes = True
    while result == ANSWER_MORE and used[0] < n:
        one = 0
        if up.in_head:
            result = feed_head(up, p + used[0], n - used[0], &one)
        else:
            result = feed_body(up, p + used[0], n - used[0], &one)
        used[0] += one
    return result


cdef int answer_ended(UpConn* up) noexcept nogil:
    if not up.in_head and up.body == BODY_CLOSE:
        up.done = True
        return ANSWER_DONE
    return ANSWER_BAD
