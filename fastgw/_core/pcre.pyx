"""Find libpcre2-8 and call it. The option bits and error numbers are those of every PCRE2 10.x."""
from libc.stdint cimport int64_t, uint64_t
from posix.dlfcn cimport RTLD_NOW, dlopen, dlsym

LIBRARIES = (b"libpcre2-8.so.0", b"libpcre2-8.so")

cdef enum:
    ANCHORED = 0x80000000
    ALLOW_EMPTY_CLASS = 0x00000001
    DOLLAR_ENDONLY = 0x00000010     # $ is the end, not also before a last line feed
    MATCH_UNSET_BACKREF = 0x00000200
    UTF = 0x00080000
    NEVER_BACKSLASH_C = 0x00100000
    MATCH_NO_UTF_CHECK = 0x40000000
    JIT_COMPLETE = 0x00000001
    ERROR_NOMATCH = -1
    INFO_CAPTURECOUNT = 4
    CONFIG_VERSION = 11
    MATCH_TEXT = 200000     # steps of one search in a text, beside those for its bytes
    HEAP_KIB = 4096                 # of one match, interpreted
    JIT_STACK_BYTES = 1048576       # of one match, compiled: reserved, and used only as far as a pattern goes

cdef struct Pcre:
    void* (*compile)(const char*, size_t, uint32_t, int*, size_t*, void*) noexcept nogil
    void (*code_free)(void*) noexcept nogil
    int (*jit_compile)(void*, uint32_t) noexcept nogil
    int (*match)(const void*, const char*, size_t, size_t, uint32_t, void*, void*) noexcept nogil
    void* (*match_data_create)(uint32_t, void*) noexcept nogil
    void* (*match_context_create)(void*) noexcept nogil
    int (*set_match_limit)(void*, uint32_t) noexcept nogil
    int (*set_depth_limit)(void*, uint32_t) noexcept nogil
    int (*set_heap_limit)(void*, uint32_t) noexcept nogil
    void* (*jit_stack_create)(size_t, size_t, void*) noexcept nogil
    void (*jit_stack_assign)(void*, void*, void*) noexcept nogil
    int (*error_message)(int, char*, size_t) noexcept nogil
    int (*config)(uint32_t, void*) noexcept nogil
    void (*match_data_free)(void*) noexcept nogil
    size_t* (*get_ovector)(void*) noexcept nogil
    int (*pattern_info)(const void*, uint32_t, void*) noexcept nogil
    int (*group_number)(const void*, const char*) noexcept nogil

cdef Pcre pcre
cdef void* context = NULL
cdef void* matches = NULL   # one worker matches one text at a time


cdef bint pcre_open() except -1:
    """Once; where the library or a symbol of it is missing, patterns are not compiled."""
    global context, matches
    cdef void* library = NULL
    cdef void* found[17]
    if matches != NULL:
        return True
    for name in LIBRARIES:
        library = dlopen(<const char*>name, RTLD_NOW)
        if library != NULL:
            break
    if library == NULL:
        return False
    for i, name in enumerate((b"compile", b"code_free", b"jit_compile", b"match", b"match_data_create",
                              b"match_context_create", b"set_match_limit", b"set_depth_limit", b"set_heap_limit",
                              b"get_error_message", b"config", b"jit_stack_create", b"jit_stack_assign", b"match_data_free",
                              b"get_ovector_pointer", b"pattern_info", b"substring_number_from_name")):
        symbol = b"pcre2_" + name + b"_8"
        found[i] = dlsym(library, <const char*>symbol)
        if found[i] == NULL:
            return False
    pcre.compile = <void* (*)(const char*, size_t, uint32_t, int*, size_t*, void*) noexcept nogil>found[0]
    pcre.code_free = <void (*)(void*) noexcept nogil>found[1]
    pcre.jit_compile = <int (*)(void*, uint32_t) noexcept nogil>found[2]
    pcre.match = <int (*)(const void*, const char*, size_t, size_t, uint32_t, void*, void*) noexcept nogil>found[3]
    pcre.match_data_create = <void* (*)(uint32_t, void*) noexcept nogil>found[4]
    pcre.match_context_create = <void* (*)(void*) noexcept nogil>found[5]
    pcre.set_match_limit = <int (*)(void*, uint32_t) noexcept nogil>found[6]
    pcre.set_depth_limit = <int (*)(void*, uint32_t) noexcept nogil>found[7]
    pcre.set_heap_limit = <int (*)(void*, uint32_t) noexcept nogil>found[8]
    pcre.error_message = <int (*)(int, char*, size_t) noexcept nogil>found[9]
    pcre.config = <int (*)(uint32_t, void*) noexcept nogil>found[10]
    pcre.jit_stack_create = <void* (*)(size_t, size_t, void*) noexcept nogil>found[11]
    pcre.jit_stack_assign = <void (*)(void*, void*, void*) noexcept nogil>found[12]
    pcre.match_data_free = <void (*)(void*) noexcept nogil>found[13]
    pcre.get_ovector = <size_t* (*)(void*) noexcept nogil>found[14]
    pcre.pattern_info = <int (*)(const void*, uint32_t, void*) noexcept nogil>found[15]
    pcre.group_number = <int (*)(const void*, const char*) noexcept nogil>found[16]
    context = pcre.match_context_create(NULL)
    matches = pcre.match_data_create(1, NULL)
    if context == NULL or matches == NULL:
        raise MemoryError
    pcre.set_heap_limit(context, HEAP_KIB)
    # No stack: compiled matching does with 32 KiB of the thread's.
    pcre.jit_stack_assign(context, NULL, pcre.jit_stack_create(32768, JIT_STACK_BYTES, NULL))
    return True


