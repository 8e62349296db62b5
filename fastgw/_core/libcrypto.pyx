"""Find libcrypto, hold it to known digests at import, and call it."""
import _hashlib

from libc.string cimport memcpy, memset
from posix.dlfcn cimport RTLD_NOW, dlopen, dlsym

cdef enum:
    BLOCK = 64              # of SHA-256, in bytes

cdef struct Crypto:
    void* (*ctx_new)() noexcept nogil
    void* (*sha256)() noexcept nogil
    int (*init)(void* ctx, void* kind, void* engine) noexcept nogil
    int (*update)(void* ctx, const void* p, size_t n) noexcept nogil
    int (*final)(void* ctx, uint8_t* out, unsigned int* n) noexcept nogil
    int (*compare)(const void* a, const void* b, size_t n) noexcept nogil

cdef Crypto crypto
cdef void* context          # of the one digest that is under way
cdef void* kind             # SHA-256

NAMES = (b"EVP_MD_CTX_new", b"EVP_sha256", b"EVP_DigestInit_ex", b"EVP_DigestUpdate", b"EVP_DigestFinal_ex",
         b"CRYPTO_memcmp")


cdef int open_library() except -1:
    """A symbol is looked for in the module's file and in what it is linked to; a module that is built into the
    interpreter has it there."""
    global context, kind
    cdef void* library
    cdef void* found[6]
    cdef void* (*fetch)(void*, const char*, const char*) noexcept nogil
    cdef bytes file = (getattr(_hashlib, "__file__", None) or "").encode()
    library = dlopen(<const char*>file if file else NULL, RTLD_NOW)
    if library == NULL:
        raise ImportError(f"cannot open {file.decode()}: fastgw needs the libcrypto that hashlib uses")
    for i, name in enumerate(NAMES):
        found[i] = dlsym(library, <const char*>name)
        if found[i] == NULL:
            raise ImportError(f"{file.decode() or 'the interpreter'} does not lead to {name.decode()}: fastgw needs "
                              "OpenSSL 1.1.0 or later under Python's hashlib")
    crypto.ctx_new = <void* (*)() noexcept nogil>found[0]
    crypto.sha256 = <void* (*)() noexcept nogil>found[1]
    crypto.init = <int (*)(void*, void*, void*) noexcept nogil>found[2]
    crypto.update = <int (*)(void*, const void*, size_t) noexcept nogil>found[3]
    crypto.final = <int (*)(void*, uint8_t*, unsigned int*) noexcept nogil>found[4]
    crypto.compare = <int (*)(const void*, const void*, size_t) noexcept nogil>found[5]
    context = crypto.ctx_new()
    kind = crypto.sha256()
    # OpenSSL 3 looks the algorithm up each time, unless it was fetched once.
    found[0] = dlsym(library, b"EVP_MD_fetch")
    if found[0] != NULL:
        fetch = <void* (*)(void*, const char*, const char*) noexcept nogil>found[0]
        kind = fetch(NULL, b"SHA256", NULL)
    if context == NULL or kind == NULL or not crypto.init(context, kind, NULL):
        raise ImportError("libcrypto has no SHA-256")
    return 0


cdef bint sha256(const Span* pieces, uint32_t n, uint8_t* out) noexcept nogil:
    cdef uint32_t i
    cdef bint good = crypto.init(context, kind, NULL)
    for i in range(n):
        good = good and crypto.update(context, pieces[i].p, pieces[i].n)
    return good and crypto.final(context, out, NULL)


cdef bint padded(const uint8_t* key, uint8_t pad, const Span* pieces, uint32_t n, uint8_t* out) noexcept nogil:
    """The digest of the key, each byte of it changed by pad, and the pieces."""
    cdef uint8_t block[BLOCK]
    cdef uint32_t i
    cdef bint good
    for i in range(BLOCK):
        block[i] = key[i] ^ pad
    good = crypto.init(context, kind, NULL) and crypto.update(context, block, BLOCK)
    for i in range(n):
        good = good and crypto.update(context, pieces[i].p, pieces[i].n)
    return good and crypto.final(context, out, NULL)


cdef bint hmac_sha256(Span key, const Span* pieces, uint32_t n, uint8_t* out) noexcept nogil:
    cdef uint8_t whole[BLOCK]
    cdef uint8_t inner[SHA256_BYTES]
    cdef Span again
    memset(whole, 0, BLOCK)
    if key.n > BLOCK:
        if not sha256(&key, 1, whole):
            return False
    else:
        memcpy(whole, key.p, key.n)
    again.p = <const char*>inner
    again.n = SHA256_BYTES
    return padded(whole, 0x36, pieces, n, inner) and padded(whole, 0x5C, &again, 1, out)


cdef bint same_secret(const char* a, const char* b, uint32_t n) noexcept nogil:
    return crypto.compare(a, b, n) == 0


cdef Span bytes_span(bytes text):
    cdef Span s
    s.p = text
    s.n = <uint32_t>len(text)
    return s


def digest(*pieces) -> bytes:
    """SHA-256 of the pieces one after the other; for the self-test, tests and benches."""
    cdef Span spans[4]
    cdef uint8_t out[SHA256_BYTES]
    for i, piece in enumerate(pieces[:4]):
        spans[i] = bytes_span(piece)
    if not sha256(spans, <uint32_t>min(len(pieces), 4), out):
        raise MemoryError
    return out[:SHA256_BYTES]


def keyed_digest(bytes key, bytes text) -> bytes:
    """HMAC-SHA-256; for the same."""
    cdef uint8_t out[SHA256_BYTES]
    cdef Span piece = bytes_span(text)
    if not hmac_sha256(bytes_span(key), &piece, 1, out):
        raise MemoryError
    return out[:SHA256_BYTES]


def self_test() -> None:
    """Known digests: FIPS 180-2 appendix B.1, RFC 4231 section 4.3."""
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    keyed = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    if digest(b"a", b"bc").hex() != expected or keyed_digest(b"Jefe", b"what do ya want for nothing?").hex() != keyed:
        raise ImportError("libcrypto gives other digests than SHA-256's")


open_library()
self_test()
