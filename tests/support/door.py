"""An engine in this process, on a uvloop loop, with Python steps or a plan; and a client on the same loop."""

import asyncio
import functools
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any

import uvloop

from fastgw._core.engine import Engine
from fastgw._core.handle import Handle
from fastgw._core.plan import Plan
from fastgw._core.router import Router
from fastgw._core.step import Step
from fastgw._core.tls_server import ServerContext
from fastgw.errors import CODE
from fastgw.observe import layout
from fastgw.plan.replies import replies
from fastgw.plan.rules import REMAP_PREFIX, names
from fastgw.plan.targets import Source
from fastgw.settings import Settings, engine_settings

ANY = 7
PATIENCE = 10.0
ROWS = 64


def group_spec(name: str, ports: Sequence[int], **limits: object) -> dict[str, object]:
    """A group of endpoints on this machine, as the plan compiler would write it."""
    return {
        "key": name.encode(),
        "authority": name.encode(),
        "sources": [Source("ip", "127.0.0.1", port) for port in ports],
        "allow_private": True,
        "policy": "round_robin",
        "hash_header": b"",
        "checked": False,
        "secured": None,
        "max_connections": 64,
        "max_pending": 64,
        "connect_timeout_ms": 5_000,
        "first_byte_timeout_ms": 30_000,
        "idle_timeout_ms": 30_000,
        "pool_idle_ms": 30_000,
        "try_timeout_ms": 0,
        "max_latency_us": 0,
        "eject_failures": 1_000,
        "eject_ms": 1_000,
        "eject_percent": 100,
        "eject_5xx": False,
        "slow_start_ms": 0,
    } | limits


def plan_of(
    steps: Iterable[tuple[str, Step]],
    timeout_ms: int,
    groups: Iterable[dict[str, object]] = (),
    line: dict[str, Any] | None = None,
    compress_from: int | None = None,
    cache: dict[str, Any] | None = None,
    auth: dict[str, Any] | None = None,
    http_api: bool = False,
    stage: dict[str, Any] | None = None,
) -> Plan:
    """One API at every host's root; row FIRST_ROUTE_SLOT + n counts the n-th step. stage: more of its stage."""
    routes = [
        {
            "kind": "python",
            "slot": layout.FIRST_ROUTE_SLOT + number,
            "resource": path.encode(),
            "operation": b"ANY",
            "step": step,
            "timeout_ms": timeout_ms,
            "cache": cache,
            "auth": auth,
        }
        for number, (path, step) in enumerate(steps)
    ]
    plan = Plan(names(), REMAP_PREFIX.encode(), b"label")
    for spec in groups:
        plan.add_target(spec)
    number = plan.add_stage(
        (stage or {}) | {
            "api_id": b"doors",
            "name": b"$default",
            "http_api": http_api,
            "missing": CODE["MISSING_ROUTE"],
            "router": Router((ANY, route["resource"], number) for number, route in enumerate(routes)),
            "routes": routes,
            "default_route": -1,
            "replies": replies(None, {}),
            "cors": None,
            "always": [],
            "forward": [],
            "defaults": [],
            "log": line,
            "compress_from": compress_from,
        }
    )
    plan.finish({}, [(b"", plan.add_api([], number), -1)], {}, replies(None, {}))
    return plan


