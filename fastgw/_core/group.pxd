"""What a group of endpoints is told: its policy, its limits, and when an endpoint is left out."""
from libc.stdint cimport uint8_t, uint32_t

cdef struct TargetLimits:   # times in ms
    uint32_t max_connections
    uint32_t max_pending
    uint32_t connect_timeout
    uint32_t first_byte_timeout
    uint32_t idle_timeout
    uint32_t pool_idle
    uint32_t try_timeout    # of a try that may be made again elsewhere; 0: first_byte_timeout
    uint32_t max_latency    # of the group on the average, in us; 0: not looked at

cdef enum Policy:
    P_ROUND_ROBIN = 0
    P_LEAST_CONNECTIONS = 1
    P_HASH_ADDRESS = 2      # consistent hash of the client's address
    P_HASH_PATH = 3
    P_HASH_HEADER = 4

cdef struct Ejection:       # passive health; times in ms
    uint32_t failures       # in a row; 0: never ejected
    uint32_t duration       # of the first ejection
    uint32_t percent        # of the group at most
    uint32_t slow_start     # time until a returned endpoint has its whole share; 0: at once
    uint8_t status_5xx      # such an answer is a failure too

cdef enum:
    MAX_ENDPOINTS = 64      # of a group: bits of Exchange.tried

cdef struct Address:
    char bytes[28]          # struct sockaddr_in or sockaddr_in6
