"""Write canonical requests."""
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport qsort
from libc.string cimport memcmp

from fastgw._core.bytes cimport UNRESERVED, put, put_char, put_escape, put_span, span, trim
from fastgw._core.signature_text cimport Room, named, room_writer, same_span
from fastgw._core.signed cimport P_SIGNATURE, P_TOKEN

cdef struct Member:         # of a query, as it is written
    Span name
    Span value

cdef Room text              # the canonical request
cdef Room spelled           # names and values that are not written as they came
cdef Room members


cdef inline bint blank(char c) noexcept nogil:
    return c == c" " or c == c"\t" or c == c"\n" or c == c"\r"


# --- path

cdef void put_segment(Writer* w, Span segment) noexcept nogil:
    """Encoded once more: "%20" of the wire is "%2520" here."""
    cdef uint32_t i
    for i in range(segment.n):
        if UNRESERVED[<uint8_t>segment.p[i]]:
            put_char(w, segment.p[i])
        else:
            put_escape(w, <uint8_t>segment.p[i])


cdef void put_path(Writer* w, Span path, bint normalizes) noexcept nogil:
    """normalizes: empty segments go, dot segments are resolved. As it came, it may have either."""
    cdef uint32_t i = 0, end, start = w.n
    cdef Span segment
    while i < path.n:
        if path.p[i] == c"/":
            i += 1
        end = i
        while end < path.n and path.p[end] != c"/":
            end += 1
        segment = span(path.p + i, end - i)
        i = end
        if not normalizes:
            put_char(w, c"/")
            put_segment(w, segment)
        elif segment.n == 2 and segment.p[0] == c"." and segment.p[1] == c".":
            while w.n > start:
                w.n -= 1
                if w.p[w.n] == c"/":
                    break
        elif segment.n and not (segment.n == 1 and segment.p[0] == c"."):
            put_char(w, c"/")
            put_segment(w, segment)
        if i + 1 == path.n and not normalizes:      # the slash that ends it
            put_char(w, c"/")
            break
    if normalizes and w.n > start and path.n and path.p[path.n - 1] == c"/":
        put_char(w, c"/")
    if w.n == start:
        put_char(w, c"/")


# --- query

cdef inline bint by_the_rule(uint8_t c) noexcept nogil:
    return UNRESERVED[c] or c == c"%"


cdef bint canonical_differs(Span query) noexcept nogil:
    cdef uint32_t i
    for i in range(query.n):
        if not by_the_rule(<uint8_t>query.p[i]) and query.p[i] != c"&" and query.p[i] != c"=":
            return True
        if query.p[i] == c"&" and (i == 0 or i + 1 == query.n or query.p[i + 1] == c"&"):
            return True
    return False


cdef Span spell(Writer* w, Span raw, int form) noexcept nogil:
    """One name or value."""
    cdef uint32_t i = 0, before
    if form & FORM_VERBATIM:
        return raw
    while i < raw.n and by_the_rule(<uint8_t>raw.p[i]):
        i += 1
    if i == raw.n:
        return raw
    before = w.n
    put(w, raw.p, i)
    for i in range(i, raw.n):
        if by_the_rule(<uint8_t>raw.p[i]):
            put_char(w, raw.p[i])
        elif raw.p[i] == c"+":
            put_escape(w, c" ")
        else:
            put_escape(w, <uint8_t>raw.p[i])
    return span(w.p + before, w.n - before)


cdef int compare(Span a, Span b) noexcept nogil:
    cdef uint32_t n = a.n if a.n < b.n else b.n
    cdef int order = memcmp(a.p, b.p, n) if n else 0
    if order == 0:
        return (a.n > b.n) - (a.n < b.n)
    return order


cdef int by_name(const void* a, const void* b) noexcept nogil:
    cdef const Member* x = <const Member*>a
    cdef const Member* y = <const Member*>b
    cdef int order = compare(x.name, y.name)
    return order if order else compare(x.value, y.value)


cdef bint plainly_spelled(Span value) noexcept nogil:
    """Its escapes are in capitals: the one spelling of a value that no signature holds to one."""
    cdef uint32_t i
    for i in range(value.n):
        if value.p[i] == c"%" and i + 2 < value.n and (value.p[i + 1] >= c"a" or value.p[i + 2] >= c"a"):
            return False
    return True


cdef bint left_out(const SignedRequest* r, const Signed* s, Span name, Span member, int form) noexcept nogil:
    if not s.in_query:
        return False
    return same_span(name, r.rules.params[P_SIGNATURE]) or (
        form & FORM_NO_TOKEN and same_span(name, r.rules.params[P_TOKEN]) and plainly_spelled(member))


