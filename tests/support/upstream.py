"""A byte-recording HTTP/1.1 origin on a thread of its own.

It keeps every connection's raw bytes, reads them strictly, and answers as told per path. Whatever
the gateway forwards that a strict reader refuses is kept in `unclean` with its bytes.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.support.client import eventually
from tests.support.message import Body, Request, Unclean, parse_request_head, request_framing

STUB = "X-Stub"
"""Response header that marks an answer as the stub's own; its value counts the stub's answers."""


@dataclass
class Connection:
    """What one connection from the gateway carried."""

    number: int
    raw: bytearray = field(default_factory=bytearray)
    requests: int = 0
    open: bool = True


class Recorded:
    """One request as it arrived, kept from its head on."""

    def __init__(self, head: Request, content: Body, connection: int) -> None:
        self.connection = connection
        self._head, self._content = head, content

    @property
    def complete(self) -> bool:
        """False while the body is coming, and for good when it was cut off."""
        return self._content.done

    @property
    def size(self) -> int:
        """Bytes of body so far."""
        return self._content.size

    @property
    def request(self) -> Request:
        head, content = self._head, self._content
        return Request(head.start, head.headers, head.raw, bytes(content.data), content.trailers)


class Exchange:
    """One request to answer. The body is read only when asked for, so a behaviour can stall it."""

    def __init__(
        self,
        stub: "Upstream",
        connection: Connection,
        head: Request,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        rest: bytes,
    ) -> None:
        self.request, self.connection = head, connection
        self.reader, self.writer, self._stub = reader, writer, stub
        self.content = Body(request_framing(head), keep=stub.keep_bodies)
        self.content.feed(rest)
        self.closing = False

    async def read_some(self, limit: int = 1 << 16) -> bool:
        """Takes one piece of the body; False once it is complete."""
        if self.content.done:
            return False
        data = await self.reader.read(limit)
        if not data:
            raise ConnectionResetError("the gateway closed inside a body")
        self._stub._note(self.connection, data)
        self.content.feed(data)
        return not self.content.done

    async def body(self) -> bytes:
        while await self.read_some():
            pass
        return bytes(self.content.data)

    async def write(self, data: bytes | str) -> None:
        self.writer.write(data.encode("latin-1") if isinstance(data, str) else data)
        await self.writer.drain()

    async def reply(self, status: int = 200, body: bytes = b"", *headers: str, reason: str = "OK") -> None:
        """A whole answer with Content-Length, after the whole request has been read."""
        await self.body()
        lines = [f"HTTP/1.1 {status} {reason}", *headers, f"{STUB}: {self._stub.next_answer()}"]
        if status >= 200 and status not in (204, 304):
            lines.append(f"Content-Length: {len(body)}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        await self.write(head if self.request.method == "HEAD" else head + body)

    def close(self) -> None:
        """Ends the connection after what was written."""
        self.closing = True

    def reset(self) -> None:
        """Ends the connection at once with RST."""
        self.writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.writer.transport.abort()
        self.closing = True


Behaviour = Callable[[Exchange], Awaitable[None]]


async def echo(exchange: Exchange) -> None:
    """200 with the request's body, or its target where it had none."""
    body = await exchange.body()
    await exchange.reply(200, body or exchange.request.target.encode(), "Content-Type: text/plain")