cdef void* pattern_compile(bytes pattern) except NULL:
    """As JSON Schema reads patterns."""
    return compiled(pattern, UTF | DOLLAR_ENDONLY | ALLOW_EMPTY_CLASS | MATCH_UNSET_BACKREF | NEVER_BACKSLASH_C)


cdef void* pattern_compile_bytes(bytes pattern) except NULL:
    """As Perl reads it."""
    return compiled(pattern, NEVER_BACKSLASH_C)


cdef void* compiled(bytes pattern, uint32_t options) except NULL:
    cdef int error = 0
    cdef size_t at = 0
    cdef char text[256]
    cdef void* code
    if not pcre_open():
        raise ValueError("libpcre2-8 is not installed")
    code = pcre.compile(pattern, len(pattern), options, &error, &at, NULL)
    if code == NULL:
        pcre.error_message(error, text, sizeof(text))
        raise ValueError(f"{(<bytes>text).decode()} at offset {at}")
    # Where memory cannot be made executable this fails, and matching is interpreted: slower, with the same limits.
    pcre.jit_compile(code, JIT_COMPLETE)
    return code


cdef void pattern_free(void* pattern) noexcept nogil:
    pcre.code_free(pattern)


cdef inline int attempt(void* pattern, const char* p, uint32_t n, uint32_t steps) noexcept nogil:
    cdef uint64_t most = steps + <uint64_t>MATCH_PER_BYTE * n
    pcre.set_match_limit(context, <uint32_t>min(most, 0xFFFFFFFFULL))
    pcre.set_depth_limit(context, <uint32_t>min(most, 0xFFFFFFFFULL))
    return pcre.match(pattern, p, n, 0, MATCH_NO_UTF_CHECK, matches, context)


cdef int pattern_match(void* pattern, const char* p, uint32_t n, uint32_t* purse) noexcept nogil:
    cdef int found = attempt(pattern, p, n, MATCH_CHEAP)
    if found < ERROR_NOMATCH:
        if purse[0] == 0:
            return PATTERN_CUT
        purse[0] -= 1
        found = attempt(pattern, p, n, MATCH_DEAR)
    if found >= 0:
        return PATTERN_YES
    return PATTERN_NO if found == ERROR_NOMATCH else PATTERN_CUT


def pcre_version() -> str | None:
    """PCRE2's version and date, or None where the library is not installed."""
    cdef char text[64]
    if not pcre_open():
        return None
    pcre.config(CONFIG_VERSION, text)
    return (<bytes>text).decode()


def pattern_check(pattern: bytes) -> None:
    """ValueError says why the pattern cannot be compiled."""
    pattern_free(pattern_compile(pattern))


cdef class Whole:
    """A pattern as Perl reads it, which the whole of a text must fit. ValueError says what is wrong."""

    def __cinit__(self, bytes pattern):
        pattern_free(compiled(pattern, UTF | NEVER_BACKSLASH_C))    # its errors tell offsets without what follows
        self.code = compiled(rb"\A(?:" + pattern + rb")\z", UTF | NEVER_BACKSLASH_C)

    def __dealloc__(self):
        if self.code != NULL:
            pattern_free(self.code)


def bytes_pattern_check(pattern: bytes) -> None:
    """The same of one for texts that may be any bytes."""
    pattern_free(pattern_compile_bytes(pattern))


class TooMuch(Exception):
    """A search took more steps than it may."""


cdef class Pattern:
    """A pattern as Perl reads it, for searches from Python, where groups count. ValueError says what is wrong."""
    cdef void* code
    cdef void* found
    cdef readonly uint32_t groups

    def __cinit__(self, bytes pattern):
        self.code = compiled(pattern, UTF | NEVER_BACKSLASH_C)
        pcre.pattern_info(self.code, INFO_CAPTURECOUNT, &self.groups)
        self.found = pcre.match_data_create(self.groups + 1, NULL)
        if self.found == NULL:
            raise MemoryError

    def __dealloc__(self):
        if self.found != NULL:
            pcre.match_data_free(self.found)
        if self.code != NULL:
            pcre.code_free(self.code)

    def find(self, bytes text, size_t at, bint anchored) -> tuple:
        """(begin, end) of the first match from at on and of each group, -1 for one without; () for none.

        text is valid UTF-8. Raises TooMuch.
        """
        cdef size_t* pairs
        cdef uint64_t most = MATCH_TEXT + <uint64_t>MATCH_PER_BYTE * len(text)
        cdef int result
        if at > <size_t>len(text):
            return ()
        pcre.set_match_limit(context, <uint32_t>min(most, 0xFFFFFFFFULL))
        pcre.set_depth_limit(context, <uint32_t>min(most, 0xFFFFFFFFULL))
        result = pcre.match(self.code, text, len(text), at, MATCH_NO_UTF_CHECK | (ANCHORED if anchored else 0),
                            self.found, context)
        if result == ERROR_NOMATCH:
            return ()
        if result < 0:
            raise TooMuch
        pairs = pcre.get_ovector(self.found)
        return tuple([(<int64_t>pairs[2 * i], <int64_t>pairs[2 * i + 1]) for i in range(result)])

    def group(self, bytes name) -> int:
        """The number of a named group, or a negative number."""
        return pcre.group_number(self.code, name)
