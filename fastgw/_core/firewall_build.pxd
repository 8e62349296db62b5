"""The Python object that owns a compiled firewall: made with the plan, freed with it."""
from fastgw._core.arena cimport Arena
from fastgw._core.firewall_plan cimport FirewallPlan, Forwarded, Leaf, Rate, View
from fastgw._core.state cimport Reply

cdef class Firewall:
    cdef FirewallPlan* plan
    cdef Arena arena
    cdef int build(self, dict spec, Reply* replies) except -1
    cdef int fill_view(self, View* view, dict spec) except -1
    cdef int fill_leaf(self, Leaf* leaf, dict spec) except -1
    cdef int fill_forwarded(self, Forwarded* by, object spec) except -1
    cdef Rate* make_rate(self, dict spec) except NULL
    cdef int fill_rules(self, dict spec, Reply* replies) except -1
    cdef int fill_machines(self, list literals) except -1
    cdef bint reads_body(self, int number)
