"""Verify signed requests: who signed, and whether the request is what was signed."""
from fastgw._core.bytes cimport Span
from fastgw._core.signature_keys cimport SignatureTable
from fastgw._core.signed cimport Credential, Signed, SignedRequest, Signing

cdef Signing signature_verify(SignatureTable* t, const SignedRequest* r, const Span* body, Signed* s,
                              Credential** signer) noexcept nogil
"""SIGNED: signer is who did, and stays as long as the table, or until the next verification where it is a session.

body: NULL where it is not here yet; SIGNED_WANTS_BODY then says that it is needed, and that nothing else is wrong so
far. s is filled by this; its spans are good until the next verification. s.payload is the caller's to free.
"""
