"""Bodies of what reading and writing signatures needs."""
from libc.stdlib cimport realloc
from libc.string cimport memcmp, memcpy

from fastgw._core.bytes cimport DIGITS, put, put_char, put_span, same_case, span, trim, writer_init
from fastgw._core.libcrypto cimport SHA256_BYTES, sha256
from fastgw._core.signed cimport SIGNED_BADLY

cdef enum:
    MESSAGE_BYTES = 32768       # of a refusal; half of what an answer has room for, as JSON may take two bytes for one
    SHOWN_BYTES = 256           # of a value that a refusal shows
    DAYS_BEFORE_1970 = 719468   # from 1 March of the year 0

cdef char message_text[MESSAGE_BYTES]


cdef bint room_writer(Room* room, uint64_t need, Writer* w) noexcept nogil:
    cdef char* grown
    if need > room.cap:
        if need > <uint64_t>0x7FFFFFFF:
            return False
        grown = <char*>realloc(room.p, need)
        if grown == NULL:
            return False
        room.p = grown
        room.cap = <uint32_t>need
    writer_init(w, room.p, <uint32_t>need)
    return True


cdef void put_hex_bytes(Writer* w, const uint8_t* p, uint32_t n) noexcept nogil:
    cdef uint32_t i
    for i in range(n):
        put_char(w, DIGITS[p[i] >> 4])
        put_char(w, DIGITS[p[i] & 15])


cdef bint same_span(Span a, Span b) noexcept nogil:
    return a.n == b.n and (a.n == 0 or memcmp(a.p, b.p, a.n) == 0)


cdef bint named(const SignedRequest* r, uint32_t field, Span name) noexcept nogil:
    return r.fields[field].name_n == name.n and same_case(r.base + r.fields[field].name, name.p, name.n)


cdef uint32_t field_count(const SignedRequest* r, Span name, Span* value) noexcept nogil:
    cdef uint32_t i, count = 0
    value[0] = span(NULL, 0)
    for i in range(r.nfields):
        if named(r, i, name):
            if count == 0:
                value[0] = trim(span(r.base + r.fields[i].value, r.fields[i].value_n))
            count += 1
    return count


# --- times; days are counted from the first of March, so that a leap day is a year's last

cdef bint digits_at(const char* p, int n, uint64_t* value) noexcept nogil:
    cdef int i
    value[0] = 0
    for i in range(n):
        if not c"0" <= p[i] <= c"9":
            return False
        value[0] = value[0] * 10 + <uint8_t>(p[i] - c"0")
    return True


