"""A raw client of HTTP/2: any frame in any order, by hyperframe and hpack, and nothing checked for the server."""

import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from hpack import Decoder, Encoder, HeaderTuple, NeverIndexedHeaderTuple
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.support.client import PATIENCE, Hangs

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED = 0, 1, 2, 3, 5
REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 7, 8, 9, 11
Fields = Iterable[tuple[str | bytes, str | bytes]]


@dataclass
class Answer:
    """What came on one stream."""

    headers: list[tuple[str, str]] = field(default_factory=list)
    interim: list[list[tuple[str, str]]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    ended: bool = False
    reset: int | None = None
    """The error of an RST_STREAM."""

    @property
    def status(self) -> int:
        return int(dict(self.headers)[":status"])

    @property
    def done(self) -> bool:
        return self.ended or self.reset is not None

    def get(self, name: str) -> str | None:
        return dict(self.headers).get(name)


class Http2:
    """One connection. window: bytes more than the 65,535 that each stream and the connection begin with."""

    def __init__(
        self, port: int, *, settings: dict[int, int] | None = None, window: int = 1 << 30, greet: bool = True,
        context: ssl.SSLContext | None = None, name: str = "localhost", receive_buffer: int | None = None,
    ) -> None:
        self.socket: socket.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname=name)
        self.encoder, self._decoder = Encoder(), Decoder()
        self.settings: dict[int, int] = {}
        """The server's."""
        self.answers: dict[int, Answer] = {}
        self.windows: dict[int, int] = {}
        """Bytes that the server has let us send by WINDOW_UPDATE, by stream."""
        self.goaways: list[tuple[int, int]] = []
        """(last stream, error) each."""
        self.pongs = 0
        self.acknowledged = False
        self.closed = False
        self._received = b""
        self._next = 1
        self._block: tuple[int, bytes, bool] = (0, b"", False)
        if greet:
            given = {SettingsFrame.INITIAL_WINDOW_SIZE: min(65_535 + window, 2**31 - 1), **(settings or {})}
            self.raw(PREFACE, SettingsFrame(0, given), *([WindowUpdateFrame(0, window)] if window else []))

    def __enter__(self) -> "Http2":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    # --- out

    def raw(self, *pieces: bytes | Frame) -> None:
        """A peer that has closed ends it quietly."""
        try:
            self.socket.sendall(b"".join(p if isinstance(p, bytes) else p.serialize() for p in pieces))
        except OSError:
            self.closed = True

    def block(self, fields: Fields) -> bytes:
        """Names go out as they are written: hpack itself would not mind."""
        return self.encoder.encode([NeverIndexedHeaderTuple(*pair) if pair[0] == "x-never" else HeaderTuple(*pair)
                                    for pair in fields])

    def head(self, method: str = "GET", path: str = "/", more: Fields = (), *, authority: str = "localhost",
             scheme: str = "http") -> list[tuple[str | bytes, str | bytes]]:
        return [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path), *more]

    def ask(self, fields: Fields, *, end: bool = True, cut: int = 1 << 14) -> int:
        """HEADERS of a new stream, and CONTINUATION where the block is longer than cut; the stream's number."""
        number, self._next = self._next, self._next + 2
        self.answers[number] = Answer()
        self.raw(*self.frames(number, self.block(fields), end=end, cut=cut))
        return number

    def frames(self, number: int, block: bytes, *, end: bool, cut: int = 1 << 14) -> list[Frame]:
        pieces = [block[at : at + cut] for at in range(0, max(len(block), 1), cut)]
        found: list[Frame] = [HeadersFrame(number, pieces[0])]
        found += [ContinuationFrame(number, piece) for piece in pieces[1:]]
        found[-1].flags.add("END_HEADERS")
        if end:
            found[0].flags.add("END_STREAM")
        return found

    def get(self, path: str = "/", more: Fields = ()) -> int:
        return self.ask(self.head("GET", path, more))

    def data(self, number: int, data: bytes, *, end: bool = False) -> None:
        frame = DataFrame(number, data)
        if end:
            frame.flags.add("END_STREAM")
        self.raw(frame)

    def send(self, number: int, body: bytes, *, end: bool = True) -> None:
        """A body of any length, as the windows open."""
        sent = 0
        while sent < len(body):
            room = min(self.room(number), self.room(0), 1 << 14, len(body) - sent)
            if room <= 0:
                self.more()
                continue
            self.spend(number, room)
            self.data(number, body[sent : sent + room])
            sent += room
        if end:
            self.data(number, b"", end=True)

    def room(self, number: int) -> int:
        start = 65_535 if number == 0 else self.settings.get(SettingsFrame.INITIAL_WINDOW_SIZE, 65_535)
        return start + self.windows.get(number, 0)

    def spend(self, number: int, n: int) -> None:
        for one in (0, number):
            self.windows[one] = self.windows.get(one, 0) - n

    def reset(self, number: int, error: int = CANCEL) -> None:
        self.raw(RstStreamFrame(number, error))

    # --- in

    def more(self) -> bool:
        """Takes what has come, at least something; False at the end."""
        if self.closed:
            return False
        try:
            data = self.socket.recv(1 << 16)
        except TimeoutError:
            raise Hangs(f"nothing came; {self.answers} {self.goaways}") from None
        except OSError:
            data = b""
        if not data:
            self.closed = True
            return False
        self._received += data
        while len(self._received) >= 9:
            frame, length = Frame.parse_frame_header(memoryview(self._received[:9]))
            if len(self._received) < 9 + length:
                break
            frame.parse_body(memoryview(self._received[9 : 9 + length]))
            self._received = self._received[9 + length :]
            self._take(frame)
        return True

    def until(self, found: Callable[[], object], what: str = "it") -> None:
        while not found():
            assert self.more(), f"closed before {what}: {self.answers} {self.goaways}"

    def answer(self, number: int) -> Answer:
        """Waits for the end of a stream's answer."""
        self.until(lambda: self.answers[number].done, f"the answer on stream {number}")
        return self.answers[number]

    def request(self, path: str = "/", method: str = "GET", body: bytes | None = None, more: Fields = ()) -> Answer:
        number = self.ask(self.head(method, path, more), end=body is None)
        if body is not None:
            self.send(number, body)
        return self.answer(number)

    def end(self) -> list[tuple[int, int]]:
        """Waits for the server to close; its GOAWAY frames."""
        while self.more():
            pass
        return self.goaways

    def sync(self) -> None:
        """Everything sent so far has been read: a PING came back."""
        before = self.pongs
        self.raw(PingFrame(0, b"synchron"))
        self.until(lambda: self.pongs > before, "a PING's answer")

    def _take(self, frame: Frame) -> None:
        number = frame.stream_id
        answer = self.answers.setdefault(number, Answer()) if number else Answer()
        match frame:
            case SettingsFrame():
                if "ACK" in frame.flags:
                    self.acknowledged = True
                else:
                    self.settings.update(frame.settings)
                    self.raw(SettingsFrame(0, flags=["ACK"]))
            case HeadersFrame() | ContinuationFrame():
                ended = "END_STREAM" in frame.flags if isinstance(frame, HeadersFrame) else self._block[2]
                self._block = number, self._block[1] + frame.data, ended
                if "END_HEADERS" in frame.flags:
                    self._headers(answer)
            case DataFrame():
                answer.body += frame.data
                answer.ended = answer.ended or "END_STREAM" in frame.flags
            case RstStreamFrame():
                answer.reset = frame.error_code
            case GoAwayFrame():
                self.goaways.append((frame.last_stream_id, frame.error_code))
            case WindowUpdateFrame():
                self.windows[number] = self.windows.get(number, 0) + frame.window_increment
            case PingFrame():
                self.pongs += "ACK" in frame.flags

    def _headers(self, answer: Answer) -> None:
        _, block, ended = self._block
        self._block = 0, b"", False
        fields = [(str(name), str(value)) for name, value in self._decoder.decode(block)]
        if fields[0][1].startswith("1"):
            answer.interim.append(fields)
        else:
            assert not answer.headers, "a second final head"
            answer.headers = fields
        answer.ended = answer.ended or ended
