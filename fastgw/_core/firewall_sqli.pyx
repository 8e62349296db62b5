"""Tokens of SQL, and the runs of them that betray an injection."""
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp, memset

cdef enum:
    WINDOW = 8              # tokens that a run may have
    LONGEST_WORD = 24
    BUCKETS = 512

cdef enum Kind:
    T_NONE = 0
    T_NUMBER = 1
    T_STRING = 2
    T_BREAK = 3             # the end of the string that the text is taken to stand in
    T_VARIABLE = 4          # @name
    T_SYSTEM = 5            # @@name
    T_WORD = 6
    T_COMPARE = 7
    T_OPERATOR = 8
    T_LOGIC = 9
    T_COMMENT = 10          # to the end of the line
    T_OPEN = 11
    T_CLOSE = 12
    T_COMMA = 13
    T_END = 14              # ;
    T_DOT = 15
    T_UNION = 16
    T_SELECT = 17
    T_FROM = 18
    T_INTO = 19
    T_ALL = 20              # ALL, DISTINCT
    T_ORDER = 21            # ORDER, GROUP
    T_BY = 22
    T_HAVING = 23
    T_STATEMENT = 24        # begins one, together with what follows it
    T_OBJECT = 25           # TABLE, DATABASE ...
    T_EXECUTE = 26
    T_WAITFOR = 27
    T_DELAY = 28
    T_FILE = 29             # OUTFILE, DUMPFILE
    T_CATALOG = 30          # tables that say which tables there are
    T_EVIL = 31             # a function that nobody writes but who attacks
    T_PAUSE = 32            # sleep: also a word of programs
    T_TELLS = 33            # user(), version() ...: within a SELECT
    T_NULL = 34
    T_NOT = 35
    T_SHUTDOWN = 36
    T_STAR = 37

cdef struct Word:
    const char* text
    uint32_t n
    uint8_t kind
    Word* next

cdef struct Scan:
    const char* p
    uint32_t n
    uint32_t i
    uint8_t kinds[WINDOW]   # the last first
    uint8_t tight           # no space before the last one

cdef Word words[200]
cdef Word* buckets[BUCKETS]

_WORDS = {
    T_LOGIC: b"and or xor", T_NOT: b"not", T_UNION: b"union", T_SELECT: b"select", T_FROM: b"from", T_INTO: b"into",
    T_ALL: b"all distinct distinctrow", T_ORDER: b"order group", T_BY: b"by", T_HAVING: b"having",
    T_COMPARE: b"like rlike regexp ilike between is in", T_OPERATOR: b"div mod",
    T_STATEMENT: b"insert update delete drop create alter truncate replace grant revoke merge",
    T_OBJECT: b"table view index procedure function trigger login role",
    T_EXECUTE: b"exec execute", T_WAITFOR: b"waitfor", T_DELAY: b"delay time", T_FILE: b"outfile dumpfile",
    T_SHUTDOWN: b"shutdown",
    T_CATALOG: b"information_schema sysobjects syscolumns sqlite_master sqlite_schema pg_catalog pg_tables pg_user "
               b"all_tables user_tables msysobjects sysdatabases",
    T_EVIL: b"benchmark pg_sleep extractvalue updatexml load_file xp_cmdshell xp_dirtree xp_regread sp_executesql "
            b"sp_oacreate dbms_pipe dbms_lock utl_http utl_inaddr sys_eval sys_exec randomblob lo_import lo_export "
            b"procedure_analyse openrowset opendatasource xmltype gtid_subset polygon linestring multipoint",
    T_PAUSE: b"sleep",
    T_TELLS: b"version current_user session_user system_user user_name db_name host_name concat concat_ws group_concat "
             b"char chr ascii substring substr mid count if ifnull hex unhex md5 cast convert database schema user "
             b"sysdate now load_extension string_agg",
    T_NULL: b"null true false",
}
"""What a word is; one that stands twice has its last meaning."""


cdef inline uint8_t lower(uint8_t ch) noexcept nogil:
    return ch + 32 if c"A" <= ch <= c"Z" else ch


cdef inline bint word_start(uint8_t ch) noexcept nogil:
    return c"a" <= (ch | 32) <= c"z" or ch == c"_" or ch >= 0x80


cdef inline bint digit(uint8_t ch) noexcept nogil:
    return c"0" <= ch <= c"9"


cdef inline uint32_t bucket_of(const char* p, uint32_t n) noexcept nogil:
    return (n * 61 + <uint8_t>p[0] * 31 + <uint8_t>p[n - 1] * 7 + <uint8_t>p[n >> 1]) & (BUCKETS - 1)


