"""An origin in a process of its own that closes keep-alive connections unannounced.

    python -m tests.support.closing_origin idle SECONDS | answers COUNT

Prints its port; ends when its input ends, and then prints how many requests it answered.
"""

import asyncio
import re
import subprocess
import sys
from types import TracebackType

from tests.support.process import ROOT

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Origin(asyncio.Protocol):
    """Answers each request; they come one at a time, with a Content-Length where they have a body."""

    answered = 0

    def __init__(self, kind: str, limit: float) -> None:
        self.kind, self.limit = kind, limit
        self.count = 0
        self.received = b""
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if not found or len(body) < (int(length[1]) if length else 0):
            return
        self.received = b""
        if self.timer:
            self.timer.cancel()
        self.count += 1
        Origin.answered += 1
        self.transport.write(ANSWER)
        if self.kind == "idle":
            self.timer = asyncio.get_running_loop().call_later(self.limit, self.transport.close)
        elif self.count == self.limit:
            self.transport.close()


class ClosingOrigin:
    """The process, as a context manager; `answered` is known after its end."""

    def __init__(self, kind: str, limit: float) -> None:
        self._arguments = [kind, str(limit)]
        self.answered = 0

    def __enter__(self) -> "ClosingOrigin":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.closing_origin", *self._arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        out, _ = self._process.communicate(timeout=20)
        self.answered = int(out)


async def main(kind: str, limit: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Origin(kind, limit), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()
    print(Origin.answered)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
