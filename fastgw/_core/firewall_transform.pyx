"""Bodies of the transformations. `w` is where the next byte goes; it never overtakes `i`, where the next is read."""
from libc.stdint cimport int8_t, uint8_t
from libc.string cimport memchr, memcmp, memmove

from fastgw._core.bytes cimport HEX, hex_number, put_utf8, same_case

NAMES = (
    "none", "lowercase", "url_decode", "url_decode_uni", "html_entity_decode", "compress_white_space", "remove_nulls",
    "replace_nulls", "normalize_path", "normalize_path_win", "cmd_line", "base64_decode", "hex_decode",
    "replace_comments", "js_decode",
)
"""By the numbers of Transform."""

cdef enum:
    LAST_POINT = 0x10FFFF

cdef struct Entity:
    const char* name
    uint32_t n
    uint32_t point
    bint closed             # only with its semicolon

cdef Entity[14] ENTITIES
cdef int8_t[256] BASE64


cdef inline bint is_space(uint8_t ch) noexcept nogil:
    return ch == 32 or 9 <= ch <= 13


cdef inline uint8_t lower(uint8_t ch) noexcept nogil:
    return ch + 32 if c"A" <= ch <= c"Z" else ch


cdef inline bint hexes(const uint8_t* p, uint32_t i, uint32_t n, uint32_t digits, uint32_t* value) noexcept nogil:
    """Exactly so many hex digits stand at i."""
    return i <= n and hex_number(<const char*>p + i, <const char*>p + n, digits, value)


cdef inline uint32_t put_unit(uint8_t* out, uint32_t unit) noexcept nogil:
    """A 16-bit code: a full-width form as the ASCII it looks like, one byte for what fits a byte."""
    if 0xFF01 <= unit <= 0xFF5E:
        unit -= 0xFEE0
    if unit < 0x100:
        out[0] = <uint8_t>unit
        return 1
    return put_utf8(<char*>out, unit)


cdef uint32_t url_decode(uint8_t* p, uint32_t n, bint uni) noexcept nogil:
    cdef uint32_t i = 0, w = 0, value = 0
    while i < n:
        if p[i] == c"%" and hexes(p, i + 1, n, 2, &value):
            p[w] = <uint8_t>value
            i += 3
            w += 1
        elif uni and p[i] == c"%" and i + 1 < n and lower(p[i + 1]) == c"u" and hexes(p, i + 2, n, 4, &value):
            i += 6
            w += put_unit(p + w, value)
        else:
            p[w] = c" " if p[i] == c"+" else p[i]
            i += 1
            w += 1
    return w


cdef uint32_t numeric(const uint8_t* p, uint32_t i, uint32_t n, uint32_t* point) noexcept nogil:
    """Behind the digits of a numeric reference whose "&#" ends before i; 0 where it is none."""
    cdef bint hexadecimal = i < n and lower(p[i]) == c"x"
    cdef uint32_t first, value = 0
    i += hexadecimal
    first = i
    while i < n and (HEX[p[i]] != 255 if hexadecimal else c"0" <= p[i] <= c"9"):
        value = value * (16 if hexadecimal else 10) + HEX[p[i]]
        if value > LAST_POINT:
            return 0
        i += 1
    if i == first or 0xD800 <= value <= 0xDFFF:
        return 0
    point[0] = value
    return i


cdef uint32_t entity(const uint8_t* p, uint32_t i, uint32_t n, uint32_t* point) noexcept nogil:
    """Behind the character reference at i, its semicolon included; 0 where there is none."""
    cdef uint32_t end = 0
    cdef int k
    if i + 1 < n and p[i + 1] == c"#":
        end = numeric(p, i + 2, n, point)
        return end + (end < n and p[end] == c";") if end else 0
    for k in range(14):
        end = i + 1 + ENTITIES[k].n
        if end > n or not same_case(<const char*>p + i + 1, ENTITIES[k].name, ENTITIES[k].n):
            continue
        if end < n and p[end] == c";":
            point[0] = ENTITIES[k].point
            return end + 1
        if not ENTITIES[k].closed:
            point[0] = ENTITIES[k].point
            return end
    return 0


