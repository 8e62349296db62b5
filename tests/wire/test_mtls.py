"""Clients' certificates: who is let in, which host they are for, and what requests tell of them."""

import json
import ssl
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.support.certificates import DAY, Authority, Issued, bundle, root, server
from tests.support.client import Wire, eventually, get
from tests.support.definition import INTEGRATION, mock, openapi, proxy
from tests.support.process import Gateway
from tests.support.tls import SecureWire, curl, entry, files, native, trusting
from tests.support.upstream import Upstream

MUTUAL, OPEN = "mutual.test", "open.test"


class People:
    """Clients, and the authorities behind them."""

    def __init__(self) -> None:
        self.authority = Authority("Clients")
        self.between = Authority("Between", self.authority)
        self.deep = Authority("Deep", self.between)
        self.deeper = Authority("Deeper", self.deep)
        self.other = Authority("Clients")       # another of the same name
        self.old = Authority("Old", signs_with=hashes.SHA256())
        issue = self.authority.issue
        self.table: dict[str, tuple[Issued | None, bool]] = {
            "good": (issue("good", client=True), True),
            "rsa": (issue("rsa", client=True, kind="RSA-2048"), True),
            "chain of 3": (self.between.issue("three", client=True), True),
            "chain of 4": (self.deep.issue("four", client=True), True),
            "chain of 5": (self.deeper.issue("five", client=True), False),
            "none": (None, False),
            "another authority": (self.other.issue("good", client=True), False),
            "expired": (issue("expired", client=True, start=-3 * DAY, end=-DAY), False),
            "not yet": (issue("not yet", client=True, start=DAY, end=3 * DAY), False),
            "revoked": (issue("revoked", client=True), False),
            "for servers": (issue("server"), False),
            "weak curve": (issue("weak", client=True, kind="P-224"), False),
            "weak signature": (_resigned(issue("sha", client=True), self.authority), False),
            "signed by itself": (_alone(), False),
        }

    def revocations(self) -> bytes:
        lists = [each.revocations() for each in (self.between, self.deep, self.deeper)]
        return self.authority.revocations(self.table["revoked"][0]) + b"".join(lists)   # type: ignore[arg-type]


def _resigned(issued: Issued, by: Authority) -> Issued:
    """The same with a signature of SHA-224."""
    old = issued.certificate
    builder = x509.CertificateBuilder(old.issuer, old.subject, old.public_key(), old.serial_number,
                                      old.not_valid_before_utc, old.not_valid_after_utc, list(old.extensions))
    return Issued(builder.sign(by.key, hashes.SHA224()), issued.key)


def _alone() -> Issued:
    made = Authority("Alone")
    return Issued(made.certificate, made.key)


@cache
def people() -> People:
    return People()


def definition(url: str) -> dict:
    names = ("clientCertPem", "subjectDN", "issuerDN", "serialNumber", "validity.notBefore", "validity.notAfter")
    told = {f"header.X-{name.rpartition('.')[2]}": f"context.identity.clientCert.{name}" for name in names[1:]}
    template = "".join(f"{name}=$context.identity.clientCert.{name}\n" for name in names)
    return openapi(
        {
            "/up": {"get": proxy(f"{url}/up", parameters=told)},
            "/template": {
                "get": {
                    "responses": {},
                    INTEGRATION: {
                        "type": "mock",
                        "requestTemplates": {"application/json": '{"statusCode": 200}'},
                        "responses": {"default": {"statusCode": "200",
                                                  "responseTemplates": {"application/json": template}}},
                    },
                }
            },
            "/fixed": {"get": mock(200, "fixed")},
        }
    )


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    names = {MUTUAL: entry("mutual", truststore="clients.pem", crl="clients.crl"), OPEN: entry("open"),
             "*.wild.test": entry("open", truststore="clients.pem"), "*": entry("open")}
    log = {"file": "access.log", "format": "$context.requestId $context.identity.clientCert.subjectDN"}
    with Upstream() as stub:
        parts = {
            "fastgw.json": native(names, log=log),
            "api.json": definition(stub.url),
            "clients.pem": bundle([people().authority]),
            "clients.crl": people().revocations(),
            **files(mutual=server(MUTUAL), open=server(OPEN, "localhost", "a.wild.test")),
        }
        with Gateway(parts, tls=True) as found:
            found.upstream = stub       # type: ignore[attr-defined]
            yield found


