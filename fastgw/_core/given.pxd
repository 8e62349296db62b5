"""Header fields that Python gives, checked and written: of a step's answer and of a call."""
from fastgw._core.bytes cimport Writer

# (name, value) each, in bytes; those that only the engine may write are left out. Raises TypeError or ValueError for
# what is no field (RFC 9110 section 5), and ValueError where they do not fit.
cdef int put_given(Writer* w, object fields, bint answer) except -1
cdef bint token_clean(bytes token)          # a method or a field name (RFC 9110 section 5.6.2)
