"""HTTP/1.1 toward the client: connections, framing of bodies in both directions, HEAD, early answers."""

import asyncio
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import pytest

from tests.conftest import Served
from tests.support.client import all_answers, eventually, get
from tests.support.definition import mock, openapi, pass_through
from tests.support.process import Gateway
from tests.support.upstream import Exchange, Upstream, scripted


@pytest.fixture(scope="module")
def few() -> Iterator[Served]:
    """A gateway with small limits on connections and requests."""
    env = {
        "FASTGW_KEEPALIVE_REQUESTS": "3",
        "FASTGW_MAX_CONNECTIONS": "5",
        "FASTGW_MAX_CONNECTIONS_PER_ADDRESS": "2",
        "FASTGW_KEEPALIVE_TIMEOUT": "1",
    }
    with Upstream() as stub, Gateway({"api.json": pass_through(stub.url)}, env=env) as gateway:
        yield Served(gateway, stub)


def chunked(path: str, *pieces: bytes, last: bytes = b"0\r\n\r\n") -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + last
    return get(path, "Transfer-Encoding: chunked", method="POST") + body


def test_keep_alive(served: Served) -> None:
    with served.wire() as wire:
        for number in range(50):
            answer = wire.request(get(f"/keep/{number}"))
            assert (answer.body, answer.closes) == (f"/keep/{number}".encode(), False)


def test_connection_close_is_obeyed(served: Served) -> None:
    with served.wire() as wire:
        assert wire.request(get("/close", "Connection: close")).closes
        assert wire.ends()


def test_http_1_0(served: Served) -> None:
    with served.wire() as wire:
        answer = wire.request(get("/one-zero-client", version="HTTP/1.0"))
        assert (answer.status, answer.body) == (200, b"/one-zero-client")
        assert wire.ends()


def test_http_1_0_keep_alive(served: Served) -> None:
    with served.wire() as wire:
        first = wire.request(get("/kept", "Connection: keep-alive", version="HTTP/1.0"))
        assert first.status == 200
        if not first.closes:
            assert wire.request(get("/kept-2", version="HTTP/1.0")).body == b"/kept-2"
        assert wire.ends()