def dialled(gateway: Gateway, name: str, own: Issued | None, version: str | None = None) -> SecureWire:
    paths = own.write(gateway.folder, "own") if own else None
    return SecureWire(gateway.tls_port, name, trusting(version, paths))


def asked(host: str, path: str = "/fixed") -> str:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("who", list(people().table))
def test_who_is_let_in(gateway: Gateway, who: str, version: str) -> None:
    own, good = people().table[who]
    if good:
        with dialled(gateway, MUTUAL, own, version) as wire:
            assert wire.request(asked(MUTUAL)).body == b"fixed"
        return
    # In TLS 1.3 a client learns of it with what would be the answer.
    with pytest.raises((ssl.SSLError, ConnectionError)) as caught, dialled(gateway, MUTUAL, own, version) as wire:
        wire.socket.sendall(asked(MUTUAL).encode())
        assert wire.socket.recv(1000) == b""
        raise ConnectionResetError
    assert "fixed" not in str(caught.value)


CONFUSION = [
    # the name of the handshake, whether with a certificate, the host of the request, the status
    (MUTUAL, True, MUTUAL, 200),
    (MUTUAL, True, "MUTUAL.test:443", 200),
    (MUTUAL, True, OPEN, 200),
    (OPEN, False, MUTUAL, 421),
    (OPEN, True, MUTUAL, 421),
    (OPEN, False, f"{MUTUAL}:8443", 421),
    ("localhost", False, MUTUAL, 421),
    ("a.wild.test", True, MUTUAL, 421),
    (MUTUAL, True, "a.wild.test", 421),
    (OPEN, False, "b.wild.test", 421),
    ("a.wild.test", True, "b.wild.test", 200),
    (OPEN, False, "a.b.wild.test", 200),
    (OPEN, False, OPEN, 200),
]


@pytest.mark.parametrize(("name", "shows", "host", "status"), CONFUSION)
def test_the_host_must_be_that_of_the_certificate(
    gateway: Gateway, name: str, shows: bool, host: str, status: int
) -> None:
    own = people().table["good"][0] if shows else None
    with dialled(gateway, name, own) as wire:
        answer = wire.request(asked(host))
        assert answer.status == status
        if status == 421:
            assert json.loads(answer.body) == {"message": "Misdirected Request"}
            assert wire.request(asked(f"{host.upper()}")).status == status
            target = wire.request(f"GET http://{host}/fixed HTTP/1.1\r\nHost: {host}\r\n\r\n")
            assert target.status == status


def test_streams_of_http_2_are_held_to_their_connection(gateway: Gateway) -> None:
    """A client that thinks one connection good for two hosts is sent away (RFC 9113 section 9.1.2)."""
    pem, key = people().table["good"][0].write(gateway.folder, "own")       # type: ignore[union-attr]
    ours = ("--http2", "--cert", pem, "--key", key)
    assert curl(gateway, f"https://{MUTUAL}:{gateway.tls_port}/fixed", *ours) == "200 2 fixed"
    told = curl(gateway, f"https://{OPEN}:{gateway.tls_port}/fixed", *ours, "-H", f"Host: {MUTUAL}")
    assert told.startswith("421 2 ")
    told = curl(gateway, f"https://{MUTUAL}:{gateway.tls_port}/template", *ours)
    assert "subjectDN=CN=good" in told


def test_a_plain_listener_does_not_serve_it(gateway: Gateway) -> None:
    with Wire(gateway.port) as wire:
        assert wire.request(asked(MUTUAL)).status == 421
        assert wire.request(asked(OPEN)).status == 200