class Upstream:
    """behaviours: path (without query) -> what answers it; every other path is answered by `default`.

    address  an IPv4 or IPv6 address, or unix:/path
    tls      what connections are secured with
    """

    def __init__(
        self,
        default: Behaviour = echo,
        *,
        keep_bodies: bool = True,
        record: bool = True,
        address: str = "127.0.0.1",
        receive_buffer: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.tls = tls
        self.default, self.keep_bodies, self.record = default, keep_bodies, record
        self.behaviours: dict[str, Behaviour] = {}
        self.connections: list[Connection] = []
        self.requests: list[Recorded] = []
        self.unclean: list[str] = []
        self._answers = 0
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task] = set()
        self._socket = _listening(address)
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.address = address
        self.port: int = 0 if address.startswith("unix:") else self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="upstream", daemon=True)

    @property
    def authority(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    @property
    def url(self) -> str:
        return f"{'http' if self.tls is None else 'https'}://{self.authority}"

    def __enter__(self) -> "Upstream":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        assert not self._thread.is_alive(), "the stub's loop does not stop"

    def on(self, path: str, behaviour: Behaviour) -> None:
        self.behaviours[path] = behaviour

    def clear(self) -> None:
        with self._lock:
            self.requests.clear()
            self.unclean.clear()

    def seen(self, count: int, ceiling: float = 15.0) -> list[Recorded]:
        """Waits until at least `count` requests have come whole and returns all whole ones."""
        return eventually(  # type: ignore[return-value]
            lambda: len(self.whole()) >= count and self.whole(), f"{count} requests at the stub", ceiling
        )

    def whole(self) -> list[Recorded]:
        with self._lock:
            return [recorded for recorded in self.requests if recorded.complete]

    def to(self, path: str) -> list[Request]:
        """The whole requests for one path so far."""
        return [recorded.request for recorded in self.whole() if recorded.request.path == path]

    def only(self, path: str) -> Request:
        """The one request for a path; waits for it."""
        eventually(lambda: self.to(path), f"a request for {path} at the stub")
        requests = self.to(path)
        assert len(requests) == 1, [request.raw for request in requests]
        return requests[0]

    def open_connections(self) -> int:
        with self._lock:
            return sum(connection.open for connection in self.connections)

    def next_answer(self) -> int:
        with self._lock:
            self._answers += 1
            return self._answers

    def call(self, function: Callable[[], object]) -> None:
        """Runs a function on the stub's loop: set an asyncio.Event, for example."""
        self._loop.call_soon_threadsafe(function)

    def event(self) -> asyncio.Event:
        """An event of the stub's loop, for behaviours that wait for the test; set it with call()."""
        return asyncio.Event()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        start = asyncio.start_unix_server if self.address.startswith("unix:") else asyncio.start_server
        server = self._loop.run_until_complete(start(self._serve, sock=self._socket, limit=1 << 16, ssl=self.tls))
        self._loop.run_forever()
        server.close()
        for task in self._tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.close()

    def _note(self, connection: Connection, data: bytes) -> None:
        if self.record and self.keep_bodies:
            connection.raw += data

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        connection = Connection(len(self.connections))
        with self._lock:
            self.connections.append(connection)
        try:
            await self._converse(connection, reader, writer)
        except Unclean as problem:
            with self._lock:
                self.unclean.append(f"{problem} in {bytes(connection.raw[-2000:])!r}")
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            connection.open = False
            writer.close()

    async def _converse(
        self, connection: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        rest = b""
        while True:
            head, rest = await self._head(connection, reader, rest)
            if head is None:
                return
            exchange = Exchange(self, connection, head, reader, writer, rest)
            connection.requests += 1
            if self.record:
                with self._lock:
                    self.requests.append(Recorded(head, exchange.content, connection.number))
            await self.behaviours.get(head.path, self.default)(exchange)
            rest = exchange.content.rest
            if exchange.closing or not exchange.content.done:
                return
            if exchange.content.trailers:
                raise Unclean("trailers forwarded")

    async def _head(
        self, connection: Connection, reader: asyncio.StreamReader, rest: bytes
    ) -> tuple[Request | None, bytes]:
        data = rest
        while b"\r\n\r\n" not in data:
            more = await reader.read(1 << 16)
            if not more:
                if data:
                    raise Unclean(f"the gateway closed inside a request head: {data!r}")
                return None, b""
            self._note(connection, more)
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        return parse_request_head(head), rest


def _listening(address: str) -> socket.socket:
    if address.startswith("unix:"):
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(address.removeprefix("unix:"))
        listening.listen(1024)
        return listening
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, 0), family=family, backlog=1024)


def pause(seconds: float) -> Behaviour:
    """Echo after a pause: a slow upstream."""

    async def slow(exchange: Exchange) -> None:
        await exchange.body()
        await asyncio.sleep(seconds)
        await echo(exchange)

    return slow


def scripted(answer: bytes, *, close: bool = False) -> Behaviour:
    """Exactly these bytes, after the whole request."""

    async def play(exchange: Exchange) -> None:
        await exchange.body()
        with contextlib.suppress(ConnectionError):
            await exchange.write(answer)
        if close:
            exchange.close()

    return play
