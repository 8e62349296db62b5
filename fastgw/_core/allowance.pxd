"""What a plan says of limits, and which of them refuses."""
from libc.stdint cimport uint8_t, uint64_t

from fastgw._core.bucket cimport Bucket
from fastgw._core.bytes cimport Span

cdef enum Level:            # which limit refused a request; program.pyx has their names
    LEVEL_NONE = 0
    LEVEL_PLAN_METHOD = 1
    LEVEL_PLAN = 2
    LEVEL_STAGE_METHOD = 3
    LEVEL_STAGE = 4
    LEVEL_ACCOUNT = 5
    LEVEL_QUOTA = 6
    LEVEL_CONCURRENCY = 7
    LEVEL_OVERLOAD = 8

cdef struct KeyStage:       # what a usage plan says of one stage
    uint8_t open            # the plan's keys may use the stage
    Bucket* methods         # by row of routes, cell: place in a key's row; NULL: no method has one

cdef struct UsagePlan:
    Bucket bucket           # of each key
    uint64_t quota          # of each key; 0: none
    uint8_t period          # of usage.Period
    uint8_t offset
    uint8_t shared          # with other nodes: its limits are leased
    uint8_t away            # ask.Away
    Span name
