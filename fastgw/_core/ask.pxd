"""The door to where leased tokens come from: an exchange that finds none at hand waits here for the answer."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastgw._core.bytes cimport Span
from fastgw._core.state cimport Exchange, RoutePlan, StagePlan

cdef enum AskKind:
    ASK_BUCKET = 0
    ASK_QUOTA = 1

cdef enum:
    MOST_ASKS = 3           # questions of one exchange; others may take what came for it

cdef enum Away:             # what a plan says for the time in which nobody answers; the order of fastgw.model.usage.AWAY
    AWAY_LOCAL = 0
    AWAY_OPEN = 1
    AWAY_CLOSED = 2

cdef struct Wish:           # one limit of which tokens are wanted
    uint32_t cell           # first of its lease words
    uint8_t kind            # AskKind
    uint64_t interval       # of a bucket: ns for one token
    uint64_t limit          # of a bucket its burst, of a quota its limit
    uint32_t window         # of a quota, as usage words have it
    uint32_t ahead          # tokens to have at hand
    Span plan               # name of the usage plan
    Span key                # name of the key
    const StagePlan* stage  # of a single method's bucket: which; else NULL
    const RoutePlan* route

cdef void ask_open(void (*resume)(Exchange* ex) noexcept nogil)
cdef bint ask_away() noexcept nogil                 # nobody answers now, as far as this worker knows
cdef void ask_wait(Exchange* ex, const Wish* wishes, int n) noexcept nogil     # ask for one token of each; the exchange waits
cdef void ask_more(const Wish* wish) noexcept nogil # ask ahead; nobody waits
