"""One small reader for each format."""
from fastgw._core.host cimport host_is_ipv4, host_is_ipv6
from fastgw._core.json cimport json_digit


cdef inline bint letter(char ch) noexcept nogil:
    return c"a" <= (ch | 32) <= c"z"


cdef inline bint hexadecimal(char ch) noexcept nogil:
    return json_digit(ch) or c"a" <= (ch | 32) <= c"f"


cdef int digits(const char* p, int n) noexcept nogil:
    """The value of n digits, or -1."""
    cdef int i, value = 0
    for i in range(n):
        if not json_digit(p[i]):
            return -1
        value = value * 10 + (p[i] - c"0")
    return value


cdef bint is_date(const char* p, uint32_t n) noexcept nogil:
    cdef int year, month, day, most = 31
    if n != 10 or p[4] != c"-" or p[7] != c"-":
        return False
    year = digits(p, 4)
    month = digits(p + 5, 2)
    day = digits(p + 8, 2)
    if year < 0 or month < 1 or month > 12:
        return False
    if month == 2:
        most = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    elif month == 4 or month == 6 or month == 9 or month == 11:
        most = 30
    return 1 <= day <= most


cdef bint is_time(const char* p, uint32_t n) noexcept nogil:
    cdef uint32_t i = 8
    cdef int hour, minute, second, shift = 0
    if n < 9 or p[2] != c":" or p[5] != c":":
        return False
    hour = digits(p, 2)
    minute = digits(p + 3, 2)
    second = digits(p + 6, 2)
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 60:
        return False
    if p[i] == c".":
        i += 1
        if i == n or not json_digit(p[i]):
            return False
        while i < n and json_digit(p[i]):
            i += 1
    if n - i == 1:
        if (p[i] | 32) != c"z":
            return False
    else:
        if n - i != 6 or (p[i] != c"+" and p[i] != c"-") or p[i + 3] != c":":
            return False
        if not 0 <= digits(p + i + 1, 2) <= 23 or not 0 <= digits(p + i + 4, 2) <= 59:
            return False
        shift = digits(p + i + 1, 2) * 60 + digits(p + i + 4, 2)
        if p[i] == c"+":
            shift = -shift
    # A leap second is the last of a day in UTC.
    return second < 60 or (hour * 60 + minute + shift + 2880) % 1440 == 1439


cdef bint is_hostname(const char* p, uint32_t n) noexcept nogil:
    cdef uint32_t i, start = 0
    if n == 0 or n > 253:
        return False
    for i in range(n + 1):
        if i == n or p[i] == c".":
            if i == start or i - start > 63 or p[start] == c"-" or p[i - 1] == c"-":
                return False
            start = i + 1
        elif not letter(p[i]) and not json_digit(p[i]) and p[i] != c"-":
            return False
    return True


cdef inline bint atom(char ch) noexcept nogil:
    """RFC 5322 section 3.2.3."""
    if letter(ch) or json_digit(ch):
        return True
    return (ch == c"!" or c"#" <= ch <= c"'" or ch == c"*" or ch == c"+" or ch == c"-" or ch == c"/" or ch == c"="
            or ch == c"?" or ch == c"^" or ch == c"_" or ch == c"`" or c"{" <= ch <= c"~")


cdef bint is_email(const char* p, uint32_t n) noexcept nogil:
    cdef uint32_t at = 0
    if n and p[0] == c'"':
        at = 1
        while at < n and p[at] != c'"':
            if p[at] == c"\\":
                at += 1
            if at == n or <unsigned char>p[at] < 32 or <unsigned char>p[at] > 126:
                return False
            at += 1
        at += 1
    else:
        while at < n and (atom(p[at]) or (p[at] == c"." and at and p[at - 1] != c".")):
            at += 1
        if at == 0 or p[at - 1] == c".":
            return False
    if at > 64 or at + 1 >= n or p[at] != c"@":
        return False
    at += 1
    if p[at] != c"[":
        return is_hostname(p + at, n - at)
    if p[n - 1] != c"]":
        return False
    at += 1
    if n - at > 6 and (p[at] | 32) == c"i" and (p[at + 1] | 32) == c"p" and (p[at + 2] | 32) == c"v" \
            and p[at + 3] == c"6" and p[at + 4] == c":":
        return host_is_ipv6(<const unsigned char*>p + at + 5, n - at - 6)
    return host_is_ipv4(<const unsigned char*>p + at, n - at - 1)


