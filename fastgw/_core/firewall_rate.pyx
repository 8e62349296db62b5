"""Bodies of the rate tables."""
from fastgw._core.state cimport core, random64
from fastgw._core.words cimport word_load, word_move, word_store

cdef enum:
    COUNT_BITS = 20
    TIME_BITS = 24
    TRIES = 4               # for a place, where several workers reach for it in the same moment
    PLACE_WORDS = 2

cdef uint64_t COUNT_MASK = (1 << COUNT_BITS) - 1
cdef uint64_t TIME_MASK = (1 << TIME_BITS) - 1

cdef struct State:
    uint64_t age            # units since the window began
    uint64_t before         # requests of the window before
    uint64_t now            # and of this one


cdef State state_of(uint64_t word, uint64_t unit) noexcept nogil:
    """As it counts now: a window that is over has become the one before, or nothing."""
    cdef State s
    s.age = (unit - (word >> (2 * COUNT_BITS))) & TIME_MASK
    s.before = word >> COUNT_BITS & COUNT_MASK
    s.now = word & COUNT_MASK
    if s.age > TIME_MASK // 2:      # another worker's clock was read a moment later
        s.age = 0
    if word == 0 or s.age >= 2 * RATE_UNITS:
        s.age = s.before = s.now = 0
    elif s.age >= RATE_UNITS:
        s.age -= RATE_UNITS
        s.before, s.now = s.now, 0
    return s


cdef inline uint64_t word_of(State s, uint64_t unit) noexcept nogil:
    return ((unit - s.age) & TIME_MASK) << (2 * COUNT_BITS) | s.before << COUNT_BITS | s.now


cdef inline uint64_t weight(State s) noexcept nogil:
    """Requests within one window's length, in parts of RATE_UNITS."""
    return s.before * (RATE_UNITS - s.age) + s.now * RATE_UNITS


cdef bint rate_seed(const Rate* rate, uint64_t* key) noexcept nogil:
    cdef uint64_t* word
    cdef uint64_t seen = 0
    if core.cells == NULL or rate.table == 0:
        return False
    word = core.cells.words + rate.table
    key[0] = word_load(word)
    if key[0] == 0:
        key[0] = random64() | 1
        if not word_move(word, &seen, key[0]):
            key[0] = seen
    key[1] = ~key[0]
    return True


cdef uint64_t* victim(uint64_t* places, uint64_t unit) noexcept nogil:
    """A place for a new key: free, else one whose requests are over, else the one with the fewest."""
    cdef uint64_t* best = places
    cdef uint64_t least = <uint64_t>-1, found
    cdef int i
    for i in range(RATE_WAYS):
        if word_load(places + PLACE_WORDS * i) == 0:
            return places + PLACE_WORDS * i
        found = weight(state_of(word_load(places + PLACE_WORDS * i + 1), unit))
        if found < least:
            best, least = places + PLACE_WORDS * i, found
    return best


cdef uint64_t* place(const Rate* rate, Digest key, uint64_t unit) noexcept nogil:
    """The state of a key's place. Two workers with the same new key choose the same free place, and one makes it."""
    cdef uint64_t* places = core.cells.words + rate.table + 1 + key.low % rate.sets * RATE_WAYS * PLACE_WORDS
    cdef uint64_t* chosen = places
    cdef uint64_t mark = key.high | 1, seen
    cdef int i, k
    for i in range(TRIES):
        for k in range(RATE_WAYS):
            if word_load(places + PLACE_WORDS * k) == mark:
                return places + PLACE_WORDS * k + 1
        chosen = victim(places, unit)
        seen = word_load(chosen)
        if seen == mark or word_move(chosen, &seen, mark):
            if seen != mark and seen != 0:
                word_store(chosen + 1, 0)
            return chosen + 1
    return chosen + 1


cdef bint rate_over(const Rate* rate, Digest key, uint64_t now_ms) noexcept nogil:
    cdef uint64_t unit = now_ms // rate.unit_ms & TIME_MASK
    cdef uint64_t* word = place(rate, key, unit)
    cdef uint64_t seen = word_load(word)
    cdef State s
    while True:
        s = state_of(seen, unit)
        if s.now < COUNT_MASK:
            s.now += 1
        if word_move(word, &seen, word_of(s, unit)):
            return weight(s) > rate.limit * RATE_UNITS
