"""Lines of the access log.

A client chooses most of what is in a line. Whatever it sends, a line stays one line, and a value stays inside its
quotes: control bytes, DEL, quotes, backslashes, bytes that are no UTF-8, and characters that move text about on a
screen or end a line for some reader (C1 controls, U+2028, U+2029, marks of direction, the byte order mark) are
escaped: \\xHH in a text, \\u00HH or \\uHHHH in JSON, &#xHH; for the five characters of XML's own.
"""
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from fastgw._core.bytes cimport DIGITS, UPPER_DIGITS, put, put_char, put_span, writer_init
from fastgw._core.caller cimport caller_value
from fastgw._core.counters cimport H_LOG_DROPPED, H_LOG_LINES
from fastgw._core.logring cimport PAGE_BYTES, RECORD_BYTES, SKIP, Counts, Record, load_acquire, padded, store_release
from fastgw._core.program cimport C_FIRST_NUMBER, C_FIRST_TEXT, context_text, context_value, utf8_length
from fastgw._core.state cimport (E_LOG_JSON, E_LOG_JSON_VALUE, E_LOG_TEXT, E_LOG_XML, OP_CALLER, OP_TEXT,
                                 Op, Program, count)

cdef const char* CUT = "[cut]"
cdef enum:
    CUT_BYTES = 5
    UNIT_BYTES = 16         # most that one character takes, as written

cdef Counts* counts = NULL
cdef char* ring
cdef uint64_t ring_bytes


cdef void log_open(char* region, uint64_t region_bytes) noexcept nogil:
    global counts, ring, ring_bytes
    counts = <Counts*>region
    ring = region + PAGE_BYTES
    ring_bytes = region_bytes - PAGE_BYTES


# --- values

cdef uint64_t ONES = 0x0101010101010101ULL
cdef uint64_t HIGHS = 0x8080808080808080ULL


cdef inline uint64_t has(uint64_t word, uint8_t byte) noexcept nogil:
    """Not zero where a byte of the word is this one."""
    word ^= ONES * byte
    return (word - ONES) & ~word & HIGHS


cdef inline bint plain_byte(uint8_t byte) noexcept nogil:
    return 32 <= byte < 127 and byte != c'"' and byte != c"\\"


cdef bint plain(const char* p, uint32_t n) noexcept nogil:
    """Printable ASCII without quotes and backslashes; eight bytes at a time."""
    cdef uint32_t i = 0
    cdef uint64_t word
    while i + 8 <= n:
        memcpy(&word, p + i, 8)
        if (word & HIGHS) | ((word - ONES * 32) & ~word & HIGHS) | has(word, 127) | has(word, c'"') | has(word, c"\\"):
            return False
        i += 8
    while i < n:
        if not plain_byte(<uint8_t>p[i]):
            return False
        i += 1
    return True


cdef inline void put_hex_byte(Writer* w, uint8_t byte) noexcept nogil:
    put_char(w, UPPER_DIGITS[byte >> 4])
    put_char(w, UPPER_DIGITS[byte & 15])


cdef inline bint invisible(const uint8_t* p, uint32_t n) noexcept nogil:
    """A well-formed character of two or three bytes that must not be seen by a terminal or a line reader."""
    if n == 2:
        return p[0] == 0xC2 and p[1] < 0xA0                         # U+0080 to U+009F
    if n == 3 and p[0] == 0xE2 and p[1] == 0x80:
        return 0x8B <= p[2] <= 0x8F or 0xA8 <= p[2] <= 0xAE         # U+200B to U+200F, U+2028 to U+202E
    if n == 3 and p[0] == 0xE2 and p[1] == 0x81:
        return 0xA0 <= p[2] <= 0xAF                                 # U+2060 to U+206F
    return n == 3 and p[0] == 0xEF and p[1] == 0xBB and p[2] == 0xBF    # U+FEFF


cdef inline void put_u(Writer* w, uint32_t code) noexcept nogil:
    put(w, b"\\u", 2)
    put_hex_byte(w, <uint8_t>(code >> 8))
    put_hex_byte(w, <uint8_t>(code & 255))


cdef void put_escaped(Writer* w, const uint8_t* p, uint32_t n, int mode) noexcept nogil:
    """One character that may not stand as it is; n bytes, or one byte that is no UTF-8."""
    cdef uint32_t i
    if mode == E_LOG_JSON:
        if p[0] == c'"' or p[0] == c"\\":
            put_char(w, c"\\")
            put_char(w, <char>p[0])
        elif n == 2:
            put_u(w, (p[0] & 31) << 6 | (p[1] & 63))
        elif n == 3:
            put_u(w, (p[0] & 15) << 12 | (p[1] & 63) << 6 | (p[2] & 63))
        else:
            put_u(w, p[0])              # of a byte that is no UTF-8: as if it were Latin-1
    elif mode == E_LOG_XML and 32 <= p[0] < 127 and p[0] != c"\\":
        put(w, b"&#x", 3)
        put_hex_byte(w, p[0])
        put_char(w, c";")
    else:
        for i in range(n):
            put(w, b"\\x", 2)
            put_hex_byte(w, p[i])


