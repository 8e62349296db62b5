"""What a request says of its signature: read from its Authorization field or its query, and judged as far as that
needs no secret."""
from fastgw._core.signed cimport Signed, SignedRequest, Signing

cdef Signing signature_read(const SignedRequest* r, Signed* s) noexcept nogil      # SIGNED, or a refusal
