"""Run one request head through the parts that decide, and report; nothing is sent."""
from dataclasses import dataclass

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from fastgw._core.bytes cimport Span, span
from fastgw._core.caching cimport caching_concerns
from fastgw._core.clock cimport micros
from fastgw._core.failure cimport F_WAF_FILTERED
from fastgw._core.firewall cimport firewall_decides
from fastgw._core.firewall_plan cimport FirewallRule, RULE_BLOCK
from fastgw._core.forward cimport FORWARDED, forward_build
from fastgw._core.gather cimport gather_clear, to_upstream
from fastgw._core.head cimport HEAD_DONE, HEAD_MORE, head_feed, request_settings
from fastgw._core.keys cimport key_name
from fastgw._core.limits cimport ALLOWED, limits_key
from fastgw._core.llhttp cimport PARSE_REQUEST, llhttp
from fastgw._core.network cimport address_read
from fastgw._core.path cimport PATH_MERGE_SLASHES, PATH_PASS_ENCODED_SLASH
from fastgw._core.permission cimport PERMITTED, permission_before, permission_decided
from fastgw._core.plan cimport Plan
from fastgw._core.policy cimport POLICY_ALLOW, POLICY_DENY, POLICY_SILENT
from fastgw._core.route cimport ROUTED, route_find, route_is_preflight
from fastgw._core.state cimport (Conn, Exchange, Field, PlanData, ROUTE_FIXED, ROUTE_PROXY, ROUTE_PYTHON, Reply,
                                 Target, UpConn, core)
from fastgw._core.tls cimport TlsDomain
from fastgw._core.tls_server cimport tls_domain
from fastgw._core.validate cimport VALID, validate_head


@dataclass
class Trace:
    """What was found; failure is a row of fastgw.errors.FAILURES, or -1; model is the media type of the body's."""

    method: str = ""
    path: str = ""
    host: str = ""
    canonical: str = ""
    api_id: str = ""
    stage: str = ""
    operation: str = ""
    resource: str = ""
    parameters: tuple = ()
    firewall: str = ""
    rule: str = ""          # of the firewall, that decides for the head
    blocked: bool = False
    phases: tuple = ("PARSE",)
    cached_for: int = 0         # seconds
    failure: int = -1
    status: int = 0
    key: str = ""           # name of the API key
    plan: int = -1          # number of its usage plan
    policy: str = ""        # what the API's policy says: "allow", "deny", "silent", or "signer" where it is asked with that
    statement: int = -1     # of it, that decides
    target: str = ""
    step: bool = False      # a step in Python answers
    model: str = ""
    upstream_head: str = ""


cdef str text(Span s):
    return (<bytes>s.p[:s.n]).decode("latin-1") if s.n else ""


cdef uint64_t certificate_mark(PlanData* plan, Span host) noexcept:
    """Of a connection whose client has shown what the host asks for."""
    cdef const TlsDomain* domain = tls_domain(plan.tls, host)
    return domain.mark if domain != NULL else 0


