"""A strict HTTP/1.1 reader: what a message must look like when the gateway wrote it.

Written from RFC 9110 and RFC 9112 alone, so that it can judge the engine. It tolerates nothing
that two recipients could read in two ways: whatever is doubtful raises Unclean.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) (HTTP/1\.[01])")
STATUS_LINE = re.compile(rb"(HTTP/1\.[01]) ([1-5][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*))?")
VALUE = re.compile(rb"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
TARGET = re.compile(
    rb"(?:[A-Za-z0-9\-._~:/@!$&'()*+,;=\[\]]|%[0-9A-Fa-f]{2})+"
    rb"(?:\?(?:[\x21-\x22\x24\x26-\x7e]|%[0-9A-Fa-f]{2})*)?"
)
LENGTH = re.compile(rb"0|[1-9][0-9]{0,18}")
CHUNK_SIZE = re.compile(rb"0*[0-9A-Fa-f]{1,15}")
QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
CHUNK_EXTENSION = re.compile(
    rb"(?:;[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:=(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|" + QUOTED + rb"))?)*"
)
IP_LITERAL = rb"\[[0-9A-Fa-f:.]+\]"
HOST = re.compile(rb"(?:[A-Za-z0-9\-._~]+|" + IP_LITERAL + rb")(?::[0-9]{0,5})?")


class Unclean(Exception):
    """These bytes can be read in more than one way, or break the grammar."""


Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class Head:
    """A start line cut in its three parts, and the fields in order with names as sent."""

    start: tuple[bytes, bytes, bytes]
    headers: Headers
    raw: bytes

    def values(self, name: str) -> list[bytes]:
        wanted = name.lower().encode()
        return [value for key, value in self.headers if key.lower() == wanted]

    def get(self, name: str) -> str | None:
        """The only value of a field, or None; two fields of the name are an error of the test."""
        found = self.values(name)
        assert len(found) < 2, f"{name} appears {len(found)} times in {self.raw!r}"
        return found[0].decode("latin-1") if found else None

    def names(self) -> set[str]:
        return {key.lower().decode() for key, _ in self.headers}

    def tokens(self, name: str) -> list[bytes]:
        """The comma-separated members of a list field, lower case."""
        return [item.strip().lower() for value in self.values(name) for item in value.split(b",")]


@dataclass(frozen=True)
class Request(Head):
    body: bytes = b""
    trailers: Headers = ()

    @property
    def method(self) -> str:
        return self.start[0].decode()

    @property
    def target(self) -> str:
        return self.start[1].decode("latin-1")

    @property
    def version(self) -> str:
        return self.start[2].decode()

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def keeps_alive(self) -> bool:
        options = self.tokens("connection")
        return b"close" not in options and (self.version == "HTTP/1.1" or b"keep-alive" in options)


@dataclass(frozen=True)
class Response(Head):
    body: bytes = b""
    trailers: Headers = ()
    interim: tuple["Response", ...] = ()
    """The 1xx answers that came before this one."""
    complete: bool = True
    """False when the connection ended inside the body."""

    @property
    def status(self) -> int:
        return int(self.start[1])

    @property
    def closes(self) -> bool:
        options = self.tokens("connection")
        return b"close" in options or (self.start[0] == b"HTTP/1.0" and b"keep-alive" not in options)


@dataclass(frozen=True)
class Framing:
    """How a body ends: kind is "none", "length", "chunked" or "close"."""

    kind: str
    length: int = 0


NO_BODY = Framing("none")


def _fields(lines: list[bytes]) -> Headers:
    headers = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.fullmatch(name):
            raise Unclean(f"field name in {line!r}")
        value = value.strip(b" \t")
        if not VALUE.fullmatch(value):
            raise Unclean(f"field value in {line!r}")
        headers.append((name, value))
    return tuple(headers)


def _lines(raw: bytes) -> list[bytes]:
    lines = raw.split(b"\r\n")
    for line in lines:
        if b"\r" in line or b"\n" in line or b"\0" in line:
            raise Unclean(f"bare CR, bare LF or NUL in {line!r}")
    return lines


def parse_request_head(raw: bytes) -> Request:
    """The head up to, without, its empty line."""
    first, *rest = _lines(raw)
    start = REQUEST_LINE.fullmatch(first)
    if not start:
        raise Unclean(f"request line {first!r}")
    request = Request(start.groups(), _fields(rest), raw)
    hosts = request.values("host")
    if len(hosts) > 1 or (not hosts and request.version == "HTTP/1.1"):
        raise Unclean(f"{len(hosts)} Host fields")
    if hosts and not HOST.fullmatch(hosts[0]):
        raise Unclean(f"Host {hosts[0]!r}")
    _check_target(request, hosts)
    return request


def _check_target(request: Request, hosts: list[bytes]) -> None:
    target = request.start[1]
    if request.method == "OPTIONS" and target == b"*":
        return
    if target.lower().startswith((b"http://", b"https://")):
        authority = re.split(rb"[/?]", target.partition(b"://")[2], maxsplit=1)[0]
        if hosts and authority.lower() != hosts[0].lower():
            raise Unclean(f"authority {authority!r} is not Host {hosts[0]!r}")
        if not HOST.fullmatch(authority):
            raise Unclean(f"authority {authority!r}")
    elif not target.startswith(b"/"):
        raise Unclean(f"target {target!r}")
    if not TARGET.fullmatch(target):
        raise Unclean(f"target {target!r}")


def parse_response_head(raw: bytes) -> Response:
    """The head up to, without, its empty line."""
    first, *rest = _lines(raw)
    start = STATUS_LINE.fullmatch(first)
    if not start:
        raise Unclean(f"status line {first!r}")
    version, status, reason = start.groups()
    return Response((version, status, reason or b""), _fields(rest), raw)


def _coded(head: Head) -> Framing | None:
    """The framing that Content-Length and Transfer-Encoding state, if either is there."""
    lengths, codings = head.values("content-length"), head.values("transfer-encoding")
    if lengths and codings:
        raise Unclean("Content-Length beside Transfer-Encoding")
    if len(lengths) > 1 or len(codings) > 1:
        raise Unclean("framing stated twice")
    if codings:
        if codings[0].lower() != b"chunked":
            raise Unclean(f"Transfer-Encoding {codings[0]!r}")
        return Framing("chunked")
    if lengths:
        if not LENGTH.fullmatch(lengths[0]):
            raise Unclean(f"Content-Length {lengths[0]!r}")
        return Framing("length", int(lengths[0]))
    return None


def request_framing(request: Request) -> Framing:
    framing = _coded(request) or NO_BODY
    if framing.kind == "chunked" and request.version == "HTTP/1.0":
        raise Unclean("Transfer-Encoding in HTTP/1.0")
    return framing


def response_framing(response: Response, method: str) -> Framing:
    framing = _coded(response)
    if response.status < 200 or response.status == 204:
        if framing:
            raise Unclean(f"framing fields in a {response.status}")
        return NO_BODY
    if method == "HEAD" or response.status == 304:
        return NO_BODY
    return framing or Framing("close")


@dataclass
class Body:
    """Takes bytes, gives the body; what follows the body stays in `rest` once `done`."""

    framing: Framing
    extensions: bool = False
    """Chunk extensions may be there (a client may send them, the gateway may not)."""
    data: bytearray = field(default_factory=bytearray)
    size: int = 0
    keep: bool = True
    """False counts the body instead of keeping it."""
    trailers: Headers = ()
    done: bool = False
    rest: bytes = b""
    _buffer: bytearray = field(default_factory=bytearray)
    _left: int = 0
    _state: str = "size"

    def __post_init__(self) -> None:
        self._left = self.framing.length
        self.done = self.framing.kind == "none" or (self.framing.kind == "length" and not self._left)

    def feed(self, data: bytes) -> None:
        if self.done:
            self.rest += data
        elif self.framing.kind == "close":
            self._take(data)
        elif self.framing.kind == "length":
            part = data[: self._left]
            self._take(part)
            self._left -= len(part)
            if not self._left:
                self.done, self.rest = True, bytes(data[len(part) :])
        else:
            self._buffer += data
            while not self.done and self._chunk():
                pass

    def _take(self, data: bytes) -> None:
        self.size += len(data)
        if self.keep:
            self.data += data

    def _chunk(self) -> bool:
        """One step through the chunked coding; False when it needs more bytes."""
        if self._state == "data":
            return self._chunk_data()
        if self._state == "trailers":
            return self._chunk_trailers()
        line, found, after = self._buffer.partition(b"\r\n")
        self._check_line(line)
        if not found:
            return False
        size, extension = re.fullmatch(rb"([^;]*)(.*)", line, re.DOTALL).groups()
        if not CHUNK_SIZE.fullmatch(size):
            raise Unclean(f"chunk size {bytes(line)!r}")
        if extension and not (self.extensions and CHUNK_EXTENSION.fullmatch(extension)):
            raise Unclean(f"chunk extension {bytes(line)!r}")
        self._buffer = after
        self._left = int(size, 16)
        self._state = "data" if self._left else "trailers"
        return True

    @staticmethod
    def _check_line(line: bytearray) -> None:
        head = line[:-1] if line.endswith(b"\r") else line
        if b"\n" in head or b"\r" in head or b"\0" in head:
            raise Unclean(f"bare CR, bare LF or NUL in {bytes(line)!r}")

    def _chunk_data(self) -> bool:
        part = bytes(self._buffer[: self._left])
        self._take(part)
        self._left -= len(part)
        del self._buffer[: len(part)]
        if self._left or len(self._buffer) < 2:
            if not self._left and self._buffer[:1] not in (b"", b"\r"):
                raise Unclean("chunk data runs past its size")
            return False
        if self._buffer[:2] != b"\r\n":
            raise Unclean("chunk data runs past its size")
        del self._buffer[:2]
        self._state = "size"
        return True

    def _chunk_trailers(self) -> bool:
        if self._buffer.startswith(b"\r\n"):
            end, skip = 0, 2
        else:
            end, skip = self._buffer.find(b"\r\n\r\n"), 4
            if end < 0:
                if b"\n" in self._buffer.replace(b"\r\n", b""):
                    raise Unclean("bare LF in trailers")
                return False
        if end:
            self.trailers = _fields(_lines(bytes(self._buffer[:end])))
        self.done, self.rest = True, bytes(self._buffer[end + skip :])
        return True


def read_requests(data: bytes) -> Iterator[Request]:
    """Every complete request in a byte stream the gateway wrote; raises Unclean, stops at a partial one."""
    while data:
        head, found, rest = data.partition(b"\r\n\r\n")
        if not found:
            if b"\n" in head.replace(b"\r\n", b"") or b"\0" in head:
                raise Unclean(f"bare LF or NUL in {head!r}")
            return
        request = parse_request_head(head)
        body = Body(request_framing(request))
        body.feed(rest)
        if not body.done:
            return
        if body.trailers:
            raise Unclean("trailers forwarded")
        yield Request(request.start, request.headers, request.raw, bytes(body.data))
        data = body.rest
