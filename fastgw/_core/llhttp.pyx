"""Resolve llhttp from httptools' shared object and prove the layout that is relied on."""
from libc.string cimport memset, strcmp
from posix.dlfcn cimport RTLD_NOW, dlopen, dlsym

import httptools
import httptools.parser.parser as httptools_parser

TESTED = "httptools >=0.7,<0.10 (llhttp 9.3 or later of the 9 line)"


cdef void* symbol(void* library, bytes name) except NULL:
    cdef void* found = dlsym(library, name)
    if found == NULL:
        raise ImportError(f"httptools {httptools.__version__} does not export {name.decode()}: fastgw needs {TESTED}")
    return found


cdef int open_llhttp() except -1:
    cdef void* lib = dlopen(httptools_parser.__file__.encode(), RTLD_NOW)
    if lib == NULL:
        raise ImportError(f"cannot open {httptools_parser.__file__}")
    llhttp.init = <void (*)(void*, int, const ParserSettings*) noexcept nogil>symbol(lib, b"llhttp_init")
    llhttp.execute = <int (*)(void*, const char*, size_t) noexcept nogil>symbol(lib, b"llhttp_execute")
    llhttp.resume = <void (*)(void*) noexcept nogil>symbol(lib, b"llhttp_resume")
    llhttp.error_pos = <const char* (*)(const void*) noexcept nogil>symbol(lib, b"llhttp_get_error_pos")
    llhttp.error_reason = <const char* (*)(const void*) noexcept nogil>symbol(lib, b"llhttp_get_error_reason")
    llhttp.http_major = <uint8_t (*)(void*) noexcept nogil>symbol(lib, b"llhttp_get_http_major")
    llhttp.http_minor = <uint8_t (*)(void*) noexcept nogil>symbol(lib, b"llhttp_get_http_minor")
    llhttp.status_code = <int (*)(void*) noexcept nogil>symbol(lib, b"llhttp_get_status_code")
    return 0


# --- self-test: each callback writes one letter, so a settings struct in another order shows at import
cdef char trace[256]
cdef int traced = 0

cdef int note(char letter) noexcept nogil:
    global traced
    if traced < 255:
        trace[traced] = letter
        traced += 1
    return 0

cdef int t_begin(void* p) noexcept nogil: return note(c"b")
cdef int t_protocol(void* p, const char* at, size_t n) noexcept nogil: return note(c"p")
cdef int t_url(void* p, const char* at, size_t n) noexcept nogil: return note(c"u")
cdef int t_status(void* p, const char* at, size_t n) noexcept nogil: return note(c"s")
cdef int t_method(void* p, const char* at, size_t n) noexcept nogil: return note(c"m")
cdef int t_version(void* p, const char* at, size_t n) noexcept nogil: return note(c"v")
cdef int t_field(void* p, const char* at, size_t n) noexcept nogil: return note(c"f")
cdef int t_value(void* p, const char* at, size_t n) noexcept nogil: return note(c"w")
cdef int t_ext_name(void* p, const char* at, size_t n) noexcept nogil: return note(c"x")
cdef int t_ext_value(void* p, const char* at, size_t n) noexcept nogil: return note(c"y")
cdef int t_head(void* p) noexcept nogil: return note(c"H")
cdef int t_head_pause(void* p) noexcept nogil:
    note(c"H")
    return HPE_PAUSED
cdef int t_body(void* p, const char* at, size_t n) noexcept nogil: return note(c"d")
cdef int t_done(void* p) noexcept nogil: return note(c"D")
cdef int t_chunk_header(void* p) noexcept nogil: return note(c"c")
cdef int t_chunk_done(void* p) noexcept nogil: return note(c"C")


cdef bytes run_trace(int kind, bytes message, ParserSettings* settings, int* error):
    """The letters that one message gives."""
    global traced
    cdef unsigned char parser[PARSER_BYTES + 64]
    traced = 0
    memset(parser, 0xA5, sizeof(parser))
    llhttp.init(<void*>parser, kind, settings)
    cdef const char* data = message
    error[0] = llhttp.execute(<void*>parser, data, len(message))
    if error[0] == HPE_PAUSED:
        if llhttp.error_pos(<void*>parser) != data + message.index(b"\r\n\r\n") + 4:
            raise ImportError(f"llhttp pauses at another byte than expected: fastgw needs {TESTED}")
        llhttp.resume(<void*>parser)
        error[0] = llhttp.execute(<void*>parser, llhttp.error_pos(<void*>parser), 0)
    for i in range(PARSER_BYTES, PARSER_BYTES + 64):
        if parser[i] != 0xA5:
            raise ImportError(f"llhttp's parser is larger than {PARSER_BYTES} bytes: fastgw needs {TESTED}")
    return trace[:traced]


cdef bint version_unknown(const void* parser) noexcept nogil:
    return strcmp(llhttp.error_reason(parser), b"Invalid HTTP version") == 0


EXPECTED = (
    (PARSE_REQUEST, b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;n=v\r\nhi\r\n0\r\n\r\n",
     b"bmupvfwHxycdCcCD"),
    (PARSE_RESPONSE, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"bpvsfwHdD"),
)
"""Kind, message, and the letters of the callbacks in their order."""


def self_test(expected=EXPECTED) -> None:
    """Parse one known request and response; raises ImportError when a callback comes out of place."""
    cdef ParserSettings settings
    cdef int error = 0
    memset(&settings, 0, sizeof(settings))
    settings.on_message_begin = t_begin
    settings.on_protocol = t_protocol
    settings.on_url = t_url
    settings.on_status = t_status
    settings.on_method = t_method
    settings.on_version = t_version
    settings.on_header_field = t_field
    settings.on_header_value = t_value
    settings.on_chunk_extension_name = t_ext_name
    settings.on_chunk_extension_value = t_ext_value
    settings.on_headers_complete = t_head
    settings.on_body = t_body
    settings.on_message_complete = t_done
    settings.on_chunk_header = t_chunk_header
    settings.on_chunk_complete = t_chunk_done
    for kind, message, letters in expected:
        seen = run_trace(kind, message, &settings, &error)
        if error != HPE_OK or seen != letters:
            raise ImportError(
                f"httptools {httptools.__version__} carries an untested llhttp: a known message gave "
                f"{seen.decode()} (error {error}), expected {letters.decode()}; fastgw needs {TESTED}"
            )
    cdef unsigned char parser[PARSER_BYTES]
    llhttp.init(<void*>parser, PARSE_REQUEST, &settings)
    if llhttp.execute(<void*>parser, b"GET / HTTP/3.0\r\n", 16) != HPE_INVALID_VERSION \
            or not version_unknown(<void*>parser):
        raise ImportError(f"llhttp names an unknown HTTP version otherwise than expected: fastgw needs {TESTED}")
    settings.on_headers_complete = t_head_pause
    run_trace(PARSE_RESPONSE, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &settings, &error)
    if error != HPE_OK:
        raise ImportError(f"llhttp does not pause after a head (error {error}): fastgw needs {TESTED}")


open_llhttp()
self_test()