cdef bint is_uuid(const char* p, uint32_t n) noexcept nogil:
    cdef uint32_t i
    if n != 36:
        return False
    for i in range(36):
        if i == 8 or i == 13 or i == 18 or i == 23:
            if p[i] != c"-":
                return False
        elif not hexadecimal(p[i]):
            return False
    return True


cdef bint uri_part(const char* p, uint32_t n, bint path) noexcept nogil:
    """pchar, and "/" and "?" where a query or fragment, "/" where a path; percent signs with their two digits."""
    cdef uint32_t i = 0
    while i < n:
        if p[i] == c"%":
            if n - i < 3 or not hexadecimal(p[i + 1]) or not hexadecimal(p[i + 2]):
                return False
            i += 3
            continue
        if not (letter(p[i]) or json_digit(p[i]) or c"&" <= p[i] <= c"/" or p[i] == c"!" or p[i] == c"$"
                or p[i] == c":" or p[i] == c";" or p[i] == c"=" or p[i] == c"@" or p[i] == c"_" or p[i] == c"~"
                or (p[i] == c"?" and not path)):
            return False
        i += 1
    return True


cdef bint is_authority(const char* p, uint32_t n) noexcept nogil:
    """[ userinfo "@" ] host [ ":" port ] of RFC 3986 section 3.2."""
    cdef uint32_t i, at = 0, colon
    for i in range(n):
        if p[i] == c"@":
            if at or not uri_part(p, i, True):
                return False
            at = i + 1
    colon = n
    while colon > at and json_digit(p[colon - 1]):
        colon -= 1
    if colon > at and p[colon - 1] == c":":
        n = colon - 1
    if at < n and p[at] == c"[":
        return p[n - 1] == c"]" and host_is_ipv6(<const unsigned char*>p + at + 1, n - at - 2)
    for i in range(at, n):
        if p[i] == c":" or p[i] == c"@":
            return False
    return uri_part(p + at, n - at, True)


cdef bint is_uri(const char* p, uint32_t n) noexcept nogil:
    cdef uint32_t at = 0, end
    if n == 0 or not letter(p[0]):
        return False
    while at < n and (letter(p[at]) or json_digit(p[at]) or p[at] == c"+" or p[at] == c"-" or p[at] == c"."):
        at += 1
    if at == n or p[at] != c":":
        return False
    at += 1
    if n - at >= 2 and p[at] == c"/" and p[at + 1] == c"/":
        at += 2
        end = at
        while end < n and p[end] != c"/" and p[end] != c"?" and p[end] != c"#":
            end += 1
        if not is_authority(p + at, end - at):
            return False
        at = end
    end = at
    while end < n and p[end] != c"?" and p[end] != c"#":
        end += 1
    if not uri_part(p + at, end - at, True):
        return False
    if end < n and p[end] == c"?":
        at = end + 1
        end = at
        while end < n and p[end] != c"#":
            end += 1
        if not uri_part(p + at, end - at, False):
            return False
    return end == n or uri_part(p + end + 1, n - end - 1, False)


cdef bint format_holds(int format, const char* p, uint32_t n) noexcept nogil:
    if format == FORMAT_DATE_TIME:
        return n > 11 and (p[10] | 32) == c"t" and is_date(p, 10) and is_time(p + 11, n - 11)
    if format == FORMAT_DATE:
        return is_date(p, n)
    if format == FORMAT_TIME:
        return is_time(p, n)
    if format == FORMAT_EMAIL:
        return is_email(p, n)
    if format == FORMAT_UUID:
        return is_uuid(p, n)
    if format == FORMAT_IPV4:
        return host_is_ipv4(<const unsigned char*>p, n)
    if format == FORMAT_IPV6:
        return host_is_ipv6(<const unsigned char*>p, n)
    if format == FORMAT_URI:
        return is_uri(p, n)
    if format == FORMAT_HOSTNAME:
        return is_hostname(p, n)
    return True
