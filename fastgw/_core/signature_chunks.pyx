"""Read and verify signed chunks.

    HEX;chunk-signature=64HEX CRLF DATA CRLF ... 0;chunk-signature=64HEX CRLF CRLF
"""
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

from fastgw._core.bytes cimport HEX, Writer, span, writer_init
from fastgw._core.libcrypto cimport SHA256_BYTES, SHA256_HEX, hmac_sha256, same_secret, sha256
from fastgw._core.signature_text cimport put_hex_bytes

cdef enum:
    SIZE_DIGITS = 8
    MARK = 17                   # bytes of ";chunk-signature="
    STAMP = 16

cdef struct Chunk:
    Span data
    Span signature


cdef bint next_chunk(Span body, uint32_t* at, Chunk* chunk) noexcept nogil:
    cdef uint64_t size = 0, left
    cdef uint32_t i = at[0], digits = 0
    while i < body.n and HEX[<uint8_t>body.p[i]] != 255:
        size = size << 4 | HEX[<uint8_t>body.p[i]]
        digits += 1
        i += 1
        if digits > SIZE_DIGITS:
            return False
    left = body.n - i
    if digits == 0 or left < MARK + SHA256_HEX + 2 or memcmp(body.p + i, b";chunk-signature=", MARK) != 0:
        return False
    i += MARK
    chunk.signature = span(body.p + i, SHA256_HEX)
    i += SHA256_HEX
    left -= MARK + SHA256_HEX + 2
    if memcmp(body.p + i, b"\r\n", 2) != 0 or left < size + 2:
        return False
    i += 2
    chunk.data = span(body.p + i, <uint32_t>size)
    i += <uint32_t>size
    if memcmp(body.p + i, b"\r\n", 2) != 0:
        return False
    at[0] = i + 2
    return True


cdef bint chunk_is_good(const SignedRequest* r, const Signed* s, Span key, Span last, const Chunk* chunk) noexcept nogil:
    """last: the signature before."""
    cdef char digests[2 * SHA256_HEX + 1]
    cdef char expected[SHA256_HEX]
    cdef uint8_t digest[SHA256_BYTES]
    cdef Span pieces[9]
    cdef Span line = span(b"\n", 1)
    cdef Writer w
    writer_init(&w, digests, sizeof(digests))
    if not sha256(NULL, 0, digest):
        return False
    put_hex_bytes(&w, digest, SHA256_BYTES)
    digests[SHA256_HEX] = c"\n"
    w.n += 1
    if not sha256(&chunk.data, 1, digest):
        return False
    put_hex_bytes(&w, digest, SHA256_BYTES)
    pieces[0], pieces[1], pieces[2], pieces[3] = r.rules.chunk_algorithm, line, span(s.stamp, STAMP), line
    pieces[4], pieces[5], pieces[6], pieces[7] = s.scope, line, last, line
    pieces[8] = span(digests, sizeof(digests))
    if not hmac_sha256(key, pieces, 9, digest):
        return False
    writer_init(&w, expected, SHA256_HEX)
    put_hex_bytes(&w, digest, SHA256_BYTES)
    return same_secret(expected, chunk.signature.p, SHA256_HEX)


cdef bint chunks_verify(const SignedRequest* r, const Signed* s, Span key, Span body, char* out, uint32_t* n) noexcept nogil:
    cdef Chunk chunk
    cdef Span last = s.signature
    cdef uint32_t at = 0
    n[0] = 0
    while next_chunk(body, &at, &chunk) and chunk_is_good(r, s, key, last, &chunk):
        if chunk.data.n == 0:
            return at == body.n
        memcpy(out + n[0], chunk.data.p, chunk.data.n)
        n[0] += chunk.data.n
        last = chunk.signature
    return False
