"""Python's way into policies and globs, for tests, fuzzing and benches alone. See probe.pyx."""
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free

from fastgw._core.arena cimport Arena
from fastgw._core.bytes cimport Span, span
from fastgw._core.caller cimport CallerValue
from fastgw._core.clock cimport micros
from fastgw._core.exact cimport exact
from fastgw._core.glob cimport Glob, glob_build, glob_fits, glob_steps
from fastgw._core.network cimport IpAddress, address_read
from fastgw._core.policy cimport (CompiledPolicy, Facts, POLICY_ALLOW, POLICY_DENY, POLICY_SILENT, access_verdict,
                                  policy_judge)

SAYINGS = {POLICY_SILENT: "silent", POLICY_ALLOW: "allow", POLICY_DENY: "deny"}
NUMBERS = {name: number for number, name in SAYINGS.items()}


cdef Span exactly(bytes text):
    """In an allocation of exactly its size; nowhere where there is none. The caller frees it."""
    return span(NULL, 0) if text is None else span(exact(text), len(text))


cdef class Asked:
    """The facts of a request, as judge() is given them."""
    cdef Facts facts
    cdef IpAddress address
    cdef CallerValue told[64]

    def __init__(self, dict given):
        cdef Facts* f = &self.facts
        cdef Span text
        f.slashed = given.get("slashed", False)
        f.action = given.get("action", 0)
        f.secure = given.get("secure", False)
        f.time = given.get("time", 0)
        f.resource = exactly(given["resource"])
        f.resource.n -= f.slashed
        f.referer, f.agent = exactly(given.get("referer")), exactly(given.get("agent"))
        f.told = self.told
        for name, value in given.get("told", {}).items():
            self.told[f.ntold].name, self.told[f.ntold].value = exactly(name), exactly(value)
            f.ntold += 1
        if given.get("address") is not None:
            text = exactly(given["address"])
            if not address_read(text, &self.address):
                raise ValueError(given["address"])
            free(<void*>text.p)
            f.address = &self.address

    def __dealloc__(self):
        cdef uint32_t i
        for i in range(self.facts.ntold):
            free(<void*>self.told[i].name.p)
            free(<void*>self.told[i].value.p)
        free(<void*>self.facts.resource.p)
        free(<void*>self.facts.referer.p)
        free(<void*>self.facts.agent.p)


def judge(CompiledPolicy policy, dict given) -> tuple:
    """What a policy says and which statement decided. given: action (a number), secure, time (microseconds), address
    (a text or absent), resource, slashed (its last byte is the slash behind), referer and agent (bytes or absent), told
    (dict of bytes)."""
    cdef Asked asked = Asked(given)
    cdef int said = policy_judge(&policy.policy, &asked.facts)
    return SAYINGS[said], asked.facts.decided


def repeat(CompiledPolicy policy, dict given, uint32_t times) -> float:
    """Nanoseconds of one look at a policy, in the mean of so many."""
    cdef Asked asked = Asked(given)
    cdef uint64_t begun = micros()
    cdef uint32_t i
    with nogil:
        for i in range(times):
            policy_judge(&policy.policy, &asked.facts)
    return (micros() - begun) * 1000 / times


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
