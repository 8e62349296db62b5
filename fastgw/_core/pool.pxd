"""Pools of upstream connections: LIFO idle connections, FIFO waiters, everything O(1) but the choice of an endpoint.

Who waits for a connection that is being made stands at its endpoint; who waits for room, or for the group's first
address, stands at the group.
"""
from fastgw._core.state cimport BODY_NONE, Endpoint, Exchange, Target, UpConn, verb_idempotent
from fastgw._core.stream cimport StreamEvents

cdef enum Acquired:
    ACQUIRED = 0            # ex.up is set; write the request now
    ACQUIRE_WAITS = 1       # ready or failed follows
    ACQUIRE_FULL = 2        # too many wait already, or no connection can be made for want of ports or descriptors
    ACQUIRE_FAILED = 3      # no connection can be made

cdef enum UpFailure:
    UP_UNREACHABLE = 0      # no connection could be made
    UP_TIMEOUT = 1          # connecting, or the answer, took too long
    UP_BROKEN = 2           # the connection broke, or the answer is no valid HTTP
    UP_SILENT = 3           # a reused connection closed before the first byte of an answer
    UP_LOST = 4             # a new one did
    UP_TRIED = 5            # the try's time is over, and no byte of an answer has come
    UP_FULL = 6             # as ACQUIRE_FULL
    UP_INSECURE = 7         # connected, and no TLS handshake: up.tls_error says why

# After ACQUIRE_WAITS, or once the request is out, it came to nothing: ex.up is NULL again. All else is Requester's.
ctypedef void (*failed_cb)(Exchange* ex, int why) noexcept nogil

cdef inline bint repeatable(const Exchange* ex) noexcept nogil:
    """May be sent again though an upstream may have acted on it already (RFC 9110 section 9.2.2)."""
    return ex.body == BODY_NONE and verb_idempotent(ex.sends)

cdef void pool_open(failed_cb on_failed, const StreamEvents* of_streams) noexcept nogil

# For exchanges.
cdef int pool_acquire(Target* t, Exchange* ex) noexcept nogil
cdef int pool_retry(Target* t, Exchange* ex) noexcept nogil         # a new connection, elsewhere where there is another
cdef bint pool_elsewhere(Target* t, Exchange* ex) noexcept nogil    # an endpoint that has not failed it
cdef void pool_cancel(Exchange* ex) noexcept nogil                  # leave the waiters
cdef void pool_drop(UpConn* up) noexcept nogil                      # close it now, no event

# For connections, from their events on the wire.
cdef void pool_assign(UpConn* up, Exchange* ex) noexcept nogil
cdef void pool_offer(UpConn* up) noexcept nogil                     # it is free
cdef void pool_part(UpConn* up) noexcept nogil                      # it is done with; the upstream closes first
cdef void pool_close(UpConn* up) noexcept nogil
cdef void pool_closed_at_rest(UpConn* up) noexcept nogil
cdef void pool_connect_failed(UpConn* up, int why) noexcept nogil
cdef void pool_refill(Endpoint* e) noexcept nogil                   # a connection has gone: make those that are waited for
cdef void pool_hasty(Endpoint* e) noexcept nogil
cdef void pool_judge(Endpoint* e) noexcept nogil                    # a gateway error

# For groups, after they have changed.
cdef void endpoint_rest_closed(Endpoint* e) noexcept nogil          # close its idle connections
cdef void endpoint_waiters_move(Endpoint* e) noexcept nogil         # its waiters look for another
cdef void target_serve(Target* t) noexcept nogil                    # whom there is room for now
