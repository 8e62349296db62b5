"""Find OpenSSL in what Python's _ssl is linked to, and prove what is relied on."""
import _ssl

from posix.dlfcn cimport RTLD_NOW, dlopen, dlsym

OLDEST = 0x30000000         # 3.0.0

NAMES = (
    b"OpenSSL_version_num", b"OpenSSL_version", b"ERR_get_error", b"ERR_clear_error", b"ERR_error_string_n",
    b"ERR_reason_error_string",
    b"BIO_get_new_index", b"BIO_meth_new", b"BIO_meth_set_read", b"BIO_meth_set_write", b"BIO_meth_set_ctrl",
    b"BIO_new", b"BIO_set_init", b"BIO_set_flags", b"BIO_clear_flags", b"BIO_up_ref", b"BIO_free",
    b"BIO_new_mem_buf", b"PEM_read_bio_X509", b"PEM_read_bio_PrivateKey", b"X509_free", b"EVP_PKEY_free",
    b"X509_STORE_add_cert", b"X509_verify_cert_error_string", b"PEM_read_bio_X509_CRL", b"X509_CRL_free",
    b"X509_STORE_add_crl", b"X509_STORE_set_flags",
    b"X509_get_subject_name", b"X509_get_issuer_name", b"X509_get0_serialNumber", b"X509_get0_notBefore",
    b"X509_get0_notAfter", b"X509_get0_pubkey", b"EVP_PKEY_get_base_id", b"EVP_PKEY_get_bits",
    b"X509_get_signature_info", b"X509_STORE_CTX_get_current_cert", b"X509_STORE_CTX_set_error", b"BIO_s_mem",
    b"BIO_ctrl", b"PEM_write_bio_X509", b"X509_NAME_print_ex", b"i2a_ASN1_INTEGER", b"ASN1_TIME_print",
    b"CRYPTO_memdup", b"RAND_bytes", b"EVP_aes_256_cbc", b"EVP_EncryptInit_ex", b"EVP_DecryptInit_ex",
    b"EVP_MAC_CTX_set_params",
    b"TLS_server_method", b"TLS_client_method", b"SSL_CTX_new", b"SSL_CTX_free", b"SSL_CTX_ctrl",
    b"SSL_CTX_set_options", b"SSL_CTX_set_cipher_list", b"SSL_CTX_set_ciphersuites", b"SSL_CTX_use_certificate",
    b"SSL_CTX_use_PrivateKey", b"SSL_CTX_check_private_key", b"SSL_CTX_set_verify", b"SSL_CTX_get_cert_store",
    b"SSL_CTX_set_default_verify_paths", b"SSL_CTX_set_alpn_select_cb", b"SSL_CTX_set_alpn_protos",
    b"SSL_CTX_set_num_tickets", b"SSL_CTX_set_client_hello_cb", b"SSL_CTX_set_tlsext_ticket_key_evp_cb",
    b"SSL_CTX_callback_ctrl", b"SSL_CTX_add_client_CA",
    b"SSL_new", b"SSL_free", b"SSL_set_bio", b"SSL_set_accept_state", b"SSL_set_connect_state", b"SSL_ctrl",
    b"SSL_set1_host", b"SSL_set_hostflags", b"SSL_get0_param", b"X509_VERIFY_PARAM_set1_ip_asc", b"SSL_do_handshake",
    b"SSL_read_ex", b"SSL_write_ex", b"SSL_shutdown", b"SSL_get_error", b"SSL_get_shutdown", b"SSL_set_shutdown",
    b"SSL_has_pending", b"SSL_session_reused", b"SSL_get_verify_result", b"SSL_get0_alpn_selected", b"SSL_get_version",
    b"SSL_get_current_cipher", b"SSL_CIPHER_get_name", b"SSL_client_hello_get0_ext", b"SSL_set_SSL_CTX",
    b"SSL_set_session_id_context", b"SSL_set_options", b"SSL_set_num_tickets", b"SSL_set_verify",
    b"SSL_set_verify_depth", b"SSL_get1_peer_certificate",
    b"SSL_CTX_sess_set_new_cb", b"SSL_set_session", b"SSL_SESSION_free", b"SSL_set_ex_data", b"SSL_get_ex_data",
    b"X509_STORE_CTX_get_error", b"X509_STORE_CTX_set_error",
)


cdef str carried():
    """Which OpenSSL Python has, as its own ssl module would say it."""
    return _ssl.OPENSSL_VERSION


cdef int open_libssl() except -1:
    """A symbol is looked for in the module's file and in what it is linked to; a module that is built into the
    interpreter has it there."""
    cdef bytes file = getattr(_ssl, "__file__", "").encode()
    cdef void* library = dlopen(<const char*>file if file else NULL, RTLD_NOW)
    cdef void** slots = <void**>&ssl
    if library == NULL:
        raise ImportError(f"cannot open {file.decode()}")
    if sizeof(Libssl) != len(NAMES) * sizeof(void*):
        raise ImportError("libssl.pxd and libssl.pyx do not name the same functions")
    for i, name in enumerate(NAMES):
        slots[i] = dlsym(library, <const char*>name)
        if slots[i] == NULL:
            raise ImportError(f"Python's ssl module ({carried()}) does not export {name.decode()}: fastgw needs "
                              "OpenSSL 3.0 or later, linked to as a shared library")
    if ssl.version_number() < OLDEST:
        raise ImportError(f"Python's ssl module uses {carried()}: fastgw needs OpenSSL 3.0 or later")
    return 0


open_libssl()


def libssl_version() -> str:
    """OpenSSL's version and date, as it says them itself."""
    return (<bytes>ssl.version(0)).decode()
