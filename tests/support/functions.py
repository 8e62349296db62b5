"""A function host in this process, with real function processes; and a client of the Lambda API."""

import asyncio
import json
import os
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from fastgw.functions.host import Host
from fastgw.model.function import Function
from tests.support.door import eventually

PATIENCE = 60.0


@dataclass(frozen=True)
class Result:
    """What an invocation gave. fault: X-Amz-Function-Error."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def value(self) -> object:
        return json.loads(self.body)

    @property
    def fault(self) -> str | None:
        return self.headers.get("x-amz-function-error")


class Functions:
    """Use as an asynchronous context manager: at its end there is no process, descriptor, task or file left.

    files  name -> text, of the one directory that is every function's code
    """

    def __init__(self, files: Mapping[str, str], *, reload: bool = False) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="fastgw-test-")
        self.code = Path(self._folder.name) / "code"
        self.code.mkdir()
        self.write(files)
        self.host = Host(reload)
        self._address = str(self.code.parent / "host")

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.code / name
            path.write_text(text)
            if name == "bootstrap":
                path.chmod(0o755)

    def function(
        self, name: str = "f", handler: str = "app.handler", runtime: str = "python3", **told: object
    ) -> Function:
        told = {"timeout_ms": 30_000, "memory_mb": 512} | told
        return Function(name, str(self.code), handler, runtime, **told)     # type: ignore[arg-type]

    async def __aenter__(self) -> "Functions":
        self._others, self._open = asyncio.all_tasks(), held()
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(self._address)
        listening.listen(128)
        await self.host.start(listening)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.host.stop(0)
        tasks = await eventually(lambda: not asyncio.all_tasks() - self._others)
        closed = await eventually(lambda: held() <= self._open)
        self._folder.cleanup()
        if error is None:
            assert tasks, asyncio.all_tasks()
            assert closed, (held(), self._open)

    async def invoke(self, event: object = None, name: str = "f", **headers: str) -> Result:
        reader, writer = await asyncio.open_unix_connection(self._address)
        try:
            body = event if isinstance(event, bytes) else json.dumps(event).encode()
            writer.write(request(name, body, headers))
            async with asyncio.timeout(PATIENCE):
                return await answer(reader)
        finally:
            writer.close()


def held() -> int:
    """Descriptors of this process; a loop that listens keeps one of /dev/null for itself."""
    with os.scandir("/proc/self/fd") as entries:
        return sum(os.readlink(entry.path) != "/dev/null" for entry in entries)


def request(name: str, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """headers: X_Amz_Invocation_Type="Event"."""
    lines = [f"POST /2015-03-31/functions/{name}/invocations HTTP/1.1", "Host: host", f"Content-Length: {len(body)}"]
    lines += [f"{key.replace('_', '-')}: {value}" for key, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


async def answer(reader: asyncio.StreamReader) -> Result:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head[:-4].split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Result(int(first.split(" ")[1]), headers, body)
