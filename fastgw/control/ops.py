"""The ops listener: what an operator, a probe or a Prometheus asks a gateway."""

import asyncio
import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Annotated, Any

import msgspec
import orjson
from aiohttp import web

from fastgw._core.cells import Cells
from fastgw.control import routes
from fastgw.control.firewall import newest_first, rule_counts
from fastgw.control.testing import InvokeRequest, test_invoke
from fastgw.control.usage import Usage
from fastgw.model.usage import MAX_NAME, MAX_VALUE, MIN_VALUE
from fastgw.observe.counters import Reader
from fastgw.observe.exposition import CONTENT_TYPE, exposition
from fastgw.runtime.handover import ControlStart, Served
from fastgw.runtime.peer import Peer, PeerGone, Refused
from fastgw.runtime.store import StoreError
from fastgw.settings import names, shown

KEYS_SHOWN = 1000
"""In one answer."""

OPEN_PATHS = ("/healthz", "/readyz")
"""Answered without the token: probes carry none."""

_POOLS_SECONDS = 0.5
"""Longest time that a scrape waits for the workers to tell of their upstream pools."""

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /keys."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
    plans: list[str] = []
    value: Annotated[str, msgspec.Meta(pattern=rf"^[!-~]{{{MIN_VALUE},{MAX_VALUE}}}$")] | None = None


