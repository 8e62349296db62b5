"""Tags, attributes and URLs that run scripts. Source of the tokens: the HTML standard, section 13.2.5."""
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp

from fastgw._core.bytes cimport Span, span

cdef enum:
    LONGEST = 24                # of a name that is looked at
    CODE_WITHIN = 1024          # of javascript:

cdef const char* TAGS = (b" script iframe frame frameset object embed applet svg math style link meta base form isindex "
                         b"import bgsound layer ilayer xss animate set animatemotion animatetransform handler listener "
                         b"noscript template portal fencedframe ")
cdef const char* RUNS = b" javascript vbscript livescript "
cdef const char* LOADS = b" href src action formaction data xlink:href from to values background poster lowsrc dynsrc "
cdef const char* EVENTS = (b" onabort onactiv onafter onanim onauxclick onbefore onbegin onblur onbounce oncanplay oncancel "
                           b"oncell onchange onclick onclose oncontext oncontrol oncopy oncue oncut ondata ondbl ondrag "
                           b"ondrop ondur onemptied onend onerror onfilter onfinish onfocus onformdata ongesture onget "
                           b"onhash onhelp oninput oninvalid onkey onlayout onload onlose onlost onmessage onmouse onmove "
                           b"onoffline ononline onpage onpaste onpause onplay onpointer onpopstate onprogress onproperty "
                           b"onratechange onreadystate onrepeat onreset onresize onrow onscroll onsearch onseek onselect "
                           b"onshow onstalled onstart onstop onstorage onsubmit onsuspend ontimeout ontimeupdate ontoggle "
                           b"ontouch ontransition onunload onvolume onwaiting onwebkit onwheel onzoom ")
"""Beginnings of the names of event handlers."""


cdef inline uint8_t lower(uint8_t ch) noexcept nogil:
    return ch + 32 if c"A" <= ch <= c"Z" else ch


cdef inline bint blank(uint8_t ch) noexcept nogil:
    return ch <= 32 or ch == c"/"


cdef inline bint name_byte(uint8_t ch) noexcept nogil:
    return c"a" <= (ch | 32) <= c"z" or c"0" <= ch <= c"9" or ch == c"-" or ch == c"_" or ch == c":" or ch == 0


cdef bint listed(const char* words, const char* name, uint32_t n) noexcept nogil:
    """name, in lower case, is one of the words; each stands between spaces."""
    cdef uint32_t i = 1, k
    while words[i]:
        k = 0
        while k < n and words[i + k] == name[k] and words[i + k] != c" ":
            k += 1
        if k == n and words[i + k] == c" ":
            return True
        while words[i] != c" ":
            i += 1
        i += 1
    return False


cdef bint begins_with_listed(const char* words, const char* name, uint32_t n) noexcept nogil:
    """One of the words is a beginning of name."""
    cdef uint32_t i = 1, k
    while words[i]:
        k = 0
        while k < n and words[i + k] != c" " and words[i + k] == name[k]:
            k += 1
        if words[i + k] == c" ":
            return True
        while words[i] != c" ":
            i += 1
        i += 1
    return False


cdef uint32_t read_name(Span text, uint32_t* i, char* name) noexcept nogil:
    """The name at i, in lower case and without NULs; how long it is, LONGEST where it is longer."""
    cdef uint32_t n = 0
    while i[0] < text.n and name_byte(<uint8_t>text.p[i[0]]):
        if n < LONGEST and text.p[i[0]]:
            name[n] = <char>lower(<uint8_t>text.p[i[0]])
            n += 1
        i[0] += 1
    return n


cdef inline uint32_t skip_blank(Span text, uint32_t i) noexcept nogil:
    while i < text.n and blank(<uint8_t>text.p[i]):
        i += 1
    return i


cdef inline bint wide(Span text, uint32_t i, uint8_t last) noexcept nogil:
    """U+FF1C and U+FF1E, which some programs turn into "<" and ">"."""
    return text.n - i >= 3 and <uint8_t>text.p[i] == 0xEF and <uint8_t>text.p[i + 1] == 0xBC \
        and <uint8_t>text.p[i + 2] == last


# --- URLs

cdef bint runs_script(Span text, uint32_t i) noexcept nogil:
    """A URL at i that is a script: javascript: and the like, with what browsers leave out left out, and code behind it;
    or data: with a type that may hold script."""
    cdef char name[LONGEST]
    cdef uint32_t n = 0
    while i < text.n and <uint8_t>text.p[i] <= 32:
        i += 1
    while i < text.n and n < LONGEST and text.p[i] != c":":
        if <uint8_t>text.p[i] > 32:
            if not c"a" <= (text.p[i] | 32) <= c"z":
                return False
            name[n] = <char>lower(<uint8_t>text.p[i])
            n += 1
        i += 1
    if i >= text.n or text.p[i] != c":":
        return False
    if n and listed(RUNS, name, n):
        return is_code(text, i + 1)
    return n == 4 and memcmp(name, b"data", 4) == 0 and data_runs(text, i + 1)


cdef bint is_code(Span text, uint32_t i) noexcept nogil:
    cdef uint32_t end = i + CODE_WITHIN if i + CODE_WITHIN < text.n else text.n
    while i < end:
        if text.p[i] == c"(" or text.p[i] == c"=" or text.p[i] == c"[" or text.p[i] == c"`" or text.p[i] == c"\\" \
                or text.p[i] == c"." or text.p[i] == c"<" or text.p[i] == c"%":
            return True
        i += 1
    return False