cdef uint32_t html_entity_decode(uint8_t* p, uint32_t n) noexcept nogil:
    cdef uint32_t i = 0, w = 0, end, point = 0
    while i < n:
        end = entity(p, i, n, &point) if p[i] == c"&" else 0
        if end:
            i = end
            w += put_utf8(<char*>p + w, point)
        else:
            p[w] = p[i]
            i += 1
            w += 1
    return w


cdef uint32_t compress_white_space(uint8_t* p, uint32_t n) noexcept nogil:
    """Also U+00A0, in UTF-8."""
    cdef uint32_t i = 0, w = 0
    cdef bint wide
    while i < n:
        wide = p[i] == 0xC2 and i + 1 < n and p[i + 1] == 0xA0
        if wide or is_space(p[i]):
            i += 1 + wide
            if w == 0 or p[w - 1] != c" ":
                p[w] = c" "
                w += 1
        else:
            p[w] = p[i]
            i += 1
            w += 1
    return w


cdef uint32_t nulls(uint8_t* p, uint32_t n, bint keep) noexcept nogil:
    cdef uint32_t i, w = 0
    for i in range(n):
        if p[i]:
            p[w] = p[i]
            w += 1
        elif keep:
            p[w] = c" "
            w += 1
    return w


cdef uint32_t up(const uint8_t* p, uint32_t w) noexcept nogil:
    """Where the last segment of p[:w], which ends in "/", begins; w where ".." must stand: at the beginning."""
    cdef uint32_t start = w - 1
    while start and p[start - 1] != c"/":
        start -= 1
    if w - start == 3 and p[start] == c"." and p[start + 1] == c".":
        return w
    return start


cdef uint32_t normalize_path(uint8_t* p, uint32_t n, bint win) noexcept nogil:
    """Segments are written one by one; p[:w] is empty or ends in "/" whenever one begins."""
    cdef uint32_t i = 0, w = 0, end, size
    cdef bint last
    for i in range(n if win else 0):
        if p[i] == c"\\":
            p[i] = c"/"
    i = 0
    if n and p[0] == c"/":
        i = w = 1
    while i < n:
        end = i
        while end < n and p[end] != c"/":
            end += 1
        size, last = end - i, end == n
        if size == 2 and p[i] == c"." and p[i + 1] == c"." and w > 0 and (w == 1 and p[0] == c"/"):
            pass                        # above the root there is nothing
        elif size == 2 and p[i] == c"." and p[i + 1] == c"." and w > 1 and up(p, w) != w:
            w = up(p, w)
        elif size and not (size == 1 and p[i] == c"."):
            memmove(p + w, p + i, size)
            w += size
            if not last:
                p[w] = c"/"
                w += 1
        i = end + 1
    return w


cdef uint32_t cmd_line(uint8_t* p, uint32_t n) noexcept nogil:
    """As a shell would read it: no escapes and quotes, one space between words, none before "/" and "("."""
    cdef uint32_t i, w = 0
    cdef uint8_t ch
    for i in range(n):
        ch = p[i]
        if ch == c"\\" or ch == c'"' or ch == c"'" or ch == c"^":
            continue
        if ch == c"," or ch == c";" or is_space(ch):
            if w == 0 or p[w - 1] != c" ":
                p[w] = c" "
                w += 1
            continue
        if (ch == c"/" or ch == c"(") and w and p[w - 1] == c" ":
            w -= 1
        p[w] = lower(ch)
        w += 1
    return w


cdef uint32_t base64_decode(uint8_t* p, uint32_t n) noexcept nogil:
    """As far as it is base64 or base64url (RFC 4648), white space left out; what is cut gives its whole bytes."""
    cdef uint32_t i, w = 0, held = 0, bits = 0
    cdef int8_t value
    for i in range(n):
        if is_space(p[i]):
            continue
        value = BASE64[p[i]]
        if value < 0:
            break
        held = (held << 6 | <uint32_t>value) & 0xFFFFFF
        bits += 6
        if bits >= 8:
            bits -= 8
            p[w] = <uint8_t>(held >> bits & 0xFF)
            w += 1
    return w


cdef uint32_t hex_decode(uint8_t* p, uint32_t n) noexcept nogil:
    cdef uint32_t i = 0, w = 0, value = 0
    while hexes(p, i, n, 2, &value):
        p[w] = <uint8_t>value
        i += 2
        w += 1
    return w


