"""Python's way into the verification of signed requests, for tests, fuzzing and benches alone; see probe.pyx."""
from dataclasses import dataclass
from time import perf_counter_ns

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from fastgw._core.bytes cimport Span
from fastgw._core.exact cimport exact
from fastgw._core.fields cimport Field
from fastgw._core.signature cimport signature_verify
from fastgw._core.signature_keys cimport Signatures
from fastgw._core.signed cimport Credential, Signed, SignedRequest, Signing

VERDICTS = ("signed", "wants body", "not signed", "badly", "stranger", "long ago", "else")


@dataclass(slots=True)
class Verdict:
    """row: number of the user, or of the role where `role`; payload: what signed chunks carry."""

    result: str
    message: bytes = b""
    row: int = -1
    role: bool = False
    payload: bytes | None = None


cdef class Request:
    """A request as the engine sees it, in allocations of exactly its size. fields: (name, value) each."""
    cdef SignedRequest r
    cdef char* head
    cdef Field* fields
    cdef Span text
    cdef bint has_body

    def __cinit__(self, bytes verb, bytes path, bytes query, list fields, body=None):
        cdef uint32_t at = 0
        whole = b"".join([verb, path, query, *[part for field in fields for part in field]])
        self.head = <char*>malloc(len(whole) or 1)
        self.fields = <Field*>malloc(len(fields) * sizeof(Field) or 1)
        if self.head == NULL or self.fields == NULL:
            raise MemoryError
        memcpy(self.head, <const char*>whole, len(whole))
        self.r.base, self.r.fields, self.r.nfields = self.head, self.fields, len(fields)
        self.r.verb = self.part(&at, len(verb))
        self.r.path = self.part(&at, len(path))
        self.r.query = self.part(&at, len(query))
        for i, (name, value) in enumerate(fields):
            self.fields[i].name, self.fields[i].name_n = at, len(name)
            at += <uint32_t>len(name)
            self.fields[i].value, self.fields[i].value_n = at, len(value)
            at += <uint32_t>len(value)
        if body is not None:
            self.hold(body)

    cdef Span part(self, uint32_t* at, uint32_t n):
        cdef Span s
        s.p = self.head + at[0]
        s.n = n
        at[0] += n
        return s

    cdef int hold(self, bytes body) except -1:
        self.text.p = exact(body)
        self.text.n = <uint32_t>len(body)
        self.has_body = True
        return 0

    def __dealloc__(self):
        free(self.head)
        free(self.fields)
        free(<void*>self.text.p)

    def verify(self, Signatures signatures, uint64_t now) -> Verdict:
        cdef Signed s
        cdef Credential* signer = NULL
        cdef Signing result
        self.r.rules, self.r.now = &signatures.table.rules, now
        result = signature_verify(&signatures.table, &self.r, &self.text if self.has_body else NULL, &s, &signer)
        verdict = Verdict(VERDICTS[<int>result], <bytes>s.message.p[:s.message.n] if s.message.n else b"")
        if signer != NULL and VERDICTS[<int>result] == "signed":
            verdict.row, verdict.role = signer.row, bool(signer.role)
        if s.payload != NULL:
            verdict.payload = <bytes>s.payload[:s.payload_n]
            free(s.payload)
        return verdict

    def cost(self, Signatures signatures, uint64_t now, uint32_t times) -> float:
        """Nanoseconds of one verification, of so many."""
        cdef Signed s
        cdef Credential* signer
        cdef uint32_t i
        self.r.rules, self.r.now = &signatures.table.rules, now
        started = perf_counter_ns()
        with nogil:
            for i in range(times):
                signature_verify(&signatures.table, &self.r, &self.text if self.has_body else NULL, &s, &signer)
                free(s.payload)
        return (perf_counter_ns() - started) / times
