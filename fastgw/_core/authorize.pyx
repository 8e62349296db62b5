"""Read the identity, find the decision, and hold the route's demands against it.

Whatever is missing, given twice, too long or not understood is nobody's identity: 401.
"""
from libc.stdint cimport uint32_t

from fastgw._core.access cimport (AUTH_KNOWN, AUTH_PASSED, AUTH_UNKNOWN, AuthPlan, IDENTITY_HEADER, IDENTITY_QUERY,
                                  IdentityPart, number_at)
from fastgw._core.asking cimport ask_for
from fastgw._core.bytes cimport Span, Writer, put, put_span, same_case, span, writer_init
from fastgw._core.caller cimport Caller, caller_hold, caller_may
from fastgw._core.counters cimport H_DECISIONS_ASKED, H_DECISIONS_FOUND
from fastgw._core.decisions cimport decision_find
from fastgw._core.failure cimport F_ACCESS_DENIED, F_UNAUTHORIZED
from fastgw._core.libuv cimport uv
from fastgw._core.pcre cimport PATTERN_YES, pattern_match
from fastgw._core.permission cimport PERMITTED, permission_of_caller
from fastgw._core.program cimport (PROGRAM_OK, program_write, put_query_decoded, query_name_is, query_next,
                                   utf8_length)
from fastgw._core.signer cimport SIGNER_KNOWN, SIGNER_WANTS_BODY, signer_check
from fastgw._core.state cimport core, count, field_value

cdef enum:
    IDENTITY_BYTES = 65536
    NUMBER = 4              # bytes of the length before a value

cdef char identity_text[IDENTITY_BYTES]
cdef Writer identity_writer


# --- the identity

cdef bint put_header(Writer* w, Exchange* ex, Span name) noexcept nogil:
    cdef uint32_t i, found = 0
    for i in range(ex.nfields):
        if ex.fields[i].name_n == name.n and same_case(ex.head + ex.fields[i].name, name.p, name.n):
            put_span(w, field_value(ex.head, &ex.fields[i]))
            found += 1
    return found == 1


cdef bint put_parameter(Writer* w, Exchange* ex, Span name) noexcept nogil:
    cdef uint32_t at = 0, found = 0
    cdef Span one, value
    while query_next(ex.query, &at, &one, &value):
        if query_name_is(one, name):
            put_query_decoded(w, value)
            found += 1
    return found == 1


cdef bint put_part(Writer* w, Exchange* ex, const IdentityPart* part) noexcept nogil:
    """The value behind its length; False where there is none, or more than one: then nobody can say which counts."""
    cdef uint32_t length = 0, at = w.n
    cdef bint found
    put(w, <char*>&length, NUMBER)
    if part.kind == IDENTITY_HEADER:
        found = put_header(w, ex, part.name)
    elif part.kind == IDENTITY_QUERY:
        found = put_parameter(w, ex, part.name)
    else:
        found = program_write(&part.value, ex, w) == PROGRAM_OK
    if not found or w.full:
        return False
    length = w.n - at - NUMBER
    w.n = at
    put(w, <char*>&length, NUMBER)
    w.n += length
    return length > 0


cdef bint put_identity(Writer* w, Exchange* ex, const AuthPlan* auth) noexcept nogil:
    cdef uint32_t i
    put(w, <const char*>auth.zone, sizeof(auth.zone))
    for i in range(auth.nparts):
        if not put_part(w, ex, &auth.parts[i]):
            return False
    return True


cdef bint fits(const AuthPlan* auth, Span value) noexcept nogil:
    cdef uint32_t i = 0, n, purse = 1
    while i < value.n:
        n = utf8_length(<const unsigned char*>value.p + i, value.n - i)
        if n == 0:
            return False        # the pattern is for characters
        i += n
    return pattern_match(auth.pattern, value.p, value.n, &purse) == PATTERN_YES


cdef bint identify(Exchange* ex, const AuthPlan* auth, Span* identity) noexcept nogil:
    """The request's identity, in bytes that last until the next request's is read."""
    cdef uint32_t at = sizeof(auth.zone)    # of the first value's length
    writer_init(&identity_writer, identity_text, IDENTITY_BYTES)
    if not put_identity(&identity_writer, ex, auth):
        return False
    identity[0] = span(identity_writer.p, identity_writer.n)
    if auth.pattern == NULL:
        return True
    return fits(auth, span(identity.p + at + NUMBER, number_at(identity.p + at)))


# --- the decision

cdef int judge(Exchange* ex) noexcept nogil:
    """What the route asks of the caller, who is known."""
    cdef const AuthPlan* auth = ex.route.auth
    cdef int permitted
    if ex.caller.denied:
        return F_ACCESS_DENIED
    if auth.nscopes and not caller_may(ex.caller, auth.scopes, auth.nscopes):
        ex.challenge = auth.challenge
        return auth.no_scope
    permitted = permission_of_caller(ex)
    if permitted != PERMITTED:
        return permitted
    ex.auth = AUTH_PASSED
    return AUTHORIZED


cdef int authorize_signed(Exchange* ex, const Span* body) noexcept nogil:
    cdef int result
    if ex.caller == NULL:
        result = signer_check(ex, body)
        if result == SIGNER_WANTS_BODY:
            return AUTH_WANTS_BODY
        if result != SIGNER_KNOWN:
            return result
    ex.auth = AUTH_KNOWN
    ex.identity = ex.caller.identity
    return judge(ex)


cdef int authorize(Exchange* ex, const Span* body) noexcept nogil:
    cdef const AuthPlan* auth = ex.route.auth
    cdef Span identity
    cdef Caller* found
    cdef int result
    if auth == NULL:
        return AUTHORIZED
    ex.auth = AUTH_UNKNOWN
    if ex.route.signed:
        return authorize_signed(ex, body)
    if ex.caller == NULL:
        if not identify(ex, auth, &identity):
            ex.challenge = auth.absent
            return F_UNAUTHORIZED
        found = decision_find(identity, uv.now(core.loop)) if auth.ttl_ms else NULL
        if found != NULL:
            count(H_DECISIONS_FOUND)
            ex.caller = caller_hold(found)
        else:
            count(H_DECISIONS_ASKED)
            result = ask_for(ex, identity)
            if result != AUTHORIZED:
                return result
    ex.auth = AUTH_KNOWN
    if auth.nparts:
        ex.identity = ex.caller.identity
    return judge(ex)