cdef uint32_t comment_end(const uint8_t* p, uint32_t i, uint32_t n) noexcept nogil:
    """Behind the "*/" that is next from i on; n where there is none."""
    cdef const uint8_t* star
    while i < n:
        star = <const uint8_t*>memchr(p + i, c"*", n - i)
        if star == NULL:
            return n
        i = <uint32_t>(star - p) + 1
        if i < n and p[i] == c"/":
            return i + 1
    return n


cdef uint32_t replace_comments(uint8_t* p, uint32_t n) noexcept nogil:
    cdef uint32_t i = 0, w = 0
    while i < n:
        if p[i] == c"/" and i + 1 < n and p[i + 1] == c"*":
            i = comment_end(p, i + 2, n)
            p[w] = c" "
        else:
            p[w] = p[i]
            i += 1
        w += 1
    return w


cdef inline uint8_t single_escape(uint8_t ch) noexcept nogil:
    cdef const char* letters = b"abfnrtv"
    cdef const char* meaning = b"\a\b\f\n\r\t\v"
    cdef const char* found = <const char*>memchr(letters, ch, 7)
    return <uint8_t>meaning[found - letters] if found != NULL else ch


cdef uint32_t js_decode(uint8_t* p, uint32_t n) noexcept nogil:
    cdef uint32_t i = 0, w = 0, value = 0, digits
    while i < n:
        if p[i] != c"\\" or i + 1 == n:
            p[w] = p[i]
            i += 1
            w += 1
            continue
        i += 1
        if p[i] == c"u" and hexes(p, i + 1, n, 4, &value):
            i += 5
            w += put_unit(p + w, value)
            continue
        if p[i] == c"x" and hexes(p, i + 1, n, 2, &value):
            i += 3
        elif c"0" <= p[i] <= c"7":
            value = digits = 0
            while i < n and digits < 3 and c"0" <= p[i] <= c"7" and value * 8 + p[i] - c"0" < 256:
                value = value * 8 + p[i] - c"0"
                i += 1
                digits += 1
        else:
            value = single_escape(p[i])
            i += 1
        p[w] = <uint8_t>value
        w += 1
    return w


cdef uint32_t transform(int which, char* text, uint32_t n) noexcept nogil:
    cdef uint8_t* p = <uint8_t*>text
    cdef uint32_t i
    if which == X_LOWERCASE:
        for i in range(n):
            p[i] = lower(p[i])
        return n
    if which == X_URL_DECODE or which == X_URL_DECODE_UNI:
        return url_decode(p, n, which == X_URL_DECODE_UNI)
    if which == X_HTML_ENTITY_DECODE:
        return html_entity_decode(p, n)
    if which == X_COMPRESS_WHITE_SPACE:
        return compress_white_space(p, n)
    if which == X_REMOVE_NULLS or which == X_REPLACE_NULLS:
        return nulls(p, n, which == X_REPLACE_NULLS)
    if which == X_NORMALIZE_PATH or which == X_NORMALIZE_PATH_WIN:
        return normalize_path(p, n, which == X_NORMALIZE_PATH_WIN)
    if which == X_CMD_LINE:
        return cmd_line(p, n)
    if which == X_BASE64_DECODE:
        return base64_decode(p, n)
    if which == X_HEX_DECODE:
        return hex_decode(p, n)
    if which == X_REPLACE_COMMENTS:
        return replace_comments(p, n)
    if which == X_JS_DECODE:
        return js_decode(p, n)
    return n


def _open():
    """Fill the tables once."""
    cdef int i
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for i in range(256):
        BASE64[i] = <int8_t>alphabet.find(bytes([i]))
    BASE64[<int>c"-"], BASE64[<int>c"_"] = 62, 63
    for i, (name, point, closed) in enumerate(_ENTITIES):
        ENTITIES[i].name = <const char*>name
        ENTITIES[i].n = len(name)
        ENTITIES[i].point = point
        ENTITIES[i].closed = closed


_ENTITIES = (
    (b"quot", 34, False), (b"amp", 38, False), (b"lt", 60, False), (b"gt", 62, False), (b"nbsp", 160, False),
    (b"apos", 39, True), (b"colon", 58, True), (b"lpar", 40, True), (b"rpar", 41, True), (b"tab", 9, True),
    (b"newline", 10, True), (b"sol", 47, True), (b"semi", 59, True), (b"equals", 61, True),
)
"""(name, code point, whether only with its semicolon): those that a script may be hidden behind."""

_open()
