"""HTTP/2 from clients: streams that do not wait for each other, windows, and how connections end."""

import asyncio
import socket
from collections.abc import Iterator

import pytest
from hyperframe.frame import HeadersFrame, PingFrame, SettingsFrame, WindowUpdateFrame

from fastgw._core.nghttp2 import nghttp2_missing
from tests.conftest import Served
from tests.support.client import Wire, eventually, get
from tests.support.definition import pass_through
from tests.support.http2 import (
    CANCEL,
    INTERNAL_ERROR,
    NO_ERROR,
    PREFACE,
    Http2,
)
from tests.support.process import Gateway
from tests.support.upstream import Exchange, Upstream, scripted

if nghttp2_missing():
    pytest.skip(f"HTTP/2 is off: {nghttp2_missing()}", allow_module_level=True)

DOORS = "^fastgw_(door_[a-z_]+|doors)_total"
BIG = bytes(range(256)) * 4096      # 1 MiB


@pytest.fixture(scope="module")
def plain() -> Iterator[Served]:
    """Passes everything on; speaks HTTP/2 with prior knowledge."""
    shown = {"header.X-Protocol": "context.protocol"}
    with Upstream() as stub, Gateway({"api.json": pass_through(stub.url, parameters=shown)}, listen="http2") as gateway:
        yield Served(gateway, stub)
        assert stub.unclean == []
        nothing_left(gateway)


@pytest.fixture(scope="module")
def strict() -> Iterator[Served]:
    """The same with little patience."""
    env = {
        "FASTGW_KEEPALIVE_TIMEOUT": "0.7",
        "FASTGW_HEAD_TIMEOUT": "0.5",
        "FASTGW_SEND_TIMEOUT": "1",
        "FASTGW_BODY_IDLE_TIMEOUT": "0.5",
        "FASTGW_BODY_BYTES": "1000",
        "FASTGW_KEEPALIVE_REQUESTS": "20",
    }
    with Upstream() as stub, Gateway({"api.json": pass_through(stub.url)}, env=env, listen="http2") as gateway:
        yield Served(gateway, stub)
        nothing_left(gateway)


def nothing_left(gateway: Gateway) -> None:
    gateway.wait_idle()
    live = gateway.live()
    assert live["streams"] == live["sessions"] == live["buffers"] == 0


def test_the_server_says_what_it_takes(plain: Served) -> None:
    with Http2(plain.gateway.port) as client:
        client.sync()
        assert client.acknowledged
        assert client.settings == {
            SettingsFrame.MAX_CONCURRENT_STREAMS: 100,
            SettingsFrame.INITIAL_WINDOW_SIZE: 65_536,
            SettingsFrame.MAX_HEADER_LIST_SIZE: 16_384,
        }
        assert client.room(0) == 1 << 20


def test_a_request_and_what_reaches_the_upstream(plain: Served) -> None:
    with Http2(plain.gateway.port) as client:
        more = [("x-a", "1"), ("cookie", "a=1"), ("x-a", "2"), ("cookie", "b=2"), ("te", "trailers")]
        answer = client.request("/h2/one?a=b&c=%20", more=more)
    assert (answer.status, bytes(answer.body), answer.reset) == (200, b"/h2/one?a=b&c=%20", None)
    assert answer.get("content-length") == str(len(answer.body))
    names = {name for name, _ in answer.headers}
    assert not names & {"connection", "keep-alive", "transfer-encoding", "upgrade"}
    assert all(name == name.lower() for name in names)
    request = plain.upstream.only("/h2/one")
    assert request.start == (b"GET", b"/h2/one?a=b&c=%20", b"HTTP/1.1")
    assert request.values("x-a") == [b"1", b"2"]
    assert request.values("cookie") == [b"a=1; b=2"]
    assert request.values("te") == [] and request.values("transfer-encoding") == []
    assert request.values("host") == [plain.upstream.authority.encode()]


