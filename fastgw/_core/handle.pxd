"""A plan's group of upstreams, as a Python step holds it."""
from fastgw._core.state cimport PlanData, Target

cdef class Handle:
    cdef readonly bytes key     # of the group: its authority
    cdef Target* target         # NULL before the engine takes the plan, and after it has let go of it
    cdef PlanData* plan
