"""Door 2: httptools' own llhttp. Nobody else knows an llhttp_ symbol's name.

A parser is 128 opaque bytes of which `data` is never read: callers put the parser first in
their own struct and cast. Spans handed to callbacks point into the bytes given to execute.
"""
from libc.stdint cimport uint8_t

cdef enum:
    PARSER_BYTES = 128      # llhttp_t is 96 to 104 bytes in 9.x; the self-test proves that 128 is enough

cdef enum:
    PARSE_REQUEST = 1
    PARSE_RESPONSE = 2

cdef enum:                  # llhttp_errno: stable numbers since llhttp 2
    HPE_OK = 0
    HPE_INVALID_METHOD = 6
    HPE_INVALID_VERSION = 9
    HPE_PAUSED = 21
    HPE_USER = 24

ctypedef int (*span_cb)(void* parser, const char* at, size_t n) noexcept nogil
ctypedef int (*event_cb)(void* parser) noexcept nogil

cdef struct ParserSettings:     # llhttp_settings_t of llhttp 9.3 and later
    event_cb on_message_begin
    span_cb on_protocol
    span_cb on_url
    span_cb on_status
    span_cb on_method
    span_cb on_version
    span_cb on_header_field
    span_cb on_header_value
    span_cb on_chunk_extension_name
    span_cb on_chunk_extension_value
    event_cb on_headers_complete
    span_cb on_body
    event_cb on_message_complete
    event_cb on_protocol_complete
    event_cb on_url_complete
    event_cb on_status_complete
    event_cb on_method_complete
    event_cb on_version_complete
    event_cb on_header_field_complete
    event_cb on_header_value_complete
    event_cb on_chunk_extension_name_complete
    event_cb on_chunk_extension_value_complete
    event_cb on_chunk_header
    event_cb on_chunk_complete
    event_cb on_reset
    void* unknown[8]            # room for callbacks a later 9.x may append; always NULL

cdef struct Llhttp:
    void (*init)(void* parser, int kind, const ParserSettings* settings) noexcept nogil
    int (*execute)(void* parser, const char* data, size_t n) noexcept nogil
    void (*resume)(void* parser) noexcept nogil
    const char* (*error_pos)(const void* parser) noexcept nogil
    const char* (*error_reason)(const void* parser) noexcept nogil
    uint8_t (*http_major)(void* parser) noexcept nogil
    uint8_t (*http_minor)(void* parser) noexcept nogil
    int (*status_code)(void* parser) noexcept nogil

cdef Llhttp llhttp

# After HPE_INVALID_VERSION: the version was well formed, but none that llhttp knows.
cdef bint version_unknown(const void* parser) noexcept nogil