cdef bint data_runs(Span text, uint32_t i) noexcept nogil:
    cdef char kind[LONGEST]
    cdef uint32_t n = 0
    while i < text.n and n < LONGEST and text.p[i] != c"," and text.p[i] != c";":
        if <uint8_t>text.p[i] > 32:
            kind[n] = <char>lower(<uint8_t>text.p[i])
            n += 1
        i += 1
    return i < text.n and (n == 0 or (n >= 9 and memcmp(kind, b"text/html", 9) == 0)
                           or (n >= 13 and memcmp(kind, b"image/svg+xml", 13) == 0)
                           or (n >= 8 and memcmp(kind, b"text/xml", 8) == 0)
                           or (n >= 15 and memcmp(kind, b"application/xml", 15) == 0)
                           or (n >= 15 and memcmp(kind, b"text/javascript", 15) == 0))


# --- attributes

cdef uint32_t value_end(Span text, uint32_t i) noexcept nogil:
    """Behind an attribute's value that begins at i. It ends with its tag, also within quotes: what stands behind is
    looked at as a tag of its own, and behind quotes, so no byte is looked at for two tags."""
    cdef char quote = 0
    if i < text.n and (text.p[i] == c'"' or text.p[i] == c"'" or text.p[i] == c"`"):
        quote = text.p[i]
        i += 1
    while i < text.n and text.p[i] != c"<" and text.p[i] != c">":
        if text.p[i] == quote if quote else <uint8_t>text.p[i] <= 32:
            return i
        i += 1
    return i


cdef bint style_runs(Span value) noexcept nogil:
    cdef uint32_t i
    for i in range(value.n):
        if lower(<uint8_t>value.p[i]) == c"e" and value.n - i >= 11 and folded_is(value, i, b"expression("):
            return True
        if value.p[i] == c":" and i >= 10 and folded_is(value, i - 10, b"javascript:"):
            return True
    return False


cdef bint folded_is(Span text, uint32_t i, const char* wanted) noexcept nogil:
    """wanted, in lower case, stands at i in any case."""
    cdef uint32_t k = 0
    while wanted[k]:
        if i + k >= text.n or lower(<uint8_t>text.p[i + k]) != <uint8_t>wanted[k]:
            return False
        k += 1
    return True


cdef inline bint always_runs(const char* name, uint32_t n) noexcept nogil:
    return (n == 6 and memcmp(name, b"srcdoc", 6) == 0) or (n == 10 and memcmp(name, b"formaction", 10) == 0)


cdef bint attribute_runs(Span text, uint32_t* i) noexcept nogil:
    """The attribute of a tag at i[0], which moves behind it."""
    cdef char name[LONGEST]
    cdef uint32_t n = read_name(text, i, name), value, start
    if n == 0:
        i[0] += 1
        return False
    value = skip_blank(text, i[0])
    if value >= text.n or text.p[value] != c"=":
        return False
    start = value = skip_blank(text, value + 1)
    if start < text.n and (text.p[start] == c'"' or text.p[start] == c"'" or text.p[start] == c"`"):
        start += 1
    i[0] = value_end(text, value)
    if (n > 4 and name[0] == c"o" and name[1] == c"n") or always_runs(name, n):
        return True
    if n == 5 and memcmp(name, b"style", 5) == 0:
        return style_runs(span(text.p + start, i[0] - start if i[0] > start else 0))
    return listed(LOADS, name, n) and runs_script(text, start)


cdef bint breaks_out(Span text, uint32_t i) noexcept nogil:
    """Behind a quote: the name of an attribute that runs script, and "="."""
    cdef char name[LONGEST]
    cdef uint32_t n
    i = skip_blank(text, i)
    if i >= text.n or ((text.p[i] | 32) != c"o" and (text.p[i] | 32) != c"f" and (text.p[i] | 32) != c"s"):
        return False
    n = read_name(text, &i, name)
    i = skip_blank(text, i)
    if i >= text.n or text.p[i] != c"=":
        return False
    return always_runs(name, n) or (n > 4 and name[1] == c"n" and begins_with_listed(EVENTS, name, n))


# --- tags

cdef bint tag_runs(Span text, uint32_t i) noexcept nogil:
    """The tag whose "<" is before i."""
    cdef char name[LONGEST]
    cdef uint32_t n, colon
    while i < text.n and blank(<uint8_t>text.p[i]):
        i += 1
    if i < text.n and text.p[i] == c"!":
        return folded_is(text, i, b"!entity") or folded_is(text, i, b"!--[if")
    if i < text.n and text.p[i] == c"?":
        return folded_is(text, i, b"?xml-stylesheet") or folded_is(text, i, b"?import")
    n = read_name(text, &i, name)
    if n == 0:
        return False
    colon = n
    while colon and name[colon - 1] != c":":
        colon -= 1
    if i < text.n and (blank(<uint8_t>text.p[i]) or text.p[i] == c">" or text.p[i] == c"+" or wide(text, i, 0x9E)) \
            and listed(TAGS, name + colon, n - colon):
        return True
    while i < text.n and text.p[i] != c">" and text.p[i] != c"<":
        if attribute_runs(text, &i):
            return True
    return False


cdef bint xss_found(Span text) noexcept nogil:
    cdef uint32_t i
    cdef uint8_t ch
    if runs_script(text, 0):
        return True
    for i in range(text.n):
        ch = <uint8_t>text.p[i]
        if ch == c"<":
            if tag_runs(text, i + 1):
                return True
        elif ch == 0xEF:
            if wide(text, i, 0x9C) and tag_runs(text, i + 3):
                return True
        elif ch == c'"' or ch == c"'" or ch == c"`":
            if runs_script(text, i + 1) or breaks_out(text, i + 1):
                return True
        elif ch == c"-" and folded_is(text, i, b"-moz-binding"):
            return True
    return False
