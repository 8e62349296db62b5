"""The limit that follows latency."""


cdef void breaker_sample(Target* t, uint64_t us, uint64_t now) noexcept nogil:
    """One answer's time to its first byte; for a request that timed out, the time it waited."""
    cdef uint32_t active = target_active(t), most = t.limits.max_connections + t.limits.max_pending
    t.samples += 1
    t.samples_us += us
    if now - t.judged_at < WINDOW_MS:
        return
    if t.samples_us // t.samples > t.limits.max_latency:
        t.admits = max(1, min(t.admits, active) * 4 // 5)
    else:
        t.admits = min(most, t.admits + t.admits // 10 + 1)
    t.samples = 0
    t.samples_us = 0
    t.judged_at = now
