"""Compiled policies: what a request may do by a list of statements, each allowing or denying where it applies.

A statement applies where its action, its principals, its resources and all of its conditions fit. One that denies and
applies decides; else one that allows and applies; else the policy is silent.
Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators".
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t

from fastgw._core.arena cimport Arena
from fastgw._core.bytes cimport Span
from fastgw._core.caller cimport CallerValue
from fastgw._core.glob cimport Glob
from fastgw._core.network cimport IpAddress, Network

cdef enum Saying:           # what a policy says of a request
    POLICY_SILENT = 0
    POLICY_ALLOW = 1
    POLICY_DENY = 2

cdef enum Action:
    ACTION_INVOKE = 0
    ACTION_INVALIDATE = 1   # have a cached answer replaced by a fresh one
    ACTION_MANAGE = 2

cdef enum FactKind:         # what a condition looks at
    FACT_NEVER = 0          # no request here has it
    FACT_TIME = 1
    FACT_SECURE = 2
    FACT_ADDRESS = 3
    FACT_REFERER = 4
    FACT_AGENT = 5
    FACT_TOLD = 6           # a value of the caller's, by name

cdef enum Compared:
    AS_GLOB = 0
    AS_TEXT_ANY_CASE = 1
    AS_NUMBER = 2           # of millionths; times are microseconds
    AS_FLAG = 3
    AS_NETWORK = 4
    AS_PATH = 5             # a glob for each part between colons, the last taking all others
    AS_ABSENT = 6

cdef enum Order:            # of AS_NUMBER: the fact ... the policy's value
    IS_EQUAL = 0
    IS_LESS = 1
    IS_AT_MOST = 2
    IS_GREATER = 3
    IS_AT_LEAST = 4

cdef enum Quantifier:
    OF_ONE = 0
    OF_ANY = 1              # without a value it does not hold
    OF_ALL = 2              # without a value it holds

cdef enum:
    PATH_PARTS = 6

cdef struct Operand:
    Glob globs[PATH_PARTS]  # AS_GLOB and AS_TEXT_ANY_CASE: the first
    int64_t number          # and a flag
    Network network

cdef struct Fact:
    uint8_t kind
    Span name               # of FACT_TOLD
    Span otherwise          # in its place where it is absent; p NULL: nothing. Only of facts within globs

cdef struct Test:
    Fact fact
    uint8_t compared
    uint8_t order
    uint8_t negated         # holds where no operand fits
    uint8_t if_exists       # holds without a value
    uint8_t quantifier
    uint32_t n
    Operand* operands

cdef struct Rule:           # a statement
    uint8_t allow
    uint8_t actions         # bit by Action
    uint8_t everybody       # else the accounts and names, or with `others` everybody but them
    uint8_t others
    uint8_t resources_else  # everything but the resources
    uint32_t naccounts, nnames, nresources, ntests
    Span* accounts
    Span* names
    Operand* resources
    Test* tests

cdef struct Policy:
    Rule* rules
    uint32_t nrules
    Fact* facts             # that globs put in, by number
    uint16_t nfacts
    uint8_t reads_referer, reads_agent

cdef struct Facts:          # of one request
    uint8_t action
    uint8_t secure
    uint8_t unreadable      # one of them cannot be known as a whole: every policy denies
    int64_t time            # us since the epoch
    const IpAddress* address
    Span resource           # "arn:{partition}:{service}:{region}:{account}:{what}"
    uint8_t slashed         # the path was asked for with a slash behind it, which stands there in memory
    Span referer            # p NULL: none
    Span agent
    const CallerValue* told # of the caller; for the names see parts/auth/policy.py
    uint32_t ntold
    int32_t decided         # set: number of the statement that decided, or -1

cdef const Policy* policy_in(object compiled) noexcept      # NULL of what is no CompiledPolicy
cdef int policy_judge(const Policy* policy, Facts* facts) noexcept nogil
"""What it says: Saying."""
cdef int access_verdict(int identity, int resource, bint cross) noexcept nogil
"""The policies of a caller and of an API together: Saying, POLICY_SILENT being a refusal that nobody spelt out.

identity: what the caller's say, or the authorizer; POLICY_SILENT where there is none. resource: what the API's says.
cross: the caller belongs to another account than the API. Source: developer guide, "Policy evaluation outcome tables"."""

cdef class CompiledPolicy:
    """spec: see parts/auth/policy.py. Immutable; lives in memory of its own."""
    cdef Policy policy
    cdef Arena arena
    cdef dict numbers       # while it is built: fact of a glob -> its number
    cdef int fill(self, object spec) except -1
    cdef Fact fact(self, object spec) except *
    cdef Glob glob(self, object pieces) except *
    cdef int operand(self, Operand* operand, int compared, object value) except -1
    cdef int fill_test(self, Test* test, object spec) except -1
    cdef int fill_rule(self, Rule* rule, object spec) except -1
    cdef Span* spans(self, object texts) except NULL
