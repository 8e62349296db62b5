"""HTTP/1.1 for the host's two listeners: the workers' on a unix socket, and each process's on loopback.

Both ends are ours or a runtime client of the operator's own: limits here bound memory, hostile input is kept out by
the engine in front.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

import httptools

MAX_PAYLOAD = 32 * 1024 * 1024
"""Bytes of one event or reply. The service allows 6 MiB; here a body of 10 MiB in base64 must fit."""

PHRASES = {
    200: b"OK", 202: b"Accepted", 204: b"No Content", 400: b"Bad Request", 404: b"Not Found",
    405: b"Method Not Allowed", 413: b"Request Entity Too Large", 429: b"Too Many Requests", 502: b"Bad Gateway",
    503: b"Service Unavailable",
}

Fields = Iterable[tuple[bytes, bytes]]


class Request:
    """One whole request. headers: by name in lower case, the last value of a name, those of a trailer among them.
    body: None beyond MAX_PAYLOAD, b"" where its pieces went to a sink.
    """

    __slots__ = ("body", "headers", "keep", "method", "target")

    def __init__(self, method: bytes, target: bytes, headers: dict[bytes, bytes], body: bytes | None, keep: bool):
        self.method, self.target, self.headers, self.body, self.keep = method, target, headers, body, keep


class Connection(asyncio.Protocol):
    """One client. serve(request, connection) is called for one request at a time and answers when it can.

    A request that comes before the last one's answer waits. every: all open connections, for who ends them.
    admits(its address, our own) says whether it is served; sink_of(target, headers, connection) who takes the pieces
    of a body as they come, or None.
    """

    def __init__(
        self,
        serve: Callable[[Request, "Connection"], None],
        every: set["Connection"],
        sink_of: Callable[[bytes, dict[bytes, bytes], "Connection"], Callable[[bytes], None] | None] | None = None,
        admits: Callable[[tuple[str, int], tuple[str, int]], bool] | None = None,
    ) -> None:
        self._serve = serve
        self._admits = admits
        self._sink_of = sink_of
        self._sink: Callable[[bytes], None] | None = None
        self.source: Connection | None = None
        """Where the pieces of the answer come from: it is not read while the client does not take them."""
        self._every = every
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._pieces: list[bytes] = []
        self._size = 0
        self._waiting: deque[Request] = deque()
        self._current: Request | None = None
        self._pumping = False
        self.when_gone: Callable[[], None] | None = None
        """Called once when the client leaves before its answer."""

    # What the loop calls

    def connection_made(self, transport: asyncio.Transport) -> None:
        get = transport.get_extra_info
        if self._admits is not None and not self._admits(get("peername"), get("sockname")):
            transport.abort()
            return
        self._transport = transport
        self._every.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._every.discard(self)
        self._transport = None
        self._waiting.clear()
        if self.source is not None:
            self.source.read(True)
        gone, self.when_gone = self.when_gone, None
        if gone is not None:
            gone()

    def pause_writing(self) -> None:
        if self.source is not None:
            self.source.read(False)

    def resume_writing(self) -> None:
        if self.source is not None:
            self.source.read(True)

    def read(self, on: bool) -> None:
        if self._transport is not None:
            if on:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    # What the parser calls

    def on_message_begin(self) -> None:
        self._target, self._headers, self._pieces, self._size, self._sink = b"", {}, [], 0, None

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        # libcurl asks before it sends a large body, and waits a second for the answer.
        if b"expect" in self._headers and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._sink_of is not None:
            self._sink = self._sink_of(self._target, self._headers, self)

    def on_body(self, body: bytes) -> None:
        if self._sink is not None:
            self._sink(body)
            return
        self._size += len(body)
        if self._size <= MAX_PAYLOAD:
            self._pieces.append(body)
        else:
            self._pieces.clear()

    def on_message_complete(self) -> None:
        pieces = self._pieces
        body = None if self._size > MAX_PAYLOAD else pieces[0] if len(pieces) == 1 else b"".join(pieces)
        method, keep = self._parser.get_method(), self._parser.should_keep_alive()
        self._waiting.append(Request(method, self._target, self._headers, body, keep))
        self._pump()

    def _pump(self) -> None:
        if self._pumping:
            return
        self._pumping = True
        while self._waiting and self._current is None:
            self._current = self._waiting.popleft()
            self._serve(self._current, self)
        self._pumping = False

    # What the server calls

    @property
    def open(self) -> bool:
        return self._transport is not None

    def answer(self, status: int, body: bytes = b"", headers: Fields = ()) -> None:
        """The answer of the request that was handed out last; nothing where the client has left."""
        self.when_gone = None
        request, self._current = self._current, None
        if self._transport is None or request is None:
            return
        lines = [b"HTTP/1.1 %d %b\r\n" % (status, PHRASES[status])]
        lines += [b"%b: %b\r\n" % field for field in headers]
        if status == 204:
            lines.append(b"\r\n")
        else:
            lines += [b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body), body]
        self._transport.write(b"".join(lines))
        if request.keep:
            self._pump()
        else:
            self.close()

    def begin(self, headers: Fields) -> None:
        """The head of an answer in pieces, of status 200."""
        lines = [b"%b: %b\r\n" % field for field in headers]
        self._write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + b"".join(lines) + b"\r\n")

    def piece(self, data: bytes) -> None:
        self._write(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self) -> None:
        self._write(b"0\r\n\r\n")
        self.when_gone = self.source = self._current = None
        self._pump()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
