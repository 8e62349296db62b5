"""TLS in the engine: what a client sees of it, record by record, and what is left behind: nothing."""

import asyncio
import ssl
import warnings
from collections.abc import Iterator

import pytest

from fastgw._core.step import Answer, Request
from fastgw._core.tls import ClientContext, ServerContext
from fastgw.observe import layout
from tests.support.certificates import Authority, key_pem, new_key, root, server
from tests.support.door import Doors, eventually, looped

LARGE = bytes(range(256)) * 4000


def context(**named: object) -> ServerContext:
    return ServerContext(server().chain, server().key_pem, **named)


def trusting(version: str = "TLSv1_3", alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    made = ssl.create_default_context(cadata=root().pem.decode())
    made.minimum_version = made.maximum_version = ssl.TLSVersion[version]
    if alpn:
        made.set_alpn_protocols(list(alpn))
    return made


def echo(request: Request) -> Answer:
    return Answer(200, body=request.body)


STEPS = {"/echo": echo, "/large": lambda _: Answer(200, body=LARGE), "/small": lambda _: Answer(200, body=b"small")}
VERSIONS = pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])


class Memory:
    """A client whose records the test carries itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, made: ssl.SSLContext) -> None:
        self.reader, self.writer = reader, writer
        self.came, self.goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = made.wrap_bio(self.came, self.goes, server_hostname="localhost")

    async def do(self, act: object, *given: object, step: int = 1 << 20) -> object:
        """An act of the SSLObject; what it has to send goes out in pieces of so many bytes."""
        while True:
            try:
                done = act(*given)
            except ssl.SSLWantReadError:
                done = self
            sealed = self.goes.read()
            for at in range(0, len(sealed), step):
                self.writer.write(sealed[at : at + step])
                if step < 1 << 20:
                    await asyncio.sleep(0.0005)
            if done is not self:
                return done
            came = await asyncio.wait_for(self.reader.read(1 << 16), 10)
            if not came:
                self.came.write_eof()
            self.came.write(came)


async def by_hand(doors: Doors, made: ssl.SSLContext) -> Memory:
    client = await doors.client()
    return Memory(client.reader, client.writer, made)


@VERSIONS
@looped
async def test_requests_and_answers(version: str) -> None:
    async with Doors(STEPS, tls=context()) as doors:
        client = await doors.client(trusting(version))
        for _ in range(3):
            assert await client.ask("/small") == (200, b"small")
        assert await client.ask("/large") == (200, LARGE)
        assert await client.ask("/echo", method="POST", body=LARGE) == (200, LARGE)
        for _ in range(50):
            client.send("/small")
        for _ in range(50):
            assert (await client.answer())[2] == b"small"
        assert doors.engine.live()["tls"] == 1


@VERSIONS
@looped
async def test_records_may_come_byte_by_byte(version: str) -> None:
    async with Doors(STEPS, tls=context()) as doors:
        client = await by_hand(doors, trusting(version))
        await client.do(client.tls.do_handshake, step=1)
        request = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nok"
        for _ in range(2):
            await client.do(client.tls.write, request, step=1)
            assert (await client.do(client.tls.read, 1000)).endswith(b"\r\n\r\nok")


@VERSIONS
@looped
async def test_an_answer_is_one_record(version: str) -> None:
    """Head and body of an answer are sealed together."""
    async with Doors(STEPS, tls=context()) as doors:
        client = await by_hand(doors, trusting(version))
        await client.do(client.tls.do_handshake)
        await client.do(client.tls.write, b"GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = await client.do(client.tls.read, 1000)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"small")
        assert client.tls.pending() == 0


@VERSIONS
@looped
async def test_both_sides_say_when_they_close(version: str) -> None:
    async with Doors(STEPS, tls=context()) as doors:
        client = await by_hand(doors, trusting(version))
        await client.do(client.tls.do_handshake)
        await client.do(client.tls.write, b"GET /small HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b"small" in await client.do(client.tls.read, 1000)
        assert await client.do(client.tls.read, 1000) == b""     # without close_notify this is an SSLEOFError
        other = await by_hand(doors, trusting(version))
        await other.do(other.tls.do_handshake)
        await other.do(other.tls.unwrap)


@looped
async def test_a_request_right_before_the_close() -> None:
    async with Doors(STEPS, tls=context()) as doors:
        client = await by_hand(doors, trusting())
        await client.do(client.tls.do_handshake)
        request = b"GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n"
        client.tls.write(request * 3)
        with pytest.raises(ssl.SSLWantReadError):
            client.tls.unwrap()
        client.writer.write(client.goes.read())
        client.writer.write_eof()
        got = b""
        while came := await client.reader.read(1 << 16):
            got += came
        assert len(got) > 3 * 100
        assert doors.row("/small", layout.R_REQUESTS) == 3


@looped
async def test_a_client_that_leaves_without_a_word() -> None:
    async with Doors(STEPS, tls=context()) as doors:
        client = await by_hand(doors, trusting())
        await client.do(client.tls.do_handshake)
        client.writer.close()
        half = await by_hand(doors, trusting())
        with pytest.raises(ssl.SSLWantReadError):
            half.tls.do_handshake()
        half.writer.write(half.goes.read()[:100])
        half.writer.close()
        assert await eventually(lambda: doors.engine.live()["tls"] == 0)


@looped
async def test_plain_http_gets_a_plain_400() -> None:
    async with Doors(STEPS, tls=context()) as doors:
        client = await doors.client()
        client.send("/small")
        status, fields, _ = await client.answer()
        assert status == 400
        assert ("connection", "close") in fields
        assert await client.ended()


@pytest.mark.parametrize("sent", [b"\x00" * 100, b"\x16\x03\x01\xff\xff" + b"x" * 300, b"\x15\x03\x03\x00\x02\x02\x28"])
@looped
async def test_what_is_no_handshake_is_closed(sent: bytes) -> None:
    async with Doors(STEPS, tls=context()) as doors:
        client = await doors.client()
        client.writer.write(sent)
        left = await asyncio.wait_for(client.reader.read(), 10)
        assert left[:1] in (b"", b"\x15")       # nothing, or an alert
        assert await eventually(lambda: doors.engine.live()["tls"] == 0)


@looped
async def test_a_slow_handshake_is_given_up() -> None:
    async with Doors(STEPS, tls=context(), head_timeout_ms=150) as doors:
        silent = await doors.client()
        half = await by_hand(doors, trusting())
        with pytest.raises(ssl.SSLWantReadError):
            half.tls.do_handshake()
        half.writer.write(half.goes.read()[:50])
        assert await silent.ended()
        assert await asyncio.wait_for(half.reader.read(), 10) == b""


@pytest.mark.parametrize(("offered", "agreed"), [((), None), (("http/1.1",), "http/1.1"), (("h9", "h2"), "h2")])
@looped
async def test_the_protocol_agreed_on(offered: tuple[str, ...], agreed: str | None) -> None:
    async with Doors(STEPS, tls=context(alpn=(b"h2", b"http/1.1"))) as doors:
        client = await doors.client(trusting(alpn=offered))
        assert client.writer.get_extra_info("ssl_object").selected_alpn_protocol() == agreed


@looped
async def test_no_protocol_in_common_ends_the_handshake() -> None:
    async with Doors(STEPS, tls=context()) as doors:
        with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
            await doors.client(trusting(alpn=("h9",)))


@looped
async def test_older_versions_are_refused() -> None:
    async with Doors(STEPS, tls=context()) as doors:
        old = trusting("TLSv1_2")
        old.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
            await doors.client(old)


@looped
async def test_an_answer_waits_for_a_slow_client() -> None:
    body = LARGE * 20
    async with Doors({"/huge": lambda _: Answer(200, body=body)}, tls=context()) as doors:
        client = await by_hand(doors, trusting())
        await client.do(client.tls.do_handshake)
        await client.do(client.tls.write, b"GET /huge HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert await eventually(lambda: doors.engine.live()["writes"] > 0)
        got = bytearray()
        while piece := await client.do(client.tls.read, 1 << 20):
            got += piece
        assert bytes(got).endswith(b"\r\n\r\n" + body)


def broken() -> Iterator[tuple[bytes, bytes, str]]:
    good, other = server(), new_key()
    yield b"", good.key_pem, "not a PEM file of certificates"
    yield b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", good.key_pem, "not a PEM file"
    yield good.chain, b"", "not a private key in PEM"
    yield good.chain, key_pem(other), "does not belong to the certificate"


@pytest.mark.parametrize(("certificate", "key", "message"), list(broken()))
def test_what_cannot_be_used_is_refused(certificate: bytes, key: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        ServerContext(certificate, key)
    assert "PRIVATE" not in str(caught.value)


def test_a_client_context() -> None:
    own = Authority().issue("client", client=True)
    ClientContext(root().pem, certificate=own.chain, key=own.key_pem, alpn=(b"http/1.1",))
    ClientContext()
    with pytest.raises(ValueError, match="not a PEM file"):
        ClientContext(b"nothing")
