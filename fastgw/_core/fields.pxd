"""Header fields: where they lie in a head, which names the engine knows, and what a plan wants done with each."""
from libc.stdint cimport int16_t, int32_t, uint8_t, uint16_t, uint32_t

from fastgw._core.bytes cimport Span

cdef struct Field:          # offsets from the start of the head
    uint32_t name
    uint32_t value
    uint32_t value_n
    uint16_t name_n
    uint8_t token           # of the plan's NameTable; 0: not in it
    uint8_t marks           # bits of Mark

cdef enum Mark:
    M_LISTED = 1            # named by Connection: hop-by-hop
    M_LOOSE = 2             # spelled with "_" or "." for "-": only R_IDENTITY applies
    M_DROP = 4              # such a spelling of a field that the engine itself acts on: never forwarded

cdef enum Token:            # names the engine itself must know; a plan's own names follow
    T_UNKNOWN = 0
    T_HOST = 1
    T_CONNECTION = 2
    T_CONTENT_LENGTH = 3
    T_TRANSFER_ENCODING = 4
    T_EXPECT = 5
    T_KEEP_ALIVE = 6
    T_ORIGIN = 7
    T_CORS_METHOD = 8       # Access-Control-Request-Method
    T_USER_AGENT = 9
    T_AUTHORIZATION = 10
    T_COOKIE = 11
    T_RANGE = 12
    T_IF_MATCH = 13
    T_IF_NONE_MATCH = 14
    T_IF_MODIFIED_SINCE = 15
    T_IF_UNMODIFIED_SINCE = 16
    T_ACCEPT_ENCODING = 17
    T_CACHE_CONTROL = 18
    T_EXPIRES = 19
    T_AGE = 20
    T_VARY = 21
    T_SET_COOKIE = 22
    T_CONTENT_ENCODING = 23
    T_CONTENT_TYPE = 24
    T_METHOD_OVERRIDE = 25  # X-HTTP-Method-Override
    T_FORWARDED_FOR = 26    # X-Forwarded-For
    T_FORWARDED_PORT = 27
    T_FORWARDED_PROTO = 28
    T_FIRST_OF_PLAN = 29

cdef enum Rule:             # bits of NameTable.rule
    R_DROP_REQUEST = 1      # not forwarded to an upstream
    R_IDENTITY = 2          # set by the gateway: dropped from requests in every spelling
    R_DROP_ANSWER = 4       # not relayed to the client
    R_REMAP_ANSWER = 8      # relayed under the plan's prefix
    R_CORS_ANSWER = 16      # dropped where the gateway answers for CORS itself

cdef struct Name:
    Span text               # lower case
    uint8_t token
    int16_t next            # chain of the same bucket, -1 ends it

cdef struct NameTable:
    int16_t bucket[256]
    Name names[128]
    int32_t n
    uint8_t rule[128]       # by token, REST rules; see StagePlan.rules
    uint8_t rule_http[128]  # by token, HTTP API rules
