"""Find libnghttp2 and make sessions of it."""
from libc.stdint cimport uint32_t
from posix.dlfcn cimport RTLD_NOW, dlopen, dlsym

LIBRARY = b"libnghttp2.so.14"
OLDEST = 0x013400               # 1.52.0, the oldest that is tested

cdef struct Info:               # nghttp2_info
    int age
    int version
    const char* text
    const char* protocol

cdef struct Making:             # what only session_new needs
    int (*callbacks_new)(void** callbacks) noexcept nogil
    void (*callbacks_del)(void* callbacks) noexcept nogil
    void (*on_begin_frame)(void* callbacks, frame_cb call) noexcept nogil
    void (*on_begin_headers)(void* callbacks, frame_cb call) noexcept nogil
    void (*on_header)(void* callbacks, header_cb call) noexcept nogil
    void (*on_invalid_header)(void* callbacks, header_cb call) noexcept nogil
    void (*on_frame)(void* callbacks, frame_cb call) noexcept nogil
    void (*on_chunk)(void* callbacks, chunk_cb call) noexcept nogil
    void (*on_closed)(void* callbacks, closed_cb call) noexcept nogil
    int (*option_new)(void** option) noexcept nogil
    void (*option_del)(void* option) noexcept nogil
    void (*no_auto_window)(void* option, int on) noexcept nogil
    void (*no_closed_streams)(void* option, int on) noexcept nogil
    int (*server_new)(void** session, const void* callbacks, void* owner, const void* option) noexcept nogil

# The order of the fields of the two structs, all of which are pointers to functions.
CALLS = (b"session_del", b"session_mem_recv", b"session_mem_send", b"session_want_read", b"session_want_write",
         b"submit_settings", b"session_set_local_window_size", b"submit_response", b"submit_headers",
         b"submit_rst_stream", b"submit_goaway", b"submit_shutdown_notice", b"session_terminate_session",
         b"session_get_last_proc_stream_id", b"session_resume_data", b"session_consume",
         b"session_consume_connection", b"session_set_stream_user_data", b"session_get_stream_user_data",
         b"session_get_stream_remote_close")
MAKING = (b"session_callbacks_new", b"session_callbacks_del", b"session_callbacks_set_on_begin_frame_callback",
          b"session_callbacks_set_on_begin_headers_callback", b"session_callbacks_set_on_header_callback",
          b"session_callbacks_set_on_invalid_header_callback", b"session_callbacks_set_on_frame_recv_callback",
          b"session_callbacks_set_on_data_chunk_recv_callback", b"session_callbacks_set_on_stream_close_callback",
          b"option_new", b"option_del", b"option_set_no_auto_window_update", b"option_set_no_closed_streams",
          b"session_server_new2")

cdef Making making
cdef str missing = None         # why there is none; "" once it is open
cdef str version = ""


cdef str find(void** to, void* library, tuple names):
    """Fill a struct of pointers; the name of a symbol that is not there, or ""."""
    for i, name in enumerate(names):
        to[i] = dlsym(library, b"nghttp2_" + name)
        if to[i] == NULL:
            return f"does not export nghttp2_{name.decode()}"
    return ""


cdef str look(bytes file, int oldest):
    """Open the library: why it cannot be used, or ""."""
    global version
    cdef void* library = dlopen(<const char*>file, RTLD_NOW)
    cdef const Info* (*told)(int) noexcept nogil
    cdef const Info* info
    if library == NULL:
        return f"{file.decode()} is not here"
    told = <const Info* (*)(int) noexcept nogil>dlsym(library, b"nghttp2_version")
    info = told(oldest) if told != NULL else NULL
    if info == NULL:
        found = told(0).text.decode() if told != NULL else "unknown"
        return f"{file.decode()} is of version {found}, older than {oldest >> 16}.{oldest >> 8 & 255}.{oldest & 255}"
    version = info.text.decode()
    why = find(<void**>&nghttp2, library, CALLS) or find(<void**>&making, library, MAKING)
    return f"{file.decode()} {why}" if why else ""


cdef bint nghttp2_open() except -1:
    global missing
    if missing is None:
        missing = look(LIBRARY, OLDEST)
    return not missing


cdef void* session_new(const SessionCallbacks* callbacks, void* owner) noexcept nogil:
    cdef void* table = NULL
    cdef void* option = NULL
    cdef void* session = NULL
    if making.callbacks_new(&table) == 0 and making.option_new(&option) == 0:
        making.on_begin_frame(table, callbacks.begin_frame)
        making.on_begin_headers(table, callbacks.begin_headers)
        making.on_header(table, callbacks.header)
        making.on_invalid_header(table, callbacks.invalid_header)
        making.on_frame(table, callbacks.frame)
        making.on_chunk(table, callbacks.chunk)
        making.on_closed(table, callbacks.closed)
        making.no_auto_window(option, 1)        # a window is opened when what came was taken
        making.no_closed_streams(option, 1)     # kept for priorities, which are not obeyed
        if making.server_new(&session, table, owner, option) != 0:
            session = NULL
    making.option_del(option)
    making.callbacks_del(table)
    return session


def nghttp2_missing(file=LIBRARY, oldest=OLDEST) -> str:
    """Why there is no HTTP/2: one line, or "" where the library is here."""
    if (file, oldest) != (LIBRARY, OLDEST):
        return look(file, oldest)
    nghttp2_open()
    return missing


def nghttp2_version() -> str:
    """"1.52.0"; "" where there is none."""
    return version if nghttp2_open() else ""
