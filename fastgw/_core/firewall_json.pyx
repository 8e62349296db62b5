"""Walk through JSON with a stack of bits: one for each open container."""
from libc.stdint cimport uint8_t
from libc.string cimport memchr

from fastgw._core.bytes cimport hex_number, put_utf8, span
from fastgw._core.json cimport json_space

cdef enum Expects:
    A_VALUE = 0
    A_VALUE_OR_END = 1      # behind "["
    A_KEY = 2
    A_KEY_OR_END = 3        # behind "{"
    MORE = 4                # behind a value: "," or the end


cdef const char* string_end(const char* p, const char* end, bint* escaped) noexcept nogil:
    """The closing quote; NULL where there is none."""
    escaped[0] = False
    while p < end:
        if p[0] == c'"':
            return p
        if p[0] == c"\\":
            escaped[0] = True
            p += 1
        p += 1
    return NULL


cdef uint32_t unescape(const char* p, const char* end, char* out) noexcept nogil:
    """A string's value; never longer than the string."""
    cdef const char* letters = b"bfnrt"
    cdef const char* meaning = b"\b\f\n\r\t"
    cdef const char* found
    cdef uint32_t n = 0, point = 0, low = 0
    while p < end:
        if p[0] != c"\\" or p + 1 == end:
            out[n] = p[0]
            n += 1
            p += 1
            continue
        p += 1
        if p[0] == c"u" and hex_number(p + 1, end, 4, &point):
            p += 5
            if 0xD800 <= point < 0xDC00 and end - p >= 6 and p[0] == c"\\" and p[1] == c"u" \
                    and hex_number(p + 2, end, 4, &low) and 0xDC00 <= low < 0xE000:
                point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00)
                p += 6
            n += put_utf8(out + n, point)
            continue
        found = <const char*>memchr(letters, p[0], 5)
        out[n] = meaning[found - letters] if found != NULL else p[0]
        n += 1
        p += 1
    return n


cdef inline bint bare(char ch) noexcept nogil:
    """Of a number, true, false or null, or what a lax reader takes for one."""
    return c"0" <= ch <= c"9" or c"a" <= (ch | 32) <= c"z" or ch == c"-" or ch == c"+" or ch == c"."


cdef const char* tell(const char* p, const char* end, bint key, void* owner, json_text_cb on_text,
                      room_fn room) noexcept nogil:
    """Of the string whose opening quote is at p; behind it, or NULL where it does not end, or has no room."""
    cdef bint escaped = False
    cdef const char* quote = string_end(p + 1, end, &escaped)
    cdef char* copy
    if quote == NULL:
        return NULL
    if not escaped:
        on_text(owner, span(p + 1, <uint32_t>(quote - p - 1)), key)
        return quote + 1
    copy = room(<uint32_t>(quote - p - 1))
    if copy == NULL:
        return NULL
    on_text(owner, span(copy, unescape(p + 1, quote, copy)), key)
    return quote + 1


cdef uint32_t json_texts(Span body, void* owner, json_text_cb on_text, room_fn room, bint* whole) noexcept nogil:
    cdef const char* end = body.p + body.n
    cdef const char* p = json_space(body.p, end)
    cdef const char* last = body.p      # as far as it is JSON
    cdef const char* start
    cdef uint8_t is_object[JSON_DEPTH]
    cdef uint32_t depth = 0
    cdef Expects expects = A_VALUE
    whole[0] = False
    if p == end or (p[0] != c"{" and p[0] != c"[" and p[0] != c'"'):
        return 0
    while p < end:
        if p[0] == c'"' and expects != MORE:
            start = p
            p = tell(p, end, expects == A_KEY or expects == A_KEY_OR_END, owner, on_text, room)
            if p == NULL:
                break
            if expects == A_KEY or expects == A_KEY_OR_END:
                p = json_space(p, end)
                if p == end or p[0] != c":":
                    break
                p += 1
                expects = A_VALUE
            else:
                expects = MORE
        elif (p[0] == c"{" or p[0] == c"[") and (expects == A_VALUE or expects == A_VALUE_OR_END):
            if depth == JSON_DEPTH:
                break
            is_object[depth] = p[0] == c"{"
            depth += 1
            expects = A_KEY_OR_END if p[0] == c"{" else A_VALUE_OR_END
            p += 1
        elif depth and p[0] == (c"}" if is_object[depth - 1] else c"]") and expects & 1 | (expects == MORE):
            depth -= 1
            expects = MORE
            p += 1
        elif p[0] == c"," and expects == MORE and depth:
            expects = A_KEY if is_object[depth - 1] else A_VALUE
            p += 1
        elif bare(p[0]) and (expects == A_VALUE or expects == A_VALUE_OR_END):
            start = p
            while p < end and bare(p[0]):
                p += 1
            on_text(owner, span(start, <uint32_t>(p - start)), False)
            expects = MORE
        else:
            break
        p = json_space(p, end)
        last = p
        if expects == MORE and depth == 0:
            break
    whole[0] = expects == MORE and depth == 0 and last == end
    return <uint32_t>(last - body.p)