cdef int kind_of(const char* p, uint32_t n) noexcept nogil:
    cdef char folded[LONGEST_WORD]
    cdef Word* word
    cdef uint32_t i
    if n > LONGEST_WORD:
        return T_WORD
    for i in range(n):
        folded[i] = <char>lower(<uint8_t>p[i])
    word = buckets[bucket_of(folded, n)]
    while word != NULL:
        if word.n == n and memcmp(word.text, folded, n) == 0:
            return word.kind
        word = word.next
    return T_WORD


# --- tokens

cdef inline bint at(const Scan* s, uint32_t i, char ch) noexcept nogil:
    return i < s.n and s.p[i] == ch


cdef uint32_t string_end(const Scan* s, uint32_t i, char quote) noexcept nogil:
    """Behind the quote that ends the string; a doubled or escaped one does not. s.n where none does."""
    while i < s.n:
        if s.p[i] == c"\\":
            i += 2
            continue
        if s.p[i] == quote:
            if not at(s, i + 1, quote):
                return i + 1
            i += 1
        i += 1
    return s.n


cdef uint32_t line_end(const Scan* s, uint32_t i) noexcept nogil:
    while i < s.n and s.p[i] != c"\n" and s.p[i] != c"\r":
        i += 1
    return i


cdef uint32_t comment_end(const Scan* s, uint32_t i) noexcept nogil:
    """Behind a /* comment */. One with "!" is read by MySQL: then behind its number."""
    i += 2
    if at(s, i, c"!"):
        i += 1
        while i < s.n and digit(<uint8_t>s.p[i]):
            i += 1
        return i
    while i < s.n:
        if s.p[i] == c"*" and at(s, i + 1, c"/"):
            return i + 2
        i += 1
    return i


cdef void skip(Scan* s) noexcept nogil:
    """White space, comments within a line, and what ends a comment that MySQL reads."""
    cdef uint8_t ch
    s.tight = True
    while s.i < s.n:
        ch = <uint8_t>s.p[s.i]
        if ch <= 32 or ch == 0xA0:
            s.i += 1
        elif ch == c"/" and at(s, s.i + 1, c"*"):
            s.i = comment_end(s, s.i)
        elif ch == c"*" and at(s, s.i + 1, c"/"):
            s.i += 2
        else:
            return
        s.tight = False


cdef int punctuation(Scan* s, uint8_t ch) noexcept nogil:
    s.i += 1
    if ch == c"(":
        return T_OPEN
    if ch == c")":
        return T_CLOSE
    if ch == c",":
        return T_COMMA
    if ch == c";":
        return T_END
    if ch == c".":
        return T_DOT
    if ch == c"*":
        return T_STAR
    if ch == c"=" or ch == c"<" or ch == c">" or ch == c"!":
        while s.i < s.n and (s.p[s.i] == c"=" or s.p[s.i] == c"<" or s.p[s.i] == c">"):
            s.i += 1
        return T_COMPARE if ch != c"!" or s.p[s.i - 1] != c"!" else T_OPERATOR
    if (ch == c"|" or ch == c"&") and at(s, s.i, <char>ch):
        s.i += 1
        return T_LOGIC
    return T_OPERATOR


cdef int quoted(Scan* s, char quote) noexcept nogil:
    s.i = string_end(s, s.i + 1, quote)
    return T_STRING


cdef int following(Scan* s) noexcept nogil:
    """The next token, T_NONE at the end."""
    cdef uint8_t ch
    cdef uint32_t start
    skip(s)
    if s.i >= s.n:
        return T_NONE
    ch = <uint8_t>s.p[s.i]
    start = s.i
    if ch == c"'" or ch == c'"':
        return quoted(s, <char>ch)
    if ch == c"#" or (ch == c"-" and at(s, s.i + 1, c"-")):
        s.i = line_end(s, s.i)
        return T_COMMENT
    if digit(ch):
        while s.i < s.n and (digit(<uint8_t>s.p[s.i]) or word_start(<uint8_t>s.p[s.i]) or s.p[s.i] == c"."):
            s.i += 1
        return T_NUMBER
    if ch == c"@":
        s.i += 2 if at(s, s.i + 1, c"@") else 1
        start = s.i - start
        while s.i < s.n and (word_start(<uint8_t>s.p[s.i]) or digit(<uint8_t>s.p[s.i])):
            s.i += 1
            start |= 4
        return T_SYSTEM if start == 6 else T_VARIABLE
    if ch == c"`" or ch == c"[":
        s.i += 1
        return T_NONE if s.i >= s.n else following_name(s)
    if word_start(ch):
        while s.i < s.n and (word_start(<uint8_t>s.p[s.i]) or digit(<uint8_t>s.p[s.i]) or s.p[s.i] == c"$"):
            s.i += 1
        return kind_of(s.p + start, s.i - start)
    return punctuation(s, ch)


