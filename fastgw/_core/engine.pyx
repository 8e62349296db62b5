"""The engine as the worker sees it: listeners, plan swaps, targets, counters."""
import os
import socket

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from fastgw._core.accesslog cimport log_open
from fastgw._core.address cimport address_trust
from fastgw._core.balance cimport endpoint_active
from fastgw._core.bytes cimport Span, span
from fastgw._core.cells cimport Cells
from fastgw._core.cache cimport (CacheZone, cache_bytes, cache_close, cache_count, cache_flush, cache_open, cache_sweep,
                                 cache_zone, cache_zones)
from fastgw._core.breaker cimport RETRY
from fastgw._core.cache_fill cimport fill_count
from fastgw._core.decisions cimport decisions_close, decisions_count, decisions_open
from fastgw._core.encode cimport encode_live
from fastgw._core.call cimport calls_close
from fastgw._core.caller cimport callers_live
from fastgw._core.clock cimport wheel_close, wheel_count, wheel_open
from fastgw._core.conn cimport Entrance, conn_accept, conn_open, conns_close, conns_drain
from fastgw._core.counters cimport H_PLAN_SWAPS, HEADER_BYTES, ROW_BYTES
from fastgw._core.exchange cimport exchange_close
from fastgw._core.handle cimport Handle
from fastgw._core.health cimport HealthTable, endpoint_state, health_watch
from fastgw._core.libuv cimport UV_NAMED_PIPE, UV_TCP, loop_pointer, uv, uv_data, uv_set_data
from fastgw._core.nghttp2 cimport nghttp2_open
from fastgw._core.nghttp2 import nghttp2_missing
from fastgw._core.overload cimport overload_close, overload_open, overload_told
from fastgw._core.path cimport PATH_MERGE_SLASHES, PATH_PASS_ENCODED_SLASH
from fastgw._core.plan cimport Plan
from fastgw._core.pool cimport target_serve
from fastgw._core.group cimport Address, MAX_ENDPOINTS, TargetLimits
from fastgw._core.state cimport DRAIN_GENTLY, DRAIN_NOT, DRAIN_NOW, Endpoint, ROUTE_PROXY, StagePlan, Target, core, count
from fastgw._core.stream cimport stream_live
from fastgw._core.target cimport Member, target_find, target_hash_header, target_new, target_secure, target_settle, targets_sweep
from fastgw._core.tls cimport ClientContext, tls_live
from fastgw._core.upstream cimport upstream_close_all

cdef extern from "<arpa/inet.h>" nogil:
    enum: AF_INET, AF_INET6
    struct in_addr:
        pass
    struct in6_addr:
        pass
    struct sockaddr_in:
        unsigned short sin_family, sin_port
        in_addr sin_addr
    struct sockaddr_in6:
        unsigned short sin6_family, sin6_port
        in6_addr sin6_addr
    int inet_pton(int family, const char* text, void* address)
    unsigned short htons(unsigned short n)

cdef enum:
    BACKLOG = 4096


POLICIES = ("round_robin", "least_connections", "hash source_ip", "hash path", "hash header")   # state.Policy


cdef str text(Span s):
    return (<bytes>s.p[:s.n]).decode("latin-1")


cdef bytes fill_member(Member* m, str ip, int port):
    """Key and address of an endpoint. The key's bytes are the result's: keep it as long as m."""
    cdef sockaddr_in* v4 = <sockaddr_in*>&m.address
    cdef sockaddr_in6* v6 = <sockaddr_in6*>&m.address
    address = ip.encode()
    key = address if ip.startswith("unix:") else b"[%s]:%d" % (address, port) if ":" in ip else b"%s:%d" % (address, port)
    m.key = span(key, len(key))
    if ip.startswith("unix:"):
        pass
    elif inet_pton(AF_INET, address, &v4.sin_addr) == 1:
        v4.sin_family = AF_INET
        v4.sin_port = htons(port)
    elif inet_pton(AF_INET6, address, &v6.sin6_addr) == 1:
        v6.sin6_family = AF_INET6
        v6.sin6_port = htons(port)
    else:
        raise ValueError(f"not an IP address: {ip}")
    return key


