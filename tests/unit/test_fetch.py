"""Documents fetched from a real server that misbehaves."""

import asyncio
import ssl
from pathlib import Path
from unittest.mock import patch

import pytest

from fastgw.runtime.fetch import Fetcher
from fastgw.runtime.names import Names
from tests.support.certificates import Authority
from tests.support.issuer import IssuerServer

PATH = "/document"


def fetched(url: str, private: bool = True, timeout: float = 30.0) -> bytes:
    return asyncio.run(Fetcher("")(url, private, timeout, 1_000))


def trouble(url: str, private: bool = True, timeout: float = 30.0) -> str:
    with pytest.raises(OSError) as error:
        fetched(url, private, timeout)
    return str(error.value)


def test_a_document() -> None:
    with IssuerServer() as server:
        server.documents[PATH] = b"x" * 1_000
        assert fetched(server.url + PATH) == b"x" * 1_000


def test_more_than_was_asked_for() -> None:
    with IssuerServer() as server:
        server.documents[PATH] = b"x" * 1_001
        assert "more than 1,000 bytes" in trouble(server.url + PATH)


@pytest.mark.parametrize("status", [204, 301, 304, 401, 404, 500, 503])
def test_other_answers(status: int) -> None:
    with IssuerServer() as server:
        server.documents[PATH] = status
        assert f"status {status}" in trouble(server.url + PATH)


def test_no_redirect_is_followed() -> None:
    with IssuerServer() as server:
        server.documents[PATH] = (302, {"Location": server.url + "/elsewhere"})
        server.documents["/elsewhere"] = b"x"
        assert "status 302" in trouble(server.url + PATH)
        assert server.asked == {PATH: 1}


def test_no_answer() -> None:
    with IssuerServer() as server:
        server.documents[PATH] = None
        assert "does not answer within 0.3 s" in trouble(server.url + PATH, timeout=0.3)


def test_a_byte_now_and_then_is_no_answer() -> None:
    with IssuerServer() as server:
        server.documents[PATH] = b"x" * 1_000
        server.dripping = True
        assert "does not answer within 0.3 s" in trouble(server.url + PATH, timeout=0.3)


def test_nobody_listens() -> None:
    server = IssuerServer()
    server._server.server_close()
    assert "cannot be asked" in trouble(server.url + PATH)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "[fd00::1]",
                                  "[::ffff:127.0.0.1]", "0.0.0.0"])
def test_private_addresses_are_not_connected_to(host: str) -> None:
    with IssuerServer() as server:
        assert "public address" in trouble(f"http://{host}:{server.port}{PATH}", private=False)
        assert not server.asked


@pytest.mark.parametrize("spelling", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1"])
def test_other_spellings_of_addresses(spelling: str) -> None:
    """The system's resolver reads them as the loopback address: a name is judged by what it resolves to."""
    with IssuerServer() as server:
        trouble(f"http://{spelling}:{server.port}{PATH}", private=False)
        assert not server.asked


@pytest.mark.parametrize(("names", "known", "trouble_is"), [
    (("127.0.0.1",), True, None), (("127.0.0.1",), False, "certificate"), (("issuer.test",), True, "certificate"),
])
def test_certificates_are_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple, known: bool,
                                   trouble_is: str | None) -> None:
    ours, other = Authority(), Authority("Other Root")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ours.issue(*names).write(tmp_path, "server"))
    (tmp_path / "roots.pem").write_bytes((ours if known else other).pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
    with IssuerServer(context) as server:
        server.documents[PATH] = b"x"
        if trouble_is is None:
            assert fetched(server.url + PATH) == b"x"
        else:
            assert trouble_is in trouble(server.url + PATH)


def test_a_name_is_asked_for_once_and_connected_to_as_it_was_judged() -> None:
    """Whoever answers the second question otherwise gains nothing: there is none."""
    with IssuerServer() as server:
        server.documents[PATH] = b"x"
        answers = [[("127.0.0.1", server.port)], [("10.0.0.1", server.port)]]

        async def addresses(self: Names, host: str, port: int) -> list:
            return answers.pop(0)

        with patch.object(Names, "addresses", addresses):
            assert fetched(f"http://rebinding.test:{server.port}{PATH}") == b"x"
        assert len(answers) == 1
