"""The last requests that each rule of this worker's matched, for operators. Nothing of a request that may be a secret
is kept: no query, no field but Host and User-Agent, no body.
"""
from fastgw._core.firewall_plan cimport FirewallPlan, FirewallRule
from fastgw._core.state cimport Exchange
from libc.stdint cimport uint8_t

cdef void sample_take(const FirewallPlan* plan, FirewallRule* rule, uint8_t action, Exchange* ex) noexcept nogil
cdef list samples_of(const FirewallPlan* plan)
"""Dicts, the newest of each rule first."""
