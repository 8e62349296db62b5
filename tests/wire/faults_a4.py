"""TRIALS A4: 36 things an upstream does wrong, or oddly, in its answer.

expect  relay    the client gets the right 200
        bodiless the client gets the status without a body, or 502
        refuse   502
        cut      502, or an answer whose truncation the client can see
        timeout  504
"""

import asyncio
import contextlib
from dataclasses import dataclass

from tests.support.upstream import Behaviour, Exchange, scripted

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
POISON = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"


@dataclass(frozen=True)
class Fault:
    id: str
    behaviour: Behaviour
    expect: str
    method: str = "GET"
    answer: bytes = b""
    """What is sent, where it is fixed bytes; in_pieces() sends it in others' segments."""
    close: bool = False


def plain(id: str, answer: bytes, expect: str, *, close: bool = False, method: str = "GET") -> Fault:
    return Fault(id, scripted(answer, close=close), expect, method, answer, close)


def in_pieces(segments: list[bytes], close: bool) -> Behaviour:
    """The answer in so many writes, each given the chance to be a segment of its own."""

    async def play(exchange: Exchange) -> None:
        await exchange.body()
        with contextlib.suppress(ConnectionError):
            for segment in segments:
                await exchange.write(segment)
                await asyncio.sleep(0)
        if close:
            exchange.close()

    return play


def head(fields: bytes, body: bytes = b"hello", status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 " + status + b"\r\n" + fields + b"\r\n\r\n" + body


def interim(status: bytes, fields: bytes = b"") -> bytes:
    return b"HTTP/1.1 " + status + b"\r\n" + fields + b"\r\n"


async def reset_before_head(exchange: Exchange) -> None:
    await exchange.body()
    exchange.reset()


async def reset_inside_body(exchange: Exchange) -> None:
    await exchange.body()
    await exchange.write(head(b"Content-Length: 100000", b"x" * 5000))
    await asyncio.sleep(0.05)
    exchange.reset()


async def hang(exchange: Exchange) -> None:
    await exchange.body()
    await exchange.reader.read()
    exchange.close()


async def hang_inside_head(exchange: Exchange) -> None:
    await exchange.body()
    await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    await exchange.reader.read()
    exchange.close()


async def answer_again_when_idle(exchange: Exchange) -> None:
    """The surplus comes when the connection rests in the pool; the gateway has to close it."""
    await exchange.body()
    await exchange.write(OK)
    await asyncio.sleep(0.05)
    await exchange.write(POISON)
    await exchange.reader.read()
    exchange.close()


FAULTS = (
    plain("interim-100", interim(b"100 Continue") + OK, "relay"),
    plain("interim-102", interim(b"102 Processing") + OK, "relay"),
    plain("interim-103", interim(b"103 Early Hints", b"Link: </a.css>; rel=preload\r\n") + OK, "relay"),
    plain("interim-five-kinds", b"".join(interim(b"1%02d X" % n) for n in (0, 2, 3, 4, 99)) + OK, "relay"),
    plain("interim-fifty", interim(b"100 Continue") * 50 + OK, "relay"),
    plain(
        "switching-unasked",
        interim(b"101 Switching Protocols", b"Upgrade: x\r\nConnection: Upgrade\r\n"),
        "refuse",
    ),
    plain("204-with-length", head(b"Content-Length: 5", status=b"204 No Content"), "bodiless"),
    plain(
        "204-with-chunks",
        head(b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n", b"204 No Content"),
        "bodiless",
    ),
    plain("304-with-body", head(b"Content-Length: 5", status=b"304 Not Modified"), "bodiless"),
    plain("head-with-body", OK, "bodiless", method="HEAD"),
    plain("length-and-chunked", head(b"Content-Length: 5\r\nTransfer-Encoding: chunked"), "refuse"),
    plain("length-twice", head(b"Content-Length: 5\r\nContent-Length: 6"), "refuse"),
    plain("length-negative", head(b"Content-Length: -5"), "refuse"),
    plain("length-letters", head(b"Content-Length: 5x"), "refuse"),
    plain("coding-unknown", head(b"Transfer-Encoding: gzip"), "refuse", close=True),
    plain(
        "coding-gzip-chunked", head(b"Transfer-Encoding: gzip, chunked", b"5\r\nhello\r\n0\r\n\r\n"), "refuse"
    ),
    plain("chunk-size-letters", head(b"Transfer-Encoding: chunked", b"zz\r\nhello\r\n0\r\n\r\n"), "cut"),
    plain("chunk-data-spills", head(b"Transfer-Encoding: chunked", b"5\r\nhello!!\r\n0\r\n\r\n"), "cut"),
    plain("garbage", bytes(range(256)), "refuse"),
    plain("other-protocol", b"SSH-2.0-OpenSSH_9.2\r\n", "refuse", close=True),
    plain("status-000", head(b"Content-Length: 5", status=b"000 Zero"), "refuse"),
    plain("status-9999", head(b"Content-Length: 5", status=b"9999 Many"), "refuse"),
    plain("status-letters", head(b"Content-Length: 5", status=b"abc Letters"), "refuse"),
    plain("field-nul", head(b"X-Test: a\0b\r\nContent-Length: 5"), "refuse"),
    plain("field-bare-cr", head(b"X-Test: a\rb\r\nContent-Length: 5"), "refuse"),
    plain("field-bare-lf", head(b"X-Test: a\nSet-Cookie: b\r\nContent-Length: 5"), "refuse"),
    plain("field-64k", head(b"X-Test: " + b"y" * 65536 + b"\r\nContent-Length: 5"), "refuse"),
    plain("fields-2000", head(b"X-Test: y\r\n" * 2000 + b"Content-Length: 5"), "refuse"),
    plain("length-cut-off", head(b"Content-Length: 10"), "cut", close=True),
    plain("chunks-cut-off", head(b"Transfer-Encoding: chunked", b"5\r\nhello\r\n"), "cut", close=True),
    Fault("reset-before-head", reset_before_head, "refuse"),
    Fault("reset-inside-body", reset_inside_body, "cut"),
    Fault("hang", hang, "timeout"),
    Fault("hang-inside-head", hang_inside_head, "timeout"),
    plain("answers-twice", OK + POISON, "relay"),
    Fault("answers-again-when-idle", answer_again_when_idle, "relay"),
)
