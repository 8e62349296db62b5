"""Write errors into the caller's buffers; a value from the body is shown in at most SHOWN_BYTES."""
from libc.string cimport memcmp, strlen

from fastgw._core.bytes cimport put, put_char, put_span, put_uint, span
from fastgw._core.formats cimport (FORMAT_DATE, FORMAT_DATE_TIME, FORMAT_EMAIL, FORMAT_HOSTNAME, FORMAT_IPV4,
                                   FORMAT_IPV6, FORMAT_TIME, FORMAT_URI)
from fastgw._core.json cimport J_DEPTH, J_DUPLICATE, J_KEYS, J_MEMORY, J_SURROGATE, J_UTF8, J_WORK
from fastgw._core.schema_program cimport (ERRORS_MOST, K_ADDITIONAL_PROPERTIES, K_DEPENDENCIES, K_FALSE, K_FORMAT,
                                          K_MIN_LENGTH, K_MINIMUM, K_MULTIPLE_OF, K_PATTERN, K_REQUIRED, K_TYPE)

cdef enum:
    SHOWN_BYTES = 256
    STEPS_SHOWN = 64


cdef void words(Writer* w, const char* text) noexcept nogil:
    put(w, text, <uint32_t>strlen(text))


cdef void put_shown(Writer* w, const char* p, uint32_t n) noexcept nogil:
    """Bytes of the body, whole characters of them, without line breaks."""
    cdef uint32_t i, shown = n
    if n > SHOWN_BYTES:
        shown = SHOWN_BYTES
        while shown and (p[shown] & 0xC0) == 0x80:
            shown -= 1
    for i in range(shown):
        put_char(w, p[i] if <unsigned char>p[i] >= 32 else c" ")
    if shown < n:
        put(w, b"...", 3)


cdef void put_pointer(Writer* w, const Step* step) noexcept nogil:
    """RFC 6901, from the outermost step in; names keep the body's escapes."""
    cdef const Step* chain[STEPS_SHOWN]
    cdef int n = 0
    cdef uint32_t i
    while step != NULL:
        if n < STEPS_SHOWN:
            chain[n] = step
            n += 1
        step = step.up
    while n:
        n -= 1
        put_char(w, c"/")
        if chain[n].item:
            put_uint(w, chain[n].index)
            continue
        for i in range(chain[n].n):
            if chain[n].name[i] == c"~":
                put(w, b"~0", 2)
            elif chain[n].name[i] == c"/":
                put(w, b"~1", 2)
            else:
                put_char(w, chain[n].name[i])


cdef Writer* begin(Check* c, Keyword keyword, const char* at) noexcept nogil:
    """The text's writer behind what goes before each error; NULL where nobody wants it."""
    cdef SchemaError* error = c.error
    c.failed = True
    if c.quiet:
        return NULL
    c.errors += 1
    if error == NULL:
        return NULL
    error.errors = c.errors
    if c.errors == 1:
        error.keyword = keyword
        error.at = <uint32_t>(at - c.begin)
        put_pointer(&error.pointer, c.step)
    put(&error.text, b"[" if c.errors == 1 else b", ", 1 if c.errors == 1 else 2)
    if error.pointers:
        put_char(&error.text, c"#")
        put_pointer(&error.text, c.step)
        put(&error.text, b": ", 2)
    return &error.text


cdef inline bint over(Check* c) noexcept nogil:
    return c.quiet or c.error == NULL or c.errors >= ERRORS_MOST


cdef bint fault_at(Check* c, JsonFault fault, const char* at) noexcept nogil:
    c.fault = fault
    if c.error != NULL:
        c.error.at = <uint32_t>(at - c.begin)
    return False