cdef int following_name(Scan* s) noexcept nogil:
    """A name in `backquotes` or [brackets]: only tables have a meaning there."""
    cdef uint32_t start = s.i
    cdef int kind
    while s.i < s.n and (word_start(<uint8_t>s.p[s.i]) or digit(<uint8_t>s.p[s.i])):
        s.i += 1
    if s.i == start:
        return T_OPERATOR
    kind = kind_of(s.p + start, s.i - start)
    if at(s, s.i, c"`") or at(s, s.i, c"]"):
        s.i += 1
    return kind if kind == T_CATALOG else T_WORD


# --- runs. k[0] is the newest token, k[1] the one before it

cdef inline bint constant(int kind) noexcept nogil:
    return kind == T_NUMBER or kind == T_STRING or kind == T_NULL


cdef inline bint joins(int kind) noexcept nogil:
    """Stands between two expressions."""
    return kind == T_OPERATOR or kind == T_STAR or kind == T_LOGIC or kind == T_COMPARE


cdef bint comparison_run(const uint8_t* k) noexcept nogil:
    """A comparison whose outcome is known, behind a logical operator: OR 1=1, AND NOT 'a'='b', HAVING 1=1."""
    cdef int before
    if not constant(k[0]) or k[1] != T_COMPARE or not constant(k[2]):
        return False
    before = k[4] if k[3] == T_NOT or k[3] == T_OPEN else k[3]
    return before == T_LOGIC or before == T_HAVING


cdef bint select_run(const uint8_t* k) noexcept nogil:
    """UNION SELECT, and a SELECT within an expression."""
    if k[1] == T_UNION:
        return True
    if (k[1] == T_ALL or k[1] == T_OPEN) and (k[2] == T_UNION or (k[2] == T_ALL and k[3] == T_UNION)):
        return True
    return k[1] == T_OPEN and (joins(k[2]) or k[2] == T_SELECT or k[2] == T_FROM
                               or (k[2] == T_OPEN and joins(k[3])) or (k[2] == T_COMMA and k[3] == T_NUMBER))


cdef bint call_run(const uint8_t* k, bint tight) noexcept nogil:
    """"(" has come: a call of what only attackers call, or of what a SELECT asks for."""
    if k[1] == T_EVIL:
        return True
    if k[1] == T_PAUSE:
        return k[2] == T_NONE or k[2] == T_BREAK or k[2] == T_STRING or k[2] == T_END or k[2] == T_COMMA \
            or k[2] == T_SELECT or k[2] == T_OPEN or joins(k[2])
    if not tight:
        return False
    if k[1] == T_TELLS:
        return k[2] == T_SELECT or (k[2] == T_COMMA and k[3] == T_NUMBER) or (k[2] == T_OPEN and k[3] == T_SELECT)
    return k[1] == T_WORD and k[2] == T_SELECT and k[3] == T_OPEN


cdef bint statement_run(const uint8_t* k) noexcept nogil:
    """A second statement behind ";", two tokens of it."""
    if k[0] == T_SHUTDOWN:
        return k[1] == T_END and (k[2] == T_BREAK or k[2] == T_STRING or k[2] == T_NUMBER or k[2] == T_CLOSE)
    if k[2] != T_END or (k[1] != T_STATEMENT and k[1] != T_EXECUTE and k[1] != T_SELECT):
        return False
    if k[0] == T_OBJECT or k[0] == T_INTO or k[0] == T_FROM or k[0] == T_EVIL or k[0] == T_STAR:
        return True
    return k[3] == T_BREAK or k[3] == T_NUMBER or k[3] == T_STRING


