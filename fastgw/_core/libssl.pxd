"""Door: the OpenSSL that Python's own ssl module uses, opened at run time. Nobody else knows a name of it.

Everything is opaque. Numbers below are of OpenSSL's public headers and the same in every 3.x.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef enum:
    SSL_ERROR_NONE = 0
    SSL_ERROR_SSL = 1
    SSL_ERROR_WANT_READ = 2
    SSL_ERROR_ZERO_RETURN = 6       # the peer sent close_notify
    SSL_SENT_SHUTDOWN = 1
    SSL_RECEIVED_SHUTDOWN = 2
    SSL_VERIFY_NONE = 0
    SSL_VERIFY_PEER = 1
    SSL_VERIFY_FAIL_IF_NO_PEER_CERT = 2
    SSL_MODE_RELEASE_BUFFERS = 0x10     # an idle connection holds none
    SSL_OP_NO_TICKET = 0x4000
    SSL_OP_NO_COMPRESSION = 0x20000
    SSL_OP_CIPHER_SERVER_PREFERENCE = 0x400000
    SSL_OP_NO_RENEGOTIATION = 0x40000000
    SSL_SESS_CACHE_OFF = 0
    SSL_CTRL_MODE = 33
    SSL_CTRL_SET_SESS_CACHE_MODE = 44
    SSL_CTRL_SET_TLSEXT_HOSTNAME = 55
    SSL_CTRL_CHAIN_CERT = 89
    SSL_CTRL_SET_GROUPS_LIST = 92
    SSL_CTRL_SET_MIN_PROTO_VERSION = 123
    TLS1_2_VERSION = 0x0303
    TLS1_3_VERSION = 0x0304
    SSL_TLSEXT_ERR_OK = 0
    SSL_TLSEXT_ERR_ALERT_FATAL = 2
    BIO_TYPE_SOURCE_SINK = 0x400
    BIO_CTRL_FLUSH = 11
    BIO_READ_LATER = 0x09           # BIO_FLAGS_READ and BIO_FLAGS_SHOULD_RETRY
    BIO_RETRY_BITS = 0x0F
    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS = 4
    X509_V_OK = 0

ctypedef int (*bio_read_cb)(void* bio, char* to, int n) noexcept nogil
ctypedef int (*bio_write_cb)(void* bio, const char* p, int n) noexcept nogil
ctypedef long (*bio_ctrl_cb)(void* bio, int command, long number, void* pointer) noexcept nogil
ctypedef int (*alpn_cb)(void* ssl, const uint8_t** out, uint8_t* out_n, const uint8_t* offered, unsigned int n,
                        void* arg) noexcept nogil
ctypedef int (*password_cb)(char* to, int n, int writing, void* arg) noexcept nogil
ctypedef int (*verify_cb)(int ok, void* store_context) noexcept nogil

cdef struct Libssl:         # functions of these names, in the order of NAMES in libssl.pyx
    # the library
    unsigned long (*version_number)() noexcept nogil
    const char* (*version)(int kind) noexcept nogil
    unsigned long (*get_error)() noexcept nogil
    void (*clear_error)() noexcept nogil
    void (*error_text)(unsigned long error, char* to, size_t n) noexcept nogil
    const char* (*error_reason)(unsigned long error) noexcept nogil
    # a transport of our own
    int (*bio_index)() noexcept nogil
    void* (*bio_kind)(int kind, const char* name) noexcept nogil
    int (*bio_kind_read)(void* kind, bio_read_cb read) noexcept nogil
    int (*bio_kind_write)(void* kind, bio_write_cb write) noexcept nogil
    int (*bio_kind_ctrl)(void* kind, bio_ctrl_cb ctrl) noexcept nogil
    void* (*bio_new)(const void* kind) noexcept nogil
    void (*bio_set_init)(void* bio, int init) noexcept nogil
    void (*bio_set_flags)(void* bio, int flags) noexcept nogil
    void (*bio_clear_flags)(void* bio, int flags) noexcept nogil
    int (*bio_up_ref)(void* bio) noexcept nogil
    int (*bio_free)(void* bio) noexcept nogil
    # certificates and keys from PEM text
    void* (*bio_of_text)(const void* p, int n) noexcept nogil
    void* (*read_certificate)(void* bio, void** into, password_cb password, void* arg) noexcept nogil
    void* (*read_key)(void* bio, void** into, password_cb password, void* arg) noexcept nogil
    void (*certificate_free)(void* certificate) noexcept nogil
    void (*key_free)(void* key) noexcept nogil
    int (*store_add)(void* store, void* certificate) noexcept nogil
    const char* (*verify_text)(long error) noexcept nogil
    # contexts
    const void* (*server_method)() noexcept nogil
    const void* (*client_method)() noexcept nogil
    void* (*ctx_new)(const void* method) noexcept nogil
    void (*ctx_free)(void* ctx) noexcept nogil
    long (*ctx_ctrl)(void* ctx, int command, long number, void* pointer) noexcept nogil
    uint64_t (*ctx_options)(void* ctx, uint64_t options) noexcept nogil
    int (*ctx_ciphers)(void* ctx, const char* list) noexcept nogil
    int (*ctx_suites)(void* ctx, const char* list) noexcept nogil
    int (*ctx_certificate)(void* ctx, void* certificate) noexcept nogil
    int (*ctx_key)(void* ctx, void* key) noexcept nogil
    int (*ctx_check_key)(const void* ctx) noexcept nogil
    void (*ctx_verify)(void* ctx, int mode, verify_cb verify) noexcept nogil
    void* (*ctx_store)(const void* ctx) noexcept nogil
    int (*ctx_default_trust)(void* ctx) noexcept nogil
    void (*ctx_alpn_select)(void* ctx, alpn_cb select, void* arg) noexcept nogil
    int (*ctx_alpn)(void* ctx, const uint8_t* list, unsigned int n) noexcept nogil     # 0 is success
    int (*ctx_tickets)(void* ctx, size_t n) noexcept nogil
    # connections
    void* (*ssl_new)(void* ctx) noexcept nogil
    void (*ssl_free)(void* ssl) noexcept nogil
    void (*ssl_bio)(void* ssl, void* read, void* write) noexcept nogil
    void (*ssl_accept)(void* ssl) noexcept nogil
    void (*ssl_connect)(void* ssl) noexcept nogil
    long (*ssl_ctrl)(void* ssl, int command, long number, void* pointer) noexcept nogil
    int (*ssl_host)(void* ssl, const char* name) noexcept nogil
    void (*ssl_host_flags)(void* ssl, unsigned int flags) noexcept nogil
    void* (*ssl_param)(void* ssl) noexcept nogil
    int (*param_address)(void* param, const char* address) noexcept nogil
    int (*ssl_handshake)(void* ssl) noexcept nogil
    int (*ssl_read)(void* ssl, void* to, size_t n, size_t* got) noexcept nogil
    int (*ssl_write)(void* ssl, const void* p, size_t n, size_t* written) noexcept nogil
    int (*ssl_shutdown)(void* ssl) noexcept nogil
    int (*ssl_error)(const void* ssl, int result) noexcept nogil
    int (*ssl_shutdown_state)(const void* ssl) noexcept nogil
    void (*ssl_set_shutdown)(void* ssl, int state) noexcept nogil
    int (*ssl_has_pending)(const void* ssl) noexcept nogil
    int (*ssl_reused)(const void* ssl) noexcept nogil
    long (*ssl_verify_result)(const void* ssl) noexcept nogil
    void (*ssl_alpn)(const void* ssl, const uint8_t** p, unsigned int* n) noexcept nogil
    const char* (*ssl_version)(const void* ssl) noexcept nogil

cdef Libssl ssl
