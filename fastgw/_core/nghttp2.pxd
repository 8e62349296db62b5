"""Door to libnghttp2: HTTP/2's frames and HPACK. Opened at run time in the system's library: no headers.

Sessions, options and callback tables are opaque. The few structs that are read or filled here are nghttp2's, unchanged
since 1.0; nobody else knows an nghttp2_ symbol's name. Nothing of this may be called before nghttp2_open said True.
"""
from libc.stdint cimport int32_t, uint8_t, uint32_t

cdef enum:                      # frame types (RFC 9113 section 6)
    FRAME_DATA = 0
    FRAME_HEADERS = 1
    FRAME_PRIORITY = 2
    FRAME_RST_STREAM = 3
    FRAME_SETTINGS = 4
    FRAME_PING = 6
    FRAME_WINDOW_UPDATE = 8
    FRAME_CONTINUATION = 9
    FLAG_END_STREAM = 1
    SETTING_MAX_STREAMS = 3
    SETTING_WINDOW = 4
    SETTING_HEADER_LIST = 6
    H2_NO_ERROR = 0             # error codes (RFC 9113 section 7)
    H2_PROTOCOL_ERROR = 1
    H2_INTERNAL_ERROR = 2
    H2_CANCEL = 8
    H2_ENHANCE_YOUR_CALM = 11
    NG_DATA_EOF = 1             # NGHTTP2_DATA_FLAG_EOF
    NG_DEFERRED = -508
    NG_REFUSE_STREAM = -521     # NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE
    NG_STOP = -902              # NGHTTP2_ERR_CALLBACK_FAILURE
    NG_BAD_PREFACE = -903       # NGHTTP2_ERR_BAD_CLIENT_MAGIC

cdef struct FrameHead:          # nghttp2_frame_hd; every frame begins with one
    size_t length
    int32_t stream_id
    uint8_t type
    uint8_t flags
    uint8_t reserved

cdef struct HeaderField:        # nghttp2_nv
    const uint8_t* name
    const uint8_t* value
    size_t name_n
    size_t value_n
    uint8_t flags               # 0: nghttp2 makes copies of both

cdef struct Setting:            # nghttp2_settings_entry
    int32_t id
    uint32_t value

cdef union DataSource:          # nghttp2_data_source
    int fd
    void* ptr

ctypedef ssize_t (*read_cb)(void* session, int32_t id, uint8_t* buffer, size_t n, uint32_t* flags, DataSource* source,
                            void* owner) noexcept nogil

cdef struct DataProvider:       # nghttp2_data_provider
    DataSource source
    read_cb read

ctypedef int (*frame_cb)(void* session, const FrameHead* frame, void* owner) noexcept nogil
ctypedef int (*header_cb)(void* session, const FrameHead* frame, const uint8_t* name, size_t name_n,
                          const uint8_t* value, size_t value_n, uint8_t flags, void* owner) noexcept nogil
ctypedef int (*chunk_cb)(void* session, uint8_t flags, int32_t id, const uint8_t* p, size_t n,
                         void* owner) noexcept nogil
ctypedef int (*closed_cb)(void* session, int32_t id, uint32_t error, void* owner) noexcept nogil

cdef struct SessionCallbacks:   # what a server's session tells its owner
    frame_cb begin_frame        # each frame, also those of a header block, before it is looked at
    frame_cb begin_headers
    header_cb header
    header_cb invalid_header    # left out by nghttp2
    frame_cb frame              # complete and valid; of a header block once
    chunk_cb chunk
    closed_cb closed

cdef struct Nghttp2:
    void (*session_del)(void* session) noexcept nogil
    ssize_t (*mem_recv)(void* session, const uint8_t* p, size_t n) noexcept nogil
    ssize_t (*mem_send)(void* session, const uint8_t** p) noexcept nogil
    int (*want_read)(void* session) noexcept nogil
    int (*want_write)(void* session) noexcept nogil
    int (*submit_settings)(void* session, uint8_t flags, const Setting* list, size_t n) noexcept nogil
    int (*set_local_window)(void* session, uint8_t flags, int32_t id, int32_t size) noexcept nogil
    int (*submit_response)(void* session, int32_t id, const HeaderField* list, size_t n,
                           const DataProvider* body) noexcept nogil
    int (*submit_headers)(void* session, uint8_t flags, int32_t id, const void* priority, const HeaderField* list,
                          size_t n, void* stream_owner) noexcept nogil
    int (*submit_reset)(void* session, uint8_t flags, int32_t id, uint32_t error) noexcept nogil
    int (*submit_goaway)(void* session, uint8_t flags, int32_t last, uint32_t error, const uint8_t* text,
                         size_t n) noexcept nogil
    int (*submit_shutdown_notice)(void* session) noexcept nogil
    int (*terminate)(void* session, uint32_t error) noexcept nogil
    int32_t (*last_stream)(void* session) noexcept nogil
    int (*resume_data)(void* session, int32_t id) noexcept nogil
    int (*consume)(void* session, int32_t id, size_t n) noexcept nogil
    int (*consume_connection)(void* session, size_t n) noexcept nogil
    int (*set_owner)(void* session, int32_t id, void* owner) noexcept nogil
    void* (*owner)(void* session, int32_t id) noexcept nogil
    int (*remote_closed)(void* session, int32_t id) noexcept nogil

cdef Nghttp2 nghttp2

cdef bint nghttp2_open() except -1      # the library is here, and new enough
cdef void* session_new(const SessionCallbacks* callbacks, void* owner) noexcept nogil       # NULL: no memory
