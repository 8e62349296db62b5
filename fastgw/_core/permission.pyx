"""Ask policies about a request."""
from libc.stdint cimport uint32_t, uint8_t
from libc.string cimport memcmp, memset

from fastgw._core.address cimport client_address
from fastgw._core.bytes cimport Writer, put, put_char, put_span, same_case, span, writer_init
from fastgw._core.caller cimport Caller, caller_value
from fastgw._core.clock cimport wall_us
from fastgw._core.failure cimport F_ACCESS_DENIED
from fastgw._core.permission_plan cimport PermissionPlan
from fastgw._core.policy cimport (ACTION_INVALIDATE, ACTION_INVOKE, Facts, POLICY_ALLOW, POLICY_DENY, POLICY_SILENT,
                                  access_verdict, policy_judge)
from fastgw._core.forwarded cimport request_secure
from fastgw._core.program cimport program_write
from fastgw._core.state cimport field_value

cdef enum:
    ARN_BYTES = 65536
    FIELD_BYTES = 65536
    TEXT_BYTES = 65536

# One request at a time is judged; the worker has one thread of execution in the engine.
cdef char arn_bytes[ARN_BYTES]
cdef char field_bytes[FIELD_BYTES]
cdef char text_bytes[TEXT_BYTES]
cdef Facts facts

cdef Span REFERER = span(b"referer", 7)
cdef Span AGENT = span(b"user-agent", 10)
cdef Span SIGNER = span(b"identity.userArn", 16)
cdef Span ACCOUNT = span(b"identity.accountId", 18)


# --- facts

cdef Span field_of(Exchange* ex, Span name, Writer* w, uint8_t* unreadable) noexcept nogil:
    """The values of a field, which a list of them is where there are several (RFC 9110 section 5.3); p NULL: none."""
    cdef Span found = span(NULL, 0)
    cdef uint32_t i, start = w.n
    for i in range(ex.nfields):
        if ex.fields[i].name_n != name.n or not same_case(ex.head + ex.fields[i].name, name.p, name.n):
            continue
        if found.p == NULL:
            found = field_value(ex.head, &ex.fields[i])
            put_span(w, found)
            continue
        put(w, b", ", 2)
        put_span(w, field_value(ex.head, &ex.fields[i]))
        found = span(w.p + start, w.n - start)
    if w.full:
        unreadable[0] = True
    return found


cdef void read_facts(Exchange* ex, const Policy* policy, int action) noexcept nogil:
    """What `policy` may look at. The resource ends without the slash that a path may end with."""
    cdef Writer w
    cdef const Caller* c = ex.caller
    memset(&facts, 0, sizeof(facts))
    facts.action = <uint8_t>action
    facts.secure = request_secure(ex)
    facts.time = wall_us(ex.began)
    facts.address = client_address(ex)
    writer_init(&w, arn_bytes, ARN_BYTES)
    program_write(&ex.stage.arn, ex, &w)
    facts.resource = span(w.p, w.n)
    facts.slashed = ex.rest.n > 1 and ex.rest.p[ex.rest.n - 1] == c"/"
    put_char(&w, c"/")
    facts.unreadable = w.full
    writer_init(&w, field_bytes, FIELD_BYTES)
    if policy.reads_referer:
        facts.referer = field_of(ex, REFERER, &w, &facts.unreadable)
    if policy.reads_agent:
        facts.agent = field_of(ex, AGENT, &w, &facts.unreadable)
    if c != NULL:
        facts.told = c.values
        facts.ntold = c.nvalues


cdef int says(Exchange* ex, const Policy* policy, int action) noexcept nogil:
    read_facts(ex, policy, action)
    return policy_judge(policy, &facts)


cdef int permission_decided() noexcept nogil:
    return facts.decided


# --- refusals

cdef int refuse(Exchange* ex, bint by_name, bint spelt_out) noexcept nogil:
    """by_name: who may not do what; else only that the caller may not, as it is said of an authorizer's decision."""
    cdef const PermissionPlan* plan = &ex.stage.permission
    cdef Writer w
    cdef Span signer
    writer_init(&w, text_bytes, TEXT_BYTES)
    if by_name:
        put_span(&w, plan.who)
        put_span(&w, signer if caller_value(ex.caller, SIGNER, &signer) else plan.nobody)
        put_span(&w, plan.may_not)
        program_write(&plan.masked, ex, &w)
    else:
        put_span(&w, plan.plainly)
    if spelt_out:
        put_span(&w, plan.spelt_out)
    ex.message = span(w.p, w.n)
    return F_ACCESS_DENIED


# --- the answers

cdef int permission_before(Exchange* ex) noexcept nogil:
    cdef const Policy* policy = ex.stage.permission.policy
    cdef int found
    if policy == NULL or ex.route.signed:
        return PERMITTED
    found = says(ex, policy, ACTION_INVOKE)
    ex.api_says = <uint8_t>found
    if found == POLICY_DENY or (found == POLICY_SILENT and ex.route.auth == NULL):
        return refuse(ex, True, found == POLICY_DENY)
    return PERMITTED


cdef bint from_elsewhere(Exchange* ex) noexcept nogil:
    """The signer belongs to another account than the API."""
    cdef Span account
    cdef Span own = ex.stage.permission.account
    if not ex.route.signed:
        return False
    caller_value(ex.caller, ACCOUNT, &account)
    return account.n != own.n or memcmp(account.p, own.p, own.n) != 0


cdef int permission_of_caller(Exchange* ex) noexcept nogil:
    cdef const Policy* own = <const Policy*>ex.caller.rules
    cdef const Policy* policy = ex.stage.permission.policy
    cdef int caller_says = POLICY_ALLOW if own == NULL else says(ex, own, ACTION_INVOKE)
    cdef int verdict
    if ex.route.signed and policy != NULL:
        ex.api_says = <uint8_t>says(ex, policy, ACTION_INVOKE)
    verdict = access_verdict(caller_says, ex.api_says, from_elsewhere(ex))
    if verdict == POLICY_ALLOW:
        return PERMITTED
    return refuse(ex, ex.route.signed, verdict == POLICY_DENY)


cdef bint permission_to_invalidate(Exchange* ex) noexcept nogil:
    cdef const Policy* own = <const Policy*>ex.caller.rules if ex.caller != NULL else NULL
    cdef const Policy* policy = ex.stage.permission.policy
    cdef int caller_says = POLICY_SILENT if own == NULL else says(ex, own, ACTION_INVALIDATE)
    cdef int api_says = POLICY_SILENT if policy == NULL else says(ex, policy, ACTION_INVALIDATE)
    return access_verdict(caller_says, api_says, ex.caller != NULL and from_elsewhere(ex)) == POLICY_ALLOW