cdef inline bint stands(const uint8_t* p, uint32_t n, int mode) noexcept nogil:
    if n == 1 and p[0] < 128:
        return plain_byte(p[0]) and not (mode == E_LOG_XML and (p[0] == c"<" or p[0] == c">" or p[0] == c"&"
                                                                or p[0] == c"'"))
    return n > 1 and not invisible(p, n)


cdef void put_logged(Writer* w, Span value, int mode) noexcept nogil:
    cdef uint32_t i = 0, n, end = w.n + VALUE_BYTES - UNIT_BYTES
    cdef const uint8_t* p
    if mode != E_LOG_XML and value.n <= VALUE_BYTES and plain(value.p, value.n):
        put_span(w, value)
        return
    while i < value.n:
        if w.n > end:
            put(w, CUT, CUT_BYTES)
            return
        p = <const uint8_t*>value.p + i
        n = utf8_length(p, value.n - i)
        if n and stands(p, n, mode):
            put(w, <const char*>p, n)
        else:
            put_escaped(w, p, n if n else 1, mode)
        i += n if n else 1


# --- lines

cdef inline void put_text(Writer* w, Exchange* ex, const Op* op) noexcept nogil:
    """A variable that may hold any byte."""
    cdef Span value
    if not (caller_value(ex.caller, op.text, &value) if op.kind == OP_CALLER else context_text(ex, op.index, &value)):
        if op.encode == E_LOG_JSON_VALUE:
            put(w, b"null", 4)
        else:
            put_char(w, c"-")
    elif op.encode == E_LOG_JSON_VALUE:
        put_char(w, c'"')
        put_logged(w, value, E_LOG_JSON)
        put_char(w, c'"')
    else:
        put_logged(w, value, op.encode)


cdef inline void put_known(Writer* w, Exchange* ex, const Op* op) noexcept nogil:
    """A variable of the engine's own making."""
    cdef uint32_t before = w.n
    cdef bint quoted = op.encode == E_LOG_JSON_VALUE and op.index < C_FIRST_NUMBER
    if quoted:
        put_char(w, c'"')
    if context_value(ex, op.index, w):
        if quoted:
            put_char(w, c'"')
        return
    w.n = before
    if op.encode == E_LOG_JSON_VALUE:
        put(w, b"null", 4)
    else:
        put_char(w, c"-")


cdef void put_line(Writer* w, Exchange* ex, const Program* line) noexcept nogil:
    cdef uint32_t i
    cdef const Op* op
    for i in range(line.n):
        op = &line.ops[i]
        if op.kind == OP_TEXT:
            put_span(w, op.text)
        elif op.kind == OP_CALLER or op.index >= C_FIRST_TEXT:
            put_text(w, ex, op)
        else:
            put_known(w, ex, op)
    put_char(w, c"\n")


cdef void log_write(Exchange* ex, const LogPlan* log) noexcept nogil:
    cdef Writer w
    cdef Record* record
    cdef uint64_t head, at, need, skipped = 0
    if counts == NULL:
        return
    head = counts.head
    at = head & (ring_bytes - 1)
    need = padded(RECORD_BYTES + log.most)
    if ring_bytes - at < need:
        skipped = ring_bytes - at
    if ring_bytes - (head - load_acquire(&counts.tail)) < skipped + need:
        count(H_LOG_DROPPED)
        return
    record = <Record*>(ring + at)
    if skipped:
        record.length = SKIP
        record = <Record*>ring
    writer_init(&w, <char*>record + RECORD_BYTES, log.most)
    put_line(&w, ex, &log.line)
    record.length = w.n
    record.file = log.file
    store_release(&counts.head, head + skipped + padded(RECORD_BYTES + w.n))
    count(H_LOG_LINES)


LINE_BYTES = 65536
"""The longest line that a plan may ask for."""
VALUE_MOST = VALUE_BYTES + CUT_BYTES + 2
"""Bytes of one value that may hold anything, with its quotes."""
KNOWN_MOST = 64
"""Bytes of one value of the engine's own making."""
FIRST_TEXT = C_FIRST_TEXT
"""Context variables from this number on may hold anything."""