class Ops:
    """The resources of the ops listener."""

    def __init__(self, start: ControlStart, reader: Reader, usage: Usage, supervisor: Peer, cells: Cells):
        self._usage = usage
        self._cells = cells
        self._resolved = start.resolved
        self._reader = reader
        self._supervisor = supervisor
        self.served: Served = start.served

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.get("/healthz", self.healthz),
                web.get("/readyz", self.readyz),
                web.get("/config", self.config),
                web.get("/routes", self.routes),
                web.get("/upstreams", self.upstreams),
                web.get("/metrics", self.metrics),
                web.get("/live", self.live),
                web.get("/firewall", self.firewall),
                web.get("/keys", self.keys),
                web.get("/plans", self.plans),
                web.get("/usage", self.used),
                web.post("/keys", self.new_key),
                web.post("/keys/enable", self.enable_key),
                web.post("/keys/disable", self.disable_key),
                web.post("/cache/flush", self.flush),
                web.post("/test-invoke", self.test_invoke),
                web.post("/reload", self.reload),
                web.post("/drain", self.drain),
            ]
        )
        return app

    async def healthz(self, _: web.Request) -> web.Response:
        """The supervisor and this process answer."""
        await self._supervisor.call("state")
        return web.Response(text="ok\n")

    async def readyz(self, _: web.Request) -> web.Response:
        """200 when every worker serves; 503 while starting, replacing one, or draining."""
        state = await self._supervisor.call("state")
        ready = not state["draining"] and all(worker["ready"] for worker in state["workers"])
        return _json(state, 200 if ready else 503)

    async def config(self, _: web.Request) -> web.Response:
        settings, origins = self._resolved.settings, self._resolved.origins
        rows = [
            {"name": name, "value": shown(name, getattr(settings, name)), "origin": origins[name]}
            for name in names()
        ]
        return _json({"settings": rows})

    async def routes(self, _: web.Request) -> web.Response:
        return _json({"routes": [asdict(row) for row in routes.rows(self.served.gateway)]})

    async def upstreams(self, _: web.Request) -> web.Response:
        return _json({"workers": await self._supervisor.call("upstreams")})

    async def metrics(self, _: web.Request) -> web.Response:
        upstreams = {}
        with suppress(TimeoutError):    # a worker that hangs must not hide the others' numbers
            async with asyncio.timeout(_POOLS_SECONDS):
                upstreams = await self._supervisor.call("upstreams")
        rules = rule_counts(self.served.gateway, self.served.cells, self._cells)
        text = await asyncio.to_thread(exposition, self._reader, self.served.labels, upstreams, rules)
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def firewall(self, _: web.Request) -> web.Response:
        """How often each rule acted, and the last requests that it matched."""
        counts = rule_counts(self.served.gateway, self.served.cells, self._cells)
        rows = [{"firewall": firewall, "rule": rule, "action": action, "requests": count}
                for (firewall, rule, action), count in counts.items()]
        return _json({"rules": rows, "samples": newest_first(await self._supervisor.call("samples"))})

    async def live(self, _: web.Request) -> web.Response:
        """What the workers hold now: everything is zero in an idle gateway without connections."""
        workers: dict[int, dict[str, int]] = await self._supervisor.call("live")
        total: dict[str, int] = {}
        for counts in workers.values():
            for name, count in counts.items():
                total[name] = total.get(name, 0) + count
        return _json({"total": total, "workers": workers})

    async def reload(self, _: web.Request) -> web.Response:
        """200 when every worker has swapped; else 422, the problems line by line, and nothing changed."""
        try:
            warnings = await self._supervisor.call("reload")
        except Refused as refusal:
            return web.Response(status=422, text="".join(f"{line}\n" for line in refusal.problems))
        return web.Response(text="".join(f"{line}\n" for line in (*warnings, "reloaded")))

    async def keys(self, request: web.Request) -> web.Response:
        """At most KEYS_SHOWN keys; ?after=NAME goes on behind the last one."""
        return _json({"keys": await asyncio.to_thread(self._usage.keys, KEYS_SHOWN, request.query.get("after"))})

    async def plans(self, _: web.Request) -> web.Response:
        return _json({"plans": self._usage.plans()})

    async def used(self, request: web.Request) -> web.Response:
        """?key=NAME: what it has used, and has left."""
        found = await asyncio.to_thread(self._usage.of, request.query.get("key", ""))
        return _no_such_key() if found is None else _json(found)

    async def new_key(self, request: web.Request) -> web.Response:
        """{"name", "plans", "value"}: the key is in force when this answers. The value may be left out."""
        try:
            asked = msgspec.json.decode(await request.read(), type=NewKey)
            value = await self._usage.new_key(asked.name, tuple(asked.plans), asked.value)
        except (msgspec.MsgspecError, ValueError) as wrong:
            return web.Response(status=400, text=f"{wrong}\n")
        except StoreError as error:
            return web.Response(status=503, text=f"{error}\n")
        except Refused as refusal:
            return web.Response(status=422, text="".join(f"{line}\n" for line in refusal.problems))
        return _json({"name": asked.name, "value": value}, 201)

    async def enable_key(self, request: web.Request) -> web.Response:
        return await self._switch_key(request, True)

    async def disable_key(self, request: web.Request) -> web.Response:
        """?key=NAME: no worker lets it in any more when this answers."""
        return await self._switch_key(request, False)

    async def _switch_key(self, request: web.Request, enabled: bool) -> web.Response:
        name = request.query.get("key", "")
        try:
            if not await self._usage.switch(name, enabled):
                return _no_such_key()
        except StoreError as error:
            return web.Response(status=503, text=f"done, but a restart will forget it: {error}\n")
        return _json({"name": name, "enabled": enabled})

    async def flush(self, request: web.Request) -> web.Response:
        """Forget cached answers: of a stage, of all stages of an API (by name or id), or of everything."""
        api, stage = request.query.get("api"), request.query.get("stage")
        unknown = request.query.keys() - {"api", "stage"}
        if unknown or (stage is not None and api is None):
            return web.Response(status=400, text="expected api=NAME and stage=NAME, api=NAME, or nothing\n")
        gateway = self.served.gateway
        ids = {one.name: one.id for one in gateway.apis if api in (None, one.name, one.id)}
        stages = [one for one in gateway.stages if one.api in ids and stage in (None, one.name)]
        if not stages:
            return web.Response(status=404, text="there is no such stage\n")
        try:
            gone = [await self._supervisor.call("flush", f"{ids[one.api]}/{one.name}".encode()) for one in stages]
        except Refused as refusal:
            return web.Response(status=503, text="".join(f"{line}\n" for line in refusal.problems))
        return web.Response(text=f"{sum(gone)} cached answers forgotten\n")

    async def test_invoke(self, request: web.Request) -> web.Response:
        """{"method", "url", "headers", "body"}: status, headers, body, log and phases of one request."""
        try:
            asked = msgspec.json.decode(await request.read(), type=InvokeRequest)
            told = await test_invoke(self.served.gateway, self._resolved.settings, asked)
        except (msgspec.MsgspecError, ValueError) as wrong:
            return web.Response(status=400, text=f"{wrong}\n")
        return web.Response(body=told, content_type="application/json")

    async def drain(self, _: web.Request) -> web.Response:
        await self._supervisor.call("drain")
        return web.Response(status=202, text="draining\n")

    @web.middleware
    async def _guard(self, request: web.Request, handler: Next) -> web.StreamResponse:
        if reason := self._refuses(request):
            return web.Response(status=403, text=f"{reason}\n")
        if not self._has_token(request):
            return web.Response(status=401, text="expected Authorization: Bearer TOKEN\n")
        try:
            return await handler(request)
        except PeerGone:
            return web.Response(status=503, text="the supervisor is gone\n")

    def _refuses(self, request: web.Request) -> str:
        """A page open in the operator's browser must not reach the listener behind their back."""
        if "Origin" in request.headers or request.headers.get("Sec-Fetch-Site", "none") != "none":
            return "requests from web pages are not served"
        settings = self._resolved.settings
        reachable_by_name = settings.ops_public or settings.ops.startswith("unix:")
        if not reachable_by_name and not _is_literal(request.headers.get("Host", "")):
            return "expected a Host that is an address or localhost"
        return ""

    def _has_token(self, request: web.Request) -> bool:
        token = self._resolved.settings.ops_token
        if not token or request.path in OPEN_PATHS:
            return True
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(errors="surrogateescape"), token.encode())


def _is_literal(host: str) -> bool:
    """Whether a Host is an address or localhost: a name could have been re-bound to this machine."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if name == "localhost":
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _no_such_key() -> web.Response:
    return web.Response(status=404, text="no key has this name\n")


def _json(value: Any, status: int = 200) -> web.Response:
    body = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
    return web.Response(status=status, body=body + b"\n", content_type="application/json")
