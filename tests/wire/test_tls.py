"""TLS of listeners, from the wire: certificates by name, reloads, resumption, other programs, what is refused."""

import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator

import pytest
from cryptography import x509

from tests.conftest import Served
from tests.support.certificates import root, server
from tests.support.client import Wire, eventually, get
from tests.support.definition import mock, openapi, pass_through, proxy
from tests.support.process import Gateway, command
from tests.support.tls import SecureWire, curl, entry, files, native, trusting
from tests.support.upstream import Upstream

DOORS = "^fastgw_(door_[a-z_]+|doors)_total"
ECHO = {
    "header.X-Proto": "context.protocol",
    "header.X-Version": "context.tlsVersion",
    "header.X-Cipher": "context.cipherSuite",
}


def started(definition: dict, env: dict | None = None) -> Gateway:
    certificates = files(one=server("localhost", "127.0.0.1", "one.test"), star=server("*.stars.test"))
    domains = {"one.test": entry("one"), "*.stars.test": entry("star"), "*": entry("one", ocsp="one.ocsp")}
    staple = {"one.ocsp": root().status(server("localhost", "127.0.0.1", "one.test"))}
    parts = {"fastgw.json": native(domains), "api.json": definition, **certificates, **staple}
    return Gateway(parts, tls=True, env={"FASTGW_X_FORWARDED": "true", **(env or {})})


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Upstream() as stub:
        document = openapi(
            {
                "/up/{proxy+}": {"any": proxy(f"{stub.url}/up/{{proxy}}", parameters=ECHO)},
                "/fixed": {"get": mock(200, "fixed")},
            }
        )
        with started(document) as gateway:
            yield Served(gateway, stub)


def certificate_names(wire: SecureWire) -> set[str]:
    found = x509.load_der_x509_certificate(wire.socket.getpeercert(True))
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(names.get_values_for_type(x509.DNSName))


def test_what_an_upstream_is_told(served: Served) -> None:
    served.upstream.requests.clear()
    with SecureWire(served.gateway.tls_port, context=trusting("TLSv1_3")) as wire:
        assert wire.request(get("/up/a")).status == 200
    with Wire(served.gateway.port) as plain:
        assert plain.request(get("/up/b")).status == 200
    secure, clear = (recorded.request.headers for recorded in served.upstream.requests)
    told = {name.decode().lower(): value.decode() for name, value in secure}
    assert told["x-forwarded-proto"] == "https"
    assert told["x-forwarded-port"] == str(served.gateway.tls_port)
    assert told["x-version"] == "TLSv1.3"
    assert told["x-cipher"].startswith("TLS_")
    assert told["x-proto"] == "HTTP/1.1"
    told = {name.decode().lower(): value.decode() for name, value in clear}
    assert told["x-forwarded-proto"] == "http"
    assert "x-version" not in told


