"""Python's way into policies and globs, for tests, fuzzing and benches alone. See probe.pyx."""
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from fastgw._core.arena cimport Arena
from fastgw._core.bytes cimport Span, span
from fastgw._core.caller cimport CallerValue
from fastgw._core.glob cimport Glob, glob_build, glob_fits, glob_steps
from fastgw._core.network cimport IpAddress, address_read
from fastgw._core.policy cimport (CompiledPolicy, Facts, POLICY_ALLOW, POLICY_DENY, POLICY_SILENT, access_verdict,
                                  policy_judge)

SAYINGS = {POLICY_SILENT: "silent", POLICY_ALLOW: "allow", POLICY_DENY: "deny"}
NUMBERS = {name: number for number, name in SAYINGS.items()}


cdef Span exactly(bytes text):
    """In an allocation of exactly its size; nowhere where there is none. The caller frees it."""
    cdef char* copy
    if text is None:
        return span(NULL, 0)
    copy = <char*>malloc(len(text) or 1)
    memcpy(copy, <const char*>text, len(text))
    return span(copy, len(text))


def judge(CompiledPolicy policy, dict given) -> tuple:
    """What a policy says and which statement decided. given: action (a number), secure, time (microseconds), address
    (a text or absent), resource, slashed (its last byte is the slash behind), referer and agent
    (bytes or absent), told (dict of bytes)."""
    cdef Facts facts
    cdef IpAddress address
    cdef CallerValue told[64]
    cdef Span text
    cdef int said
    cdef uint64_t i
    memset(&facts, 0, sizeof(facts))
    facts.slashed = given.get("slashed", False)
    facts.action = given.get("action", 0)
    facts.secure = given.get("secure", False)
    facts.time = given.get("time", 0)
    facts.resource = exactly(given["resource"])
    facts.resource.n -= facts.slashed
    facts.referer, facts.agent = exactly(given.get("referer")), exactly(given.get("agent"))
    if given.get("address") is not None:
        text = exactly(given["address"])
        if not address_read(text, &address):
            raise ValueError(given["address"])
        free(<void*>text.p)
        facts.address = &address
    for name, value in given.get("told", {}).items():
        told[facts.ntold].name, told[facts.ntold].value = exactly(name), exactly(value)
        facts.ntold += 1
    facts.told = told
    said = policy_judge(&policy.policy, &facts)
    for i in range(facts.ntold):
        free(<void*>told[i].name.p)
        free(<void*>told[i].value.p)
    free(<void*>facts.resource.p)
    free(<void*>facts.referer.p)
    free(<void*>facts.agent.p)
    return SAYINGS[said], facts.decided


def verdict(str identity, str resource, bint cross) -> str:
    return SAYINGS[access_verdict(NUMBERS[identity], NUMBERS[resource], cross)]


def fits(list pieces, bytes text) -> tuple:
    """Whether a glob fits a text, and the steps it took. pieces: bytes, "*" and "?"."""
    cdef Arena arena = Arena(4096)
    cdef Glob glob = glob_build(arena, pieces)
    cdef Span given = exactly(text)
    cdef uint64_t before = glob_steps
    cdef bint found = glob_fits(&glob, NULL, given)
    free(<void*>given.p)
    return found, glob_steps - before
