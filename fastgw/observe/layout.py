"""Where each number lives in the shared counters: one region per worker, one file for all.

A region is a header page, then one row per route slot. Every cell is a 64-bit word in the
machine's byte order. A region has a single writer, the engine of its worker, which stores
whole words; readers sum over regions and never write. The file is sparse: a row costs memory
only once it has been written.
"""

MAGIC = 0x6661737467773031  # "fastgw01": cell 0 of a region, written by its worker before anything else
WORD = 8

HEADER_BYTES = 4096
SLOTS = 65_536
SLOT_WORDS = 64
SLOT_BYTES = SLOT_WORDS * WORD
REGION_BYTES = HEADER_BYTES + SLOTS * SLOT_BYTES

# Header cells. Gauges (what is so now) and counters (what has happened since the worker started).
(
    H_MAGIC,
    H_CONNECTIONS_ACCEPTED,
    H_CONNECTIONS_OPEN,
    H_CONNECTIONS_REFUSED,
    H_REQUESTS,
    H_FAILURES,
    H_DOOR_RUN_STEP,
    H_DOOR_START_TASK,
    H_LOG_LINES,
    H_BYTES_IN,
    H_BYTES_OUT,
    H_UPSTREAM_CONNECTS,
    H_UPSTREAM_CONNECT_FAILURES,
    H_UPSTREAM_REUSES,
    H_UPSTREAM_RETRIES,
    H_UPSTREAM_BYTES_IN,
    H_UPSTREAM_BYTES_OUT,
    H_UPSTREAM_OPEN,
    H_EXCHANGES_LIVE,
    H_PLAN_SWAPS,
    H_PULSES,
    H_LOOP_LAG_US,
    H_OVERLOAD,
    H_OVERLOAD_REFUSED,
    H_DOOR_VALIDATE,
    H_LOG_DROPPED,
    H_DOOR_LEASE,
    H_REDIS_DOWN,
    H_AWAY,
    H_CALLS,
    H_ENCODERS,
    H_ENCODED,
    H_DECODED,
    H_DOOR_AUTHORIZE,
    H_DECISIONS_FOUND,
    H_DECISIONS_ASKED,
    H_HTTP2_CONNECTIONS,
    H_HTTP2_FLOODS,
    H_TLS_HANDSHAKES,
    H_TLS_RESUMED,
    H_TLS_FAILED,
    H_UPSTREAM_TLS_HANDSHAKES,
    H_UPSTREAM_TLS_RESUMED,
    H_UPSTREAM_TLS_FAILURES,
) = range(44)

GAUGES = frozenset({
    H_CONNECTIONS_OPEN, H_UPSTREAM_OPEN, H_EXCHANGES_LIVE, H_LOOP_LAG_US, H_OVERLOAD, H_REDIS_DOWN,
    H_ENCODERS,
})
"""Cells that fall as well as rise; all others only rise."""

# Cells of a route's row.
(
    R_REQUESTS,
    R_1XX_2XX,
    R_3XX,
    R_4XX,
    R_5XX,
    R_LATENCY_US,
    R_INTEGRATION_US,
    R_INTEGRATION_ANSWERS,
    R_DOORS,
    R_BUCKETS,
) = range(10)

BUCKET_BOUNDS_US = tuple(50 << n for n in range(22))
"""Upper bounds of the latency histogram in microseconds, inclusive: 50 us doubling to 104.8576 s.

The bucket after the last bound holds everything slower. A request is counted in one bucket
only; readers add up.
"""
BUCKETS = len(BUCKET_BOUNDS_US) + 1

# Further cells of a route's row, behind the buckets.
(
    R_CACHE_HITS,
    R_CACHE_MISSES,
    R_CACHE_BYPASSES,
    R_BYTES_IN,
    R_BYTES_OUT,
    R_READ_US,
    R_DECIDE_US,
    R_WRITE_US,
    R_INTEGRATION_BUCKETS,
) = range(32, 41)
R_UPSTREAM_US = R_INTEGRATION_BUCKETS + BUCKETS

FAILURES_AT = 128
"""Header cells from here on count the failures of fastgw.errors, by code."""
LEVELS_AT = 224
LEVELS = ("PLAN_METHOD", "PLAN", "STAGE_METHOD", "STAGE", "ACCOUNT", "QUOTA", "CONCURRENCY", "OVERLOAD")
"""Header cells from LEVELS_AT on count the refusals of a limit: the engine's Level, from 1."""

SLOT_UNROUTED = 0
"""The row of requests that reached no route: malformed, unknown host, no such path."""
SLOT_OTHER = 1
"""The row shared by the routes for which no row of their own was left."""
FIRST_ROUTE_SLOT = 2


def region_offset(worker: int) -> int:
    """Byte offset of a worker's region; workers count from 0."""
    return worker * REGION_BYTES


def slot_offset(slot: int) -> int:
    """Byte offset of a route's row within its region."""
    return HEADER_BYTES + slot * SLOT_BYTES
