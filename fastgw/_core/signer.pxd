"""The phase AUTH of routes whose requests are signed: verify the signature, and say who the caller is.

Who may sign is the plan's (PlanData.signatures). What is verified is the request as it came: the bytes of its head, and
its body as it was sent. A body in signed chunks is replaced by what the chunks carry.
"""
from libc.stdint cimport uint32_t

from fastgw._core.bytes cimport Span
from fastgw._core.state cimport Exchange

cdef enum SignerResult:
    SIGNER_KNOWN = -1           # ex.caller; else a failure code
    SIGNER_WANTS_BODY = -2      # nothing is wrong so far; come again with it

cdef int signer_check(Exchange* ex, const Span* body) noexcept nogil    # body NULL: it is not here yet