def test_bodies_both_ways(served: Served) -> None:
    body = bytes(range(256)) * 2000
    with SecureWire(served.gateway.tls_port) as wire:
        for _ in range(2):
            wire.send(f"POST /up/a HTTP/1.1\r\nHost: one.test\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            assert wire.answer().status == 200
        assert served.upstream.requests[-1].request.body == body


@pytest.mark.parametrize(
    ("name", "shown"), [("one.test", "one.test"), ("a.stars.test", "*.stars.test"), ("localhost", "localhost")]
)
def test_certificates_by_name(served: Served, name: str, shown: str) -> None:
    with SecureWire(served.gateway.tls_port, name) as wire:
        assert shown in certificate_names(wire)
        assert wire.request(get("/fixed")).body == b"fixed"


def test_no_door_is_opened(served: Served) -> None:
    """The engine rule holds over TLS: handshakes, requests and closes never take the GIL."""
    before = served.gateway.metric(DOORS)
    asked = 0
    for _ in range(20):
        with SecureWire(served.gateway.tls_port) as wire:
            for _ in range(20):
                wire.send(get("/up/x") + get("/fixed"))
                assert [wire.answer().status for _ in range(2)] == [200, 200]
                asked += 2
    assert served.gateway.metric(DOORS) == before
    assert asked == 800


def test_plain_http_is_answered_in_plain(served: Served) -> None:
    with Wire(served.gateway.tls_port) as wire:
        answer = wire.request(get("/fixed"))
        assert answer.status == 400
        assert json.loads(answer.body) == {"message": "Bad Request"}


def test_counters(served: Served) -> None:
    def count(name: str) -> float:
        return served.gateway.metric(f"^fastgw_tls_{name}_total")

    before = [count(name) for name in ("handshakes", "resumed", "failures")]
    context = trusting()
    with SecureWire(served.gateway.tls_port, context=context) as wire:
        assert wire.request(get("/fixed")).status == 200
        session = wire.socket.session
    with SecureWire(served.gateway.tls_port, context=context, session=session) as wire:
        assert wire.request(get("/fixed")).status == 200
    with Wire(served.gateway.tls_port) as wire:
        wire.send(b"\x16\x03\x01\x00\x05hello")
        assert wire.socket.recv(100)[:1] in (b"\x15", b"")
    eventually(lambda: [count(name) for name in ("handshakes", "resumed", "failures")] ==
               [before[0] + 2, before[1] + 1, before[2] + 1], "the counters")


def openssl() -> str:
    found = shutil.which("openssl")
    if not found:
        pytest.skip("openssl is not installed")
    return found


def s_client(port: int, *more: str) -> str:
    ran = subprocess.run([openssl(), "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", *more],
                         input=b"", capture_output=True, timeout=30)
    return (ran.stdout + ran.stderr).decode(errors="replace")


def test_openssl_sees_the_staple_and_no_more(served: Served) -> None:
    port = served.gateway.tls_port
    assert "OCSP Response Status: successful" in s_client(port, "-status")
    assert "New, TLSv1.3" in s_client(port)
    assert "New, TLSv1.2" in s_client(port, "-tls1_2")
    assert "Max Early Data: 0" in s_client(port) or "Early data was not sent" in s_client(port)
    assert "Compression: NONE" in s_client(port)
    assert "ALPN protocol: http/1.1" in s_client(port, "-alpn", "spdy/1,http/1.1")


def test_renegotiation_is_refused(served: Served) -> None:
    ran = subprocess.run(
        [openssl(), "s_client", "-connect", f"127.0.0.1:{served.gateway.tls_port}", "-tls1_2"],
        input=b"R\n", capture_output=True, timeout=30,
    )
    assert b"no renegotiation" in ran.stdout + ran.stderr


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_curl(served: Served, version: str) -> None:
    """Both protocols of ALPN."""
    port = served.gateway.tls_port
    url = f"https://localhost:{port}"
    answers = [curl(served.gateway, f"{url}/{path}", f"--http{version}") for path in ("fixed", "up/a")]
    assert answers == [f"200 {version} fixed", f"200 {version} /up/a"]
    told = {name.decode().lower(): value for name, value in served.upstream.requests[-1].request.headers}
    assert told["x-forwarded-proto"] == b"https"
    assert told["x-version"] == b"TLSv1.3"


def test_a_session_is_resumed_at_every_worker() -> None:
    context = trusting()
    with started(openapi({"/fixed": {"get": mock(200, "fixed")}}), {"FASTGW_WORKERS": "2"}) as gateway:
        session = None
        for number in range(24):
            with SecureWire(gateway.tls_port, context=context, session=session) as wire:
                assert wire.request(get("/fixed")).status == 200
                assert wire.socket.session_reused == (number > 0)
                session = wire.socket.session
        served_by = [value for name, value in gateway.metrics().items() if name.startswith("fastgw_tls_resumed_total")]
        assert sum(served_by) == 23
        assert min(served_by) > 0


def test_d8_certificates_change_without_a_dropped_connection() -> None:
    """Requests on old and new connections while the certificate is replaced again and again."""
    with Upstream(record=False) as stub, started(pass_through(stub.url)) as gateway, \
            SecureWire(gateway.tls_port) as old:
        seen = set()
        for number in range(5):
            name = f"new{number}.test"
            for file, content in files(one=root().issue("localhost", "one.test", name)).items():
                gateway.write(file, content)
            assert old.request(get("/before")).status == 200
            old.send(get("/slow"))
            ran = gateway.reload()
            assert ran.returncode == 0, ran.stderr
            assert old.answer().status == 200
            with SecureWire(gateway.tls_port) as new:
                assert name in certificate_names(new)
                assert new.request(get("/after")).status == 200
                seen.add(name)
            assert old.request(get("/after")).status == 200
        assert len(seen) == 5
        gateway.write("one.key", b"no key")
        ran = gateway.reload()
        assert ran.returncode != 0
        assert "one.key" in ran.stdout + ran.stderr or "private key" in ran.stdout + ran.stderr
        with SecureWire(gateway.tls_port) as new:
            assert new.request(get("/still")).status == 200


API = openapi({"/fixed": {"get": mock(200, "fixed")}})


@pytest.mark.parametrize(
    ("policy", "version", "works"),
    [
        ("TLS_1_2", "TLSv1_2", True),
        ("TLS_1_2", "TLSv1_3", True),
        ("edge", "TLSv1_2", True),
        ("SecurityPolicy_TLS13_1_3_2025_09", "TLSv1_2", False),
        ("SecurityPolicy_TLS13_1_3_2025_09", "TLSv1_3", True),
    ],
)
def test_policies(policy: str, version: str, works: bool) -> None:
    """Of a definition, which the names that it is served under take on."""
    api = openapi({"/fixed": {"get": mock(200, "fixed")}}, security_policy=policy)
    parts = {"fastgw.json": native({"*": entry("one")}), "api.json": api, **files(one=server())}
    with Gateway(parts, tls=True) as gateway:
        if works:
            with SecureWire(gateway.tls_port, context=trusting(version)) as wire:
                assert wire.socket.version() == version.replace("_", ".")
                assert wire.request(get("/fixed")).status == 200
        else:
            with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
                SecureWire(gateway.tls_port, context=trusting(version))


def test_a_listener_without_certificates_is_refused(tmp_path: object) -> None:
    folder = tmp_path
    (folder / "api.json").write_text(json.dumps(API))       # type: ignore[operator]
    ran = command("run", str(folder / "api.json"), "--listen", "127.0.0.1:0 tls", "--ops", "off")   # type: ignore[operator]
    assert ran.returncode != 0
    assert "listener 127.0.0.1:0 speaks TLS, and the definition has no section tls" in ran.stderr
