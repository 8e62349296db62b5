"""HTTP/2 over TLS: who gets it, and that what TLS says of a connection holds for its streams."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastgw._core.nghttp2 import nghttp2_missing
from tests.conftest import Served
from tests.support.certificates import root, server
from tests.support.client import get
from tests.support.definition import pass_through
from tests.support.http2 import NO_ERROR, PROTOCOL_ERROR, Http2
from tests.support.process import Gateway
from tests.support.tls import SecureWire, entry, files, native, trusting
from tests.support.upstream import Exchange, Upstream

if nghttp2_missing():
    pytest.skip(f"HTTP/2 is off: {nghttp2_missing()}", allow_module_level=True)

LARGE = bytes(range(256)) * 8000
SHOWN = {"header.X-Protocol": "context.protocol", "header.X-Tls": "context.tlsVersion"}


def gateway_of(url: str, **env: str) -> Gateway:
    certificates = files(one=server("localhost", "127.0.0.1", "mutual.test"))
    domains = {"mutual.test": entry("one", truststore="root.pem"), "*": entry("one")}
    parts = {"fastgw.json": native(domains), "api.json": pass_through(url, parameters=SHOWN), "root.pem": root().pem}
    return Gateway({**parts, **certificates}, tls=True, env={"FASTGW_X_FORWARDED": "true", **env})


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Upstream() as stub, gateway_of(stub.url) as gateway:
        yield Served(gateway, stub)
        assert stub.unclean == []
        gateway.wait_idle()
        live = gateway.live()
        assert live["streams"] == live["sessions"] == live["tls"] == live["buffers"] == 0


def offering(*protocols: str, own: tuple[str, str] | None = None):
    context = trusting(own=own)
    context.set_alpn_protocols(list(protocols))
    return context


def secure(port: int, own: tuple[str, str] | None = None, name: str = "localhost", **options: object) -> Http2:
    return Http2(port, context=offering("h2", "http/1.1", own=own), name=name, **options)  # type: ignore[arg-type]


def test_who_offers_it_gets_it(served: Served) -> None:
    port = served.gateway.tls_port
    with secure(port) as asking:
        assert asking.socket.selected_alpn_protocol() == "h2"
        assert asking.request("/tls/2").status == 200
        asking.sync()
        assert asking.settings
    for protocols in ((), ("http/1.1",), ("spdy/1", "http/1.1")):
        with SecureWire(port, context=offering(*protocols)) as wire:
            assert wire.request(get("/tls/1")).status == 200
    request = served.upstream.only("/tls/2")
    assert request.values("x-protocol") == [b"HTTP/2.0"] and request.values("x-tls") == [b"TLSv1.3"]
    assert request.values("x-forwarded-proto") == [b"https"]
    assert request.values("x-forwarded-port") == [str(port).encode()]
    assert {r.values("x-protocol")[0] for r in served.upstream.to("/tls/1")} == {b"HTTP/1.1"}


def test_a_client_that_agreed_on_it_must_speak_it(served: Served) -> None:
    with secure(served.gateway.tls_port, greet=False) as wrong:
        wrong.raw(get("/not/http2"))
        assert wrong.end() == [(0, PROTOCOL_ERROR)]
    with SecureWire(served.gateway.tls_port, context=offering("http/1.1")) as wire:
        wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert wire.answer().status in (400, 505)
    assert not served.upstream.to("/not/http2")


def test_it_can_be_switched_off() -> None:
    with (
        gateway_of("http://127.0.0.1:1", FASTGW_HTTP2="false") as gateway,
        SecureWire(gateway.tls_port, context=offering("h2", "http/1.1")) as wire,
    ):
        assert wire.socket.selected_alpn_protocol() == "http/1.1"
        assert wire.request(get("/")).status == 504


def test_bodies_both_ways(served: Served) -> None:
    with secure(served.gateway.tls_port) as asking:
        numbers = []
        for _ in range(4):
            number = asking.ask(asking.head("POST", "/echo"), end=False)
            asking.send(number, LARGE)
            numbers.append(number)
        assert all(bytes(asking.answer(number).body) == LARGE for number in numbers)


def test_a_client_that_reads_slowly(served: Served) -> None:
    async def pour(exchange: Exchange) -> None:
        await exchange.reply(200, LARGE * 4)

    served.upstream.on("/pour", pour)
    with secure(served.gateway.tls_port, receive_buffer=4096) as asking:
        number = asking.get("/pour")
        assert bytes(asking.answer(number).body) == LARGE * 4


def test_a_client_certificate_is_that_of_every_stream(served: Served, tmp_path: Path) -> None:
    """Connections may be shared by names: a name that asks for a certificate is closed to those that showed none."""
    port = served.gateway.tls_port
    with secure(port) as nobody:
        assert nobody.answer(nobody.ask(nobody.head(path="/mutual", authority="mutual.test"))).status == 421
        assert nobody.answer(nobody.ask(nobody.head(path="/open"))).status == 200
    own = root().issue("somebody", client=True).write(tmp_path, "own")
    with secure(port, own, "mutual.test") as known:
        for _ in range(3):
            assert known.answer(known.ask(known.head(path="/known", authority="mutual.test"))).status == 200
    assert not served.upstream.to("/mutual")


def test_other_clients(served: Served, tmp_path: Path) -> None:
    url = f"https://localhost:{served.gateway.tls_port}/curl"
    ca = tmp_path / "root.pem"
    ca.write_bytes(root().pem)
    tried = 0
    if shutil.which("curl"):
        command = ["curl", "-sS", "--max-time", "30", "--http2", "--cacert", str(ca), "-w", " %{http_version}", url]
        ran = subprocess.run(command, capture_output=True, timeout=60)
        assert ran.stdout == b"/curl 2", ran.stderr
        tried += 1
    if shutil.which("h2load"):
        ran = subprocess.run(["h2load", "-n1000", "-c4", "-m20", url], capture_output=True, text=True, timeout=120)
        assert "1000 succeeded, 0 failed, 0 errored" in ran.stdout and "Application protocol: h2\n" in ran.stdout
        tried += 1
    if not tried:
        pytest.skip("neither curl nor h2load is installed")


def test_a_reload_and_a_drain() -> None:
    with Upstream() as stub, gateway_of(stub.url) as gateway, secure(gateway.tls_port) as asking:
        assert asking.request("/before").status == 200
        assert gateway.reload().returncode == 0
        assert asking.request("/after").status == 200
        assert gateway.tell("drain").returncode == 0
        assert asking.end() == [(3, NO_ERROR)]
        gateway.exited()
