"""A timer and a probe."""
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free

from fastgw._core.clock cimport micros
from fastgw._core.counters cimport H_LOOP_LAG_US, H_PULSES
from fastgw._core.libuv cimport UV_ASYNC, UV_TIMER, uv
from fastgw._core.state cimport core, count

cdef enum:
    BEATS = 4               # one late beat is a busy machine; four are a worker that cannot keep up

cdef void* timer
cdef void* probe
cdef uint64_t sent          # us; 0: no probe is under way
cdef uint64_t waited        # us; by the last probe that came back
cdef uint64_t lags[BEATS]
cdef uint64_t beats
cdef beat_fn on_beat


cdef void on_probe(void* handle) noexcept nogil:
    global sent, waited
    if sent:
        waited = micros() - sent
        sent = 0


cdef void on_timer(void* handle) noexcept nogil:
    global sent, beats
    cdef uint64_t now = micros(), least
    cdef int i
    lags[beats % BEATS] = now - sent if sent else waited
    beats += 1
    count(H_PULSES)
    if sent == 0:
        sent = now
        uv.async_send(probe)
    least = lags[0]
    for i in range(1, BEATS):
        if lags[i] < least:
            least = lags[i]
    core.gauges[H_LOOP_LAG_US] = least
    on_beat(least)


cdef void on_closed(void* handle) noexcept nogil:
    free(handle)


cdef int pulse_open(void* loop, beat_fn each) except -1:
    global timer, probe, on_beat
    on_beat = each
    timer = calloc(1, uv.handle_size(UV_TIMER))
    probe = calloc(1, uv.handle_size(UV_ASYNC))
    if timer == NULL or probe == NULL:
        raise MemoryError
    uv.timer_init(loop, timer)
    if uv.async_init(loop, probe, on_probe) < 0:
        raise OSError("the event loop takes no probe")
    uv.timer_start(timer, on_timer, BEAT_MS, BEAT_MS)
    return 0


cdef void pulse_close() noexcept nogil:
    global timer, probe
    if timer != NULL:
        uv.close(timer, on_closed)
        uv.close(probe, on_closed)
        timer = probe = NULL
