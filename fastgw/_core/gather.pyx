"""Bodies of the gatherers."""
from libc.stdint cimport uint64_t

from fastgw._core.bytes cimport put, put_hex, writer_init
from fastgw._core.counters cimport H_BYTES_OUT, H_UPSTREAM_BYTES_OUT
from fastgw._core.state cimport core
from fastgw._core.stream cimport stream_write

cdef enum:
    COPY_BYTES = 2048

cdef char client_text[GATHER_BYTES]
cdef char upstream_text[GATHER_BYTES]


cdef void gather_clear(Gather* g) noexcept nogil:
    g.n = 0
    g.open_from = 0
    g.text.n = 0
    g.text.full = False


cdef inline void close_text(Gather* g) noexcept nogil:
    """Turn what was written to text since the last buf into a buf."""
    if g.text.n > g.open_from:
        g.bufs[g.n].base = g.text.p + g.open_from
        g.bufs[g.n].len = g.text.n - g.open_from
        g.n += 1
        g.open_from = g.text.n


cdef void gather_piece(Gather* g, const char* p, uint32_t n) noexcept nogil:
    if n <= COPY_BYTES and g.text.cap - g.text.n > n:
        put(&g.text, p, n)      # a short copy costs less than another buffer in writev
        return
    close_text(g)
    g.bufs[g.n].base = <char*>p
    g.bufs[g.n].len = n
    g.n += 1


cdef bint gather_crowded(Gather* g) noexcept nogil:
    return g.n > GATHER_BUFS - 8 or g.text.n > GATHER_BYTES - COPY_BYTES - 64


cdef void gather_chunk(Gather* g, const char* p, uint32_t n) noexcept nogil:
    put_hex(&g.text, n, 0)
    put(&g.text, b"\r\n", 2)
    gather_piece(g, p, n)
    put(&g.text, b"\r\n", 2)


cdef int gather_send(Gather* g, Stream* s) noexcept nogil:
    cdef int error = 0
    cdef uint32_t i
    close_text(g)
    for i in range(g.n):
        core.gauges[g.cell] += g.bufs[i].len
    if g.n:
        error = stream_write(s, g.bufs, g.n)
    gather_clear(g)
    return error


cdef int gather_answer(Exchange* ex) noexcept nogil:
    cdef uint64_t before = core.gauges[H_BYTES_OUT]
    cdef int error = gather_send(&to_client, &ex.conn.stream)
    ex.bytes_out += core.gauges[H_BYTES_OUT] - before
    return error


writer_init(&to_client.text, client_text, GATHER_BYTES)
writer_init(&to_upstream.text, upstream_text, GATHER_BYTES)
gather_clear(&to_client)
gather_clear(&to_upstream)
to_client.cell = H_BYTES_OUT
to_upstream.cell = H_UPSTREAM_BYTES_OUT