class Doors:
    """Use as an asynchronous context manager: at its end nothing is alive, in the engine or in the loop."""

    def __init__(
        self,
        served: dict[str, Step] | Plan,
        timeout_ms: int = 10_000,
        log: memoryview | None = None,
        groups: Sequence[dict[str, object]] = (),
        line: dict[str, Any] | None = None,
        cache: dict[str, Any] | None = None,
        tls: ServerContext | None = None,
        prior_knowledge: bool = False,
        **settings: int,
    ) -> None:
        self._groups, self._line, self._cache = groups, line, cache
        self._served, self._timeout_ms, self._log, self._settings = served, timeout_ms, log, settings
        self._tls, self._prior_knowledge = tls, prior_knowledge
        self._stats = bytearray(layout.HEADER_BYTES + ROWS * layout.SLOT_BYTES)
        self._clients: list[Client] = []

    async def __aenter__(self) -> "Doors":
        self._others = asyncio.all_tasks()
        numbers = engine_settings(Settings()) | {"memory_share": 0} | self._settings
        self.engine = Engine(asyncio.get_running_loop(), numbers, memoryview(self._stats), 0, log=self._log)
        self.swap(self._served)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.port = listening.getsockname()[1]
            self.engine.listen(listening, tls=self._tls is not None, http2=self._prior_knowledge)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            await client.close()
        self.engine.close()
        self.engine.reap()
        gone = await eventually(lambda: not any(self.engine.live().values()))
        self.engine.finish()
        tasks = await eventually(lambda: not asyncio.all_tasks() - self._others)
        if error is None:
            assert gone, self.engine.live()
            assert tasks, asyncio.all_tasks()

    def swap(self, served: dict[str, Step] | Plan) -> None:
        self._plan = served if isinstance(served, Plan) else self._plan_of(served)
        if self._tls is not None:
            self._plan.secure(self._tls)
        self.engine.swap(self._plan)

    def _plan_of(self, steps: dict[str, Step]) -> Plan:
        return plan_of(steps.items(), self._timeout_ms, self._groups, self._line, cache=self._cache)

    def swap_groups(self, groups: Sequence[dict[str, object]]) -> None:
        """The same steps, with other groups."""
        self._groups = groups
        self.swap(self._served)

    def handle(self, number: int = 0) -> Handle:
        """Of one of the groups, by the plan that is served now."""
        return self._plan.handle(number)

    def cell(self, cell: int) -> int:
        """A cell of the header page."""
        return struct.unpack_from("=Q", self._stats, cell * layout.WORD)[0]

    def row(self, path: str, cell: int) -> int:
        """A cell of the row of one step."""
        slot = layout.FIRST_ROUTE_SLOT + list(self._served).index(path)
        return struct.unpack_from("=Q", self._stats, layout.slot_offset(slot) + cell * layout.WORD)[0]

    async def client(self, context: ssl.SSLContext | None = None, name: str = "localhost") -> "Client":
        """context: of a client that speaks TLS, to a server of this name."""
        secure = {"ssl": context, "server_hostname": name} if context else {}
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, **secure)
        client = Client(reader, writer)
        self._clients.append(client)
        return client


class Client:
    """One connection. An answer is (status, fields in lower case, body)."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, path: str, *fields: str, method: str = "GET", body: bytes = b"") -> None:
        """A request; its Content-Length is added where it has a body and no field of its own speaks of it."""
        lines = [f"{method} {path} HTTP/1.1", "Host: test", *fields]
        if body and not any(
            line.lower().startswith(("content-length", "transfer-encoding")) for line in fields
        ):
            lines.append(f"Content-Length: {len(body)}")
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)

    async def answer(self, method: str = "GET") -> tuple[int, list[tuple[str, str]], bytes]:
        async with asyncio.timeout(PATIENCE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head[:-4].split("\r\n")
            status = int(first.split(" ")[1])
            fields = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)]
            size = int(dict(fields).get("content-length", 0))
            body = (
                b"" if method == "HEAD" or status in (100, 204, 304) else await self.reader.readexactly(size)
            )
            return status, fields, body

    async def ask(self, path: str, *fields: str, method: str = "GET", body: bytes = b"") -> tuple[int, bytes]:
        """Status and body of one request's answer."""
        self.send(path, *fields, method=method, body=body)
        status, _, answer = await self.answer(method)
        return status, answer

    async def ended(self) -> bool:
        """Nothing more comes, and the gateway closes."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read() == b""

    async def reset(self) -> None:
        """Leave with RST: a close that the gateway sees at once. Nothing where the gateway has closed already."""
        own = self.writer.get_extra_info("socket")
        if own is None:
            return
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()


def written(view: memoryview) -> Iterator[bytes]:
    """The lines of a ring that has not wrapped; see fastgw/_core/logring.pxd."""
    head = int.from_bytes(view[:8], "little")
    at = 0
    while at < head:
        length = int.from_bytes(view[4096 + at : 4096 + at + 4], "little")
        yield bytes(view[4096 + at + 8 : 4096 + at + 8 + length])
        at += -(-(length + 8) // 8) * 8


async def eventually(true: Callable[[], bool]) -> bool:
    """Whether it becomes true before patience ends."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not true() and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.005)
    return true()


def looped(test: Callable[..., Awaitable[Any]]) -> Callable[..., None]:
    """The test runs on a uvloop loop of its own."""

    @functools.wraps(test)
    def outer(*arguments: object, **named: object) -> None:
        run(test(*arguments, **named))

    return outer


def run(test: Awaitable[Any]) -> None:
    """Run one coroutine to its end on a fresh uvloop loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(test)
