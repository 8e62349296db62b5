"""Bodies that come in signed chunks: each chunk's signature covers the one before it, from the request's own on."""
from libc.stdint cimport uint32_t

from fastgw._core.bytes cimport Span
from fastgw._core.signed cimport Signed, SignedRequest

cdef bint chunks_verify(const SignedRequest* r, const Signed* s, Span key, Span body, char* out, uint32_t* n) noexcept nogil
"""Every chunk to the last is there, as it was signed, and nothing else. out has room for body.n bytes and gets the n
bytes that the chunks carry."""
