"""Judging a request by its stage's firewall: rules in the order of their priority, until one allows or blocks.

What a statement cannot find out (a pattern at its match limit, no room for a text, a body that cannot be decoded) is
UNSURE, by Kleene's logic through and, or, not. A block rule takes UNSURE for a match, a count rule too; an allow rule
does not. So nothing that cannot be looked at comes in by it.
"""
from fastgw._core.firewall_plan cimport FirewallPlan, FirewallRule
from fastgw._core.state cimport Exchange

cdef enum GuardAnswer:      # Guard.answer
    GUARD_NONE = 0          # no firewall has judged
    GUARD_ALLOWED = 1
    GUARD_BLOCKED = 2

cdef enum FirewallResult:
    FIREWALL_ALLOWS = 0
    FIREWALL_BLOCKS = 1     # with ex.instead, or the gateway response
    FIREWALL_WAITS = 2      # for the beginning of the body; then ask again

cdef FirewallResult firewall_judge(Exchange* ex) noexcept nogil
cdef const FirewallRule* firewall_decides(Exchange* ex) noexcept nogil
"""The rule that decides for a head without a body, nothing being counted; the last of the plan's is the default."""
