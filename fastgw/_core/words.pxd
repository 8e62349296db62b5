"""Atomic operations on a shared 64-bit word."""
from libc.stdint cimport uint32_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    static inline uint64_t word_load(uint64_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
    static inline void word_store(uint64_t *word, uint64_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }
    static inline uint64_t word_swap(uint64_t *word, uint64_t value)
        { return __atomic_exchange_n(word, value, __ATOMIC_ACQ_REL); }
    static inline uint64_t word_add(uint64_t *word, uint64_t value)   /* a full barrier; gives the new value */
        { return __atomic_add_fetch(word, value, __ATOMIC_SEQ_CST); }
    static inline int word_move(uint64_t *word, uint64_t *seen, uint64_t value)     /* *seen is renewed where it fails */
        { return __atomic_compare_exchange_n(word, seen, value, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE); }
    static inline void word_mark(uint64_t *bits, uint32_t number)
    {
        uint64_t bit = (uint64_t)1 << (number & 63);
        if (!(__atomic_load_n(bits + (number >> 6), __ATOMIC_RELAXED) & bit))
            __atomic_fetch_or(bits + (number >> 6), bit, __ATOMIC_ACQ_REL);
    }
    """
    uint64_t word_load(uint64_t* word) noexcept nogil
    void word_store(uint64_t* word, uint64_t value) noexcept nogil
    uint64_t word_swap(uint64_t* word, uint64_t value) noexcept nogil
    uint64_t word_add(uint64_t* word, uint64_t value) noexcept nogil
    bint word_move(uint64_t* word, uint64_t* seen, uint64_t value) noexcept nogil
    void word_mark(uint64_t* bits, uint32_t number) noexcept nogil
