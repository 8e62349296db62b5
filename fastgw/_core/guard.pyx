"""The phase GUARD: the firewall of the stage, which also sees what has no route, then what the API forbids everybody."""
from fastgw._core.exchange cimport DONE, NEXT, WAIT, exchange_fail, exchange_routed, want_beginning
from fastgw._core.failure cimport F_WAF_FILTERED
from fastgw._core.firewall cimport FIREWALL_BLOCKS, FIREWALL_WAITS, FirewallResult, GUARD_NONE, firewall_judge
from fastgw._core.permission cimport PERMITTED, permission_before


cdef Verdict ask_firewall(Exchange* ex) noexcept nogil:
    """What ROUTE found is answered only when the firewall has let the request through."""
    cdef FirewallResult result = firewall_judge(ex)
    if result == FIREWALL_WAITS:
        want_beginning(ex, ex.stage.firewall.body_bytes)
        return WAIT
    if result == FIREWALL_BLOCKS:
        exchange_fail(ex, F_WAF_FILTERED)
        return DONE
    return exchange_routed(ex, ex.guard.routed)


cdef Verdict step_guard(Exchange* ex) noexcept nogil:
    cdef Verdict verdict = NEXT
    cdef int found
    if ex.stage.firewall != NULL and ex.guard.answer == GUARD_NONE:
        verdict = ask_firewall(ex)
    if verdict != NEXT:
        return verdict
    found = permission_before(ex)
    if found == PERMITTED:
        return NEXT
    exchange_fail(ex, found)
    return DONE