cdef bint any_run(const uint8_t* k, bint tight) noexcept nogil:
    """Runs that count wherever they stand."""
    if k[0] == T_SELECT:
        return select_run(k)
    if k[0] == T_OPEN:
        return call_run(k, tight)
    if k[0] == T_DELAY:
        return k[1] == T_WAITFOR
    if k[0] == T_FILE:
        return k[1] == T_INTO
    if k[0] == T_CATALOG:
        return k[1] == T_FROM or k[1] == T_OPERATOR or k[1] == T_COMMA
    if k[0] == T_EVIL:
        return k[1] == T_EXECUTE or k[1] == T_DOT
    if k[0] == T_SYSTEM:
        return k[1] == T_SELECT or k[1] == T_OPEN or k[1] == T_COMMA or joins(k[1])
    if k[0] == T_FROM:
        return k[1] == T_STAR and k[2] == T_SELECT
    if k[0] == T_COMMENT:
        return (k[1] == T_NUMBER or k[1] == T_STRING) and k[2] == T_LOGIC and (k[3] == T_NUMBER or k[3] == T_BREAK)
    if k[1] == T_COMMA and k[2] != T_COMMA and k[3] == T_SELECT and constant(k[2]):
        return constant(k[0]) or k[0] == T_TELLS or k[0] == T_OPERATOR
    if k[1] == T_BY and k[2] == T_ORDER and k[0] == T_NUMBER:
        return k[3] == T_NUMBER or k[3] == T_BREAK or k[3] == T_STRING or k[3] == T_CLOSE
    return comparison_run(k) or statement_run(k)


cdef bint break_run(const uint8_t* k, const Scan* s) noexcept nogil:
    """Runs right behind the quote that ended the string: there nothing but the end of the value belongs."""
    if k[1] == T_BREAK:
        return (k[0] == T_COMMENT and ends(s)) or k[0] == T_UNION or k[0] == T_HAVING or k[0] == T_WAITFOR
    if k[2] == T_BREAK:
        if k[1] == T_LOGIC:
            return k[0] == T_PAUSE or k[0] == T_SELECT or k[0] == T_NOT or k[0] == T_VARIABLE or k[0] == T_TELLS
        return k[1] == T_OPERATOR and (k[0] == T_SELECT or k[0] == T_TELLS)
    if k[3] == T_BREAK and k[2] == T_LOGIC:
        return k[0] == T_COMPARE or k[0] == T_COMMENT or (k[0] == T_OPEN and k[1] != T_WORD)
    return False


cdef bint ends(const Scan* s) noexcept nogil:
    """The comment is the last of the text, or what it hides begins like one: "-- " or "--+"."""
    cdef uint32_t i = s.i
    while i and s.p[i - 1] != c"#" and s.p[i - 1] != c"-":
        i -= 1
    return i >= s.n or s.p[i] == c" " or s.p[i] == c"+" or s.p[i] == c"-" or s.p[i] == c"\n"


cdef inline void push(Scan* s, int kind) noexcept nogil:
    cdef int i
    for i in range(WINDOW - 1, 0, -1):
        s.kinds[i] = s.kinds[i - 1]
    s.kinds[0] = <uint8_t>kind


cdef bint scan(Scan* s, bint broke) noexcept nogil:
    cdef int kind
    while True:
        kind = following(s)
        if kind == T_NONE:
            return False
        if kind == T_CLOSE and s.kinds[0] == T_BREAK:
            continue                    # parentheses that the statement had opened
        push(s, kind)
        if any_run(s.kinds, s.tight) or (broke and break_run(s.kinds, s)):
            return True


cdef inline bint opens(const Scan* s) noexcept nogil:
    """The quote before s.i begins a quotation, as in: he said "and so on": behind a space, before a word."""
    return s.i >= 2 and s.p[s.i - 2] == c" " and s.i < s.n and word_start(<uint8_t>s.p[s.i])


cdef bint read_as(Span text, char quote) noexcept nogil:
    """quote 0: the text stands bare."""
    cdef Scan s
    memset(&s, 0, sizeof(s))
    s.p, s.n = text.p, text.n
    if quote:
        s.i = string_end(&s, 0, quote)
        if s.i == s.n and (s.n == 0 or s.p[s.n - 1] != quote):
            return False
        push(&s, T_BREAK)
    return scan(&s, quote != 0 and not opens(&s))


cdef bint sqli_found(Span text) noexcept nogil:
    """Bare, and behind the first quote of either kind."""
    return read_as(text, 0) or read_as(text, c"'") or read_as(text, c'"')


def _open():
    """Fill the table of words; of one that is given twice the last meaning counts."""
    cdef uint32_t i
    meanings = {}
    for kind, texts in _WORDS.items():
        meanings.update(dict.fromkeys(texts.split(), kind))
    _kept.extend(meanings)
    for i, (text, kind) in enumerate(meanings.items()):
        words[i].text, words[i].n, words[i].kind = <const char*>text, len(text), kind
        words[i].next = buckets[bucket_of(words[i].text, words[i].n)]
        buckets[bucket_of(words[i].text, words[i].n)] = &words[i]


_kept = []
_open()