cdef void fault_text(Check* c) noexcept nogil:
    """What was told before a fault is dropped: it may be about half a body."""
    cdef Writer* w = &c.error.text
    w.n = 0
    w.full = False
    c.error.pointer.n = 0
    c.error.keyword = <Keyword>0
    c.error.errors = 1
    if c.fault == J_UTF8:
        words(w, b"[body is not UTF-8")
    elif c.fault == J_SURROGATE:
        words(w, b"[body has an escape that is half a character")
    elif c.fault == J_DUPLICATE:
        words(w, b"[body has a name twice in one object")
    elif c.fault == J_DEPTH:
        words(w, b"[body is nested too deep")
    elif c.fault == J_KEYS:
        words(w, b"[body has too many names or unique items")
    elif c.fault == J_WORK:
        words(w, b"[body takes too much work to check")
    elif c.fault == J_MEMORY:
        words(w, b"[no memory to check the body")
    else:
        words(w, b"[body is not JSON")
    words(w, b" (at byte ")
    put_uint(w, c.error.at)
    words(w, b")]")


cdef bint fail_plain(Check* c, Keyword keyword, const char* at, const char* text) noexcept nogil:
    cdef Writer* w = begin(c, keyword, at)
    if w != NULL:
        words(w, text)
    return over(c)


cdef bint fail_counts(Check* c, Keyword keyword, const char* at, const char* text, uint64_t first,
                      const char* between, uint64_t second, const char* behind) noexcept nogil:
    cdef Writer* w = begin(c, keyword, at)
    if w != NULL:
        words(w, text)
        put_uint(w, first)
        if between != NULL:
            words(w, between)
            put_uint(w, second)
            words(w, behind)
    return over(c)


cdef bint fail_type(Check* c, const SchemaNode* node, const char* at, const char* found) noexcept nogil:
    cdef Writer* w = begin(c, K_FALSE if node.never else K_TYPE, at)
    if w != NULL:
        if node.never:
            words(w, b"no value is allowed here")
        else:
            words(w, b"instance type (")
            words(w, found)
            words(w, b") does not match any allowed primitive type (allowed: ")
            put_span(w, node.types_text)
            put_char(w, c")")
    return over(c)


cdef bint fail_choice(Check* c, const Choices* choices, const char* at) noexcept nogil:
    cdef Writer* w = begin(c, choices.keyword, at)
    if w != NULL:
        words(w, b"instance value (")
        put_shown(w, at, <uint32_t>(c.p - at))
        words(w, b") not found in enum (possible values: ")
        put_span(w, choices.text)
        put_char(w, c")")
    return over(c)


cdef bint fail_bound(Check* c, Keyword keyword, const Bound* bound, const Number* number) noexcept nogil:
    cdef Writer* w = begin(c, keyword, number.p)
    if w == NULL:
        return over(c)
    if bound.exclusive:
        words(w, b"numeric instance is not strictly greater than the required minimum " if keyword == K_MINIMUM
              else b"numeric instance is not strictly lower than the required maximum ")
        put_span(w, bound.text)
    else:
        words(w, b"numeric instance is lower than the required minimum (minimum: " if keyword == K_MINIMUM
              else b"numeric instance is greater than the required maximum (maximum: ")
        put_span(w, bound.text)
        words(w, b", found: ")
        put_shown(w, number.p, number.n)
        put_char(w, c")")
    return over(c)


cdef bint fail_multiple(Check* c, Span divisor, const Number* number) noexcept nogil:
    cdef Writer* w = begin(c, K_MULTIPLE_OF, number.p)
    if w != NULL:
        words(w, b"remainder of division is not zero (")
        put_shown(w, number.p, number.n)
        words(w, b" / ")
        put_span(w, divisor)
        put_char(w, c")")
    return over(c)


cdef bint fail_length(Check* c, Keyword keyword, const StringRules* rules, const Text* text) noexcept nogil:
    cdef Writer* w = begin(c, keyword, text.p - 1)
    if w != NULL:
        words(w, b'string "')
        put_shown(w, text.p, text.n)
        words(w, b'" is too short (length: ' if keyword == K_MIN_LENGTH else b'" is too long (length: ')
        put_uint(w, text.points)
        words(w, b", required minimum: " if keyword == K_MIN_LENGTH else b", maximum allowed: ")
        put_uint(w, rules.least if keyword == K_MIN_LENGTH else rules.most)
        put_char(w, c")")
    return over(c)


