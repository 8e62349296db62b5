"""Build the plan's C structures from plain Python values. Nothing here runs per request."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastgw._core.access cimport AuthPlan, IDENTITY_HEADER, IDENTITY_PROGRAM, IDENTITY_QUERY, IdentityPart
from fastgw._core.allowance cimport KeyStage
from fastgw._core.bucket cimport bucket_of
from fastgw._core.checks cimport BodyModel, Required
from fastgw._core.handle cimport Handle
from fastgw._core.names cimport name_add, name_token
from fastgw._core.pcre cimport Whole
from fastgw._core.permission_plan cimport PermissionPlan
from fastgw._core.policy cimport CompiledPolicy
from fastgw._core.router cimport Router
from fastgw._core.schema cimport Schema
from fastgw._core.signature_keys cimport Signatures
from fastgw._core.state cimport (AnswerPlan, ApiPlan, CachePlan, Cors, KEYED_AUTHORIZATION, KEYED_COOKIE, KEY_HEADER,
                                 KeyPart, LogPlan, MAP_OVERWRITE, NameTable, Op, ROUTE_FAIL, ROUTE_FIXED,
                                 ROUTE_PROXY, ROUTE_PYTHON, StageName, T_ACCEPT_ENCODING, T_AGE, T_AUTHORIZATION, T_CACHE_CONTROL, T_CONNECTION,
                                 T_CONTENT_ENCODING, T_CONTENT_LENGTH, T_CONTENT_TYPE, T_COOKIE, T_CORS_METHOD, T_EXPECT, T_EXPIRES,
                                 T_FIRST_OF_PLAN, T_FORWARDED_FOR, T_FORWARDED_PORT, T_FORWARDED_PROTO, T_HOST, T_IF_MATCH,
                                 T_IF_MODIFIED_SINCE, T_IF_NONE_MATCH,
                                 T_IF_UNMODIFIED_SINCE, T_KEEP_ALIVE, T_METHOD_OVERRIDE, T_ORIGIN, T_RANGE, T_SET_COOKIE,
                                 T_TRANSFER_ENCODING, T_USER_AGENT, T_VARY,
                                 core)
from fastgw._core.tls_server cimport ServerContext
from libc.string cimport memcmp, memcpy, memset

ENGINE_TOKENS = {
    b"host": T_HOST, b"connection": T_CONNECTION, b"content-length": T_CONTENT_LENGTH,
    b"transfer-encoding": T_TRANSFER_ENCODING, b"expect": T_EXPECT, b"keep-alive": T_KEEP_ALIVE, b"origin": T_ORIGIN,
    b"access-control-request-method": T_CORS_METHOD, b"user-agent": T_USER_AGENT, b"authorization": T_AUTHORIZATION,
    b"cookie": T_COOKIE, b"range": T_RANGE, b"if-match": T_IF_MATCH, b"if-none-match": T_IF_NONE_MATCH,
    b"if-modified-since": T_IF_MODIFIED_SINCE, b"if-unmodified-since": T_IF_UNMODIFIED_SINCE,
    b"accept-encoding": T_ACCEPT_ENCODING, b"cache-control": T_CACHE_CONTROL, b"expires": T_EXPIRES, b"age": T_AGE,
    b"vary": T_VARY, b"set-cookie": T_SET_COOKIE, b"content-encoding": T_CONTENT_ENCODING,
    b"content-type": T_CONTENT_TYPE, b"x-http-method-override": T_METHOD_OVERRIDE,
    b"x-forwarded-for": T_FORWARDED_FOR, b"x-forwarded-port": T_FORWARDED_PORT, b"x-forwarded-proto": T_FORWARDED_PROTO,
}

VERBS = (b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS")     # verbs.Verb
KINDS = {"proxy": ROUTE_PROXY, "fixed": ROUTE_FIXED, "fail": ROUTE_FAIL, "python": ROUTE_PYTHON}


cdef uint64_t host_hash(const char* p, uint32_t n, uint64_t seed) noexcept nogil:
    """Seeded, so that outside input cannot aim at one bucket."""
    cdef uint64_t h = seed ^ n
    cdef uint32_t i
    for i in range(n):
        h = (h ^ <uint8_t>p[i]) * <uint64_t>0x100000001B3ULL
    return h ^ (h >> 29)


cdef HostPlan* host_lookup(HostPlan** table, unsigned int mask, unsigned long long seed, Span name) noexcept nogil:
    cdef HostPlan* host
    if table == NULL:
        return NULL
    host = table[host_hash(name.p, name.n, seed) & mask]
    while host != NULL:
        if host.host.n == name.n and memcmp(host.host.p, name.p, name.n) == 0:
            return host
        host = host.next
    return NULL


cdef class Plan:
    def __init__(self, names, bytes remap_prefix, bytes label_marker, KeyTable keys=None):
        """names: (lower-case field name, REST rules, HTTP API rules) each; see state.Rule."""
        cdef NameTable* table
        cdef Span text
        cdef int i, token, following = T_FIRST_OF_PLAN
        self.arena = Arena()
        self.routers = []
        self.stages = []
        self.apis = []
        self.targets = []
        self.handles = []
        self.kept = []
        self.firewalls = []
        self.keys = keys
        self.data = <PlanData*>self.arena.take(sizeof(PlanData))
        table = self.data.names = <NameTable*>self.arena.take(sizeof(NameTable))
        for i in range(256):
            table.bucket[i] = -1
        for name, token in ENGINE_TOKENS.items():
            text = self.arena.keep(name)
            name_add(table, text.p, text.n, token)
        for name, rest, http in names:
            token = ENGINE_TOKENS.get(name, 0)
            if not token:
                token = following
                following += 1
                text = self.arena.keep(name)
                name_add(table, text.p, text.n, token)
            table.rule[token] = rest
            table.rule_http[token] = http
        self.data.remap_prefix = self.arena.keep(remap_prefix)
        self.data.label_marker = self.arena.keep(label_marker)

    def secure(self, ServerContext context) -> None:
        """What listeners with TLS speak it with."""
        self.kept.append(context)
        self.data.tls = context.context
        self.data.asks_certificates = context.asks_certificates

    cdef Program program(self, object ops) except *:
        cdef Program p
        cdef Op* op
        p.n = len(ops)
        p.ops = <Op*>self.arena.take(sizeof(Op) * (p.n or 1))
        for i, (kind, encode, index, text) in enumerate(ops):
            op = &p.ops[i]
            op.kind = kind
            op.encode = encode
            op.index = index
            op.text = self.arena.keep(text)
        return p

    cdef Mapping* mappings(self, object items) except? NULL:
        """items: (name, ops) or (name, ops, action of ops.Action) each."""
        cdef Mapping* all = <Mapping*>self.arena.take(sizeof(Mapping) * (len(items) or 1))
        for i, (name, ops, *action) in enumerate(items):
            all[i].name = self.arena.keep(name)
            all[i].value = self.program(ops)
            all[i].action = action[0] if action else <int>MAP_OVERWRITE
        return all

    cdef Reply* make_replies(self, object items) except NULL:
        """items: by failure code, dicts of status_line, status, head, headers, body, message (bytes or None), type."""
        cdef Reply* all = <Reply*>self.arena.take(sizeof(Reply) * (len(items) or 1))
        for i, item in enumerate(items):
            all[i].status_line = self.arena.keep(item["status_line"])
            all[i].status = item["status"]
            all[i].head = self.program(item["head"])
            all[i].headers = self.mappings(item["headers"])
            all[i].nheaders = len(item["headers"])
            all[i].body = self.program(item["body"])
            if item["message"] is not None:
                all[i].message = self.arena.keep(item["message"])
            all[i].type = self.arena.keep(item["type"])
        return all

    cdef int fill_route(self, RoutePlan* route, dict spec) except -1:
        route.kind = KINDS[spec["kind"]]
        route.slot = spec["slot"]
        route.resource = self.arena.keep(spec["resource"])
        route.operation = self.arena.keep(spec["operation"])
        route.key = self.arena.keep(b" ".join(filter(None, (spec["operation"], spec["resource"]))))
        if spec.get("checks") is not None:
            route.checks = self.make_checks(spec["checks"])
        route.signed = spec.get("signed", False)
        if spec.get("auth") is not None:
            route.auth = self.make_auth(spec["auth"])
        elif route.signed:
            route.auth = self.make_signed()
        if route.kind == ROUTE_PROXY:
            route.target_index = spec["target"]
            route.timeout_ms = spec["timeout_ms"]
            route.verb_in_own = spec["verb"] is None
            route.verb = self.arena.keep(spec["verb"] or b"")
            route.sends = VERBS.index(spec["verb"]) if spec["verb"] in VERBS else 255
            route.first_byte_ms = spec["first_byte_ms"]
            route.path = self.program(spec["path"])
            route.query = self.program(spec["query"])
            route.queries = self.mappings(spec["queries"])
            route.nqueries = len(spec["queries"])
            route.headers = self.mappings(spec["headers"])
            route.nheaders = len(spec["headers"])
            route.own_path = self.program(spec.get("own_path", ()))
            route.reads_body = spec.get("reads_body", False)
            self.fill_answers(route, spec.get("answers", ()))
            self.fill_cache(route, spec["cache"])
        elif route.kind == ROUTE_FIXED:
            route.fixed_head = self.program(spec["head"])
            route.fixed_body = self.arena.keep(spec["body"])
            route.failure = 0
            route.head_only = spec["status"] in (204, 304)
            route.coded = spec["coded"]
            route.status = spec["status"]
        elif route.kind == ROUTE_FAIL:
            route.failure = spec["failure"]
        else:
            self.kept.append(spec["step"])
            route.step = <void*>spec["step"]
            route.timeout_ms = spec["timeout_ms"]
            self.fill_cache(route, spec.get("cache"))
        return 0

    cdef int fill_answers(self, RoutePlan* route, object spec) except -1:
        """spec: dicts of status, fields (see mappings), sends (a status or 0), status_line, reads_body
        and says (ops)."""
        cdef AnswerPlan* answer
        route.nanswers = len(spec)
        route.answers = <AnswerPlan*>self.arena.take(sizeof(AnswerPlan) * (route.nanswers or 1))
        for i, item in enumerate(spec):
            answer = &route.answers[i]
            answer.status = item["status"]
            answer.fields = self.mappings(item["fields"])
            answer.nfields = len(item["fields"])
            answer.sends = item["sends"]
            answer.reads_body = item["reads_body"]
            answer.status_line = self.arena.keep(item["status_line"])
            answer.says = self.program(item["says"])
        return 0

    cdef int fill_cache(self, RoutePlan* route, object spec) except -1:
        """spec: verb, ttl_ms, invalidation (state.Invalidation), shown, obeys, warning, whole_query, place (bytes or
        None), and parts: (kind of state.KeyKind, name in lower case where it is a field's, ops) each."""
        cdef CachePlan* cache
        cdef KeyPart* part
        if spec is None:
            return 0
        cache = route.cache = <CachePlan*>self.arena.take(sizeof(CachePlan))
        cache.verb = VERBS.index(spec["verb"])
        cache.ttl_ms = spec["ttl_ms"]
        cache.invalidation = spec["invalidation"]
        cache.shown = spec["shown"]
        cache.obeys = spec["obeys"]
        cache.whole_query = spec["whole_query"]
        cache.by_place = spec["place"] is not None
        cache.place = self.arena.keep(spec["place"] or b"")
        cache.warning = self.arena.keep(spec["warning"])
        cache.nparts = len(spec["parts"])
        cache.parts = <KeyPart*>self.arena.take(sizeof(KeyPart) * (cache.nparts or 1))
        for i, (kind, name, ops) in enumerate(spec["parts"]):
            part = &cache.parts[i]
            part.kind = kind
            part.name = self.arena.keep(name)
            part.value = self.program(ops)
            if kind == KEY_HEADER:
                cache.keyed |= {b"authorization": KEYED_AUTHORIZATION, b"cookie": KEYED_COOKIE}.get(name, 0)
        return 0

    cdef Checks* make_checks(self, dict spec) except NULL:
        """Keys as the fields of Checks; required: (name, location, index) each, models: (media, range, schema, step) each,
        a Schema or None and a callable or None."""
        cdef Checks* checks = <Checks*>self.arena.take(sizeof(Checks))
        cdef BodyModel* model
        checks.nrequired = len(spec["required"])
        checks.required = <Required*>self.arena.take(sizeof(Required) * (checks.nrequired or 1))
        for i, (name, location, index) in enumerate(spec["required"]):
            checks.required[i].name = self.arena.keep(name)
            checks.required[i].location = location
            checks.required[i].index = index
        checks.nmodels = len(spec["models"])
        checks.models = <BodyModel*>self.arena.take(sizeof(BodyModel) * (checks.nmodels or 1))
        for i, (media, ranged, schema, step) in enumerate(spec["models"]):
            model = &checks.models[i]
            model.media = self.arena.keep(media)
            model.range = ranged
            self.kept += [schema, step]
            model.schema = (<Schema>schema).program if schema is not None else NULL
            model.step = <void*>step if step is not None else NULL
        checks.any_case = spec["any_case"]
        checks.empty_is_object = spec["empty_is_object"]
        checks.body_required = spec["body_required"]
        checks.only_declared = spec["only_declared"]
        checks.pointers = spec["pointers"]
        return checks

    cdef int fill_permission(self, PermissionPlan* plan, dict spec) except -1:
        """Keys as the fields of PermissionPlan; policy: a CompiledPolicy or None, masked: ops, others bytes."""
        cdef CompiledPolicy policy = spec["policy"]
        if policy is not None:
            self.kept.append(policy)
            plan.policy = &policy.policy
        plan.account = self.arena.keep(spec["account"])
        plan.masked = self.program(spec["masked"])
        plan.who, plan.nobody = self.arena.keep(spec["who"]), self.arena.keep(spec["nobody"])
        plan.may_not, plan.plainly = self.arena.keep(spec["may_not"]), self.arena.keep(spec["plainly"])
        plan.spelt_out = self.arena.keep(spec["spelt_out"])
        return 0

    cdef AuthPlan* make_auth(self, dict spec) except NULL:
        """Keys as the fields of AuthPlan. zone: 16 bytes; parts: ("header" or "query", name) or ("program", ops) each;
        pattern: a Whole, or None; scopes: texts; authorize: see step.Authorize."""
        cdef AuthPlan* auth = <AuthPlan*>self.arena.take(sizeof(AuthPlan))
        cdef bytes zone = spec["zone"]
        if len(zone) != sizeof(auth.zone):
            raise ValueError("a zone has 16 bytes")
        memcpy(auth.zone, <const char*>zone, sizeof(auth.zone))
        auth.nparts = len(spec["parts"])
        auth.parts = <IdentityPart*>self.arena.take(sizeof(IdentityPart) * (auth.nparts or 1))
        for i, (kind, what) in enumerate(spec["parts"]):
            auth.parts[i].kind = {"header": IDENTITY_HEADER, "query": IDENTITY_QUERY, "program": IDENTITY_PROGRAM}[kind]
            if kind == "program":
                auth.parts[i].value = self.program(what)
                continue
            auth.parts[i].name = self.arena.keep(what)
            if kind == "header":
                auth.keyed |= {b"authorization": KEYED_AUTHORIZATION | KEYED_COOKIE,
                               b"cookie": KEYED_COOKIE}.get(what.lower(), 0)
        auth.ttl_ms = spec["ttl_ms"]
        auth.timeout_ms = spec["timeout_ms"]
        if spec["pattern"] is not None:
            auth.pattern = (<Whole>spec["pattern"]).code
        auth.nscopes = len(spec["scopes"])
        auth.scopes = <Span*>self.arena.take(sizeof(Span) * (auth.nscopes or 1))
        for i, scope in enumerate(spec["scopes"]):
            auth.scopes[i] = self.arena.keep(scope)
        auth.no_scope = spec["no_scope"]
        if spec["challenge"] is not None:
            auth.challenge = self.arena.keep(spec["challenge"])
        if spec["absent"] is not None:
            auth.absent = self.arena.keep(spec["absent"])
        self.kept += [spec["pattern"], spec["authorize"]]
        auth.authorize = <void*>spec["authorize"]
        return auth

    cdef AuthPlan* make_signed(self) except NULL:
        """Of a route whose requests are signed: who signed is told apart, whatever fields come with it."""
        cdef AuthPlan* auth = <AuthPlan*>self.arena.take(sizeof(AuthPlan))
        if self.data.signatures == NULL:
            raise ValueError("nobody may sign")
        auth.keyed = KEYED_AUTHORIZATION | KEYED_COOKIE
        return auth

    cdef LogPlan* make_log(self, object spec) except? NULL:
        """spec: a dict of line, most and file, or None."""
        cdef LogPlan* log
        if spec is None:
            return NULL
        log = <LogPlan*>self.arena.take(sizeof(LogPlan))
        log.line = self.program(spec["line"])
        log.most = spec["most"]
        log.file = spec["file"]
        return log

    cdef Bucket bucket(self, object spec) except *:
        """spec: (cell, rate, burst), or None for no limit."""
        cdef Bucket b
        if spec is None:
            memset(&b, 0, sizeof(b))
            return b
        cell, rate, burst = spec
        b = bucket_of(rate, burst)
        b.cell = cell
        return b

    def limits(self, bytes key_header, account, list plans) -> None:
        """Before the first add_stage. plans: dicts of throttle (see bucket), quota (0: none), period, offset, name, and
        away, which is None where nodes do not share the plan."""
        cdef bint exact
        cdef UsagePlan* plan
        self.data.key_token = name_token(self.data.names, key_header, len(key_header), &exact)
        self.data.keys = self.keys.header if self.keys is not None else NULL
        self.data.account = self.bucket(account)
        self.data.usage_plans = <UsagePlan*>self.arena.take(sizeof(UsagePlan) * (len(plans) or 1))
        for i, spec in enumerate(plans):
            plan = &self.data.usage_plans[i]
            plan.bucket = self.bucket(spec["throttle"])
            plan.quota, plan.period, plan.offset = spec["quota"], spec["period"], spec["offset"]
            plan.name = self.arena.keep(spec["name"])
            plan.shared = spec["away"] is not None
            plan.away = spec["away"] or 0

    cdef int fill_limits(self, StagePlan* stage, dict spec) except -1:
        """throttle (see bucket); key_stages: for each plan None, or row of routes -> bucket of each key.

        Absent where there is no limit and no plan.
        """
        cdef KeyStage* opened
        plans = spec.get("key_stages", ())
        stage.bucket = self.bucket(spec.get("throttle"))
        stage.key_stages = <KeyStage*>self.arena.take(sizeof(KeyStage) * (len(plans) or 1))
        for i, methods in enumerate(plans):
            opened = &stage.key_stages[i]
            opened.open = methods is not None
            if methods:
                opened.methods = <Bucket*>self.arena.take(sizeof(Bucket) * stage.nroutes)
                for row, bucket in methods.items():
                    opened.methods[<uint32_t>row] = self.bucket(bucket)
        return 0

    cdef int fill_route_limits(self, StagePlan* stage, RoutePlan* route, dict spec) except -1:
        """key_required; throttle (see bucket); concurrency: (first cell, cap). Absent where there is none."""
        route.keyed = spec.get("key_required", False)
        route.bucket = self.bucket(spec.get("throttle"))
        if spec.get("concurrency") is not None:
            route.places, route.concurrency = spec["concurrency"]
        route.limited = (route.keyed or route.bucket.interval != 0 or stage.bucket.interval != 0
                         or self.data.account.interval != 0)
        return 0

    cdef int fill_cors(self, StagePlan* stage, object spec) except -1:
        cdef Cors* cors
        if spec is None:
            return 0
        cors = stage.cors = <Cors*>self.arena.take(sizeof(Cors))
        cors.norigins = len(spec["origins"])
        cors.origins = <Span*>self.arena.take(sizeof(Span) * (cors.norigins or 1))
        for i, origin in enumerate(spec["origins"]):
            cors.origins[i] = self.arena.keep(origin)
        cors.any_origin = b"*" in spec["origins"]
        cors.credentials = spec["credentials"]
        cors.preflight = self.arena.keep(spec["preflight"])
        cors.expose = self.arena.keep(spec["expose"])
        return 0

    def add_firewall(self, dict spec) -> int:
        """Before the stages that have it. spec: see firewall_build.pyx, and replies (see make_replies)."""
        cdef Firewall firewall = Firewall()
        firewall.build(spec, self.make_replies(spec["replies"]))
        self.firewalls.append(firewall)
        return len(self.firewalls) - 1

    cdef int fill_firewall(self, StagePlan* stage, int number) except -1:
        """number: of a firewall; below 0: none."""
        if number >= 0:
            stage.firewall = (<Firewall>self.firewalls[number]).plan
        return 0

    def sign(self, Signatures signatures) -> None:
        """Before the first route of `signed`."""
        self.kept.append(signatures)
        self.data.signatures = &signatures.table

    def add_target(self, dict spec) -> int:
        """spec: key, authority (bytes), host, port, unix_path, and the limits of TargetLimits."""
        self.targets.append(spec)
        self.handles.append(Handle(spec["key"]))
        return len(self.targets) - 1

    def handle(self, int number) -> Handle:
        """Of a target, for a Python step; good as long as an exchange holds the plan."""
        return self.handles[number]

    def add_stage(self, dict spec) -> int:
        """Keys as StagePlan's fields; router is a Router, routes are dicts (see fill_route)."""
        cdef StagePlan* stage = <StagePlan*>self.arena.take(sizeof(StagePlan))
        cdef Router router = spec["router"]
        cdef bint exact
        self.routers.append(router)
        stage.router = router.table
        stage.api_id = self.arena.keep(spec["api_id"])
        stage.name = self.arena.keep(spec["name"])
        stage.http_api = spec["http_api"]
        stage.missing = spec["missing"]
        stage.compresses = spec.get("compress_from") is not None
        stage.compress_from = spec.get("compress_from") or 0
        stage.nroutes = len(spec["routes"])
        self.fill_limits(stage, spec)
        stage.routes = <RoutePlan*>self.arena.take(sizeof(RoutePlan) * (stage.nroutes or 1))
        for i, route in enumerate(spec["routes"]):
            self.fill_route(&stage.routes[i], route)
            self.fill_route_limits(stage, &stage.routes[i], route)
        stage.default_route = spec["default_route"]
        stage.replies = self.make_replies(spec["replies"])
        self.fill_cors(stage, spec["cors"])
        self.fill_firewall(stage, spec.get("firewall", -1))
        stage.always = self.program(spec["always"])
        stage.forward = self.program(spec["forward"])
        stage.defaults = self.mappings(spec["defaults"])
        stage.ndefaults = len(spec["defaults"])
        stage.default_tokens = <uint8_t*>self.arena.take(stage.ndefaults or 1)
        for i in range(stage.ndefaults):
            stage.default_tokens[i] = name_token(self.data.names, stage.defaults[i].name.p, stage.defaults[i].name.n,
                                                 &exact)
        stage.log = self.make_log(spec["log"])
        stage.keys_of_callers = spec.get("keys_of_callers", False)
        stage.arn = self.program(spec.get("arn", ()))
        if spec.get("permission") is not None:
            self.fill_permission(&stage.permission, spec["permission"])
        if stage.http_api:
            stage.rules = &self.data.names.rule_http[0]
        else:
            stage.rules = &self.data.names.rule[0]
        self.stages.append(<size_t>stage)
        return len(self.stages) - 1

    def add_api(self, stages, int fallback) -> int:
        """stages: (name, stage number) each; fallback: number of the stage for paths that name none, or -1."""
        cdef ApiPlan* api = <ApiPlan*>self.arena.take(sizeof(ApiPlan))
        api.nstages = len(stages)
        api.stages = <StageName*>self.arena.take(sizeof(StageName) * (api.nstages or 1))
        for i, (name, number) in enumerate(stages):
            api.stages[i].name = self.arena.keep(name)
            api.stages[i].stage = <StagePlan*><size_t>self.stages[number]
        api.fallback = <StagePlan*><size_t>self.stages[fallback] if fallback >= 0 else NULL
        api.any = api.fallback if api.fallback != NULL else (api.stages[0].stage if api.nstages else NULL)
        self.apis.append(<size_t>api)
        return len(self.apis) - 1

    cdef HostPlan* host(self, bytes name, object paths) except NULL:
        cdef HostPlan* host = <HostPlan*>self.arena.take(sizeof(HostPlan))
        paths = sorted(paths, key=lambda path: len(path[0]), reverse=True)
        host.host = self.arena.keep(name)
        host.npaths = len(paths)
        host.paths = <BasePath*>self.arena.take(sizeof(BasePath) * (host.npaths or 1))
        for i, (prefix, api, stage) in enumerate(paths):
            host.paths[i].prefix = self.arena.keep(prefix)
            host.paths[i].api = <ApiPlan*><size_t>self.apis[api] if api >= 0 else NULL
            host.paths[i].stage = <StagePlan*><size_t>self.stages[stage] if stage >= 0 else NULL
        return host

    cdef HostPlan** table(self, dict hosts, unsigned int* mask) except NULL:
        cdef unsigned int size = 1
        cdef HostPlan* host
        cdef HostPlan** bucket
        while size < 2 * len(hosts):
            size *= 2
        mask[0] = size - 1
        cdef HostPlan** table = <HostPlan**>self.arena.take(sizeof(HostPlan*) * size)
        for name, paths in hosts.items():
            host = self.host(name, paths)
            bucket = &table[host_hash(host.host.p, host.host.n, self.data.host_seed) & mask[0]]
            host.next = bucket[0]
            bucket[0] = host
        return table

    def finish(self, dict hosts, any_host, dict labels, replies, log=None) -> None:
        """hosts, labels: name -> [(prefix, api number, stage number or -1)]; any_host: such a list or None.

        An api number of -1: the next path segment is one of the labels and names the API.
        """
        self.data.host_seed = core.seed
        self.data.hosts = self.table(hosts, &self.data.host_mask)
        self.data.labels = self.table(labels, &self.data.label_mask)
        self.data.any_host = self.host(b"*", any_host) if any_host is not None else NULL
        self.data.replies = self.make_replies(replies)
        self.data.log = self.make_log(log)
        self.data.nstages = len(self.stages)
        self.data.stages = <StagePlan**>self.arena.take(sizeof(StagePlan*) * (self.data.nstages or 1))
        for i, pointer in enumerate(self.stages):
            self.data.stages[i] = <StagePlan*><size_t>pointer

    @property
    def bytes(self) -> int:
        """Bytes of the plan's arena."""
        return self.arena.bytes

    @property
    def exchanges(self) -> int:
        """Exchanges that still hold this plan."""
        return self.data.refs
