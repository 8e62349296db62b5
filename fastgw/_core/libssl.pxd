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
    SSL_SESS_CACHE_CLIENT = 1
    SSL_SESS_CACHE_NO_INTERNAL = 0x300
    SSL_OWN_DATA = 0                # the place of ex_data that OpenSSL leaves to its user
    SSL_CTRL_MODE = 33
    SSL_CTRL_SET_SESS_CACHE_MODE = 44
    SSL_CTRL_SET_TLSEXT_SERVERNAME_CB = 53
    SSL_CTRL_SET_TLSEXT_HOSTNAME = 55
    SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB = 63
    SSL_CTRL_SET_TLSEXT_STATUS_REQ_OCSP_RESP = 71
    SSL_CTRL_CHAIN_CERT = 89
    SSL_CTRL_SET_GROUPS_LIST = 92
    SSL_CTRL_SET_MIN_PROTO_VERSION = 123
    TLS1_2_VERSION = 0x0303
    TLS1_3_VERSION = 0x0304
    SSL_TLSEXT_ERR_OK = 0
    SSL_TLSEXT_ERR_ALERT_FATAL = 2
    SSL_TLSEXT_ERR_NOACK = 3
    SSL_CLIENT_HELLO_SUCCESS = 1
    SSL_CLIENT_HELLO_ERROR = 0
    SSL_AD_UNRECOGNIZED_NAME = 112
    TLSEXT_TYPE_SERVER_NAME = 0
    X509_V_FLAG_CRL_CHECK = 0x4
    X509_V_FLAG_CRL_CHECK_ALL = 0x8
    X509_V_ERR_EE_KEY_TOO_SMALL = 66
    X509_V_ERR_CA_MD_TOO_WEAK = 68
    EVP_PKEY_RSA = 6
    EVP_PKEY_RSA_PSS = 912
    EVP_PKEY_EC = 408
    OSSL_PARAM_UTF8_STRING = 4
    OSSL_PARAM_OCTET_STRING = 5
    XN_FLAG_RFC2253 = 0x1110317
    BIO_CTRL_INFO = 3
    BIO_TYPE_SOURCE_SINK = 0x400
    BIO_CTRL_FLUSH = 11
    BIO_READ_LATER = 0x09           # BIO_FLAGS_READ and BIO_FLAGS_SHOULD_RETRY
    BIO_RETRY_BITS = 0x0F
    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS = 4
    X509_V_OK = 0
    X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT = 18
    X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN = 19

ctypedef int (*bio_read_cb)(void* bio, char* to, int n) noexcept nogil
ctypedef int (*bio_write_cb)(void* bio, const char* p, int n) noexcept nogil
ctypedef long (*bio_ctrl_cb)(void* bio, int command, long number, void* pointer) noexcept nogil
ctypedef int (*alpn_cb)(void* ssl, const uint8_t** out, uint8_t* out_n, const uint8_t* offered, unsigned int n,
                        void* arg) noexcept nogil
ctypedef int (*password_cb)(char* to, int n, int writing, void* arg) noexcept nogil
ctypedef int (*verify_cb)(int ok, void* store_context) noexcept nogil
ctypedef int (*hello_cb)(void* ssl, int* alert, void* arg) noexcept nogil
ctypedef int (*ticket_cb)(void* ssl, uint8_t* name, uint8_t* iv, void* cipher, void* mac, int writes) noexcept nogil
ctypedef int (*connection_cb)(void* ssl, void* arg) noexcept nogil
ctypedef int (*server_name_cb)(void* ssl, int* alert, void* arg) noexcept nogil
ctypedef int (*session_cb)(void* ssl, void* session) noexcept nogil     # 1: the session is its to free

