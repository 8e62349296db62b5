"""Test invocation: one request through a gateway of its own, in this process, and its story.

The same plan, engine and steps as in a worker; but as in the service's test feature no key and no authorizer is asked
for, and no limit, cache or access log takes part. An engine is alone in its process:
`python -m fastgw.control.invoke` is one for the control process, which hands it everything on stdin.
"""

import asyncio
import os
import pickle
import socket
import sys
import tempfile
from dataclasses import dataclass, field, replace
from struct import unpack_from
from urllib.parse import parse_qsl, urlsplit

import orjson
import uvloop

from fastgw._core.engine import Engine
from fastgw._core.explain import Trace, trace
from fastgw.model.gateway import Gateway, Stage
from fastgw.model.usage import KeyRing
from fastgw.observe import layout
from fastgw.parts.aws.identities import Identities
from fastgw.parts.story import Story, named, shown
from fastgw.plan.compiler import compile_plan
from fastgw.plan.explain import head_of
from fastgw.runtime.resolver import Resolver
from fastgw.settings import Settings, engine_settings, service_words

_ROW = layout.FIRST_ROUTE_SLOT
_PATIENCE = 5.0
"""Seconds for a connection's end, beside the time that the request itself may take."""
_PHASES = {
    "read": layout.R_READ_US,
    "decide": layout.R_DECIDE_US,
    "integration": layout.R_INTEGRATION_US,
    "write": layout.R_WRITE_US,
    "all": layout.R_LATENCY_US,
}


@dataclass(frozen=True, slots=True)
class Invocation:
    """url is "/path?query" or "http://host/path?query"; a Host among headers wins over the URL's."""

    method: str
    url: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


@dataclass(slots=True)
class Told:
    """log: (microseconds since the beginning, line) each. phases: microseconds of each, as the engine counted them."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    log: list[tuple[int, str]] = field(default_factory=list)
    phases: dict[str, int] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The log with its microseconds, and the phases."""
        told = [f"{us:>9,} us  {line}" for us, line in self.log]
        parts = ", ".join(f"{name} {us:,} us" for name, us in self.phases.items())
        return [*told, f"Phases: {parts}"]

    def as_json(self) -> dict[str, object]:
        return {
            "status": self.status,
            "headers": self.headers,
            "body": self.body.decode("utf-8", "replace"),
            "log": [{"us": us, "line": line} for us, line in self.log],
            "phases": self.phases,
        }