cdef void void_handles(Plan plan):
    """No exchange holds the plan any more: a step that outlived its request must not call by its handles."""
    cdef Handle handle
    for handle in plan.handles:
        handle.target = NULL
        handle.plan = NULL


cdef dict endpoint_row(Endpoint* e):
    cdef uint64_t now = uv.now(core.loop)
    return {
        "address": text(e.key),
        "state": endpoint_state(e, now).decode(),
        "seconds_left": (e.ejected_until - now) / 1000 if e.ejected_until > now else 0,
        "weight": e.weight,
        "active": endpoint_active(e),
        "connections": e.nconns,
        "idle": e.nidle,
        "connecting": e.nconnecting,
        "pending": e.waiting.n,
        "latency_ms": e.latency_us / 1000,
        "failures_in_a_row": e.failing,
        "connects": e.connects,
        "reuses": e.reuses,
        "failures": e.failures,
        "timeouts": e.timeouts,
        "ejections": e.ejected,
        "tls_failures": e.insecure_n,
        "tls_error": e.insecure.decode() if e.insecure != NULL else "",
    }


cdef void on_connection(void* server, int status) noexcept nogil:
    if status == 0:
        conn_accept(server, <Entrance*>uv_data(server))


cdef void on_server_closed(void* handle) noexcept nogil:
    free(uv_data(handle))
    free(handle)