cdef uint32_t read_members(const SignedRequest* r, const Signed* s, int form, Member* found, Writer* w) noexcept nogil:
    cdef uint32_t n = 0, start = 0, i, equals
    cdef Span member, name
    for i in range(r.query.n + 1):
        if i < r.query.n and r.query.p[i] != c"&":
            continue
        member = span(r.query.p + start, i - start)
        start = i + 1
        if member.n == 0 and not form & FORM_VERBATIM:
            continue
        equals = 0
        while equals < member.n and member.p[equals] != c"=":
            equals += 1
        name = span(member.p, equals)
        if left_out(r, s, name, member, form):
            continue
        found[n].name = spell(w, name, form)
        found[n].value = span(b"", 0)
        if equals < member.n:
            found[n].value = spell(w, span(member.p + equals + 1, member.n - equals - 1), form)
        n += 1
    return n


cdef bint put_query(Writer* w, const SignedRequest* r, const Signed* s, int form) noexcept nogil:
    cdef Writer spelling, list
    cdef Member* found
    cdef uint32_t i, n = 1
    if r.query.n == 0:
        return True
    for i in range(r.query.n):
        n += r.query.p[i] == c"&"
    if not room_writer(&spelled, 3 * <uint64_t>r.query.n, &spelling):
        return False
    if not room_writer(&members, n * sizeof(Member), &list):
        return False
    found = <Member*>list.p
    n = read_members(r, s, form, found, &spelling)
    qsort(found, n, sizeof(Member), by_name)
    for i in range(n):
        if i:
            put_char(w, c"&")
        put_span(w, found[i].name)
        put_char(w, c"=")
        put_span(w, found[i].value)
    return True


# --- fields

cdef void put_folded(Writer* w, Span value) noexcept nogil:
    """Blanks in a row are one."""
    cdef uint32_t i = 0
    while i < value.n:
        if blank(value.p[i]):
            put_char(w, c" ")
            while i + 1 < value.n and blank(value.p[i + 1]):
                i += 1
        else:
            put_char(w, value.p[i])
        i += 1


cdef bint put_field_line(Writer* w, const SignedRequest* r, Span name) noexcept nogil:
    """All fields of that name, in their order; False where there is none."""
    cdef uint32_t i
    cdef bint found = False
    put_span(w, name)
    put_char(w, c":")
    for i in range(r.nfields):
        if named(r, i, name):
            if found:
                put_char(w, c",")
            found = True
            put_folded(w, trim(span(r.base + r.fields[i].value, r.fields[i].value_n)))
    put_char(w, c"\n")
    return found


cdef bint lower_case(Span name) noexcept nogil:
    cdef uint32_t i
    for i in range(name.n):
        if c"A" <= name.p[i] <= c"Z":
            return False
    return True


cdef bint put_fields(Writer* w, const SignedRequest* r, Span names) noexcept nogil:
    """False at the first name that is absent, or not in its place: names are in lower case, in order, each once."""
    cdef uint32_t i, start = 0
    cdef Span name, last = span(NULL, 0)
    for i in range(names.n + 1):
        if i < names.n and names.p[i] != c";":
            continue
        name = span(names.p + start, i - start)
        start = i + 1
        if compare(last, name) >= 0 or not lower_case(name) or not put_field_line(w, r, name):
            return False
        last = name
    return True


cdef int canonical_request(const SignedRequest* r, const Signed* s, Span payload, int form, Writer* w) noexcept nogil:
    cdef uint64_t need = 64 + 3 * <uint64_t>(r.path.n + r.query.n) + r.verb.n + 3 * <uint64_t>s.names.n + payload.n
    cdef uint32_t i
    cdef bint all
    for i in range(r.nfields):
        need += r.fields[i].value_n + 2
    for i in range(r.query.n):          # a member without "=" gets one
        need += r.query.p[i] == c"&"
    if not room_writer(&text, need, w):
        return CANONICAL_NONE
    put_span(w, r.verb)
    put_char(w, c"\n")
    put_path(w, r.path, r.rules.normalizes)
    put_char(w, c"\n")
    if not put_query(w, r, s, form):
        return CANONICAL_NONE
    put_char(w, c"\n")
    all = put_fields(w, r, s.names)
    put_char(w, c"\n")
    put_span(w, s.names)
    put_char(w, c"\n")
    put_span(w, payload)
    return CANONICAL if all and not w.full else CANONICAL_ABSENT
