"""Calls of steps in an engine of this process, to an origin on the same loop that answers as it is told."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fastgw._core.call import fetch
from fastgw._core.step import Answer, Call, CallFailed, Reply, Request, Sent
from fastgw.errors import CODE
from tests.support.door import Doors, group_spec

NAMES = {code: name for name, code in CODE.items()}


class Origin:
    """An upstream on the test's own loop. It answers each request with the next of its bytes; see `play`."""

    def __init__(self, *answers: bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.connections = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> "Origin":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = 0
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length: "):
                        size = int(line[16:])
                self.requests.append(head + await reader.readexactly(size))
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if callable(answer):
                    await answer(writer)
                else:
                    writer.write(answer)
                    if b"close" in answer:
                        writer.close()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


def whole(body: bytes, *fields: str, status: int = 200) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} Fine", *fields, f"Content-Length: {len(body)}", "", ""]).encode() + body


async def silent(_: asyncio.StreamWriter) -> None:
    """Never an answer."""


async def hangs_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


def shown(outcome: Reply | CallFailed) -> Answer:
    """What became of a call, for a client to see."""
    if isinstance(outcome, CallFailed):
        return Answer(299, body=NAMES[outcome.code].encode())
    return Answer(outcome.status, [(b"X-" + name, value) for name, value in outcome.headers], outcome.body)


class Calls:
    """The same call three ways: by Sent, by fetch, and by two fetches side by side of which the second is shown."""

    def __init__(self, *ports: int, call: dict[str, object] | None = None, **limits: object) -> None:
        self.call = call or {}
        self.groups = [group_spec("up:1", ports, **limits)]
        self.steps = {"/sent": self.sent, "/fetch": self.fetched, "/both": self.both}

    def made(self, request: Request) -> Call:
        return Call(self.doors.handle(), **({"method": request.method, "path": request.path} | self.call))

    def sent(self, request: Request) -> Sent:
        return Sent(self.made(request), lambda _, outcome: shown(outcome))

    async def fetched(self, request: Request) -> Answer:
        try:
            return shown(await fetch(self.made(request)))
        except CallFailed as failed:
            return shown(failed)

    async def both(self, request: Request) -> Answer:
        found = await asyncio.gather(*(fetch(self.made(request)) for _ in range(2)), return_exceptions=True)
        return shown(found[1])

    def open(self, **named: Any) -> Doors:
        self.doors = Doors(self.steps, groups=self.groups, **named)
        return self.doors


def all_over(doors: Doors) -> bool:
    live = doors.engine.live()
    return not any(live[name] for name in ("exchanges", "calls", "buffers", "writes"))