cdef class Engine:
    """One per process: the data plane on a uvloop loop.

    settings: integers by the names of fastgw.settings.engine_settings; stats: this worker's region of the
    shared counters; cells: the shared cells, without which no route may have a limit; log: its part of the rings
    of log lines, without which nothing is logged. All methods are called on the loop's thread.
    """

    cdef object loop
    cdef object stats
    cdef Cells cells
    cdef object log
    cdef list servers           # uv handles as numbers
    cdef HealthTable health     # keeps the memory that endpoints point into
    cdef list plans             # the current plan, then those that exchanges still hold

    def __init__(self, loop, dict settings, stats, int worker, Cells cells=None, log=None):
        cdef unsigned char[:] region = stats
        cdef bytes secret = os.urandom(16)
        cdef uint64_t keys[2]
        cdef unsigned char[:] lines = log
        self.loop = loop
        self.stats = stats
        self.log = log
        self.servers = []
        self.plans = []
        memset(&core.limits, 0, sizeof(core.limits))
        core.loop = loop_pointer(loop)
        core.drain = DRAIN_NOT
        core.gauges = <uint64_t*>&region[0]
        core.rows = <char*>&region[HEADER_BYTES]
        self.cells = cells
        if cells is not None:
            core.cells = &cells.map
        core.worker = worker
        core.nodes = settings["redis_nodes"]
        core.nrows = (region.shape[0] - HEADER_BYTES) // ROW_BYTES
        core.limits.head_bytes = settings["head_bytes"]
        core.limits.head_fields = settings["head_fields"]
        core.limits.head_timeout = settings["head_timeout_ms"]
        core.limits.body_bytes = settings["body_bytes"]
        core.limits.body_idle_timeout = settings["body_idle_timeout_ms"]
        core.limits.body_min_rate = settings["body_min_rate"]
        core.limits.send_timeout = settings["send_timeout_ms"]
        core.limits.keepalive_timeout = settings["keepalive_timeout_ms"]
        core.limits.keepalive_requests = settings["keepalive_requests"]
        core.limits.max_connections = settings["max_connections"]
        core.limits.max_connections_per_address = settings["max_connections_per_address"]
        core.limits.path_flags = ((PATH_MERGE_SLASHES if settings["merge_slashes"] else 0)
                                  | (PATH_PASS_ENCODED_SLASH if settings["encoded_slashes"] else 0))
        core.upstream_head_bytes = settings["upstream_head_bytes"]
        core.upstream_fields = settings["upstream_head_fields"]
        memcpy(keys, <const char*>secret, 16)
        cache_open(settings["cache_bytes"], keys)
        decisions_open(settings["authorizer_cache"], settings["authorizer_cache_bytes"], keys)
        log_open(<char*>&lines[0] if log is not None else NULL, lines.shape[0] if log is not None else 0)
        wheel_open(core.loop)
        conn_open(loop)
        overload_open(settings["memory_share"], settings["overload_lag_ms"] * 1000)

    def listen(self, sock, *, bint tls=False, bint proxied=False, bint http2=False) -> None:
        """Accept on a bound socket; the engine keeps a descriptor of its own. proxied: connections begin with a header
        of the PROXY protocol. http2: plain ones are also taken from clients that begin with HTTP/2 (a TLS client asks
        for it by ALPN); ImportError where libnghttp2 is missing."""
        if http2 and not nghttp2_open():
            raise ImportError(nghttp2_missing())
        cdef bint tcp = sock.family != socket.AF_UNIX
        cdef void* handle = calloc(1, uv.handle_size(UV_TCP if tcp else UV_NAMED_PIPE))
        cdef Entrance* entrance = <Entrance*>calloc(1, sizeof(Entrance))
        cdef int error, fd = socket.dup(sock.fileno())
        if handle == NULL or entrance == NULL:
            free(handle)
            free(entrance)
            raise MemoryError
        entrance.tcp = tcp
        entrance.tls = tls
        entrance.proxied = proxied
        entrance.http2 = http2 and not tls
        entrance.port = sock.getsockname()[1] if tcp else 0
        if tcp:
            uv.tcp_init(core.loop, handle)
            error = uv.tcp_open(handle, fd)
        else:
            uv.pipe_init(core.loop, handle, 0)
            error = uv.pipe_open(handle, fd)
        uv_set_data(handle, entrance)
        if error == 0:
            error = uv.listen(handle, BACKLOG, on_connection)
        if error < 0:
            uv.close(handle, on_server_closed)
            raise OSError(-error, f"cannot listen on {sock.getsockname()}")
        self.servers.append(<size_t>handle)

    def trust(self, list networks) -> None:
        """Believe what peers in these networks say of their clients; see address.pxd."""
        address_trust(networks)

    def swap(self, Plan plan) -> None:
        """Serve a plan from the next request on; requests under way end with the plan they began with."""
        cdef StagePlan* stage
        cdef Target* target
        targets = []
        cdef uint32_t i, k
        cdef Handle handle
        for spec, handle in zip(plan.targets, plan.handles):
            target = self.adopt_target(spec)
            handle.target, handle.plan = target, plan.data
            targets.append(<size_t>target)
        for i in range(plan.data.nstages):
            stage = plan.data.stages[i]
            for k in range(stage.nroutes):
                if stage.routes[k].kind == ROUTE_PROXY:
                    stage.routes[k].target = <Target*><size_t>targets[stage.routes[k].target_index]
        self.adopt_zones(plan)
        core.plan = plan.data
        self.plans.insert(0, plan)
        wanted = set(targets)
        target = core.targets
        while target != NULL:
            target.wanted = <size_t>target in wanted
            target = target.next
        count(H_PLAN_SWAPS)
        self.reap()

    cdef int adopt_zones(self, Plan plan) except -1:
        """Give every stage its part of the cache: that of the same id, which lives, or a new one."""
        cdef CacheZone* zone = cache_zones()
        cdef StagePlan* stage
        cdef uint32_t i
        while zone != NULL:
            zone.wanted = False
            zone = zone.next
        for i in range(plan.data.nstages):
            stage = plan.data.stages[i]
            name = stage.api_id.p[:stage.api_id.n] + b"/" + stage.name.p[:stage.name.n]
            stage.zone = cache_zone(span(name, len(name)))
            if stage.zone == NULL:
                raise MemoryError
            stage.zone.wanted = True
        return 0

    def samples(self) -> list:
        """What the firewalls of the newest plan matched last: dicts, as firewall_sample.pyx makes them."""
        return [sample for firewall in (<Plan>self.plans[0]).firewalls for sample in firewall.samples()] \
            if self.plans else []

    def flush(self, bytes id) -> int:
        """Forget the cached answers of the stage b"{api id}/{stage}", or of all with b""; returns how many."""
        cdef CacheZone* zone = cache_zones()
        cdef uint64_t gone = 0
        while zone != NULL:
            if not id or zone.id.p[:zone.id.n] == id:
                gone += cache_flush(zone)
            zone = zone.next
        return gone

    cdef Target* adopt_target(self, dict spec) except NULL:
        """The group of this key: the one that lives, with new settings, or a new one."""
        cdef bytes key = spec["key"], authority = spec["authority"], header = spec["hash_header"]
        cdef Target* target = target_find(span(key, len(key)))
        if target == NULL:
            target = target_new(span(key, len(key)), span(authority, len(authority)))
        if target == NULL or not target_hash_header(target, span(header, len(header))):
            raise MemoryError
        if spec["secured"] is not None:
            self.secure(target, spec["secured"])
        target.policy = POLICIES.index(spec["policy"])
        target.checked = spec["checked"]
        target.limits.max_connections = spec["max_connections"]
        target.limits.max_pending = spec["max_pending"]
        target.limits.connect_timeout = spec["connect_timeout_ms"]
        target.limits.first_byte_timeout = spec["first_byte_timeout_ms"]
        target.limits.idle_timeout = spec["idle_timeout_ms"]
        target.limits.pool_idle = spec["pool_idle_ms"]
        target.limits.try_timeout = spec["try_timeout_ms"]
        target.limits.max_latency = spec["max_latency_us"]
        target.admits = target.limits.max_connections + target.limits.max_pending
        target.ejection.failures = spec["eject_failures"]
        target.ejection.duration = spec["eject_ms"]
        target.ejection.percent = spec["eject_percent"]
        target.ejection.status_5xx = spec["eject_5xx"]
        target.ejection.slow_start = spec["slow_start_ms"]
        fixed = [(host, port, weight, most) for kind, host, port, weight, most in spec["sources"] if kind == "ip"]
        if len(fixed) == len(spec["sources"]):
            self.set_endpoints(key, fixed)
        return target

    cdef int secure(self, Target* target, secured) except -1:
        cdef ClientContext context = secured.context
        cdef bytes name = secured.name.encode()
        if not target_secure(target, context.context, span(name, len(name))):
            raise MemoryError
        return 0

    def reap(self) -> None:
        """Drop plans that no exchange holds any more and targets that nobody uses."""
        cdef Plan plan
        kept = []
        for plan in self.plans:
            if plan.data == core.plan or plan.data.refs:
                kept.append(plan)
            else:
                void_handles(plan)
        self.plans = kept
        targets_sweep(len(kept) == 1)
        if len(kept) == 1:
            cache_sweep()

    def watch_health(self, HealthTable table) -> None:
        """Before the first plan: the verdicts of the active checks."""
        self.health = table
        health_watch(table)

    def targets(self) -> list:
        """Groups of the current plan: dicts of id (for set_endpoints), sources and allow_private."""
        if not self.plans:
            return []
        plan = <Plan>self.plans[0]
        return [{"id": spec["key"], "sources": spec["sources"], "allow_private": spec["allow_private"]}
                for spec in plan.targets]

    def set_endpoints(self, bytes key, list members) -> None:
        """The endpoints of a group: (IP address or unix:/path, port, weight, most connections) each.

        Most connections 0: as many as the group may have. Those that stay keep their connections. An empty list says
        that none could be found out: the group keeps those that it has.
        """
        cdef Target* target = target_find(span(key, len(key)))
        cdef Member* table
        cdef uint32_t n = 0
        if target == NULL:
            return
        target.failed = not members
        if not members:
            target_serve(target)
            return
        table = <Member*>calloc(MAX_ENDPOINTS, sizeof(Member))
        if table == NULL:
            raise MemoryError
        names = []
        try:
            for ip, port, weight, most in members[:MAX_ENDPOINTS]:
                names.append(fill_member(&table[n], ip, port))
                table[n].weight = weight
                table[n].max_connections = most
                n += 1
            target_settle(target, table, n)
        finally:
            free(table)

    def drain(self, int lull_ms = 0) -> None:
        """Close the listeners at once, idle connections too, and the others with the end of their answer.

        lull_ms: leave alone those that were in use within it, for the answer to their next request to close. Call
        again for those that have become idle since.
        """
        core.drain = DRAIN_GENTLY if lull_ms else DRAIN_NOW
        self.close_servers()
        conns_drain(lull_ms)

    cdef void close_servers(self) noexcept:
        cdef size_t handle
        for handle in self.servers:
            uv.close(<void*>handle, on_server_closed)
        self.servers = []

    def close(self) -> None:
        """Close everything now. The loop must turn once more for the handles to go."""
        self.close_servers()
        conns_close()
        calls_close()
        upstream_close_all()
        exchange_close()
        cache_close()
        decisions_close()
        wheel_close()
        overload_close()

    def finish(self) -> None:
        """After close() and a turn of the loop: free the plans and the targets."""
        cdef Target* target = core.targets
        while target != NULL:
            target.wanted = 0
            target = target.next
        targets_sweep(True)
        health_watch(None)
        core.plan = NULL
        for plan in self.plans:
            void_handles(plan)
        self.plans = []

    def live(self) -> dict:
        """Live objects; all zero after close() and a turn of the loop, but for the idle pool before it."""
        return {
            "connections": core.live.connections,
            "exchanges": core.live.exchanges,
            "calls": core.live.calls,
            "sessions": core.live.sessions,
            "streams": core.live.streams,
            "buffers": core.live.buffers,
            "upstreams": core.live.upstreams,
            "writes": stream_live(),
            "tls": tls_live(),
            "timers": wheel_count(),
            "fills": fill_count(),
            "encoders": encode_live(),
            "cached": cache_count(),
            "cache_bytes": cache_bytes(),
            "callers": callers_live() - decisions_count(),
            "decisions": decisions_count(),
            "plans": len(self.plans) - 1 if self.plans else 0,
        }

    def overload(self) -> dict:
        """What the worker's load was when it was last looked at: see overload.pyx."""
        return overload_told()

    def insecure(self) -> list:
        """Endpoints with which a TLS handshake has failed: (group, address, the last reason, how many)."""
        cdef Target* t = core.targets
        cdef Endpoint* e
        cdef uint32_t i
        found = []
        while t != NULL:
            for i in range(t.nendpoints):
                e = t.endpoints[i]
                if e.insecure != NULL:
                    found.append((text(t.key), text(e.key), e.insecure.decode(), e.insecure_n))
            t = t.next
        return found

    def upstreams(self) -> list:
        """State of every group and of its endpoints: connections by state, waiters, and counters."""
        cdef Target* t = core.targets
        cdef Endpoint* e
        cdef uint32_t i
        found = []
        while t != NULL:
            endpoints = [endpoint_row(t.endpoints[i]) for i in range(t.nendpoints)]
            e = t.leaving
            while e != NULL:
                endpoints.append(endpoint_row(e))
                e = e.next
            found.append({
                "target": text(t.key),
                "policy": POLICIES[t.policy],
                "resolved": not t.failed,
                "connections": t.nconns,
                "idle": t.nidle,
                "pending": t.waiting.n,
                "admits": t.admits,
                "retry_budget": t.retry_credit / <double>RETRY,
                "retries": t.retries,
                "refused": t.refused,
                "endpoints": endpoints,
            })
            t = t.next
        return found