def test_http_1_goes_on_beside_it(plain: Served) -> None:
    with plain.wire() as wire:
        wire.send("P")                                      # as the preface begins
        wire.send("OST /h1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
        assert wire.answer().body == b"hi"
        assert wire.request(get("/h1/again")).body == b"/h1/again"
    upgrade = "GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    with plain.wire() as wire:
        assert wire.request(upgrade + "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n").status == 200


def test_a_preface_in_pieces(plain: Served) -> None:
    with Http2(plain.gateway.port, greet=False) as client:
        for byte in PREFACE + SettingsFrame(0, {}).serialize():
            client.raw(bytes([byte]))
        assert client.request("/slowly").status == 200
    with plain.wire() as wire:
        wire.send(b"PRI * HTTP/2.0\r\n\r\nGET / HTTP/1.1\r\n\r\n")
        assert wire.answer().status in (400, 505)


def test_behind_a_header_of_the_proxy_protocol() -> None:
    shown = {"header.X-Source": "context.identity.sourceIp"}
    with Upstream() as stub:
        document = {"api.json": pass_through(stub.url, parameters=shown)}
        with Gateway(document, listen="proxy_protocol http2") as gateway:
            with Http2(gateway.port, greet=False) as client:
                client.raw(b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 80\r\n" + PREFACE + SettingsFrame(0, {}).serialize())
                assert client.request("/proxied/2").status == 200
            with gateway.wire() as wire:
                wire.send("PROXY TCP4 203.0.113.9 192.0.2.1 4711 80\r\n" + get("/proxied/1").decode())
                assert wire.answer().status == 200
        for path in ("/proxied/1", "/proxied/2"):
            assert stub.only(path).values("x-source") == [b"203.0.113.9"]


def test_a_plain_listener_does_not_speak_it_unless_told(served: Served) -> None:
    with Http2(served.gateway.port) as client:
        assert not client.more() or not client.settings


@pytest.mark.parametrize("sized", (True, False), ids=("length", "stream"))
def test_bodies_both_ways(sized: bool, plain: Served) -> None:
    more = [("content-length", str(len(BIG)))] if sized else []
    with Http2(plain.gateway.port) as client:
        answer = client.request("/echo/big", "POST", BIG, more)
    assert answer.status == 200 and bytes(answer.body) == BIG and answer.ended


def test_a_body_that_ends_with_trailers(plain: Served) -> None:
    with Http2(plain.gateway.port) as client:
        number = client.ask(client.head("POST", "/trailers"), end=False)
        client.data(number, b"body")
        client.raw(*client.frames(number, client.block([("x-trailer", "dropped")]), end=True))
        assert bytes(client.answer(number).body) == b"body"
    assert plain.upstream.only("/trailers").values("x-trailer") == []


def test_an_empty_body_that_comes_late(plain: Served) -> None:
    with Http2(plain.gateway.port) as client:
        for more in ([], [("content-length", "0")]):
            number = client.ask(client.head("POST", "/none", more), end=False)
            client.sync()
            client.data(number, b"", end=True)
            assert client.answer(number).status == 200


def test_streams_do_not_wait_for_each_other(plain: Served) -> None:
    release = plain.upstream.event()

    async def held(exchange: Exchange) -> None:
        await release.wait()
        await exchange.reply(200, b"late")

    plain.upstream.on("/held", held)
    with Http2(plain.gateway.port) as client:
        slow = [client.get("/held") for _ in range(5)]
        fast = [client.get(f"/fast/{n}") for n in range(50)]
        assert [bytes(client.answer(number).body) for number in fast] == [b"/fast/%d" % n for n in range(50)]
        assert not any(client.answers[number].done for number in slow)
        plain.upstream.call(release.set)
        assert [bytes(client.answer(number).body) for number in slow] == [b"late"] * 5


@pytest.mark.parametrize(
    ("raw", "status", "body", "length"),
    [
        (b"HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n", 204, b"", None),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nETag: \"e\"\r\n\r\n", 304, b"", "9"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n",
            200, b"abcde", None,
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b"", "0"),
        (
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
            200, b"x", "1",
        ),
    ],
    ids=("204", "304", "chunked", "empty", "103"),
)
def test_framings_of_answers(raw: bytes, status: int, body: bytes, length: str | None, plain: Served) -> None:
    plain.upstream.on("/framed", scripted(raw))
    with Http2(plain.gateway.port) as client:
        answer = client.request("/framed")
    assert (answer.status, bytes(answer.body), answer.get("content-length")) == (status, body, length)
    assert answer.ended and answer.reset is None


def test_a_body_that_ends_with_its_connection(plain: Served) -> None:
    plain.upstream.on("/close", scripted(b"HTTP/1.0 200 OK\r\n\r\nuntil the end", close=True))
    with Http2(plain.gateway.port) as client:
        assert bytes(client.request("/close").body) == b"until the end"


def test_head(plain: Served) -> None:
    plain.upstream.on("/head", scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n"))
    with Http2(plain.gateway.port) as client:
        answer = client.request("/head", "HEAD")
    assert (answer.status, bytes(answer.body), answer.get("content-length"), answer.ended) == (200, b"", "12345", True)


def test_a_cut_answer_is_seen_as_cut(plain: Served) -> None:
    plain.upstream.on("/cut", scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", close=True))
    with Http2(plain.gateway.port) as client:
        number = client.get("/cut")
        answer = client.answer(number)
        assert answer.reset == INTERNAL_ERROR and not answer.ended
        assert client.request("/after").status == 200          # the connection lives


def test_expect_100_continue(plain: Served) -> None:
    with Http2(plain.gateway.port) as client:
        more = [("expect", "100-continue"), ("content-length", "3")]
        number = client.ask(client.head("POST", "/expects", more), end=False)
        client.until(lambda: client.answers[number].interim, "100 Continue")
        assert client.answers[number].interim == [[(":status", "100")]]
        client.data(number, b"yes", end=True)
        assert bytes(client.answer(number).body) == b"yes"


def test_an_early_answer_lets_the_client_stop(strict: Served) -> None:
    with Http2(strict.gateway.port) as client:
        number = client.ask(client.head("POST", "/large", [("content-length", "100000")]), end=False)
        answer = client.answer(number)
        assert answer.status == 413 and answer.ended
        client.until(lambda: answer.reset is not None, "RST_STREAM")
        assert answer.reset == NO_ERROR
        client.data(number, b"x" * 10_000)              # was on its way; the connection's window comes back
        streamed = client.ask(client.head("POST", "/streamed"), end=False)
        client.data(streamed, b"x" * 2000)
        assert client.answer(streamed).status == 413
        client.until(lambda: client.room(0) + 12_000 >= 1 << 20, "the window")


def test_a_reset_gives_up_the_upstream(plain: Served) -> None:
    gone = plain.upstream.event()

    async def stuck(exchange: Exchange) -> None:
        if not await exchange.reader.read(1):
            gone.set()
        exchange.close()

    plain.upstream.on("/stuck", stuck)
    with Http2(plain.gateway.port) as client:
        number = client.get("/stuck")
        eventually(lambda: any(r.request.path == "/stuck" for r in plain.upstream.requests), "the request")
        client.reset(number)
        eventually(gone.is_set, "the upstream's connection is closed")
        assert client.request("/after").status == 200
        assert plain.gateway.live()["streams"] <= 1


def test_a_client_that_leaves_gives_up_all(plain: Served) -> None:
    async def forever(exchange: Exchange) -> None:
        await exchange.reader.read(1)
        exchange.close()

    plain.upstream.on("/forever", forever)
    client = Http2(plain.gateway.port)
    for _ in range(20):
        client.get("/forever")
    client.sync()
    assert plain.gateway.live()["exchanges"] == 20
    client.close()
    plain.gateway.wait_idle()
    assert plain.gateway.live()["streams"] == 0


def test_the_clients_window_holds_an_answer_back(plain: Served) -> None:
    async def pour(exchange: Exchange) -> None:
        await exchange.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(BIG)}\r\n\r\n")
        await exchange.write(BIG)

    plain.upstream.on("/pour", pour)
    with Http2(plain.gateway.port, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 10_000}, window=0) as client:
        number = client.get("/pour")
        client.until(lambda: len(client.answers[number].body) == 10_000, "as much as the window")
        client.sync()
        assert len(client.answers[number].body) == 10_000
        assert client.request("/beside").status == 200
        client.raw(WindowUpdateFrame(0, 1 << 21), WindowUpdateFrame(number, 1 << 21))
        assert bytes(client.answer(number).body) == BIG


def test_an_upstream_holds_a_request_back(plain: Served) -> None:
    """The window opens for what was taken only: a body that nobody takes stops at its window, another goes on."""
    release = plain.upstream.event()

    async def later(exchange: Exchange) -> None:
        await release.wait()
        await exchange.reply(200, str(len(await exchange.body())).encode())

    plain.upstream.on("/later", later)
    with Http2(plain.gateway.port) as client:
        number = client.ask(client.head("POST", "/later"), end=False)
        total = 0
        client.socket.settimeout(1)
        for _ in range(100_000):
            room = min(client.room(number), client.room(0), 16_384)
            if room <= 0:
                client.sync()
                room = min(client.room(number), client.room(0), 16_384)
                if room <= 0:
                    break
            client.spend(number, room)
            client.data(number, bytes(room))
            total += room
        else:
            raise AssertionError("the window never ended")
        client.socket.settimeout(15)
        assert client.room(0) > 0
        assert client.request("/beside/it", "POST", b"x").status == 200
        plain.upstream.call(release.set)
        client.send(number, b"tail")
        assert int(client.answer(number).body) == total + 4


def test_more_streams_than_allowed(plain: Served) -> None:
    async def forever(exchange: Exchange) -> None:
        await exchange.reader.read(1)
        exchange.close()

    plain.upstream.on("/many", forever)
    with Http2(plain.gateway.port) as client:
        client.sync()
        for _ in range(100):
            client.get("/many")
        client.sync()
        assert plain.gateway.live()["streams"] == 100
        client.get("/many")
        assert client.end()[-1][1] != NO_ERROR
    plain.gateway.wait_idle()


def test_the_protocol_in_the_context(plain: Served) -> None:
    with Http2(plain.gateway.port) as client:
        assert client.request("/protocol/2").status == 200
    assert plain.fetch(get("/protocol/1")).status == 200
    assert plain.upstream.only("/protocol/2").values("x-protocol") == [b"HTTP/2.0"]
    assert plain.upstream.only("/protocol/1").values("x-protocol") == [b"HTTP/1.1"]


def test_compiled_routes_open_no_door(plain: Served) -> None:
    before = plain.gateway.metric(DOORS)
    with Http2(plain.gateway.port) as client:
        for _ in range(20):
            numbers = [client.get("/gil") for _ in range(50)]
            assert {client.answer(number).status for number in numbers} == {200}
    assert plain.gateway.metric(DOORS) == before
    assert plain.gateway.metric("^fastgw_http2_connections_total") > 0


# --- ends of connections

def test_an_idle_connection_ends_with_goaway(strict: Served) -> None:
    port = strict.gateway.port
    with (
        Http2(port) as used, Http2(port) as unused, Http2(port) as half, Http2(port, greet=False) as preface,
        socket.create_connection(("127.0.0.1", port)) as silent,
    ):
        half.raw(HeadersFrame(1, half.block(half.head())[:3]))
        preface.raw(PREFACE[:10])
        assert used.request("/").status == 200
        assert used.end() == [(1, NO_ERROR)]
        unused.raw(PingFrame(0, b"keep me!"))           # without a request: that does not keep it
        assert unused.end() == [(0, NO_ERROR)]
        assert [error for _, error in half.end()] == [NO_ERROR]
        preface.end()
        assert silent.recv(1) == b""


def test_the_last_request_of_a_connection(strict: Served) -> None:
    with Http2(strict.gateway.port) as client:
        numbers = [client.get("/n") for _ in range(25)]
        assert [client.answer(number).status for number in numbers[:20]] == [200] * 20
        assert client.end() == [(numbers[19], NO_ERROR)]
        assert not any(client.answers[number].headers for number in numbers[20:])


def test_a_drain_finishes_what_is_under_way() -> None:
    async def slow(exchange: Exchange) -> None:
        await asyncio.sleep(1)
        await exchange.reply(200, BIG)

    with Upstream(slow) as stub, Gateway({"api.json": pass_through(stub.url)}, listen="http2") as gateway:
        with Http2(gateway.port) as busy, Http2(gateway.port) as idle:
            idle.sync()
            numbers = [busy.get("/slow") for _ in range(3)]
            stub.seen(3)
            assert gateway.tell("drain").returncode == 0
            assert idle.end() == [(0, NO_ERROR)]
            answers = [busy.answer(number) for number in numbers]
            assert [(a.status, len(a.body)) for a in answers] == [(200, len(BIG))] * 3
            assert busy.end() == [(numbers[-1], NO_ERROR)]
        gateway.exited()


def test_a_client_that_reads_nothing_is_cut(strict: Served) -> None:
    async def pour(exchange: Exchange) -> None:
        await exchange.reply(200, BIG * 8)

    strict.upstream.on("/pour", pour)
    gateway = strict.gateway
    with Http2(gateway.port, receive_buffer=4096) as client:        # the connection is stuck
        client.get("/pour")
        eventually(lambda: gateway.live()["connections"] == 1, "the connection")
        eventually(lambda: gateway.live()["connections"] == 0, "its end")
    with Http2(gateway.port, window=0) as client:                   # the streams' windows are shut
        numbers = [client.get("/pour") for _ in range(10)]
        assert {client.answer(number).reset for number in numbers} <= {CANCEL, INTERNAL_ERROR}
        eventually(lambda: gateway.live()["exchanges"] == gateway.live()["streams"] == 0, "no stream left")


def test_a_body_that_stops_is_answered_408(strict: Served) -> None:
    with Http2(strict.gateway.port) as client:
        number = client.ask(client.head("POST", "/stops", [("content-length", "10")]), end=False)
        client.data(number, b"some")
        assert client.answer(number).status == 408
        assert client.request("/next").status == 200


def test_wire_counts_answers_as_http_1_does(plain: Served) -> None:
    before = plain.gateway.metric("^fastgw_worker_requests_total")
    with Http2(plain.gateway.port) as client, Wire(plain.gateway.port) as wire:
        for _ in range(3):
            client.request("/counted")
            wire.request(get("/counted"))
    assert plain.gateway.metric("^fastgw_worker_requests_total") == before + 6
