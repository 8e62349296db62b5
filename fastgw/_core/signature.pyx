"""The verification."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memset

from fastgw._core.bytes cimport Writer, parse_length, put, put_char, put_span, span, writer_init
from fastgw._core.libcrypto cimport SHA256_BYTES, SHA256_HEX, hmac_sha256, same_secret, sha256
from fastgw._core.signature_canonical cimport (CANONICAL, CANONICAL_NONE, FORM_ENCODED, FORM_NO_TOKEN, FORM_VERBATIM,
                                               canonical_differs, canonical_request)
from fastgw._core.signature_chunks cimport chunks_verify
from fastgw._core.signature_keys cimport credential_find, signing_key
from fastgw._core.signature_read cimport signature_read
from fastgw._core.signature_text cimport field_count, put_hex_bytes, same_span, say, say_one
from fastgw._core.signed cimport (SAY_CANONICAL, SAY_MISMATCH, SAY_PAYLOAD, SIGNED, SIGNED_BADLY, SIGNED_ELSE,
                                  SIGNED_WANTS_BODY)

cdef enum:
    STAMP = 16
    TO_SIGN_BYTES = 512         # algorithm, time, scope, digest

cdef enum Payload:
    PAYLOAD_HASHED = 0          # the digest of the body is signed
    PAYLOAD_UNSIGNED = 1
    PAYLOAD_CHUNKED = 2
    PAYLOAD_OTHER = 3           # not served

cdef char to_sign[TO_SIGN_BYTES]


cdef int payload_of(const SignedRequest* r, const Signed* s) noexcept nogil:
    """What a client tells of a digest is not believed: the body's own is what must have been signed."""
    cdef Span special = r.rules.special_payload
    if same_span(s.digest, r.rules.unsigned_payload):
        return PAYLOAD_UNSIGNED
    if same_span(s.digest, r.rules.chunked_payload):
        return PAYLOAD_CHUNKED
    if s.digest.n >= special.n and memcmp(s.digest.p, special.p, special.n) == 0:
        return PAYLOAD_OTHER
    return PAYLOAD_HASHED


cdef bint digest_hex(const Span* text, char* out) noexcept nogil:
    cdef uint8_t digest[SHA256_BYTES]
    cdef Writer w
    if not sha256(text, 1, digest):
        return False
    writer_init(&w, out, SHA256_HEX)
    put_hex_bytes(&w, digest, SHA256_BYTES)
    return True


cdef bint write_to_sign(const SignedRequest* r, const Signed* s, Span canonical, Span* text) noexcept nogil:
    """False where the scope is longer than one can be."""
    cdef char digest[SHA256_HEX]
    cdef Writer w
    if not digest_hex(&canonical, digest):
        return False
    writer_init(&w, to_sign, TO_SIGN_BYTES)
    put_span(&w, r.rules.algorithm)
    put_char(&w, c"\n")
    put(&w, s.stamp, STAMP)
    put_char(&w, c"\n")
    put_span(&w, s.scope)
    put_char(&w, c"\n")
    put(&w, digest, SHA256_HEX)
    text[0] = span(w.p, w.n)
    return not w.full


cdef bint matches(const SignedRequest* r, const Signed* s, Span key, Span payload, int form) noexcept nogil:
    """Whether that form of the request is what was signed."""
    cdef uint8_t digest[SHA256_BYTES]
    cdef char expected[SHA256_HEX]
    cdef Span text
    cdef Writer canonical, w
    if canonical_request(r, s, payload, form, &canonical) != CANONICAL:
        return False
    if not write_to_sign(r, s, span(canonical.p, canonical.n), &text) or not hmac_sha256(key, &text, 1, digest):
        return False
    writer_init(&w, expected, SHA256_HEX)
    put_hex_bytes(&w, digest, SHA256_BYTES)
    return s.signature.n == SHA256_HEX and same_secret(expected, s.signature.p, SHA256_HEX)


cdef bint matches_any(const SignedRequest* r, const Signed* s, Span key, Span payload) noexcept nogil:
    cdef bint tokens = s.in_query and s.token.p != NULL
    if matches(r, s, key, payload, FORM_ENCODED) or (tokens and matches(r, s, key, payload, FORM_NO_TOKEN)):
        return True
    if not canonical_differs(r.query):
        return False
    return matches(r, s, key, payload, FORM_VERBATIM) or (
        tokens and matches(r, s, key, payload, FORM_VERBATIM | FORM_NO_TOKEN))


cdef Signing say_mismatch(const SignedRequest* r, Signed* s, Span payload) noexcept nogil:
    """With what should have been signed, where that is not too long to be shown."""
    cdef Span text, none = span(NULL, 0)
    cdef Writer canonical
    say_one(r, s, SIGNED_ELSE, SAY_MISMATCH, none)
    if canonical_request(r, s, payload, FORM_ENCODED, &canonical) != CANONICAL_NONE \
            and write_to_sign(r, s, span(canonical.p, canonical.n), &text):
        say(r, s, SIGNED_ELSE, SAY_CANONICAL, span(canonical.p, canonical.n), text, none, none)
    return SIGNED_ELSE


cdef Signing verify_chunks(const SignedRequest* r, Signed* s, Span key, Span body) noexcept nogil:
    """Take the chunks apart. A length that is told must be theirs."""
    cdef Span length
    cdef uint64_t told
    cdef uint32_t n
    cdef char* out = <char*>malloc(body.n or 1)
    if out == NULL:
        return SIGNED_ELSE
    if not chunks_verify(r, s, key, body, out, &n) or (
            field_count(r, r.rules.length_field, &length) and (not parse_length(length, &told) or told != n)):
        free(out)
        return say_one(r, s, SIGNED_ELSE, SAY_MISMATCH, span(NULL, 0))
    s.payload = out
    s.payload_n = n
    return SIGNED


cdef Signing signature_verify(SignatureTable* t, const SignedRequest* r, const Span* body, Signed* s,
                              Credential** signer) noexcept nogil:
    cdef char digest[SHA256_HEX]
    cdef Span key, payload
    cdef Signing result
    cdef int kind
    memset(s, 0, sizeof(Signed))
    result = signature_read(r, s)
    if result == SIGNED:
        result = credential_find(t, r, s, signer)
    if result != SIGNED:
        return result
    kind = payload_of(r, s)
    if kind == PAYLOAD_OTHER:
        return say_one(r, s, SIGNED_BADLY, SAY_PAYLOAD, s.digest)
    payload = s.digest
    if kind == PAYLOAD_HASHED:
        if body == NULL:
            return SIGNED_WANTS_BODY
        if not digest_hex(body, digest):
            return SIGNED_ELSE
        payload = span(digest, SHA256_HEX)
    if not signing_key(r.rules, signer[0], s.day, &key):
        return SIGNED_ELSE
    if not matches_any(r, s, key, payload):
        return say_mismatch(r, s, payload)
    if kind != PAYLOAD_CHUNKED:
        return SIGNED
    return SIGNED_WANTS_BODY if body == NULL else verify_chunks(r, s, key, body[0])
