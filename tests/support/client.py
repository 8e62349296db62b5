"""A raw client: exact bytes out, strictly parsed answers in."""

import contextlib
import itertools
import random
import select
import socket
import time
from collections.abc import Callable, Iterable, Iterator

from tests.support.message import Body, Response, Unclean, parse_response_head, response_framing

PATIENCE = 15.0
"""Seconds before a read counts as a hang; no test measures time with it."""


class Hangs(AssertionError):
    """Nothing came within the ceiling."""


class Closed(AssertionError):
    """The connection ended before an answer began."""


class Wire:
    """One client connection."""

    def __init__(
        self,
        port: int,
        *,
        source: str | None = None,
        host: str = "127.0.0.1",
        receive_buffer: int | None = None,
        patience: float = PATIENCE,
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(patience)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.patience = patience
        self.received = bytearray()
        """Bytes read and not yet part of an answer."""
        self.ended = False

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Closes with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def half_close(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, data: bytes | str) -> None:
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def deliver(self, segments: Iterable[bytes]) -> None:
        """Sends each segment on its own; a peer that has closed ends it quietly."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for segment in segments:
                self.socket.sendall(segment)

    def answer(self, method: str = "GET") -> Response:
        """The next final answer, with its interim ones."""
        interim: list[Response] = []
        while True:
            response = self._message(method)
            if response.status >= 200 or response.status == 101:
                return Response(
                    response.start,
                    response.headers,
                    response.raw,
                    response.body,
                    response.trailers,
                    tuple(interim),
                    response.complete,
                )
            interim.append(response)

    def interim(self) -> Response:
        """The next answer, which must be a 1xx."""
        response = self._message("GET")
        assert response.status < 200, response.raw
        return response

    def answers(self, methods: Iterable[str]) -> list[Response]:
        return [self.answer(method) for method in methods]

    def request(self, text: str | bytes) -> Response:
        """Sends one request and reads its answer."""
        self.send(text)
        method = (text if isinstance(text, str) else text.decode("latin-1")).lstrip("\r\n").split(" ", 1)[0]
        return self.answer(method)

    def _message(self, method: str) -> Response:
        while b"\r\n\r\n" not in self.received:
            if not self._more():
                if self.received:
                    raise Unclean(f"ended inside a response head: {bytes(self.received)!r}")
                raise Closed("no answer")
        head, _, rest = bytes(self.received).partition(b"\r\n\r\n")
        response = parse_response_head(head)
        body = Body(response_framing(response, method))
        self.received = bytearray()
        body.feed(rest)
        while not body.done:
            if not self._more():
                break
            body.feed(bytes(self.received))
            self.received.clear()
        complete = body.done or body.framing.kind == "close"
        self.received = bytearray(body.rest)
        return Response(
            response.start, response.headers, response.raw, bytes(body.data), body.trailers, (), complete
        )

    def _more(self) -> bool:
        if self.ended:
            return False
        try:
            data = self.socket.recv(1 << 18)
        except TimeoutError:
            raise Hangs(f"no byte within {self.patience} s; so far {bytes(self.received)!r}") from None
        except ConnectionResetError:
            data = b""
        self.received += data
        self.ended = not data
        return bool(data)

    def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        while self._more():
            pass
        return bytes(self.received)

    def ends(self) -> bool:
        """Waits for the end of the connection; False when bytes come instead."""
        return not self.received and not self._more()

    def quiet(self) -> bool:
        """Nothing has come that no answer accounts for, and the connection is open."""
        return not self.received and not self.ended and not select.select([self.socket], [], [], 0)[0]


def all_answers(wire: Wire, methods: Iterable[str]) -> Iterator[Response]:
    """Answers until the connection ends; methods of the requests in order, then GET."""
    pending = iter(methods)
    while True:
        try:
            yield wire.answer(next(pending, "GET"))
        except Closed:
            return


def fetch(port: int, request: str | bytes, **options: object) -> Response:
    """One request on a connection of its own."""
    with Wire(port, **options) as wire:  # type: ignore[arg-type]
        return wire.request(request)


def get(
    path: str,
    *headers: str,
    host: str = "gw.test",
    method: str = "GET",
    body: bytes | None = None,
    version: str = "HTTP/1.1",
) -> bytes:
    """The bytes of a plain request."""
    lines = [f"{method} {path} {version}", f"Host: {host}", *headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


def eventually(check: Callable[[], object], what: str, ceiling: float = PATIENCE) -> object:
    """Polls until check() is true and returns its value; fails at the ceiling."""
    deadline = time.monotonic() + ceiling
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Hangs(f"{what}: not within {ceiling} s (last seen {value!r})")
        time.sleep(0.01)


def whole(data: bytes) -> list[bytes]:
    return [data] if data else []


def byte_by_byte(data: bytes, head: int = 4096) -> list[bytes]:
    """One byte a segment for the first `head` bytes, then pieces of 997."""
    return [data[n : n + 1] for n in range(min(head, len(data)))] + [
        data[n : n + 997] for n in range(head, len(data), 997)
    ]


def random_splits(data: bytes, seed: str) -> list[bytes]:
    """Cut at a few random places, the same for the same seed."""
    chance = random.Random(seed)
    cuts = sorted({chance.randrange(len(data)) for _ in range(min(12, len(data)))} | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(cuts)]
