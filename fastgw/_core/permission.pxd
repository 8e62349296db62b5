"""May a request do what it asks for: the policy of its API and those of its caller, together.

The API's own is asked as soon as no caller can change what it says: before an authorizer, so that nobody whom it denies
makes one work. Where requests are signed it is asked with the policies of the signer, which it may name.
"""
from fastgw._core.bytes cimport Span
from fastgw._core.policy cimport Policy
from fastgw._core.state cimport Exchange

cdef enum:
    PERMITTED = -1          # else a failure code

cdef int permission_before(Exchange* ex) noexcept nogil
"""Of a request whose caller nobody knows yet. Without an authorizer it is the whole answer."""
cdef int permission_of_caller(Exchange* ex) noexcept nogil
"""Of a request with ex.caller, once an authorizer or a signature has told who that is."""
cdef int permission_decided() noexcept nogil
"""Number of the statement that decided in the policy that was asked last; -1: none."""
cdef bint permission_to_invalidate(Exchange* ex) noexcept nogil
"""Whether the request may have an answer of the cache replaced; nobody may whom no policy allows it."""
