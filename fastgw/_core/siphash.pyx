"""The body of SipHash, for machines whose words are little-endian, as all that the engine is built for are."""
from libc.string cimport memcpy


cdef inline uint64_t rotl(uint64_t x, int k) noexcept nogil:
    return (x << k) | (x >> (64 - k))


cdef inline void rounds(uint64_t* v, int n) noexcept nogil:
    cdef int i
    for i in range(n):
        v[0] += v[1]
        v[2] += v[3]
        v[1] = rotl(v[1], 13) ^ v[0]
        v[3] = rotl(v[3], 16) ^ v[2]
        v[0] = rotl(v[0], 32)
        v[2] += v[1]
        v[0] += v[3]
        v[1] = rotl(v[1], 17) ^ v[2]
        v[3] = rotl(v[3], 21) ^ v[0]
        v[2] = rotl(v[2], 32)


cdef Digest siphash(const uint64_t* key, const char* p, uint32_t n) noexcept nogil:
    cdef uint64_t v[4]
    cdef uint64_t word
    cdef uint32_t i = 0
    cdef Digest d
    v[0] = key[0] ^ 0x736F6D6570736575ULL
    v[1] = key[1] ^ 0x646F72616E646F6DULL ^ 0xEE
    v[2] = key[0] ^ 0x6C7967656E657261ULL
    v[3] = key[1] ^ 0x7465646279746573ULL
    while i + 8 <= n:
        memcpy(&word, p + i, 8)
        v[3] ^= word
        rounds(v, 2)
        v[0] ^= word
        i += 8
    word = 0
    if i < n:
        memcpy(&word, p + i, n - i)
    word |= <uint64_t>n << 56
    v[3] ^= word
    rounds(v, 2)
    v[0] ^= word
    v[2] ^= 0xEE
    rounds(v, 4)
    d.low = v[0] ^ v[1] ^ v[2] ^ v[3]
    v[1] ^= 0xDD
    rounds(v, 4)
    d.high = v[0] ^ v[1] ^ v[2] ^ v[3]
    return d


def digest(bytes key, bytes text) -> bytes:
    """The 16 bytes of the digest, under a key of 16 bytes."""
    cdef uint64_t words[2]
    if len(key) != 16:
        raise ValueError("a key has 16 bytes")
    memcpy(words, <const char*>key, 16)
    cdef Digest d = siphash(words, text, len(text))
    return (<const char*>&d)[:16]
