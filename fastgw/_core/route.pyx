"""Find the stage and the route of a request."""
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp

from fastgw._core.bytes cimport Span, span
from fastgw._core.failure cimport F_MISDIRECTED, F_NO_SUCH_API
from fastgw._core.plan cimport host_lookup
from fastgw._core.router cimport router_match
from fastgw._core.state cimport (ApiPlan, BasePath, Field, HEAD, HostPlan, M_LOOSE, NO_VERB, OPTIONS, PlanData,
                                 RoutePlan, StagePlan, T_CORS_METHOD, T_METHOD_OVERRIDE, T_ORIGIN, field_value, verb_of)
from fastgw._core.tls cimport TlsDomain
from fastgw._core.tls_server cimport tls_domain


cdef HostPlan* find_host(PlanData* plan, Span host) noexcept nogil:
    """By name, then by first label before the marker, then the host that takes any."""
    cdef HostPlan* found
    cdef uint32_t dot = 0
    cdef Span marker = plan.label_marker
    if host.n:
        found = host_lookup(plan.hosts, plan.host_mask, plan.host_seed, host)
        if found != NULL:
            return found
        while dot < host.n and host.p[dot] != c".":
            dot += 1
        if host.n > dot + 1 + marker.n and host.p[dot + 1 + marker.n] == c"." \
                and memcmp(host.p + dot + 1, marker.p, marker.n) == 0:
            found = host_lookup(plan.labels, plan.label_mask, plan.host_seed, span(host.p, dot))
            if found != NULL:
                return found
    return plan.any_host


cdef BasePath* find_base_path(HostPlan* host, Span path) noexcept nogil:
    cdef uint32_t i
    cdef Span prefix
    for i in range(host.npaths):
        prefix = host.paths[i].prefix
        if prefix.n <= path.n and memcmp(prefix.p, path.p, prefix.n) == 0 \
                and (prefix.n == path.n or path.p[prefix.n] == c"/"):
            return &host.paths[i]
    return NULL


cdef StagePlan* stage_by_segment(ApiPlan* api, Span* rest) noexcept nogil:
    """Take the stage's name off the path; without one, the $default stage sees the whole path."""
    cdef uint32_t i, end = 1
    cdef Span name
    while end < rest.n and rest.p[end] != c"/":
        end += 1
    if rest.n:
        name = span(rest.p + 1, end - 1)
        for i in range(api.nstages):
            if api.stages[i].name.n == name.n and memcmp(api.stages[i].name.p, name.p, name.n) == 0:
                rest[0] = span(rest.p + end, rest.n - end)
                return api.stages[i].stage
    return api.fallback


cdef ApiPlan* api_by_segment(PlanData* plan, Span* rest) noexcept nogil:
    """Take the API's id off the path."""
    cdef uint32_t end = 1
    cdef HostPlan* found
    if rest.n < 2:
        return NULL
    while end < rest.n and rest.p[end] != c"/":
        end += 1
    found = host_lookup(plan.labels, plan.label_mask, plan.host_seed, span(rest.p + 1, end - 1))
    if found == NULL or found.npaths == 0:
        return NULL
    rest[0] = span(rest.p + end, rest.n - end)
    return found.paths[0].api


cdef void override_verb(Exchange* ex) noexcept nogil:
    """X-HTTP-Method-Override counts in place of the request's own method. HEAD is neither given nor taken away: it
    decides how the answer is framed.
    """
    cdef uint32_t i
    cdef Field* f
    cdef Span value
    cdef uint8_t verb
    for i in range(ex.nfields):
        f = &ex.fields[i]
        if f.token != T_METHOD_OVERRIDE or f.marks & M_LOOSE:
            continue
        value = field_value(ex.head, f)
        verb = verb_of(value.p, value.n)
        if verb != NO_VERB and verb != HEAD and ex.verb != HEAD:
            ex.verb = verb
            ex.verb_off = <uint32_t>(value.p - ex.head)
            ex.verb_n = value.n


cdef inline void take_route(Exchange* ex, RoutePlan* route) noexcept nogil:
    ex.route = route
    ex.sends = ex.verb if route.verb_in_own else route.sends


cdef bint admitted(Exchange* ex) noexcept nogil:
    """A host that asks for clients' certificates is served on connections that were held against its authorities of now.

    A handshake names one host (SNI), a request another (Host): this is where both must agree.
    """
    cdef const TlsDomain* domain
    if not ex.plan.asks_certificates or ex.conn == NULL:
        return True
    domain = tls_domain(ex.plan.tls, ex.host)
    return domain == NULL or domain.mark == 0 or domain.mark == ex.conn.secured.mark


cdef int route_find(Exchange* ex) noexcept nogil:
    cdef HostPlan* host = find_host(ex.plan, ex.host)
    cdef BasePath* base
    cdef ApiPlan* api
    cdef StagePlan* stage
    if not admitted(ex):
        return F_MISDIRECTED
    if host == NULL:
        return F_NO_SUCH_API
    base = find_base_path(host, ex.path)
    if base == NULL:
        return F_NO_SUCH_API
    ex.rest = span(ex.path.p + base.prefix.n, ex.path.n - base.prefix.n)
    api = base.api if base.api != NULL else api_by_segment(ex.plan, &ex.rest)
    if api == NULL:
        return F_NO_SUCH_API
    stage = base.stage
    if stage == NULL:
        stage = stage_by_segment(api, &ex.rest)
        if stage == NULL:
            # The API is known, the stage is not: its own answer for what does not exist.
            ex.stage = api.any
            return ex.stage.missing if ex.stage != NULL and ex.stage.http_api else F_NO_SUCH_API
    ex.stage = stage
    ex.guard.staged = True
    if ex.rest.n == 0:
        ex.rest = span(b"/", 1)
    if not stage.http_api:
        override_verb(ex)
    if router_match(stage.router, ex.rest.p, ex.rest.n, ex.verb, &ex.match):
        take_route(ex, &stage.routes[ex.match.route])
        return ROUTED
    ex.match.nparams = 0
    if stage.default_route >= 0:
        take_route(ex, &stage.routes[stage.default_route])
        return ROUTED
    return stage.missing


cdef bint route_is_preflight(Exchange* ex) noexcept nogil:
    """A CORS preflight that the gateway answers itself (WHATWG Fetch, "CORS-preflight request")."""
    cdef uint32_t i
    cdef bint origin = False, method = False
    if ex.verb != OPTIONS or ex.stage == NULL or ex.stage.cors == NULL:
        return False
    for i in range(ex.nfields):
        if ex.fields[i].token == T_ORIGIN:
            origin = True
        elif ex.fields[i].token == T_CORS_METHOD:
            method = True
    return origin and method
