"""TLS in the engine: what a client sees of it, record by record, and what is left behind: nothing."""

import asyncio
import socket
import ssl
import warnings
from collections.abc import Iterator

import pytest

from fastgw._core.step import Answer, Request
from fastgw._core.tls import ClientContext
from fastgw._core.tls_server import ServerContext, tickets
from fastgw.model.tls import POLICIES
from fastgw.observe import layout
from tests.support.certificates import Authority, Issued, key_pem, new_key, root, server
from tests.support.door import Doors, eventually, looped

LARGE = bytes(range(256)) * 4000


def spec(name: str, issued: Issued, **named: object) -> dict[str, object]:
    policy = POLICIES["edge"]
    return {
        "name": name.encode(),
        "certificate": issued.chain,
        "key": issued.key_pem,
        "minimum": policy.minimum,
        "ciphers": ":".join(policy.ciphers).encode(),
        "suites": ":".join(policy.suites).encode(),
    } | named


def context(*domains: dict[str, object], **named: object) -> ServerContext:
    made = ServerContext(**named)
    for domain in domains or (spec("*", server()),):
        made.add(domain)
    return made


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
        context(spec("*", server(), certificate=certificate, key=key))
    assert "PRIVATE" not in str(caught.value)


NAMES = [
    ("api.test", "api.test"),
    ("API.test", "api.test"),
    ("other.api.test", "*.api.test"),
    ("a.b.api.test", "*"),
    ("elsewhere.test", "*"),
    ("api.test.", "*"),
    (None, "*"),
]


@pytest.mark.parametrize(("asked", "got"), NAMES)
@looped
async def test_the_name_chooses_the_certificate(asked: str | None, got: str) -> None:
    domains = [spec(name, server(name.replace("*", "star"))) for name in ("api.test", "*.api.test", "*", "zz.test")]
    async with Doors(STEPS, tls=context(*domains)) as doors:
        made = ssl.create_default_context(cadata=root().pem.decode())
        made.check_hostname = False
        client = await doors.client(made, asked or "")
        names = dict(pair[0] for pair in client.writer.get_extra_info("peercert")["subject"])
        assert names["commonName"] == got.replace("*", "star")
        assert await client.ask("/small") == (200, b"small")


@looped
async def test_a_name_that_nobody_has() -> None:
    async with Doors(STEPS, tls=context(spec("api.test", server("api.test")))) as doors:
        for name in ("other.test", "localhost"):
            with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
                await doors.client(trusting(), name)


def resume(port: int, made: ssl.SSLContext, session: object, name: str = "localhost") -> tuple[object, bool]:
    """A session of one connection, and whether it was resumed. Tickets come with the first answer."""
    with socket.create_connection(("127.0.0.1", port)) as plain, \
            made.wrap_socket(plain, server_hostname=name, session=session) as wrapped:
        wrapped.sendall(b"GET /small HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while wrapped.recv(1000):
            pass
        return wrapped.session, wrapped.session_reused


@VERSIONS
@looped
async def test_sessions_are_resumed(version: str) -> None:
    made = trusting(version)
    try:
        async with Doors(STEPS, tls=context(spec("*", server()), spec("api.test", server("api.test")))) as doors:
            async def ask(session: object, name: str = "localhost") -> tuple[object, bool]:
                return await asyncio.to_thread(resume, doors.port, made, session, name)

            session, reused = await ask(None)
            assert not reused
            assert (await ask(session))[1]
            tickets(b"2" * 32, b"1" * 32)       # keys that have nothing in common with those before
            session, reused = await ask(session)
            assert not reused
            tickets(b"3" * 32, b"2" * 32)       # a ticket of the keys before is good, and is replaced
            assert (await ask(session))[1]
            tickets(b"4" * 32, b"3" * 32)
            assert not (await ask(session))[1]
            session, _ = await ask(None, "api.test")
            assert doors.cell(layout.H_TLS_RESUMED) == 2
            assert doors.cell(layout.H_TLS_HANDSHAKES) == 6
            doors.swap(STEPS)                   # another plan, the same domains
            assert (await ask(session, "api.test"))[1]
    finally:
        tickets(b"5" * 32, b"6" * 32)


@looped
async def test_a_session_of_one_name_is_none_of_another() -> None:
    made = ssl.create_default_context(cadata=root().pem.decode())
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    made.check_hostname = False
    async with Doors(STEPS, tls=context(spec("*", server()), spec("api.test", server("api.test")))) as doors:
        session, _ = await asyncio.to_thread(resume, doors.port, made, None)
        _, reused = await asyncio.to_thread(resume, doors.port, made, session, "api.test")
        assert not reused
        _, reused = await asyncio.to_thread(resume, doors.port, made, session)
        assert reused


@looped
async def test_failures_are_counted() -> None:
    async with Doors(STEPS, tls=context()) as doors:
        untrusting = ssl.create_default_context()
        with pytest.raises(ssl.SSLError, match=r"(?i)certificate.verify.failed"):
            await doors.client(untrusting)
        assert await eventually(lambda: doors.cell(layout.H_TLS_FAILED) == 1)
        plain = await doors.client()
        plain.send("/small")
        await plain.answer()
        assert await eventually(lambda: doors.cell(layout.H_TLS_FAILED) == 2)


def test_a_client_context() -> None:
    own = Authority().issue("client", client=True)
    ClientContext(root().pem, certificate=own.chain, key=own.key_pem, alpn=(b"http/1.1",))
    ClientContext()
    with pytest.raises(ValueError, match="not a PEM file"):
        ClientContext(b"nothing")
