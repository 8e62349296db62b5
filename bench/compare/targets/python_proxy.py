"""A plain Python proxy, as one would write it with aiohttp on uvloop: PORT ORIGIN_PORT LOG.

Bodies for /orders are checked with orjson and fastjsonschema; requests are counted by status.
"""

import asyncio
import collections
import logging
import sys
import time
import uuid
from collections.abc import Awaitable, Callable

import aiohttp
import fastjsonschema
import orjson
import uvloop
from aiohttp import web

from bench.compare import site as place
from bench.compare import works

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"})
ORDER_IS_GOOD = fastjsonschema.compile(works.ORDER_SCHEMA, use_default=False)
COUNTS: collections.Counter[int] = collections.Counter()
LOG = logging.getLogger("access")
SESSION: web.AppKey[aiohttp.ClientSession] = web.AppKey("session", aiohttp.ClientSession)


async def fixed(_: web.Request) -> web.Response:
    return web.Response(body=works.FIXED_BODY, content_type="application/json")


async def order(request: web.Request) -> web.Response:
    try:
        ORDER_IS_GOOD(orjson.loads(await request.read()))
    except (orjson.JSONDecodeError, fastjsonschema.JsonSchemaException):
        return web.json_response({"message": "Invalid request body"}, status=400)
    return await forward(request)


@web.middleware
async def logged(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    began, number = time.monotonic(), str(uuid.uuid4())
    answer = await handler(request)
    answer.headers["X-Request-Id"] = number
    COUNTS[answer.status] += 1
    line = {
        "requestId": number, "ip": request.remote, "requestTime": time.time(), "httpMethod": request.method,
        "routeKey": request.path, "status": answer.status, "responseLength": answer.content_length,
        "latency": time.monotonic() - began,
    }  # fmt: skip
    LOG.info(orjson.dumps(line).decode())
    return answer


async def forward(request: web.Request) -> web.Response:
    headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
    body = await request.read() or None
    session = request.app[SESSION]
    async with session.request(request.method, request.rel_url, data=body, headers=headers) as answer:
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
        return web.Response(status=answer.status, body=await answer.read(), headers=kept)


async def serve(port: int, origin_port: int, log: str) -> None:
    LOG.setLevel(logging.INFO)
    LOG.addHandler(logging.FileHandler(log))
    app = web.Application(middlewares=[logged])
    app.router.add_get("/fixed", fixed)
    app.router.add_post("/orders", order)
    app.router.add_route("*", "/{path:.*}", forward)
    connector = aiohttp.TCPConnector(limit=place.POOL, keepalive_timeout=place.IDLE_SECONDS)
    origin = f"http://127.0.0.1:{origin_port}"
    async with aiohttp.ClientSession(origin, connector=connector, auto_decompress=False) as session:
        app[SESSION] = session
        runner = web.AppRunner(app, access_log=None, keepalive_timeout=place.IDLE_SECONDS)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