def test_http_1_0_client_gets_no_chunks(served: Served) -> None:
    served.upstream.on(
        "/chunks-for-1.0",
        scripted(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    )
    with served.wire() as wire:
        answer = wire.request(get("/chunks-for-1.0", version="HTTP/1.0"))
        assert (answer.body, answer.values("transfer-encoding")) == (b"hello", [])
        assert wire.ends()


def test_http_1_0_without_host(served: Served) -> None:
    answer = served.fetch(b"GET /hostless HTTP/1.0\r\n\r\n")
    assert (answer.status, answer.body) == (200, b"/hostless")


def test_keepalive_requests(few: Served) -> None:
    with few.wire() as wire:
        assert [wire.request(get("/n")).closes for _ in range(3)] == [False, False, True]
        assert wire.ends()


def test_keepalive_requests_pipelined(few: Served) -> None:
    with few.wire() as wire:
        wire.send(get("/n") * 5)
        answers = list(all_answers(wire, []))
    assert [answer.closes for answer in answers] == [False, False, True]


def test_idle_connection_is_closed_silently(few: Served) -> None:
    with few.wire() as wire:
        wire.request(get("/idle"))
        assert wire.ends()


def test_connections_per_address(few: Served) -> None:
    """The third of one address is turned away; another address is not."""
    with few.wire(source="127.0.1.1") as one, few.wire(source="127.0.1.1") as two:
        assert one.request(get("/a")).status == two.request(get("/a")).status == 200
        with few.wire(source="127.0.1.1") as three:
            three.deliver([get("/a")])
            assert [answer.status for answer in all_answers(three, [])] in ([], [503])
        with few.wire(source="127.0.1.2") as other:
            assert other.request(get("/a")).status == 200


def test_connections_in_all(few: Served) -> None:
    wires = [few.wire(source=f"127.0.2.{n}") for n in range(5)]
    try:
        assert [wire.request(get("/a")).status for wire in wires] == [200] * 5
        with few.wire(source="127.0.2.9") as sixth:
            sixth.deliver([get("/a")])
            assert [answer.status for answer in all_answers(sixth, [])] in ([], [503])
    finally:
        for wire in wires:
            wire.close()
    eventually(few.gateway.idle, "all connections gone")
    assert few.fetch(get("/a")).status == 200


@pytest.mark.parametrize("size", (0, 1, 4095, 4096, 65535, 65536, 300_000))
def test_bodies_both_ways(served: Served, size: int) -> None:
    body = bytes(n * 7 % 251 for n in range(size))
    with served.wire() as wire:
        sent = wire.request(get(f"/length/{size}", method="POST", body=body))
        assert sent.body == (body or f"/length/{size}".encode())
        pieces = [body[n : n + 50_000] for n in range(0, size, 50_000)]
        coded = wire.request(chunked(f"/coded/{size}", *pieces))
        assert coded.body == (body or f"/coded/{size}".encode())


def test_chunk_extensions_and_trailers_end_here(served: Served) -> None:
    with served.wire() as wire:
        wire.send(
            get("/trailers", "Transfer-Encoding: chunked", method="POST")
            + b'5;a=1;b="q;\\"x"\r\nhello\r\n0;last\r\nX-Trailer: 1\r\nHost: evil\r\n\r\n'
        )
        assert wire.answer().body == b"hello"
        assert wire.request(get("/after-trailers")).status == 200
    request = served.upstream.only("/trailers")
    assert request.trailers == () and "x-trailer" not in request.names()


@pytest.mark.parametrize("cut", (False, True), ids=("whole", "bytes"))
@pytest.mark.parametrize("extension", (b";=b", b";a=", b";a;=b", b";a=b;", b";a=;b"))
def test_chunk_extensions_without_a_name_or_a_value(served: Served, extension: bytes, cut: bool) -> None:
    data = b"POST /e HTTP/1.1\r\nHost: gw.test\r\nTransfer-Encoding: chunked\r\n\r\n5" + extension + b"\r\nhello\r\n"
    data += b"0\r\n\r\n"
    with served.gateway.wire() as wire:
        wire.deliver([data[at : at + 1] for at in range(len(data))] if cut else [data])
        assert wire.answer().status == 400
        assert wire.ends()


def test_many_small_chunks(served: Served) -> None:
    pieces = [bytes([65 + n % 26]) for n in range(3000)]
    assert served.fetch(chunked("/small-chunks", *pieces)).body == b"".join(pieces)


def test_chunked_answer(served: Served) -> None:
    served.upstream.on(
        "/chunked-answer",
        scripted(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"3;x=y\r\nabc\r\n" * 1000
            + b"0\r\nX-T: 1\r\n\r\n"
        ),
    )
    with served.wire() as wire:
        answer = wire.request(get("/chunked-answer"))
        assert (answer.body, answer.trailers) == (b"abc" * 1000, ())
        assert wire.request(get("/after-chunked")).status == 200


def test_streamed_answer_is_not_held_back(served: Served) -> None:
    """The first part reaches the client while the upstream still owes the rest."""
    gate: list[asyncio.Event] = []

    async def halves(exchange: Exchange) -> None:
        gate.append(asyncio.Event())
        await exchange.body()
        await exchange.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await gate[0].wait()
        await exchange.write("6\r\nsecond\r\n0\r\n\r\n")

    served.upstream.on("/halves", halves)
    with served.wire() as wire:
        wire.send(get("/halves"))
        while b"first" not in wire.received:
            assert wire._more()
        served.upstream.call(gate[0].set)
        assert wire.answer().body == b"firstsecond"


def test_streamed_upload_is_not_held_back(served: Served) -> None:
    """The upstream sees the first part of a body while the client still owes the rest."""
    with served.wire() as wire:
        wire.send(get("/upload-halves", "Content-Length: 10", method="POST") + b"first")
        eventually(
            lambda: [
                r for r in served.upstream.requests if r.request.path == "/upload-halves" and r.size == 5
            ],
            "the first half upstream",
        )
        wire.send(b"again")
        assert wire.answer("POST").body == b"firstagain"


@pytest.mark.parametrize("fields", (b"Content-Length: 12345", b"Transfer-Encoding: chunked"))
def test_head(served: Served, fields: bytes) -> None:
    path = f"/head-{len(fields)}"
    served.upstream.on(path, scripted(b"HTTP/1.1 200 OK\r\nX-A: 1\r\n" + fields + b"\r\n\r\n"))
    with served.wire() as wire:
        answer = wire.request(get(path, method="HEAD"))
        assert (answer.status, answer.body, answer.get("X-A")) == (200, b"", "1")
        assert wire.request(get("/after-head")).body == b"/after-head"
    assert served.upstream.only(path).method == "HEAD"


@pytest.mark.parametrize("status", (204, 304))
def test_bodiless_answers(served: Served, status: int) -> None:
    served.upstream.on(f"/bodiless-{status}", scripted(f'HTTP/1.1 {status} X\r\nETag: "e"\r\n\r\n'.encode()))
    with served.wire() as wire:
        answer = wire.request(get(f"/bodiless-{status}"))
        assert (answer.status, answer.body, answer.get("ETag")) == (status, b"", '"e"')
        assert wire.request(get("/after-bodiless")).body == b"/after-bodiless"


def test_a_304_keeps_its_stated_length_out_of_the_framing(served: Served) -> None:
    served.upstream.on("/304-length", scripted(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n"))
    with served.wire() as wire:
        assert wire.request(get("/304-length")).status == 304
        assert wire.request(get("/after-304")).body == b"/after-304"


def test_answer_before_the_upload_ends(served: Served) -> None:
    """The client gets the early answer; its connection is then closed, or stays in step."""

    async def early(exchange: Exchange) -> None:
        await exchange.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        exchange.close()

    served.upstream.on("/early", early)
    with served.wire() as wire:
        wire.send(get("/early", "Content-Length: 1000000", method="POST") + b"x" * 1000)
        answer = wire.answer("POST")
        assert (answer.status, answer.body) == (403, b"no")
        assert wire.ends()


def test_413_comes_before_the_body(served: Served) -> None:
    with served.wire() as wire:
        wire.send(get("/too-large", "Content-Length: 99999999", method="POST"))
        answer = wire.answer("POST")
        assert answer.status == 413 and answer.closes
        assert wire.ends()
    assert served.upstream.to("/too-large") == []


def test_every_answer_has_a_date_and_a_request_id(served: Served) -> None:
    ids = set()
    for answer in (
        served.fetch(get("/date")),
        served.fetch(get("/date")),
        served.fetch(b"GET / HTTP/1.1\r\n\r\n"),
    ):
        date = answer.get("Date")
        assert date and date.endswith(" GMT") and parsedate_to_datetime(date)
        ids.add(answer.get("x-amzn-RequestId"))
    assert len(ids) == 3 and None not in ids


def test_options_star_is_the_gateway_s_own(served: Served) -> None:
    with served.wire() as wire:
        assert 200 <= wire.request(get("*", method="OPTIONS")).status < 300
        assert wire.request(get("/after-star")).status == 200
    assert served.upstream.to("*") == []


def test_leading_empty_lines(served: Served) -> None:
    with served.wire() as wire:
        wire.send(b"\r\n" + get("/blank-1") + b"\r\n\r\n" + get("/blank-2"))
        assert [wire.answer().body, wire.answer().body] == [b"/blank-1", b"/blank-2"]


def test_absolute_form_with_the_same_host(served: Served) -> None:
    answer = served.fetch(get("http://gw.test/absolute?x=1"))
    assert answer.body == b"/absolute?x=1"
    assert served.upstream.only("/absolute").target == "/absolute?x=1"


def test_mock_post_body_is_skipped() -> None:
    """An answer that needs no body leaves the connection in step, or says that it ends."""
    document = openapi({"/m": {"post": mock(200, '"m"'), "get": mock(200, '"g"')}})
    with Gateway({"api.json": document}) as gateway:
        for post in (get("/m", method="POST", body=b"x" * 5000), chunked("/m", b"abc")):
            with gateway.wire() as wire:
                wire.send(post + get("/m"))
                first = wire.answer("POST")
                assert first.body == b'"m"'
                assert wire.ends() if first.closes else wire.answer().body == b'"g"'
