"""A plain Python proxy, as one would write it with aiohttp on uvloop: PORT ORIGIN_PORT."""

import asyncio
import sys

import aiohttp
import uvloop
from aiohttp import web

from bench.compare import site as place
from bench.compare import works

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"})
SESSION: web.AppKey[aiohttp.ClientSession] = web.AppKey("session", aiohttp.ClientSession)


async def fixed(_: web.Request) -> web.Response:
    return web.Response(body=works.FIXED_BODY, content_type="application/json")


async def forward(request: web.Request) -> web.Response:
    headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
    body = await request.read() if request.can_read_body else None
    session = request.app[SESSION]
    async with session.request(request.method, request.rel_url, data=body, headers=headers) as answer:
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
        return web.Response(status=answer.status, body=await answer.read(), headers=kept)


async def serve(port: int, origin_port: int) -> None:
    app = web.Application()
    app.router.add_get("/fixed", fixed)
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
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
