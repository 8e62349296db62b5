"""Compressed answers and compressed requests of REST APIs."""

import gzip
import random
import zlib
from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import Wire, eventually, get
from tests.support.definition import mock, openapi, proxy, several
from tests.support.message import Response
from tests.support.process import Gateway
from tests.support.upstream import Exchange, Upstream, scripted
from tests.wire.test_gil import DOORS

LEAST = 1000
"""minimumCompressionSize of the API under test."""

TEXT = b"".join(b'{"id": %d, "name": "a name of it"},' % number for number in range(8000))
NOISE = random.Random(4).randbytes(200_000)
MODEL = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
BODY = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}


def document(url: str, least: int | None) -> dict:
    everything = proxy(f"{url}/{{proxy}}")
    found = openapi(
        {
            "/up/{proxy+}": {"any": everything},
            "/fixed/large": {"any": mock(200, "x" * 5000)},
            "/fixed/small": {"any": mock(200, "x" * 999)},
            "/checked/{proxy+}": {"post": {**everything, "requestBody": BODY,
                                           "x-amazon-apigateway-request-validator": "body"}},
        },
        request_validators={"body": {"validateRequestBody": True}},
    )
    found["components"] = {"schemas": {"Thing": MODEL}}
    if least is not None:
        found["x-amazon-apigateway-minimum-compression-size"] = least
    return found


@pytest.fixture(scope="module")
def packed() -> Iterator[Served]:
    with Upstream() as stub:
        files = {
            "fastgw.yaml": several({"a": {"definition": "a.json", "stages": {
                "$default": {}, "kept": {"cache": {"ttl": 3600, "x_cache": True, "invalidation": "allow"}}}}}),
            "a.json": document(stub.url, LEAST),
        }
        with Gateway(files, env={"FASTGW_BODY_BYTES": "10000000"}) as gateway:
            yield Served(gateway, stub)
            assert gateway.metric(DOORS) == 0
            assert stub.unclean == []


