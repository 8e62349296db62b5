"""How much a client may ask that brings nothing: floods are bounded, whatever frame they are made of.

A connection begins with PATIENCE. Each frame without use takes one from it, and so do 4 KB of frames that nobody knows
or that came too late for their stream; a stream that is reset before its answer takes four (CVE-2023-44487), whoever
resets it. 100 a second come back, four with each answer, and two with each DATA frame, which a client may acknowledge
with two WINDOW_UPDATE frames. Below zero the connection ends with ENHANCE_YOUR_CALM.
"""
from libc.stdint cimport uint64_t

from fastgw._core.h2_state cimport H2, PATIENCE

cdef enum:
    COST_RESET = 4
    FRAME_HEAD_BYTES = 9
    STRAY_BYTES = 4096
    EARN_ANSWER = 4
    EARN_DATA = 2
    EARN_MS = 10                # one point comes back in so many

cdef inline void guard_earn(H2* h2, int points) noexcept nogil:
    h2.patience = min(h2.patience + points, <int>PATIENCE)

cdef inline bint guard_spend(H2* h2, int points, uint64_t now) noexcept nogil:
    """False: the patience is at its end."""
    cdef uint64_t back = (now - h2.patient_at) // EARN_MS
    h2.patient_at += back * EARN_MS
    h2.patience = min(h2.patience + <int>min(back, <uint64_t>PATIENCE), <int>PATIENCE) - points
    return h2.patience >= 0
