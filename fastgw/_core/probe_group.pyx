"""Python's way into the choice and the health of endpoints, for tests and benches alone; as probe.pyx."""
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from fastgw._core.balance cimport balance_pick, text_hash
from fastgw._core.breaker cimport breaker_open, breaker_sample, retry_affordable, retry_earn, retry_pay
from fastgw._core.bytes cimport span
from fastgw._core.health cimport endpoint_bad, endpoint_good, endpoint_state, endpoint_well
from fastgw._core.group cimport P_HASH_PATH, P_LEAST_CONNECTIONS, P_ROUND_ROBIN
from fastgw._core.state cimport Endpoint, Target

POLICIES = {"round_robin": P_ROUND_ROBIN, "least_connections": P_LEAST_CONNECTIONS, "hash": P_HASH_PATH}


cdef class Group:
    """A group without connections, under a clock of the test's: now is in ms.

    members: (key, weight) each; endpoints are named by their place among them.
    """

    cdef Target target
    cdef Endpoint* endpoints
    cdef list keys

    def __cinit__(self, str policy, list members, *, uint32_t failures=5, uint32_t duration=10_000,
                  uint32_t percent=50, uint32_t slow_start=0, uint32_t max_latency_us=0, uint32_t most=1280):
        cdef uint32_t i
        cdef Endpoint* e
        self.keys = [key for key, _ in members]
        self.endpoints = <Endpoint*>calloc(len(members), sizeof(Endpoint))
        self.target.policy = POLICIES[policy]
        self.target.nendpoints = len(members)
        self.target.ejection.failures = failures
        self.target.ejection.duration = duration
        self.target.ejection.percent = percent
        self.target.ejection.slow_start = slow_start
        self.target.limits.max_latency = max_latency_us
        self.target.limits.max_connections = self.target.admits = most
        for i in range(self.target.nendpoints):
            e = self.target.endpoints[i] = &self.endpoints[i]
            key = <bytes>self.keys[i]
            e.target = &self.target
            e.weight = members[i][1]
            e.hash = text_hash(span(key, len(key)))

    def __dealloc__(self):
        free(self.endpoints)

    def pick(self, key: bytes | None = None, may: int | None = None, uint64_t now = 1) -> int:
        """may: bits of those that may be chosen; all where not said."""
        cdef uint64_t bits = may if may is not None else (1 << self.target.nendpoints) - 1
        text = key or b""
        return balance_pick(&self.target, bits, key is not None, text_hash(span(text, len(text))), now) - self.endpoints

    def set_active(self, int number, uint32_t active) -> None:
        """So many requests in hand."""
        self.target.nconns += active - self.endpoints[number].nconns
        self.endpoints[number].nconns = active

    def well(self, int number, uint64_t now) -> bool:
        return endpoint_well(&self.endpoints[number], now)

    def good(self, int number, uint64_t now) -> None:
        endpoint_good(&self.endpoints[number], now)

    def bad(self, int number, uint64_t now) -> bool:
        """Whether it was ejected for it."""
        return endpoint_bad(&self.endpoints[number], now)

    def state(self, int number, uint64_t now) -> str:
        return endpoint_state(&self.endpoints[number], now).decode()

    def returned(self, int number, uint64_t now) -> None:
        self.endpoints[number].returned_at = now

    # The budget of retries and the limit that follows latency.

    def earn(self) -> None:
        retry_earn(&self.target)

    def retry(self) -> bool:
        """Whether the budget allows one; then it is paid."""
        if not retry_affordable(&self.target):
            return False
        retry_pay(&self.target)
        return True

    def sample(self, uint64_t us, uint64_t now) -> None:
        breaker_sample(&self.target, us, now)

    @property
    def admits(self) -> int:
        return self.target.admits

    @property
    def closed_to_more(self) -> bool:
        return breaker_open(&self.target)