def invoke(gateway: Gateway, settings: Settings, asked: Invocation) -> Told:
    """Raises ValueError for a definition that cannot be compiled, OSError where nothing can be opened."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_invoke(_bare(gateway), settings, asked))


def _bare(gateway: Gateway) -> Gateway:
    """The gateway without firewalls, policies, authorizers, keys, limits, caches and logs."""
    return replace(
        gateway,
        apis=tuple(
            replace(api, policy=None, routes=tuple(replace(route, key=False, access=None) for route in api.routes))
            for api in gateway.apis
        ),
        stages=tuple(_bare_stage(stage) for stage in gateway.stages),
        account=None,
        plans=(),
        keys=KeyRing(),
        iam=None,
        log=None,
    )


def _bare_stage(stage: Stage) -> Stage:
    return replace(stage, throttle=None, methods=(), cache=None, log=None, firewall=None)


async def _invoke(gateway: Gateway, settings: Settings, asked: Invocation) -> Told:
    story = Story()
    rows = {(stage.api, stage.name, route.method, route.path): _ROW
            for api in gateway.apis for stage in gateway.stages if stage.api == api.name for route in api.routes}
    plan = compile_plan(gateway, settings, rows, identities=Identities(service_words()), story=story)
    head = head_of(asked.method, asked.url, [*asked.headers, ("Connection", "close")])
    found = trace(plan, engine_settings(settings), head)
    stats = bytearray(layout.HEADER_BYTES + (_ROW + 1) * layout.SLOT_BYTES)
    engine = Engine(asyncio.get_running_loop(), {**engine_settings(settings), "memory_share": 0}, memoryview(stats), 0)
    try:
        engine.swap(plan)
        await Resolver(engine, settings).adopt()
        _begin(story, found, asked)
        answer = await _exchange(engine, settings, head, asked.body)
    finally:
        engine.close()
        await asyncio.sleep(0)
        engine.reap()
        engine.finish()
    told = _end(story, found, answer)
    slots = (layout.SLOT_UNROUTED, _ROW)
    told.phases = {name: sum(_cell(stats, slot, cell) for slot in slots) for name, cell in _PHASES.items()}
    return told


def _cell(stats: bytearray, slot: int, cell: int) -> int:
    return unpack_from("=Q", stats, layout.slot_offset(slot) + cell * layout.WORD)[0]


async def _exchange(engine: Engine, settings: Settings, head: bytes, body: bytes) -> bytes:
    """The engine's answer, byte for byte."""
    with tempfile.TemporaryDirectory(prefix="fastgw-") as folder:
        path = os.path.join(folder, "s")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path)
            listening.listen()
            engine.listen(listening)
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(head[:-2] + (b"Content-Length: %d\r\n" % len(body) if body else b"") + b"\r\n" + body)
            async with asyncio.timeout(settings.total_timeout + _PATIENCE):
                answer = await reader.read()
            writer.close()
    return answer


def _begin(story: Story, found: Trace, asked: Invocation) -> None:
    names = [part[1:-1].rstrip("+") for part in found.resource.split("/") if part.startswith("{")]
    query = parse_qsl(urlsplit(asked.url).query, keep_blank_values=True)
    story.tell("Starting execution for request")
    story.tell(f"HTTP Method: {found.method}, Resource Path: {found.resource or found.canonical}")
    story.tell(f"Method request path: {named(zip(names, found.parameters, strict=False))}")
    story.tell(f"Method request query string: {named(query)}")
    story.tell(f"Method request headers: {named(asked.headers)}")
    story.tell(f"Method request body before transformations: {shown(asked.body)}")
    if found.failure >= 0:
        story.failure(found.failure)
    elif found.upstream_head:
        first, *lines = found.upstream_head.split("\r\n")
        target = f"http://{found.target}{first.split(' ')[1]}"
        story.tell(f"Endpoint request URI: {target}")
        story.tell(f"Endpoint request headers: {named(tuple(line.split(': ', 1)) for line in lines if ': ' in line)}")
        story.tell(f"Endpoint request body after transformations: {shown(asked.body)}")
        story.tell(f"Sending request to {target}")


def _end(story: Story, found: Trace, answer: bytes) -> Told:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = [tuple(line.split(": ", 1)) for line in lines]
    fields = {name.lower(): value for name, value in headers}
    if fields.get("transfer-encoding") == "chunked":
        body = _unchunked(body)
    status = int(first.split(" ")[1]) if first else 0
    if found.upstream_head:
        story.tell(f"Received response. Status: {status}")
    story.tell(f"Method response body after transformations: {shown(body)}")
    story.tell(f"Method response headers: {named(headers)}")
    if not story.failed:
        story.tell("Successfully completed execution")
    story.tell(f"Method completed with status: {status}")
    return Told(status, headers, body, story.lines)


def _unchunked(body: bytes) -> bytes:
    pieces = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        pieces.append(rest[:length])
        body = rest[length + 2 :] if length else b""
    return b"".join(pieces)


def main() -> int:
    """(gateway, settings, Invocation) pickled on stdin -> JSON on stdout; on stderr why there is none, and status 1."""
    gateway, settings, asked = pickle.load(sys.stdin.buffer)
    try:
        told = invoke(gateway, settings, asked)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    sys.stdout.buffer.write(orjson.dumps(told.as_json()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
