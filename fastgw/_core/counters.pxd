"""Cells of the shared counters; fastgw.observe.layout holds the same numbers (a test compares them)."""

cdef enum:
    HEADER_BYTES = 4096
    ROW_BYTES = 512

cdef enum:
    H_MAGIC = 0
    H_CONNECTIONS_ACCEPTED = 1
    H_CONNECTIONS_OPEN = 2
    H_CONNECTIONS_REFUSED = 3
    H_REQUESTS = 4
    H_FAILURES = 5
    H_DOOR_RUN_STEP = 6
    H_DOOR_START_TASK = 7
    H_LOG_LINES = 8
    H_BYTES_IN = 9
    H_BYTES_OUT = 10
    H_UPSTREAM_CONNECTS = 11
    H_UPSTREAM_CONNECT_FAILURES = 12
    H_UPSTREAM_REUSES = 13
    H_UPSTREAM_RETRIES = 14
    H_UPSTREAM_BYTES_IN = 15
    H_UPSTREAM_BYTES_OUT = 16
    H_UPSTREAM_OPEN = 17
    H_EXCHANGES_LIVE = 18
    H_PLAN_SWAPS = 19
    H_PULSES = 20
    H_LOOP_LAG_US = 21
    H_OVERLOAD = 22
    H_OVERLOAD_REFUSED = 23
    H_DOOR_VALIDATE = 24
    H_LOG_DROPPED = 25
    H_DOOR_LEASE = 26
    H_REDIS_DOWN = 27
    H_AWAY = 28
    H_CALLS = 29
    H_ENCODERS = 30
    H_ENCODED = 31
    H_DECODED = 32
    H_DOOR_AUTHORIZE = 33
    H_DECISIONS_FOUND = 34
    H_DECISIONS_ASKED = 35
    H_HTTP2_CONNECTIONS = 36
    H_HTTP2_FLOODS = 37
    H_TLS_HANDSHAKES = 38
    H_TLS_RESUMED = 39
    H_TLS_FAILED = 40
    H_UPSTREAM_TLS_HANDSHAKES = 41
    H_UPSTREAM_TLS_RESUMED = 42
    H_UPSTREAM_TLS_FAILURES = 43

cdef enum:
    R_REQUESTS = 0
    R_1XX_2XX = 1
    R_3XX = 2
    R_4XX = 3
    R_5XX = 4
    R_LATENCY_US = 5
    R_INTEGRATION_US = 6
    R_INTEGRATION_ANSWERS = 7
    R_DOORS = 8
    R_BUCKETS = 9
    BUCKETS = 23
    R_CACHE_HITS = 32
    R_CACHE_MISSES = 33
    R_CACHE_BYPASSES = 34
    R_BYTES_IN = 35
    R_BYTES_OUT = 36
    R_READ_US = 37
    R_DECIDE_US = 38
    R_WRITE_US = 39
    R_INTEGRATION_BUCKETS = 40
    R_UPSTREAM_US = 63

cdef enum:                  # header cells, by failure code
    FAILURES_AT = 128

cdef enum:                  # header cells, by the level of the limit that refused, from 1
    LEVELS_AT = 224