def test_no_session_is_resumed(gateway: Gateway) -> None:
    own = people().table["good"][0]
    paths = own.write(gateway.folder, "own")        # type: ignore[union-attr]
    for version in ("TLSv1_2", "TLSv1_3"):
        context = trusting(version, paths)
        session = None
        for _ in range(2):
            with SecureWire(gateway.tls_port, MUTUAL, context, session) as wire:
                assert wire.request(asked(MUTUAL)).status == 200
                assert not wire.socket.session_reused
                session = wire.socket.session


def told_of(own: Issued) -> dict[str, str]:
    def day(moment: object) -> str:
        text = f"{moment:%b %d %H:%M:%S %Y GMT}"
        return text[:4] + text[4:6].replace("0", " ", 1) + text[6:] if text[4] == "0" else text

    certificate = own.certificate
    serial = f"{certificate.serial_number:x}"
    serial = serial.zfill(len(serial) + len(serial) % 2)
    return {
        "subjectDN": certificate.subject.rfc4514_string(),
        "issuerDN": certificate.issuer.rfc4514_string(),
        "serialNumber": ":".join(serial[at : at + 2] for at in range(0, len(serial), 2)),
        "validity.notBefore": day(certificate.not_valid_before_utc),
        "validity.notAfter": day(certificate.not_valid_after_utc),
    }


def test_what_requests_tell(gateway: Gateway) -> None:
    own = people().table["chain of 3"][0]
    expected = told_of(own)     # type: ignore[arg-type]
    with dialled(gateway, MUTUAL, own) as wire:
        assert wire.request(asked(MUTUAL, "/up")).status == 200
        body = wire.request(asked(MUTUAL, "/template")).body.decode()
    fields = gateway.upstream.requests[-1].request.headers      # type: ignore[attr-defined]
    got = {name.decode().lower(): value.decode() for name, value in fields}
    assert {name: got[f"x-{name.rpartition('.')[2]}".lower()] for name in expected} == expected
    assert body.startswith("clientCertPem=-----BEGIN CERTIFICATE-----\n")
    told = dict(line.split("=", 1) for line in body.splitlines() if line.split("=")[0] in expected)
    assert told == expected
    with dialled(gateway, OPEN, own) as wire:
        assert wire.request(asked(OPEN, "/up")).status == 200
    names = {name.lower() for name, _ in gateway.upstream.requests[-1].request.headers}     # type: ignore[attr-defined]
    assert b"x-subjectdn" not in names
    file = Path(gateway.folder) / "access.log"
    eventually(lambda: f" {expected['subjectDN']}\n" in file.read_text(), "the subject in the log")


def test_another_truststore_asks_again() -> None:
    """Connections that were held against the old one are sent away; a certificate of the new one is let in."""
    good, other = people().table["good"][0], people().table["another authority"][0]
    parts = {
        "fastgw.json": native({MUTUAL: entry("mutual", truststore="clients.pem"), OPEN: entry("mutual")}),
        "api.json": openapi({"/fixed": {"get": mock(200, "fixed")}}),
        "clients.pem": people().authority.pem,
        **files(mutual=server(MUTUAL, OPEN)),
    }
    with (
        Gateway(parts, tls=True) as gateway,
        dialled(gateway, MUTUAL, good) as old,
        dialled(gateway, OPEN, None) as free,
    ):
        assert old.request(asked(MUTUAL)).status == 200
        gateway.write("mutual.pem", root().issue(MUTUAL, OPEN).chain)       # with a key of another
        assert gateway.reload().returncode != 0
        for name, content in files(mutual=root().issue(MUTUAL, OPEN)).items():
            gateway.write(name, content)
        assert gateway.reload().returncode == 0
        assert old.request(asked(MUTUAL)).status == 200     # a new certificate of ours changes nothing for it
        gateway.write("clients.pem", people().other.pem)
        assert gateway.reload().returncode == 0
        assert old.request(asked(MUTUAL)).status == 421
        assert free.request(asked(OPEN)).status == 200
        with dialled(gateway, MUTUAL, other) as new:
            assert new.request(asked(MUTUAL)).status == 200
        with pytest.raises((ssl.SSLError, ConnectionError)), dialled(gateway, MUTUAL, good) as refused:
            refused.socket.sendall(get("/fixed"))
            assert refused.socket.recv(1000) == b""
            raise ConnectionResetError