cdef struct OsslParam:      # OSSL_PARAM
    const char* key
    unsigned int data_type
    void* data
    size_t data_size
    size_t return_size

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
    void* (*read_revocations)(void* bio, void** into, password_cb password, void* arg) noexcept nogil
    void (*revocations_free)(void* list) noexcept nogil
    int (*store_add_revocations)(void* store, void* list) noexcept nogil
    int (*store_flags)(void* store, unsigned long flags) noexcept nogil
    # what a certificate says
    void* (*subject)(const void* certificate) noexcept nogil
    void* (*issuer)(const void* certificate) noexcept nogil
    const void* (*serial)(const void* certificate) noexcept nogil
    const void* (*not_before)(const void* certificate) noexcept nogil
    const void* (*not_after)(const void* certificate) noexcept nogil
    void* (*public_key)(const void* certificate) noexcept nogil
    int (*key_kind)(const void* key) noexcept nogil
    int (*key_bits)(const void* key) noexcept nogil
    int (*signature)(void* certificate, int* digest, int* key, int* security_bits, uint32_t* flags) noexcept nogil
    void* (*verified)(const void* store_context) noexcept nogil     # the certificate that is being looked at
    void (*verify_fails)(void* store_context, int error) noexcept nogil
    const void* (*bio_memory)() noexcept nogil
    long (*bio_ctrl)(void* bio, int command, long number, void* pointer) noexcept nogil
    int (*write_certificate)(void* bio, const void* certificate) noexcept nogil
    int (*write_name)(void* bio, const void* name, int indent, unsigned long flags) noexcept nogil
    int (*write_integer)(void* bio, const void* integer) noexcept nogil
    int (*write_time)(void* bio, const void* time) noexcept nogil
    # tickets, stapling
    void* (*copied)(const void* p, size_t n, const char* file, int line) noexcept nogil
    int (*random)(uint8_t* to, int n) noexcept nogil
    const void* (*aes_256_cbc)() noexcept nogil
    int (*cipher_writes)(void* cipher, const void* kind, void* engine, const uint8_t* key, const uint8_t* iv) noexcept nogil
    int (*cipher_reads)(void* cipher, const void* kind, void* engine, const uint8_t* key, const uint8_t* iv) noexcept nogil
    int (*mac_params)(void* mac, const OsslParam* params) noexcept nogil
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
    void (*ctx_hello)(void* ctx, hello_cb hello, void* arg) noexcept nogil
    int (*ctx_ticket_keys)(void* ctx, ticket_cb keys) noexcept nogil
    long (*ctx_callback)(void* ctx, int command, void (*callback)() noexcept nogil) noexcept nogil
    int (*ctx_client_ca)(void* ctx, void* certificate) noexcept nogil
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
    const void* (*ssl_cipher)(const void* ssl) noexcept nogil
    const char* (*cipher_name)(const void* cipher) noexcept nogil
    int (*hello_extension)(void* ssl, unsigned int kind, const uint8_t** p, size_t* n) noexcept nogil
    void* (*ssl_take_ctx)(void* ssl, void* ctx) noexcept nogil
    int (*ssl_session_context)(void* ssl, const uint8_t* id, unsigned int n) noexcept nogil
    uint64_t (*ssl_options)(void* ssl, uint64_t options) noexcept nogil
    int (*ssl_tickets)(void* ssl, size_t n) noexcept nogil
    void (*ssl_verify)(void* ssl, int mode, verify_cb verify) noexcept nogil
    void (*ssl_verify_depth)(void* ssl, int depth) noexcept nogil
    void* (*ssl_peer)(const void* ssl) noexcept nogil       # its certificate, to be freed; NULL: none
    # sessions to resume, and own words at a certificate's verification
    void (*ctx_new_session)(void* ctx, session_cb new) noexcept nogil
    int (*ssl_set_session)(void* ssl, void* session) noexcept nogil
    void (*session_free)(void* session) noexcept nogil
    int (*ssl_set_data)(void* ssl, int at, void* data) noexcept nogil
    void* (*ssl_data)(const void* ssl, int at) noexcept nogil
    int (*verify_error)(const void* store_context) noexcept nogil
    void (*verify_set_error)(void* store_context, int error) noexcept nogil

cdef Libssl ssl