cdef object report(Exchange* ex, Plan plan, int result):
    cdef UpConn up
    cdef Target target
    cdef int i
    found = Trace()
    if ex.verb_n:
        found.method = (<bytes>ex.head[ex.verb_off:ex.verb_off + ex.verb_n]).decode("latin-1") if ex.head else ""
    found.path = text(ex.raw_path)
    found.host = text(ex.host)
    found.canonical = text(ex.path)
    if result == HEAD_DONE:
        found.phases = ("PARSE", "ROUTE")
        if plan.data.asks_certificates:
            ex.conn.secured.mark = certificate_mark(plan.data, ex.host)
        result = route_find(ex)
        if ex.stage != NULL:
            found.api_id = text(ex.stage.api_id)
            found.stage = text(ex.stage.name)
        if ex.guard.staged and ex.stage.firewall != NULL:
            guard(found, ex)
            if found.blocked:
                return refused(found, ex, plan, F_WAF_FILTERED)
        if route_is_preflight(ex):
            found.status = 204
            found.phases += ("WRITE", "LOG")
            return found
        if result == ROUTED:
            found.operation = text(ex.route.operation)
            found.resource = text(ex.route.resource)
            found.parameters = tuple([
                (<bytes>ex.rest.p[ex.match.off[i]:ex.match.off[i] + ex.match.len[i]]).decode("latin-1")
                for i in range(ex.match.nparams)
            ])
            if ex.stage.permission.policy != NULL:
                found.phases += ("GUARD",)
                result = guarded(found, ex)
                if result != PERMITTED:
                    return refused(found, ex, plan, result)
            if ex.route.keyed:
                found.phases += ("KEY",)
                result = limits_key(ex)
                if result != ALLOWED:
                    return refused(found, ex, plan, result)
                found.key, found.plan = text(key_name(ex.key)), ex.use.plan
            if ex.route.limited:
                found.phases += ("THROTTLE",)
            if ex.route.checks != NULL:
                found.phases += ("VALIDATE",)
                result = validate_head(ex)
                if result != VALID:
                    return refused(found, ex, plan, result)
                found.model = text(ex.model.media) or "any" if ex.model != NULL else ""
            if caching_concerns(ex):
                found.phases += ("CACHE",)
                found.cached_for = ex.route.cache.ttl_ms // 1000
            found.phases += ("INTEGRATE",)
            if ex.route.kind == ROUTE_FIXED:
                found.status = ex.route.status
                found.phases += ("WRITE", "LOG")
                return found
            if ex.route.kind == ROUTE_PYTHON:
                found.step = True
                found.phases += ("WRITE", "LOG")
                return found
            result = ex.route.failure
            if ex.route.kind == ROUTE_PROXY:
                memset(&up, 0, sizeof(up))
                memset(&target, 0, sizeof(target))
                authority = plan.targets[ex.route.target_index]["authority"]
                target.authority.p = authority
                target.authority.n = len(authority)
                up.target = &target
                ex.up = &up
                found.target = plan.targets[ex.route.target_index]["key"].decode()
                result = forward_build(ex)
                if result == FORWARDED:
                    found.upstream_head = (<bytes>to_upstream.text.p[:to_upstream.text.n]).decode("latin-1")
                    found.phases += ("RESPONSE", "WRITE", "LOG")
                gather_clear(&to_upstream)
                if result == FORWARDED:
                    return found
    return refused(found, ex, plan, 0 if result == HEAD_MORE else result)


cdef int guarded(object found, Exchange* ex) except? -2:
    """What the API's policy says of a request without a caller."""
    cdef int result = permission_before(ex)
    if ex.route.signed:
        found.policy = "signer"
        return result
    found.policy = {POLICY_ALLOW: "allow", POLICY_DENY: "deny", POLICY_SILENT: "silent"}[ex.api_says]
    found.statement = permission_decided()
    return result


cdef object guard(object found, Exchange* ex):
    cdef const FirewallRule* rule = firewall_decides(ex)
    found.firewall, found.rule = text(ex.stage.firewall.name), text(rule.name)
    found.blocked = rule.action == RULE_BLOCK
    found.phases += ("GUARD",)
    if found.blocked:
        ex.instead = <const Reply*>rule.reply


cdef object refused(object found, Exchange* ex, Plan plan, int failure):
    cdef const Reply* reply = ex.instead
    found.failure = failure
    if reply == NULL:
        reply = &(ex.stage.replies if ex.stage != NULL else plan.data.replies)[found.failure]
    found.status = reply.status
    found.phases += ("WRITE", "LOG")
    return found


def trace(Plan plan, dict settings, bytes head, bytes address=b"", bint secure=False):
    """Trace a request head under engine settings (head_bytes, head_fields, merge_slashes, encoded_slashes), from a peer
    at an address, none being a unix socket's, over TLS or not.

    For a process that runs no engine.
    """
    cdef Conn conn
    cdef uint32_t used = 0
    cdef Exchange* ex = <Exchange*>calloc(1, sizeof(Exchange))
    if ex == NULL:
        raise MemoryError
    core.limits.head_bytes = settings["head_bytes"]
    core.limits.head_fields = settings["head_fields"]
    core.limits.body_bytes = settings["body_bytes"]
    core.limits.path_flags = ((PATH_MERGE_SLASHES if settings["merge_slashes"] else 0)
                              | (PATH_PASS_ENCODED_SLASH if settings["encoded_slashes"] else 0))
    memset(&conn, 0, sizeof(conn))
    conn.secure = secure
    if address and not address_read(span(address, len(address)), &conn.address):
        raise ValueError(f"{address.decode()} is no address")
    try:
        ex.fields = <Field*>calloc(core.limits.head_fields + 1, sizeof(Field))
        if ex.fields == NULL:
            raise MemoryError
        ex.conn = &conn
        ex.plan = plan.data
        ex.verb = 255
        ex.began = micros()
        ex.minor = 1
        llhttp.init(ex.parser, PARSE_REQUEST, &request_settings)
        return report(ex, plan, head_feed(ex, head, len(head), &used))
    finally:
        free(ex.fields)
        free(ex.head)
        free(ex)
