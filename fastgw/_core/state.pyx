"""The one Core of a worker, and its random numbers (xoshiro256**; ids and seeds, nothing secret)."""
import os

from libc.string cimport memcpy


cdef inline uint64_t rotl(uint64_t x, int k) noexcept nogil:
    return (x << k) | (x >> (64 - k))


cdef uint64_t random64() noexcept nogil:
    cdef uint64_t* s = core.random
    cdef uint64_t result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = rotl(s[3], 45)
    return result


def reseed() -> None:
    """Seed from the system; a forked or fresh worker must not repeat another's ids."""
    seed = os.urandom(40)
    memcpy(core.random, <const char*>seed, 32)
    memcpy(&core.seed, <const char*>seed + 32, 8)


reseed()