cdef bint moment(uint64_t year, uint64_t month, uint64_t day, uint64_t hour, uint64_t minute, uint64_t second,
                 uint64_t* seconds) noexcept nogil:
    """Seconds since the epoch; False where there is no such time, or it was before."""
    cdef uint64_t most = 31, years, days
    if month == 2:
        most = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    elif month == 4 or month == 6 or month == 9 or month == 11:
        most = 30
    if year < 1970 or not 1 <= month <= 12 or not 1 <= day <= most or hour > 23 or minute > 59 or second > 60:
        return False
    years = year - (month <= 2)
    days = years * 365 + years // 4 - years // 100 + years // 400
    days += (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    seconds[0] = (days - DAYS_BEFORE_1970) * 86400 + hour * 3600 + minute * 60 + second
    return True


cdef bint stamp_time(const char* p, uint64_t* seconds) noexcept nogil:
    cdef uint64_t year, month, day, hour, minute, second
    if p[8] != c"T" or p[15] != c"Z":
        return False
    if not (digits_at(p, 4, &year) and digits_at(p + 4, 2, &month) and digits_at(p + 6, 2, &day)):
        return False
    if not (digits_at(p + 9, 2, &hour) and digits_at(p + 11, 2, &minute) and digits_at(p + 13, 2, &second)):
        return False
    return moment(year, month, day, hour, minute, second, seconds)


cdef void put_number(Writer* w, uint64_t value, int n) noexcept nogil:
    """With leading zeros."""
    cdef char text[4]
    cdef int i
    for i in range(n - 1, -1, -1):
        text[i] = <char>(48 + value % 10)
        value //= 10
    put(w, text, n)


cdef void put_stamp(Writer* w, uint64_t seconds) noexcept nogil:
    cdef uint64_t days = seconds // 86400 + DAYS_BEFORE_1970, era = days // 146097, left = days % 146097
    cdef uint64_t year = (left - left // 1460 + left // 36524 - left // 146096) // 365, month
    left -= year * 365 + year // 4 - year // 100
    month = (5 * left + 2) // 153
    put_number(w, year + era * 400 + (month >= 10), 4)
    put_number(w, month + 3 if month < 10 else month - 9, 2)
    put_number(w, left - (153 * month + 2) // 5 + 1, 2)
    put_char(w, c"T")
    put_number(w, seconds // 3600 % 24, 2)
    put_number(w, seconds // 60 % 60, 2)
    put_number(w, seconds % 60, 2)
    put_char(w, c"Z")


cdef bint date_time(Span date, uint64_t* seconds) noexcept nogil:
    """The name of the day is not looked at. A zone of +0000 or -0000, as in messages (RFC 5322), is GMT too."""
    cdef const char* months = b"JanFebMarAprMayJunJulAugSepOctNovDec"
    cdef const char* p = date.p
    cdef uint64_t year, month = 0, day, hour, minute, second
    if date.n != 29 and date.n != 31:
        return False
    if memcmp(p + 25, b" GMT", 4) != 0 and (date.n != 31 or memcmp(p + 27, b"0000", 4) != 0
                                            or (p[26] != c"-" and p[26] != c"+") or p[25] != c" "):
        return False
    if p[3] != c"," or p[4] != c" " or p[7] != c" " or p[11] != c" " or p[16] != c" " or p[19] != c":" \
            or p[22] != c":":
        return False
    while month < 12 and memcmp(months + 3 * month, p + 8, 3) != 0:
        month += 1
    if not (digits_at(p + 5, 2, &day) and digits_at(p + 12, 4, &year) and digits_at(p + 17, 2, &hour)):
        return False
    if not (digits_at(p + 20, 2, &minute) and digits_at(p + 23, 2, &second)):
        return False
    return moment(year, month + 1, day, hour, minute, second, seconds)


# --- refusals

cdef Signing say(const SignedRequest* r, Signed* s, Signing what, int saying, Span a, Span b, Span c, Span d) noexcept nogil:
    cdef Span text = r.rules.says[saying]
    cdef Span given[4]
    cdef Writer w
    cdef uint32_t i = 0
    given[0], given[1], given[2], given[3] = a, b, c, d
    writer_init(&w, message_text, MESSAGE_BYTES)
    w.n = s.message.n
    while i < text.n:
        if i + 2 < text.n and text.p[i] == c"{" and text.p[i + 2] == c"}" and c"0" <= text.p[i + 1] <= c"3":
            put_span(&w, given[text.p[i + 1] - c"0"])
            i += 3
        else:
            put_char(&w, text.p[i])
            i += 1
    if not w.full:                  # else it stays as it was
        s.message = span(w.p, w.n)
    return what


cdef Signing say_one(const SignedRequest* r, Signed* s, Signing what, int saying, Span a) noexcept nogil:
    cdef Span none = span(NULL, 0)
    if a.n > SHOWN_BYTES:
        a.n = SHOWN_BYTES
    return say(r, s, what, saying, a, none, none, none)


cdef Signing say_digest(const SignedRequest* r, Signed* s, int saying, Span text) noexcept nogil:
    cdef const char* letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    cdef uint8_t digest[SHA256_BYTES + 1]
    cdef char out[44]
    cdef uint32_t i, three
    digest[SHA256_BYTES] = 0
    if not sha256(&text, 1, digest):
        return SIGNED_BADLY
    for i in range(11):             # 33 bytes are 44 letters; the last stands for nothing
        three = digest[3 * i] << 16 | digest[3 * i + 1] << 8 | digest[3 * i + 2]
        out[4 * i] = letters[three >> 18]
        out[4 * i + 1] = letters[three >> 12 & 63]
        out[4 * i + 2] = letters[three >> 6 & 63]
        out[4 * i + 3] = letters[three & 63]
    out[43] = c"="
    return say_one(r, s, SIGNED_BADLY, saying, span(out, 44))
