"""Verify the request of an exchange."""
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp

from fastgw._core.bytes cimport Writer, put_char, put_span, put_uint, same_case, span, trim, writer_init
from fastgw._core.caller cimport CallerParts, CallerValue, caller_new
from fastgw._core.clock cimport wall_ms
from fastgw._core.exchange_memory cimport body_replace
from fastgw._core.failure cimport (F_AUTHORIZER_FAILURE, F_EXPIRED_TOKEN, F_INCOMPLETE_SIGNATURE, F_INVALID_SIGNATURE,
                                   F_UNKNOWN_CLIENT, F_UNSIGNED)
from fastgw._core.signature cimport signature_verify
from fastgw._core.signature_keys cimport Person, SignatureTable, session_of
from fastgw._core.signed cimport (Credential, NOT_SIGNED, SIGNED, SIGNED_BADLY, SIGNED_BY_STRANGER, SIGNED_LONG_AGO,
                                  SIGNED_WANTS_BODY, Signed, SignedRequest, Signing)
from fastgw._core.state cimport M_DROP, T_CONTENT_ENCODING, field_name, field_value

cdef enum:
    VALUES = 10
    TEXT_BYTES = 1024           # of a session's id and ARN, its time, and the caller's identity together

cdef char caller_text[TEXT_BYTES]


cdef int failure_of(Signing result) noexcept nogil:
    if result == NOT_SIGNED:
        return F_UNSIGNED
    if result == SIGNED_BADLY:
        return F_INCOMPLETE_SIGNATURE
    if result == SIGNED_BY_STRANGER:
        return F_UNKNOWN_CLIENT
    return F_EXPIRED_TOKEN if result == SIGNED_LONG_AGO else F_INVALID_SIGNATURE


# --- the caller

cdef inline CallerValue value_of(const char* name, uint32_t n, Span value) noexcept nogil:
    cdef CallerValue v
    v.name = span(name, n)
    v.value = value
    return v


cdef Span joined(Writer* w, Span first, char mark, Span second) noexcept nogil:
    cdef uint32_t before = w.n
    put_span(w, first)
    put_char(w, mark)
    put_span(w, second)
    return span(w.p + before, w.n - before)


cdef bint make_caller(Exchange* ex, SignatureTable* t, const Credential* signer) noexcept nogil:
    cdef const Person* person = &t.people[signer.row]
    cdef CallerValue values[VALUES]
    cdef CallerParts parts
    cdef Span id = person.id, arn = person.arn
    cdef uint32_t before
    cdef Writer w
    writer_init(&w, caller_text, TEXT_BYTES)
    if signer.role:
        id = joined(&w, id, c":", session_of(signer).name)
        arn = joined(&w, arn, c"/", session_of(signer).name)
        before = w.n
        put_uint(&w, session_of(signer).issued)
        values[7] = value_of(b"principal.type", 14, span(b"AssumedRole", 11))
        values[8] = value_of(b"principal.tokenIssueTime", 24, span(w.p + before, w.n - before))
        values[9] = value_of(b"principal.mfaPresent", 20, span(b"false", 5))
    else:
        values[7] = value_of(b"principal.type", 14, span(b"User", 4))
        values[8] = value_of(b"principal.username", 18, person.name)
    values[0] = value_of(b"identity.accessKey", 18, signer.id)
    values[1] = value_of(b"identity.accountId", 18, person.account)
    values[2] = value_of(b"identity.caller", 15, id)
    values[3] = value_of(b"identity.user", 13, id)
    values[4] = value_of(b"identity.userArn", 16, arn)
    values[5] = value_of(b"principal.arn", 13, person.own_arn)
    values[6] = value_of(b"principal.userid", 16, id)
    parts.values, parts.nvalues = values, VALUES if signer.role else VALUES - 1
    parts.scopes, parts.nscopes = NULL, 0
    parts.usage_key = span(NULL, 0)
    parts.identity = joined(&w, span(b"signed", 6), c" ", arn)
    if w.full:
        return False
    ex.caller = caller_new(&parts)
    if ex.caller == NULL:
        return False
    ex.caller.rules = person.rules      # the plan's, which the exchange holds
    return True


# --- the body

cdef void drop_first_coding(Exchange* ex, Span coding) noexcept nogil:
    """Content-Encoding without the coding of the chunks, which is the outermost and so the first or the last named.

    Other codings beside it are left; the field alone with it goes.
    """
    cdef uint32_t i, n
    cdef Span value
    for i in range(ex.nfields):
        if ex.fields[i].token != T_CONTENT_ENCODING:
            continue
        value = field_value(ex.head, &ex.fields[i])
        n = coding.n
        if value.n == n and same_case(value.p, coding.p, n):
            ex.fields[i].value_n = 0
            ex.fields[i].marks |= M_DROP
        elif value.n > n and same_case(value.p, coding.p, n) and value.p[n] == c",":
            value = trim(span(value.p + n + 1, value.n - n - 1))
            ex.fields[i].value = <uint32_t>(value.p - ex.head)
            ex.fields[i].value_n = value.n


cdef void take_payload(Exchange* ex, SignatureTable* t, const Signed* s) noexcept nogil:
    """What the chunks carry is the body from here on, and its fields speak of it."""
    cdef uint32_t i
    cdef Span name
    body_replace(ex, s.payload, s.payload_n)
    drop_first_coding(ex, t.rules.chunk_coding)
    for i in range(ex.nfields):
        name = field_name(ex.head, &ex.fields[i])
        if (name.n == t.rules.length_field.n and same_case(name.p, t.rules.length_field.p, name.n)) \
                or (name.n == t.rules.digest_field.n and same_case(name.p, t.rules.digest_field.p, name.n)):
            ex.fields[i].marks |= M_DROP


# --- the request

cdef int signer_check(Exchange* ex, const Span* body) noexcept nogil:
    cdef SignatureTable* t = ex.plan.signatures
    cdef SignedRequest r
    cdef Signed s
    cdef Credential* signer
    cdef Signing result
    r.rules = &t.rules
    r.verb = span(ex.head + ex.verb_off, ex.verb_n)
    r.path, r.query = ex.raw_path, ex.query
    r.base, r.fields, r.nfields = ex.head, ex.fields, ex.nfields
    r.now = wall_ms() // 1000
    result = signature_verify(t, &r, body, &s, &signer)
    if result == SIGNED_WANTS_BODY:
        return SIGNER_WANTS_BODY
    if result != SIGNED:
        ex.message = s.message
        return failure_of(result)
    if s.payload != NULL:
        take_payload(ex, t, &s)
    return SIGNER_KNOWN if make_caller(ex, t, signer) else <int>F_AUTHORIZER_FAILURE
