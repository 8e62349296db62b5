"""Take a request apart for views."""
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from fastgw._core.bytes cimport same_case, span, trim
from fastgw._core.firewall_json cimport json_texts
from fastgw._core.firewall_plan cimport (HANDLE_CONTINUE, HANDLE_MATCH, NO, SCOPE_ALL, SCOPE_KEYS, SCOPE_VALUES, W_BODY,
                                         W_BODY_ARGUMENTS, W_COOKIE, W_COOKIES, W_HEADER, W_HEADERS, W_JSON_BODY,
                                         W_METHOD, W_QUERY_ARGUMENT, W_QUERY_ARGUMENTS, W_QUERY_STRING, W_RAW_PATH,
                                         W_URI_PATH, YES)
from fastgw._core.firewall_transform cimport transform
from fastgw._core.program cimport decode_at, query_next
from fastgw._core.state cimport T_COOKIE, field_name, field_value

cdef char scratch[TEXT_BYTES]
cdef uint32_t used          # bytes of it
cdef uint32_t ntexts


cdef void views_begin() noexcept nogil:
    global used, ntexts
    used = ntexts = 0


cdef char* room(uint32_t n) noexcept nogil:
    """Of the scratch buffer; NULL where there is none left."""
    global used
    if n > TEXT_BYTES - used:
        return NULL
    used += n
    return scratch + used - n


cdef void add(View* view, Span text) noexcept nogil:
    """One more text of the view, transformed."""
    global used, ntexts
    cdef char* copy
    cdef int i
    if ntexts == MOST_TEXTS:
        view.bad = True
        return
    if view.ntransforms and text.n:
        copy = room(text.n)
        if copy == NULL:
            view.bad = True
            return
        memcpy(copy, text.p, text.n)
        used -= text.n
        for i in range(view.ntransforms):
            text.n = transform(view.transforms[i], copy, text.n)
        used += text.n
        text.p = copy
    view_texts[ntexts] = text
    ntexts += 1
    view.ntexts += 1


cdef inline void add_pair(View* view, Span name, Span value) noexcept nogil:
    if view.scope != SCOPE_VALUES:
        add(view, name)
    if view.scope != SCOPE_KEYS:
        add(view, value)


cdef bint named(const View* view, Span name) noexcept nogil:
    """The view looks at what has this name, in any case."""
    cdef uint32_t i
    for i in range(view.nnames):
        if view.names[i].n == name.n and same_case(view.names[i].p, name.p, name.n):
            return True
    return view.nnames == 0


# --- the head

cdef bint decoded_is(Span raw, Span wanted) noexcept nogil:
    """A query argument's encoded name, in any case."""
    cdef uint32_t i = 0, k = 0
    cdef uint8_t byte = 0
    while i < raw.n:
        i += decode_at(raw, i, &byte)
        if k == wanted.n or (byte + 32 if c"A" <= byte <= c"Z" else byte) != <uint8_t>wanted.p[k]:
            return False
        k += 1
    return k == wanted.n


cdef void query_arguments(View* view, Exchange* ex) noexcept nogil:
    cdef uint32_t at = 0
    cdef Span name, value
    while query_next(ex.query, &at, &name, &value):
        if view.what == W_QUERY_ARGUMENTS:
            add_pair(view, name, value)
        elif decoded_is(name, view.names[0]):
            add(view, value)


cdef void headers(View* view, Exchange* ex) noexcept nogil:
    cdef uint32_t i
    cdef Span name
    for i in range(ex.nfields):
        name = field_name(ex.head, &ex.fields[i])
        if not named(view, name):
            continue
        if view.what == W_HEADER:
            add(view, field_value(ex.head, &ex.fields[i]))
        else:
            add_pair(view, name, field_value(ex.head, &ex.fields[i]))


cdef bint cookie_next(Span value, uint32_t* at, Span* name, Span* text) noexcept nogil:
    """The next pair of a Cookie field (RFC 6265 section 4.2.1); what has no "=" is all name."""
    cdef uint32_t start, equals
    while at[0] < value.n:
        start = equals = at[0]
        while at[0] < value.n and value.p[at[0]] != c";":
            at[0] += 1
        while equals < at[0] and value.p[equals] != c"=":
            equals += 1
        name[0] = trim(span(value.p + start, equals - start))
        text[0] = trim(span(value.p + equals + 1, at[0] - equals - 1)) if equals < at[0] else span(value.p + equals, 0)
        at[0] += 1
        if name.n or text.n:
            return True
    return False


cdef void cookies(View* view, Exchange* ex) noexcept nogil:
    cdef uint32_t i, at
    cdef Span name, value
    for i in range(ex.nfields):
        if ex.fields[i].token != T_COOKIE:
            continue
        at = 0
        while cookie_next(field_value(ex.head, &ex.fields[i]), &at, &name, &value):
            if not named(view, name):
                continue
            if view.what == W_COOKIE:
                add(view, value)
            else:
                add_pair(view, name, value)


# --- the body

cdef void on_json(void* owner, Span text, bint key) noexcept nogil:
    """A string or a number of a JSON text."""
    cdef View* view = <View*>owner
    if view.scope == SCOPE_ALL or key == (view.scope == SCOPE_KEYS):
        add(view, text)


cdef void form_arguments(View* view, Span body) noexcept nogil:
    """Parts between "&", "=" and line ends: names and values of a form, and lines of anything else."""
    cdef uint32_t i, start = 0
    for i in range(body.n + 1):
        if i == body.n or body.p[i] == c"&" or body.p[i] == c"=" or body.p[i] == c"\n" or body.p[i] == c"\r":
            if i > start:
                add(view, span(body.p + start, i - start))
            start = i + 1


cdef void body_texts(View* view, Span body, bint cut) noexcept nogil:
    """What is no JSON behind a beginning that is, is one text where the body goes on."""
    cdef uint32_t end
    cdef bint whole = False
    cdef Span rest
    if view.what == W_BODY:
        add(view, body)
        return
    end = json_texts(body, view, on_json, room, &whole)
    rest = span(body.p + end, body.n - end)
    if whole or body.n == 0:
        return
    if cut and end:
        add(view, rest)
    elif view.what == W_BODY_ARGUMENTS:
        form_arguments(view, rest)
    elif view.invalid == HANDLE_CONTINUE:
        add(view, body)
    else:
        view.unread = (YES if view.invalid == HANDLE_MATCH else NO) + 1


cdef void view_fill(View* view, Exchange* ex, Span body, bint cut, bint bad) noexcept nogil:
    view.first_text = ntexts
    view.ntexts = 0
    view.cut = view.bad = view.unread = 0
    if view.reads_body:
        view.cut, view.bad = cut, bad
        if cut and view.oversize != HANDLE_CONTINUE:
            view.unread = (YES if view.oversize == HANDLE_MATCH else NO) + 1
        else:
            body_texts(view, body, cut)
    elif view.what == W_URI_PATH:
        add(view, ex.path)
    elif view.what == W_RAW_PATH:
        add(view, ex.raw_path)
    elif view.what == W_QUERY_STRING:
        add(view, ex.query)
    elif view.what == W_QUERY_ARGUMENT or view.what == W_QUERY_ARGUMENTS:
        query_arguments(view, ex)
    elif view.what == W_HEADER or view.what == W_HEADERS:
        headers(view, ex)
    elif view.what == W_COOKIE or view.what == W_COOKIES:
        cookies(view, ex)
    elif view.what == W_METHOD:
        add(view, span(ex.head + ex.verb_off, ex.verb_n))
