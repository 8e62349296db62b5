"""An upstream's answer: parsed and judged as strictly as a request (RFC 9112 sections 4 to 6)."""
from libc.stdint cimport uint32_t

from fastgw._core.state cimport UpConn

cdef enum AnswerResult:
    ANSWER_MORE = 0
    ANSWER_DONE = 1         # complete; bytes behind it are not the answer's
    ANSWER_BAD = 2          # no valid answer, or it broke off its own framing
    ANSWER_LEFT = 3         # the exchange went away during an event

cdef void answer_begin(UpConn* up) noexcept nogil       # before a request is sent
cdef int answer_feed(UpConn* up, const char* p, uint32_t n, uint32_t* used) noexcept nogil
cdef int answer_ended(UpConn* up) noexcept nogil        # the upstream sent FIN: DONE, or BAD when cut short
cdef bint answer_keep_head(UpConn* up) noexcept nogil   # up.base outlives the read that brought it; False: no memory
