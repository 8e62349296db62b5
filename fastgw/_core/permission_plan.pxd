"""What a stage's plan has of its API's policy."""
from fastgw._core.bytes cimport Span
from fastgw._core.ops cimport Program
from fastgw._core.policy cimport Policy

cdef struct PermissionPlan:
    const Policy* policy    # NULL: the API has none
    Span account            # that the API belongs to
    Program masked          # the request's resource as refusals tell it
    # Texts of refusals: {who}{name or nobody}{may_not}{masked}, or {plainly}; {spelt_out} where a statement denies.
    Span who, nobody, may_not, plainly, spelt_out
