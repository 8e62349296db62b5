"""The canonical form of a request: what its signer hashed.

Method, path, query, the signed fields, their names, and the digest of the payload, each in a line. Signers agree on it
but for the query: the rule is that every byte but letters, digits and "-._~" is escaped, and several sign what the
client wrote. So a query that is not spelled by the rule has two forms: FORM_ENCODED, in which what is raw is escaped
("+" being a blank) and escapes stay as they were sent, and FORM_VERBATIM. Both are of one query only, up to the order
of its members, which is no part of what is signed.
"""
from libc.stdint cimport uint32_t

from fastgw._core.bytes cimport Span, Writer
from fastgw._core.signed cimport Signed, SignedRequest

cdef enum Form:             # bits
    FORM_ENCODED = 0
    FORM_VERBATIM = 1
    FORM_NO_TOKEN = 2       # in the query: the token was added when the rest had been signed

cdef enum Canonical:
    CANONICAL = 0
    CANONICAL_ABSENT = 1    # a signed field is not there
    CANONICAL_NONE = -1     # no memory, nothing was written

cdef int canonical_request(const SignedRequest* r, const Signed* s, Span payload, int form, Writer* w) noexcept nogil
"""Into w, which is made to have room for all of it until the next call."""
cdef bint canonical_differs(Span query) noexcept nogil      # FORM_VERBATIM of it is another than FORM_ENCODED
