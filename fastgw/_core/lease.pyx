"""Bodies of the lease words, and the same for Python, where words are those of a Cells from a number on."""
from fastgw._core.cells cimport FIRST_CELL, Cells
from fastgw._core.words cimport word_add, word_load, word_move, word_store, word_swap

cdef enum:
    COUNT_BITS = 20
    STATE_BITS = 1
    SPENT = 1
    OUTAGE_WORD = FIRST_CELL - 1    # of the header of the cells

cdef uint64_t MOST = (<uint64_t>1 << COUNT_BITS) - 1


cdef inline uint64_t good(uint64_t word, uint64_t now) noexcept nogil:
    """Tokens that count now."""
    return word & MOST if word >> COUNT_BITS > now else 0


cdef uint32_t lease_held(uint64_t* words, uint64_t now) noexcept nogil:
    return <uint32_t>good(word_load(words), now)


cdef LeaseState lease_state(uint64_t* words, uint64_t now) noexcept nogil:
    cdef uint64_t next_
    if good(word_load(words), now):
        return LEASE_HAS
    next_ = word_load(words + 1)
    return LEASE_SPENT if next_ & SPENT and next_ >> STATE_BITS > now else LEASE_NONE


cdef bint lease_take(uint64_t* words, uint64_t now) noexcept nogil:
    cdef uint64_t seen = word_load(words)
    while good(seen, now):
        if word_move(words, &seen, seen - 1):
            return True
    return False


cdef void lease_give_back(uint64_t* words) noexcept nogil:
    cdef uint64_t seen = word_load(words)
    while seen & MOST < MOST and not word_move(words, &seen, seen + 1):
        pass


cdef bint lease_claim(uint64_t* words, uint32_t low, uint64_t now, uint64_t until) noexcept nogil:
    cdef uint64_t seen
    if good(word_load(words), now) > low:
        return False
    seen = word_load(words + 1)
    return seen >> STATE_BITS <= now and word_move(words + 1, &seen, until << STATE_BITS)


cdef uint32_t lease_grant(uint64_t* words, uint32_t n, uint64_t now, uint64_t until) noexcept nogil:
    cdef uint64_t seen = word_load(words), kept
    word_store(words + 1, 0)
    while True:
        kept = good(seen, now)
        if word_move(words, &seen, until << COUNT_BITS | (kept + n if kept + n < MOST else MOST)):
            return <uint32_t>((seen & MOST) - kept)


cdef void lease_spent(uint64_t* words, uint64_t until) noexcept nogil:
    word_store(words + 1, until << STATE_BITS | SPENT)


cdef uint32_t lease_surplus(uint64_t* words, uint32_t most, uint64_t now) noexcept nogil:
    cdef uint64_t seen = word_load(words), kept
    while True:
        kept = good(seen, now)
        if kept > most:
            kept = most
        if seen & MOST == kept:
            return 0
        if word_move(words, &seen, (seen & ~MOST) | kept):
            return <uint32_t>((seen & MOST) - kept)


cdef void lease_owe(uint64_t* words) noexcept nogil:
    word_add(words + 2, 1)


def state(Cells cells, number, uint64_t now) -> int:
    return lease_state(cells.at(number), now)


def take(Cells cells, number, uint64_t now) -> bool:
    return lease_take(cells.at(number), now)


def give_back(Cells cells, number) -> None:
    lease_give_back(cells.at(number))


def claim(Cells cells, number, uint32_t low, uint64_t now, uint64_t until) -> bool:
    return lease_claim(cells.at(number), low, now, until)


def held(Cells cells, number, uint64_t now) -> int:
    return lease_held(cells.at(number), now)


def grant(Cells cells, number, uint32_t n, uint64_t now, uint64_t until) -> int:
    """Lay leased tokens down; the number of those that lay there and were no longer good."""
    return lease_grant(cells.at(number), n, now, until)


def spent(Cells cells, number, uint64_t until) -> None:
    """There is nothing to ask for before `until`."""
    lease_spent(cells.at(number), until)


def surplus(Cells cells, number, uint32_t most, uint64_t now) -> int:
    """Take out what lies there beyond `most`, or everything where its time is over; the number of tokens."""
    return lease_surplus(cells.at(number), most, now)


def collect_owed(Cells cells, number) -> int:
    """Uses without a lease; whoever calls this is to tell of them, or to put them back."""
    return word_swap(cells.at(number) + 2, 0)


def put_back_owed(Cells cells, number, uint64_t n) -> None:
    word_add(cells.at(number) + 2, n)


def outage(Cells cells, bint begins) -> bool:
    """Note for the node that Redis is away, or back; True for the first of its workers that does."""
    cdef uint64_t seen = not begins
    return word_move(&cells.map.words[OUTAGE_WORD], &seen, begins)