def serves(body: bytes, *fields: str, chunked: bool = False, close: bool = False):
    """The stub's answer with this body."""
    head = "\r\n".join(("HTTP/1.1 200 OK", "Content-Type: application/json", *fields))
    if chunked:
        pieces = [body[at : at + 3000] for at in range(0, len(body), 3000)]
        packed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        return scripted(head.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + packed)
    if close:
        return scripted(head.encode() + b"\r\n\r\n" + body, close=True)
    return scripted(head.encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def fetch(served: Served, path: str, *fields: str, method: str = "GET") -> Response:
    """On a connection that has to go on with another request."""
    with Wire(served.gateway.port) as wire:
        answer = wire.request(get(path, *fields, method=method))
        assert wire.request(get("/fixed/small")).status == 200
        return answer


def plain(answer: Response) -> bytes:
    coding = answer.get("content-encoding")
    if coding is None:
        return answer.body
    return gzip.decompress(answer.body) if coding == "gzip" else zlib.decompress(answer.body)


@pytest.mark.parametrize(("accepts", "coding"), [
    (("gzip",), "gzip"), (("deflate",), "deflate"), (("deflate, gzip",), "gzip"), (("x-gzip",), "gzip"),
    (("gzip;q=0.5, deflate",), "deflate"), (("GZIP ; Q=0.001",), "gzip"), (("br, deflate;q=0.9",), "deflate"),
    (("br", "gzip"), "gzip"), (("gzip;q=1.0, identity; q=0.5, *;q=0",), "gzip"),
    ((), None), (("",), None), (("*",), None), (("identity",), None), (("br, zstd",), None), (("gzip;q=0",), None),
    (("gzip;q=0.000, deflate;q=0",), None), (("identity, gzip;q=0.5",), None), (("gzip=1.0",), None),
    (("gzip;q=2",), None), (("gzip;q=abc",), None), (("gzip;level=3",), None),
])
def test_what_the_client_names(packed: Served, accepts: tuple[str, ...], coding: str | None) -> None:
    packed.upstream.on("/negotiated", serves(TEXT))
    answer = fetch(packed, "/up/negotiated", *(f"Accept-Encoding: {one}" for one in accepts))
    assert (answer.get("content-encoding"), answer.get("vary")) == (coding, "Accept-Encoding")
    assert plain(answer) == TEXT
    assert (len(answer.body) < len(TEXT) // 3) == (coding is not None)


@pytest.mark.parametrize("how", ["length", "chunked", "close"])
@pytest.mark.parametrize("size", [0, 1, LEAST - 1, LEAST, LEAST + 1, 40_000, 200_000])
@pytest.mark.parametrize("noise", [False, True])
def test_every_size_and_framing(packed: Served, how: str, size: int, noise: bool) -> None:
    body = (NOISE if noise else TEXT)[:size]
    packed.upstream.on(f"/{how}-{size}", serves(body, chunked=how == "chunked", close=how == "close"))
    answer = fetch(packed, f"/up/{how}-{size}", "Accept-Encoding: gzip")
    assert answer.get("content-encoding") == ("gzip" if size >= LEAST else None)
    assert plain(answer) == body
    assert answer.get("content-length") == (str(size) if size < LEAST else None)


def test_a_slow_answer_of_unknown_length_waits_for_its_size_only(packed: Served) -> None:
    go = packed.upstream.event()

    async def drip(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + TEXT[:1000] + b"\r\n")
        await go.wait()
        await exchange.write(b"3\r\nend\r\n0\r\n\r\n")

    packed.upstream.on("/drip", drip)
    with Wire(packed.gateway.port) as wire:
        wire.send(get("/up/drip", "Accept-Encoding: deflate"))
        first = zlib.decompressobj()
        seen = b""
        while len(seen) < 1000:         # the first thousand comes before the rest
            assert wire._more()
            seen = b"".join(first.decompress(part) for part in bodies(bytes(wire.received))) or b""
            first = zlib.decompressobj()
        assert seen == TEXT[:1000]
        packed.upstream.call(go.set)
        assert plain(wire.answer()) == TEXT[:1000] + b"end"


def bodies(raw: bytes) -> list[bytes]:
    """The whole chunks of an answer so far."""
    _, _, rest = raw.partition(b"\r\n\r\n")
    found = []
    while b"\r\n" in rest:
        size, _, rest = rest.partition(b"\r\n")
        if len(rest) < int(size, 16) + 2:
            break
        found.append(rest[: int(size, 16)])
        rest = rest[int(size, 16) + 2 :]
    return found


@pytest.mark.parametrize(("fields", "status"), [
    (("Content-Encoding: br",), 200), (("content-encoding: gzip",), 200), (("Cache-Control: no-transform",), 200),
    (("Content-Type: text/event-stream; charset=utf-8",), 200),
])
@pytest.mark.parametrize("chunked", [False, True])
def test_what_stays_as_it_is(packed: Served, fields: tuple[str, ...], status: int, chunked: bool) -> None:
    packed.upstream.on("/asis", serves(TEXT, *fields, chunked=chunked))
    answer = fetch(packed, "/up/asis", "Accept-Encoding: gzip")
    assert (answer.status, answer.body, answer.get("vary")) == (status, TEXT, None)
    assert answer.get("content-encoding") == (fields[0].partition(": ")[2] if "ncoding" in fields[0] else None)


def test_a_part_of_an_answer_stays_as_it_is(packed: Served) -> None:
    head = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4999/90000\r\nContent-Length: 5000\r\n\r\n"
    packed.upstream.on("/part", scripted(head + TEXT[:5000]))
    answer = fetch(packed, "/up/part", "Accept-Encoding: gzip")
    assert (answer.body, answer.get("content-encoding")) == (TEXT[:5000], None)


@pytest.mark.parametrize(("tag", "sent"), [('"abc"', 'W/"abc"'), ('W/"abc"', 'W/"abc"')])
def test_a_tag_becomes_a_weak_one(packed: Served, tag: str, sent: str) -> None:
    packed.upstream.on("/tagged", serves(TEXT, f"ETag: {tag}"))
    assert fetch(packed, "/up/tagged", "Accept-Encoding: gzip").get("etag") == sent
    assert fetch(packed, "/up/tagged").get("etag") == tag


def test_head_and_bodiless_answers(packed: Served) -> None:
    packed.upstream.on("/head", serves(TEXT))
    answer = fetch(packed, "/up/head", "Accept-Encoding: gzip", method="HEAD")
    assert (answer.get("content-encoding"), answer.body) == (None, b"")
    packed.upstream.on("/none", scripted(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9000\r\n\r\n"))
    assert fetch(packed, "/up/none", "Accept-Encoding: gzip").status == 304


def test_an_old_client_gets_it_until_the_end_of_the_connection(packed: Served) -> None:
    packed.upstream.on("/old", serves(TEXT))
    with Wire(packed.gateway.port) as wire:
        answer = wire.request(get("/up/old", "Accept-Encoding: gzip", "Connection: keep-alive", version="HTTP/1.0"))
        assert (answer.get("connection"), plain(answer)) == ("close", TEXT)


@pytest.mark.parametrize(("path", "coding"), [("/fixed/large", "gzip"), ("/fixed/small", None)])
def test_fixed_answers(packed: Served, path: str, coding: str | None) -> None:
    answer = fetch(packed, path, "Accept-Encoding: gzip")
    assert (answer.get("content-encoding"), answer.get("content-length")) == (coding, str(len(answer.body)))
    assert plain(answer) == (b"x" * 5000 if coding else b"x" * 999)
    other = fetch(packed, path)
    assert (other.body, other.get("vary")) == (plain(answer), answer.get("vary"))


@pytest.mark.parametrize("chunked", [False, True])
def test_cached_answers_are_kept_as_they_were_sent(packed: Served, chunked: bool) -> None:
    path = f"/kept-{chunked}"
    packed.upstream.on(path, serves(TEXT, 'ETag: "t"', chunked=chunked))
    packed.upstream.clear()
    for accepts, coding in (("gzip", "gzip"), ("identity", None), ("deflate", "deflate")):
        found = [fetch(packed, f"/kept/up{path}", f"Accept-Encoding: {accepts}") for _ in range(3)]
        assert [answer.get("x-cache") for answer in found] == ["MISS", "HIT", "HIT"]
        for answer in found:
            assert (answer.get("content-encoding"), answer.get("vary")) == (coding, "Accept-Encoding")
            assert plain(answer) == TEXT
        assert found[1].get("content-length") == str(len(found[1].body))
        head = fetch(packed, f"/kept/up{path}", f"Accept-Encoding: {accepts}", method="HEAD")
        assert (head.get("x-cache"), head.get("content-length")) == ("HIT", found[1].get("content-length"))
    assert len(packed.upstream.to(path)) == 3


def test_a_client_that_leaves_gives_everything_back(packed: Served) -> None:
    packed.upstream.on("/leaves", serves(NOISE * 20, chunked=True))
    for _ in range(8):
        with Wire(packed.gateway.port, receive_buffer=4096) as wire:
            wire.send(get("/up/leaves", "Accept-Encoding: gzip"))
            assert wire._more()
            wire.reset()
    eventually(lambda: packed.gateway.live()["encoders"] == 0, "the streams end")
    packed.upstream.on("/negotiated", serves(TEXT))
    assert plain(fetch(packed, "/up/negotiated", "Accept-Encoding: gzip")) == TEXT


# --- requests

def post(served: Served, path: str, body: bytes, *fields: str, chunked: bool = False) -> Response:
    if not chunked:
        return served.fetch(get(path, *fields, method="POST", body=body))
    pieces = [body[at : at + 700] for at in range(0, len(body), 700)]
    sent = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return served.fetch(get(path, *fields, "Transfer-Encoding: chunked", method="POST") + sent)


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("coding", "pack"), [
    ("gzip", gzip.compress), ("x-gzip", gzip.compress), ("GZip", gzip.compress), ("deflate", zlib.compress),
    ("deflate", raw_deflate), ("identity", bytes),
    ("gzip", lambda body: gzip.compress(body[:100]) + gzip.compress(body[100:])),
])
@pytest.mark.parametrize("size", [1, 5000, 280_000])
def test_a_packed_request_is_passed_on_unpacked(packed: Served, coding, pack, size: int, chunked: bool) -> None:
    packed.upstream.clear()
    answer = post(packed, "/up/packed", pack(TEXT[:size]), f"Content-Encoding: {coding}", chunked=chunked)
    assert (answer.status, answer.body) == (200, TEXT[:size])
    (request,) = packed.upstream.to("/packed")
    if coding != "identity":
        assert (request.get("content-encoding"), request.get("content-length")) == (None, str(size))


def test_an_empty_body_has_nothing_to_unpack(packed: Served) -> None:
    assert fetch(packed, "/up/empty", "Content-Encoding: deflate").status == 200
    assert post(packed, "/up/empty", b"", "Content-Encoding: br").status == 200


@pytest.mark.parametrize(("coding", "body", "status"), [
    ("br", b"abc", 415), ("gzip, deflate", gzip.compress(b"a", mtime=0), 415), ("compress", b"abc", 415),
    ("gzip", b'{"name": "x"}', 415), ("deflate", b"\xff" * 20, 415), ("gzip", zlib.compress(b"abc"), 415),
    ("gzip", gzip.compress(b"abc", mtime=0) + b"trailing", 415), ("deflate", zlib.compress(b"abc") + b"!", 415),
    ("gzip", gzip.compress(b"abc", mtime=0)[:-8] + b"\0" * 8, 415),
    ("gzip", gzip.compress(TEXT, mtime=0)[:-1], 400), ("gzip", gzip.compress(TEXT, mtime=0)[:5000], 400),
    ("gzip", gzip.compress(TEXT, mtime=0)[:5], 400), ("deflate", zlib.compress(TEXT)[:-2], 400),
    ("gzip", gzip.compress(b"\0" * 9_000_000, mtime=0), 413), ("gzip", gzip.compress(NOISE * 60, 1, mtime=0), 413),
    ("gzip", gzip.compress(b"", mtime=0) * 20 + gzip.compress(b"\0" * 10_000_001, mtime=0), 413),
])
@pytest.mark.parametrize("chunked", [False, True])
def test_what_cannot_be_unpacked(packed: Served, coding: str, body: bytes, status: int, chunked: bool) -> None:
    packed.upstream.clear()
    assert post(packed, "/up/bad", body, f"Content-Encoding: {coding}", chunked=chunked).status == status
    assert packed.upstream.to("/bad") == []


@pytest.mark.parametrize("chunked", [False, True])
def test_what_is_checked_is_the_unpacked_body(packed: Served, chunked: bool) -> None:
    for body, status in ((b'{"name": "it"}', 200), (b'{"other": 1}', 400)):
        answer = post(packed, "/checked/thing", gzip.compress(body), "Content-Encoding: gzip",
                      "Content-Type: application/json", chunked=chunked)
        assert answer.status == status
    assert post(packed, "/fixed/small", b"abc", "Content-Encoding: zstd", chunked=chunked).status == 415


def test_a_client_that_waits_for_100_is_asked_for_a_packed_body(packed: Served) -> None:
    body = gzip.compress(TEXT)
    with Wire(packed.gateway.port) as wire:
        wire.send(get("/up/expects", "Content-Encoding: gzip", "Expect: 100-continue",
                      f"Content-Length: {len(body)}", method="POST"))
        assert wire.interim().status == 100
        wire.send(body)
        assert wire.answer("POST").body == TEXT


def test_pipelined_packed_requests(packed: Served) -> None:
    bodies = [TEXT[:size] for size in (10, 2000, 1, 60_000)]
    with Wire(packed.gateway.port) as wire:
        wire.send(b"".join(get("/up/line", "Content-Encoding: gzip", "Accept-Encoding: gzip", method="POST",
                               body=gzip.compress(body)) for body in bodies))
        assert [plain(wire.answer("POST")) for _ in bodies] == bodies


def test_without_a_minimum_nothing_is_compressed_and_requests_are_unpacked() -> None:
    with Upstream() as stub, Gateway({"a.json": document(stub.url, None)}) as gateway:
        stub.on("/text", serves(TEXT))
        answer = gateway.fetch(get("/up/text", "Accept-Encoding: gzip"))
        assert (answer.body, answer.get("vary"), answer.get("content-encoding")) == (TEXT, None, None)
        packed = get("/up/x", "Content-Encoding: gzip", method="POST", body=gzip.compress(TEXT))
        assert gateway.fetch(packed).body == TEXT


def test_with_a_minimum_of_0_everything_with_a_body_is() -> None:
    with Upstream() as stub, Gateway({"a.json": document(stub.url, 0)}) as gateway:
        for chunked in (False, True):
            stub.on("/one", serves(b"1", chunked=chunked))
            answer = gateway.fetch(get("/up/one", "Accept-Encoding: gzip"))
            assert (answer.get("content-encoding"), plain(answer)) == ("gzip", b"1")
