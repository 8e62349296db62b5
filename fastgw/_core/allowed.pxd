"""Decisions of Python."""
from fastgw._core.bytes cimport Span
from fastgw._core.caller cimport Caller

cdef Caller* caller_of(object decision, Span identity) except NULL     # a step.Allowed or a step.Denied; held once