cdef bint fail_pattern(Check* c, const StringRules* rules, const Text* text) noexcept nogil:
    cdef Writer* w = begin(c, K_PATTERN, text.p - 1)
    if w != NULL:
        words(w, b'ECMA 262 regex "')
        put_span(w, rules.pattern_text)
        words(w, b'" does not match input string "')
        put_shown(w, text.p, text.n)
        put_char(w, c'"')
    return over(c)


cdef bint fail_format(Check* c, const StringRules* rules, const Text* text) noexcept nogil:
    cdef Writer* w = begin(c, K_FORMAT, text.p - 1)
    if w == NULL:
        return over(c)
    words(w, b'string "')
    put_shown(w, text.p, text.n)
    if rules.format == FORMAT_DATE_TIME:
        words(w, b"\" is invalid against requested date format(s) [yyyy-MM-dd'T'HH:mm:ssZ, "
                 b"yyyy-MM-dd'T'HH:mm:ss.[0-9]{1,12}Z]")
    elif rules.format == FORMAT_DATE:
        words(w, b'" is invalid against requested date format(s) yyyy-MM-dd')
    elif rules.format == FORMAT_TIME:
        words(w, b'" is invalid against requested date format(s) HH:mm:ssZ')
    elif rules.format == FORMAT_EMAIL:
        words(w, b'" is not a valid email address')
    elif rules.format == FORMAT_HOSTNAME:
        words(w, b'" is not a valid hostname')
    elif rules.format == FORMAT_IPV4:
        words(w, b'" is not a valid IPv4 address')
    elif rules.format == FORMAT_IPV6:
        words(w, b'" is not a valid IPv6 address')
    elif rules.format == FORMAT_URI:
        words(w, b'" is not a valid URI')
    else:
        words(w, b'" is not a valid UUID')
    return over(c)


cdef void put_missing(Writer* w, const ObjectRules* rules, const uint64_t* needs, const uint64_t* present) noexcept nogil:
    """The names, in order, that are needed and not there: ["a","b"]."""
    cdef uint32_t i
    cdef bint first = True
    put_char(w, c"[")
    for i in range(rules.members.count):
        if not (needs[i >> 6] & ~present[i >> 6]) >> (i & 63) & 1:
            continue
        if not first:
            put_char(w, c",")
        first = False
        put_span(w, rules.members.list[i].quoted)
    put_char(w, c"]")


cdef bint fail_required(Check* c, const char* at, const ObjectRules* rules, const uint64_t* present) noexcept nogil:
    cdef Writer* w = begin(c, K_REQUIRED, at)
    if w != NULL:
        words(w, b"object has missing required properties (")
        put_missing(w, rules, rules.required, present)
        put_char(w, c")")
    return over(c)


cdef bint fail_extras(Check* c, const char* at, Span* extras, uint32_t count) noexcept nogil:
    """Sorts the names."""
    cdef Writer* w = begin(c, K_ADDITIONAL_PROPERTIES, at)
    cdef uint32_t i, k
    cdef Span one
    cdef int order
    if w == NULL:
        return over(c)
    for i in range(1, count):
        one = extras[i]
        k = i
        while k:
            order = memcmp(one.p, extras[k - 1].p, min(one.n, extras[k - 1].n))
            if order > 0 or (order == 0 and one.n >= extras[k - 1].n):
                break
            extras[k] = extras[k - 1]
            k -= 1
        extras[k] = one
    words(w, b"object instance has properties which are not allowed by the schema: [")
    for i in range(count):
        if i:
            put_char(w, c",")
        put_char(w, c'"')
        put_shown(w, extras[i].p, extras[i].n)
        put_char(w, c'"')
    put_char(w, c"]")
    return over(c)


cdef bint fail_dependency(Check* c, const char* at, const ObjectRules* rules, const Dependency* dependency,
                          const uint64_t* present) noexcept nogil:
    cdef Writer* w = begin(c, K_DEPENDENCIES, at)
    if w != NULL:
        words(w, b"property ")
        put_span(w, rules.members.list[dependency.trigger].quoted)
        words(w, b" of object has missing property dependencies (schema requires ")
        put_span(w, dependency.quoted)
        words(w, b"; missing: ")
        put_missing(w, rules, dependency.needs, present)
        put_char(w, c")")
    return over(c)
