"""A compiled plan: built once by the plan compiler, immutable once the engine has it.

The builder methods are Python's; they are called in this order: limits, add_target, add_stage, add_api, finish.
Ops are tuples (kind, encode, index, text: bytes) with the numbers of state.OpKind and state.Encode.
"""
from fastgw._core.allowance cimport UsagePlan
from fastgw._core.access cimport AuthPlan
from fastgw._core.arena cimport Arena
from fastgw._core.bucket cimport Bucket
from fastgw._core.bytes cimport Span
from fastgw._core.checks cimport Checks
from fastgw._core.firewall_build cimport Firewall
from fastgw._core.keys cimport KeyTable
from fastgw._core.permission_plan cimport PermissionPlan
from fastgw._core.state cimport (BasePath, HostPlan, LogPlan, Mapping, PlanData, Program, Reply, RoutePlan, StagePlan)

cdef class Plan:
    cdef PlanData* data
    cdef Arena arena
    cdef list routers           # keep the tables alive
    cdef list stages            # StagePlan* as numbers
    cdef list apis              # ApiPlan* as numbers
    cdef readonly list targets  # dicts: key, authority, host, port, unix_path, limits
    cdef list handles           # of the targets, in their order
    cdef list kept              # what routes point to: callables, schemas
    cdef readonly list firewalls    # Firewall objects
    cdef KeyTable keys          # mapped as long as the plan lives; None: the plan has no keys
    cdef Program program(self, object ops) except *
    cdef Mapping* mappings(self, object items) except? NULL
    cdef Reply* make_replies(self, object items) except NULL
    cdef AuthPlan* make_auth(self, dict spec) except NULL
    cdef AuthPlan* make_signed(self) except NULL
    cdef LogPlan* make_log(self, object spec) except? NULL
    cdef int fill_route(self, RoutePlan* route, dict spec) except -1
    cdef int fill_answers(self, RoutePlan* route, object spec) except -1
    cdef int fill_cache(self, RoutePlan* route, object spec) except -1
    cdef Checks* make_checks(self, dict spec) except NULL
    cdef int fill_permission(self, PermissionPlan* plan, dict spec) except -1
    cdef Bucket bucket(self, object spec) except *
    cdef int fill_limits(self, StagePlan* stage, dict spec) except -1
    cdef int fill_route_limits(self, StagePlan* stage, RoutePlan* route, dict spec) except -1
    cdef int fill_firewall(self, StagePlan* stage, int number) except -1
    cdef int fill_cors(self, StagePlan* stage, object spec) except -1
    cdef HostPlan* host(self, bytes name, object paths) except NULL
    cdef HostPlan** table(self, dict hosts, unsigned int* mask) except NULL

cdef HostPlan* host_lookup(HostPlan** table, unsigned int mask, unsigned long long seed, Span name) noexcept nogil
