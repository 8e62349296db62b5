"""Hostile HTTP/2: requests that mean something else in HTTP/1.1, and frames that only cost."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import pytest
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from fastgw._core.nghttp2 import nghttp2_missing
from tests.conftest import Served
from tests.support.client import eventually
from tests.support.definition import pass_through
from tests.support.http2 import (
    COMPRESSION_ERROR,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    NO_ERROR,
    PREFACE,
    PROTOCOL_ERROR,
    Answer,
    Http2,
)
from tests.support.process import Gateway
from tests.support.upstream import Exchange, Upstream

if nghttp2_missing():
    pytest.skip(f"HTTP/2 is off: {nghttp2_missing()}", allow_module_level=True)

METHOD, SCHEME, AUTHORITY, PATH = (":method", "GET"), (":scheme", "http"), (":authority", "a.test"), (":path", "/bad")
Pairs = Iterable[tuple[str | bytes, str | bytes]]


@pytest.fixture(scope="module")
def plain() -> Iterator[Served]:
    env = {"FASTGW_SEND_TIMEOUT": "2"}
    with Upstream() as stub, Gateway({"api.json": pass_through(stub.url)}, env=env, listen="http2") as gateway:
        yield Served(gateway, stub)
        assert stub.unclean == []
        gateway.wait_idle()
        live = gateway.live()
        assert live["streams"] == live["sessions"] == live["buffers"] == 0


def asked(port: int, fields: Pairs, body: bytes | None = None) -> Answer:
    """The answer to such a head; the connection serves on."""
    with Http2(port) as client:
        number = client.ask(fields, end=body is None)
        if body is not None:
            client.data(number, body, end=True)
        answer = client.answer(number)
        assert client.request("/good").status == 200
        return answer


def with_field(name: str | bytes, value: str | bytes) -> list[tuple[str | bytes, str | bytes]]:
    return [METHOD, SCHEME, AUTHORITY, PATH, (name, value)]


MALFORMED = {
    "cr lf in a value": with_field("x-a", "b\r\nx-evil: 1"),
    "lf in a value": with_field("x-a", "b\nx-evil: 1"),
    "nul in a value": with_field("x-a", "b\0c"),
    "control byte in a value": with_field("x-a", "b\x0bc"),
    "space before a value": with_field("x-a", " b"),
    "tab behind a value": with_field("x-a", "b\t"),
    "cr lf in a name": with_field("x-a: 1\r\nx-evil", "1"),
    "colon in a name": with_field("x-a: 1", "1"),
    "space in a name": with_field("x a", "1"),
    "empty name": with_field("", "1"),
    "upper case name": with_field("X-A", "1"),
    "high byte in a name": with_field(b"x-\xe4", "1"),
    "transfer-encoding": with_field("transfer-encoding", "chunked"),
    "connection": with_field("connection", "close"),
    "keep-alive": with_field("keep-alive", "timeout=5"),
    "proxy-connection": with_field("proxy-connection", "keep-alive"),
    "upgrade": with_field("upgrade", "websocket"),
    "te other than trailers": with_field("te", "gzip"),
    "te with more": with_field("te", "trailers, chunked"),
    "two lengths": [METHOD, SCHEME, AUTHORITY, PATH, ("content-length", "0"), ("content-length", "0")],
    "length that is no number": with_field("content-length", "+1"),
    "length without a body": with_field("content-length", "5"),
    "unknown pseudo field": [METHOD, SCHEME, AUTHORITY, PATH, (":foo", "bar")],
    "pseudo field of answers": [METHOD, SCHEME, AUTHORITY, PATH, (":status", "200")],
    "pseudo field behind others": [METHOD, SCHEME, AUTHORITY, ("x-a", "1"), PATH],
    "no method": [SCHEME, AUTHORITY, PATH],
    "no scheme": [METHOD, AUTHORITY, PATH],
    "no path": [METHOD, SCHEME, AUTHORITY],
    "two methods": [METHOD, METHOD, SCHEME, AUTHORITY, PATH],
    "two paths": [METHOD, SCHEME, AUTHORITY, PATH, PATH],
    "two authorities": [METHOD, SCHEME, AUTHORITY, AUTHORITY, PATH],
    "empty path": [METHOD, SCHEME, AUTHORITY, (":path", "")],
    "empty method": [(":method", ""), SCHEME, AUTHORITY, PATH],
    "path without a slash": [METHOD, SCHEME, AUTHORITY, (":path", "bad")],
    "path in absolute form": [METHOD, SCHEME, AUTHORITY, (":path", "http://b.test/bad")],
    "space in the path": [METHOD, SCHEME, AUTHORITY, (":path", "/bad HTTP/1.1")],
    "cr lf in the path": [METHOD, SCHEME, AUTHORITY, (":path", "/bad HTTP/1.1\r\nx-evil: 1\r\n")],
    "space in the method": [(":method", "GET /evil HTTP/1.1"), SCHEME, AUTHORITY, PATH],
    "cr lf in the method": [(":method", "GET\r\n"), SCHEME, AUTHORITY, PATH],
    "cr lf in the authority": [METHOD, SCHEME, (":authority", "a.test\r\nx-evil: 1"), PATH],
    "other scheme": [METHOD, (":scheme", "ftp"), AUTHORITY, PATH],
    "host against authority": [METHOD, SCHEME, AUTHORITY, PATH, ("host", "b.test")],
    "no host at all": [METHOD, SCHEME, PATH],
    "slash in the host": [METHOD, SCHEME, (":authority", "a.test/x"), PATH],
    "two hosts": [METHOD, SCHEME, AUTHORITY, PATH, ("host", "a.test"), ("host", "a.test")],
    "connect with a path": [(":method", "CONNECT"), SCHEME, AUTHORITY, PATH],
    "connect without an authority": [(":method", "CONNECT")],
    "extended connect": [(":method", "CONNECT"), (":protocol", "websocket"), SCHEME, AUTHORITY, PATH],
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_resets_its_stream(name: str, plain: Served) -> None:
    answer = asked(plain.gateway.port, MALFORMED[name])
    assert answer.reset == PROTOCOL_ERROR and not answer.headers
    assert not plain.upstream.to("/bad")


REFUSED: dict[str, tuple[Pairs, int]] = {
    "user in the host": ([METHOD, SCHEME, (":authority", "user@a.test"), PATH], 400),
    "connect": ([(":method", "CONNECT"), (":authority", "a.test:80")], 405),
    "trace": ([(":method", "TRACE"), SCHEME, AUTHORITY, PATH], 405),
    "unknown method": ([(":method", "BREW"), SCHEME, AUTHORITY, PATH], 501),
    "fragment": ([METHOD, SCHEME, AUTHORITY, (":path", "/bad#x")], 400),
    "bad escape": ([METHOD, SCHEME, AUTHORITY, (":path", "/bad%zz")], 400),
    "encoded slash": ([METHOD, SCHEME, AUTHORITY, (":path", "/bad%2fx")], 400),
    "other expectation": (with_field("expect", "200-ok"), 417),
    "too many fields": ([METHOD, SCHEME, AUTHORITY, PATH, *((f"x-{n}", "1") for n in range(101))], 431),
    "too large a field": (with_field("x-a", "b" * 17_000), 431),
    "too large together": ([METHOD, SCHEME, AUTHORITY, PATH, *((f"x-{n}", "b" * 1000) for n in range(30))], 431),
    "too large cookies": ([METHOD, SCHEME, AUTHORITY, PATH, *(("cookie", "b" * 1000) for n in range(30))], 431),
    "too long a path": ([METHOD, SCHEME, AUTHORITY, (":path", "/" + "b" * 17_000)], 414),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_request_has_the_answer_of_http_1(name: str, plain: Served) -> None:
    fields, status = REFUSED[name]
    answer = asked(plain.gateway.port, fields)
    assert answer.status == status and answer.ended
    assert not plain.upstream.to("/bad")


def test_a_length_that_lies(plain: Served) -> None:
    for length, body in ((3, b"four"), (5, b"four")):
        fields = [(":method", "POST"), SCHEME, AUTHORITY, PATH, ("content-length", str(length))]
        answer = asked(plain.gateway.port, fields, body)
        assert answer.reset == PROTOCOL_ERROR and not answer.headers
    assert not plain.upstream.to("/bad")


def test_host_in_place_of_authority(plain: Served) -> None:
    assert asked(plain.gateway.port, [METHOD, SCHEME, (":path", "/host"), ("host", "a.test")]).status == 200
    same = [METHOD, SCHEME, AUTHORITY, (":path", "/host"), ("host", "A.test")]
    assert asked(plain.gateway.port, same).status == 200


def test_identity_headers_of_clients_are_stripped(plain: Served) -> None:
    lies = [("x-amzn-apigateway-api-id", "x"), ("x_amzn_apigateway_api_id", "y")]
    assert asked(plain.gateway.port, [METHOD, SCHEME, AUTHORITY, (":path", "/identity"), *lies]).status == 200
    request = plain.upstream.only("/identity")
    assert b"x" not in request.values("x-amzn-apigateway-api-id")
    assert request.values("x_amzn_apigateway_api_id") == []


# --- floods

def flood(frames: Callable[[int], Iterable[Frame | bytes]], count: int) -> Callable[[Http2], None]:
    def send(client: Http2) -> None:
        for start in range(0, count, 100):
            for number in range(start, start + 100):
                client.raw(*frames(number))
            if client.closed:
                return

    return send


def rapid_reset(client: Http2) -> None:
    """CVE-2023-44487."""
    for _ in range(2000):
        number = client.get("/reset")
        client.reset(number)
        if client.closed:
            return


def resets_by_us(client: Http2) -> None:
    """Requests that make the server reset (CVE-2025-8671)."""
    for _ in range(2000):
        client.answer(client.ask(MALFORMED["no path"]))


def continuations(client: Http2) -> None:
    """CVE-2024-27316 and its like: a header block without an end."""
    client.raw(HeadersFrame(1, client.block(client.head())))
    for _ in range(2000):
        client.raw(ContinuationFrame(1, b""))
        if client.closed:
            return


def many_header_bytes(client: Http2) -> None:
    """A small block that names one large field of the table again and again."""
    big = client.block([("x-big", "b" * 4000)])
    client.raw(*client.frames(1, client.block(client.head()) + big + b"\xbe" * 2000, end=True))


def empty_data(client: Http2) -> None:
    number = client.ask(client.head("POST", "/empty"), end=False)
    flood(lambda _: [DataFrame(number, b"")], 5000)(client)


FLOODS: dict[str, Callable[[Http2], None]] = {
    "rapid reset": rapid_reset,
    "resets by us": resets_by_us,
    "ping": flood(lambda _: [PingFrame(0, b"12345678")], 5000),
    "settings": flood(lambda _: [SettingsFrame(0, {})], 5000),
    "priority": flood(lambda n: [PriorityFrame(2 * n + 1, depends_on=0, stream_weight=1)], 5000),
    "empty data": empty_data,
    "continuation": continuations,
    "header bytes": many_header_bytes,
    "window updates": flood(lambda _: [WindowUpdateFrame(0, 1)], 5000),
    "unknown frames": flood(lambda _: [b"\0\0\0\xee\0\0\0\0\0" * 1000], 1000),
    "resets of idle streams": flood(lambda n: [RstStreamFrame(1, 0)], 5000),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_ends_the_connection(name: str, plain: Served) -> None:
    with Http2(plain.gateway.port) as client:
        client.sync()
        with suppress(AssertionError):      # closed before an answer
            FLOODS[name](client)
        errors = {error for _, error in client.end()} - {NO_ERROR}
    if name == "resets of idle streams":
        assert errors <= {ENHANCE_YOUR_CALM, PROTOCOL_ERROR}
    else:
        assert errors <= {ENHANCE_YOUR_CALM}    # which a RST of the connection may have overtaken
    eventually(lambda: plain.gateway.live()["sessions"] == 0, "no session left")
    with Http2(plain.gateway.port) as other:
        assert other.request("/other").status == 200


def test_floods_are_counted_and_say_why(plain: Served) -> None:
    before = plain.gateway.metric("^fastgw_http2_floods_total")
    with Http2(plain.gateway.port) as client:
        client.sync()
        for _ in range(1001):
            client.raw(PingFrame(0, b"12345678"))
        for _ in range(20):
            client.raw(*[PingFrame(0, b"12345678")] * 100)
        assert (0, ENHANCE_YOUR_CALM) in client.end() or client.closed
    assert plain.gateway.metric("^fastgw_http2_floods_total") == before + 1


def test_patience_comes_back_with_answers(plain: Served) -> None:
    """A client that cancels half of its requests, and one that acknowledges each frame, are no floods."""
    with Http2(plain.gateway.port) as client:
        for _ in range(600):
            client.reset(client.get("/cancelled"))
            answer = client.request("/whole")
            client.raw(WindowUpdateFrame(0, len(answer.body)))
            assert answer.status == 200


def test_a_window_of_nothing_on_every_stream_holds_little(plain: Served) -> None:
    async def large(exchange: Exchange) -> None:
        await exchange.reply(200, b"x" * (1 << 20))

    plain.upstream.on("/large", large)
    with Http2(plain.gateway.port, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0}) as client:
        numbers = [client.get("/large") for _ in range(100)]
        client.sync()
        for number in numbers:      # one byte each: the answers move, their connection stays
            client.raw(WindowUpdateFrame(number, 1))
        client.sync()
        assert plain.gateway.live()["streams"] == 100
        assert {client.answer(number).reset is not None for number in numbers} == {True}      # send_timeout
        eventually(lambda: plain.gateway.live()["exchanges"] == 0, "no exchange left")


def errors(port: int, *pieces: bytes | Frame, greet: bool = True) -> set[int]:
    with Http2(port, greet=greet) as client:
        if greet:
            client.sync()
        client.raw(*pieces)
        return {error for _, error in client.end()}


def test_broken_frames_end_the_connection(plain: Served) -> None:
    port = plain.gateway.port
    block = b"\x82\x84\x86\x41\x01a"
    assert errors(port, b"\0\0\5\6\0\0\0\0\0hello") == {6}                                  # a PING of five bytes
    assert errors(port, HeadersFrame(2, block, flags=["END_HEADERS"])) == {PROTOCOL_ERROR}  # an even stream
    assert errors(port, HeadersFrame(1, b"\xff\xff\xff\xff\xff", flags=["END_HEADERS"])) == {COMPRESSION_ERROR}
    assert errors(port, DataFrame(1, b"x")) == {PROTOCOL_ERROR}                             # of a stream that is idle
    assert errors(port, HeadersFrame(1, block), PingFrame(0, b"12345678")) == {PROTOCOL_ERROR}
    assert errors(port, WindowUpdateFrame(0, 2**31 - 1)) == {FLOW_CONTROL_ERROR}
    assert errors(port, b"\x00\x40\x01\0\0\0\0\0\1" + bytes(0x4001)) == {6}                 # larger than allowed
    assert PROTOCOL_ERROR in errors(port, PREFACE + PingFrame(0, b"12345678").serialize(), greet=False)


def test_more_than_the_window(plain: Served) -> None:
    async def never(exchange: Exchange) -> None:
        await exchange.reader.read(1 << 30)

    plain.upstream.on("/over", never)
    with Http2(plain.gateway.port) as client:
        number = client.ask(client.head("POST", "/over", [("content-length", "10000000")]), end=False)
        client.raw(*[DataFrame(number, bytes(16_384))] * 300)
        answer = client.answers[number]
        client.until(lambda: answer.reset == FLOW_CONTROL_ERROR or client.goaways, "an error")
