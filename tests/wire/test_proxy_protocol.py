"""The PROXY protocol on a listener that asks for it: who the client is, and what is refused."""

import socket
import struct
from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import byte_by_byte, get
from tests.support.definition import openapi, proxy, several
from tests.support.process import Gateway
from tests.support.upstream import Upstream

CLIENT = "203.0.113.9"
CLIENT6 = "2001:db8::9"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def definition(url: str) -> dict:
    mapped = {"header.X-Source": "context.identity.sourceIp"}
    return openapi({"/{place}": {"any": proxy(f"{url}/{{place}}", parameters=mapped)}})


@pytest.fixture(scope="module")
def proxied() -> Iterator[Served]:
    env = {"FASTGW_X_FORWARDED": "true", "FASTGW_TRUSTED_PROXIES": "10.9.0.0/16"}
    with Upstream() as stub, Gateway({"api.json": definition(stub.url)}, env=env, listen="proxy_protocol") as gateway:
        yield Served(gateway, stub)


def binary(command: int, family: int, payload: bytes) -> bytes:
    return SIGNATURE + bytes((command, family)) + struct.pack(">H", len(payload)) + payload


def tcp4(source: str, port: int = 443, more: bytes = b"") -> bytes:
    addresses = socket.inet_aton(source) + socket.inet_aton("192.0.2.1") + struct.pack(">HH", 4711, port)
    return binary(0x21, 0x11, addresses + more)


def tcp6(source: str) -> bytes:
    addresses = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    return binary(0x21, 0x21, addresses + struct.pack(">HH", 4711, 443))


TOLD = {
    "text 4": (f"PROXY TCP4 {CLIENT} 192.0.2.1 4711 443\r\n".encode(), CLIENT, "443"),
    "text 6": (f"PROXY TCP6 {CLIENT6} 2001:db8::1 4711 8443\r\n".encode(), CLIENT6, "8443"),
    "text unknown": (b"PROXY UNKNOWN\r\n", "127.0.0.1", None),
    "text unknown with words": (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "127.0.0.1", None),
    "binary 4": (tcp4(CLIENT), CLIENT, "443"),
    "binary 6": (tcp6(CLIENT6), CLIENT6, "443"),
    "binary mapped": (tcp6(f"::ffff:{CLIENT}"), CLIENT, "443"),
    "binary with extensions": (tcp4(CLIENT, more=b"\x04\x00\x02ab" * 20), CLIENT, "443"),
    "binary local": (binary(0x20, 0x00, b""), "127.0.0.1", None),
    "binary local with an address": (binary(0x20, 0x11, socket.inet_aton(CLIENT) * 2 + b"\0\1\0\2"), "127.0.0.1", None),
    "binary unspecified": (binary(0x21, 0x00, b"abc"), "127.0.0.1", None),
    "binary unix": (binary(0x21, 0x31, b"\0" * 216), "127.0.0.1", None),
}


@pytest.mark.parametrize("case", TOLD)
@pytest.mark.parametrize("pieces", ("at once", "apart", "byte by byte"))
def test_it_says_who_the_client_is(proxied: Served, case: str, pieces: str) -> None:
    header, source, port = TOLD[case]
    proxied.upstream.clear()
    request = get("/told")
    segments = {"at once": [header + request], "apart": [header, request],
                "byte by byte": byte_by_byte(header + request)}[pieces]
    with proxied.gateway.wire() as client:
        client.deliver(segments)
        assert client.answer().status == 200
        assert client.request(get("/told")).status == 200       # the connection is the client's from now on
    for record in proxied.upstream.whole():
        got = record.request
        assert got.get("X-Source") == source
        assert got.get("X-Forwarded-For") == source
        assert got.get("X-Forwarded-Port") == (port or str(proxied.gateway.port))
    assert len(proxied.upstream.whole()) == 2


def test_a_hop_behind_the_hop(proxied: Served) -> None:
    """The address that the header tells may itself be one of a hop we trust."""
    proxied.upstream.clear()
    with proxied.gateway.wire() as client:
        client.send(tcp4("10.9.1.1") + get("/told", f"X-Forwarded-For: 6.6.6.6, {CLIENT}"))
        assert client.answer().status == 200
    request = proxied.upstream.only("/told")
    assert request.get("X-Source") == CLIENT
    assert request.get("X-Forwarded-For") == f"6.6.6.6, {CLIENT}, 10.9.1.1"


REFUSED = {
    "a request": get("/told"),
    "a request of version 2's letters": b"PRI * HTTP/2.0\r\n\r\n",
    "no family": b"PROXY \r\n",
    "another family": b"PROXY TCP5 1.2.3.4 1.2.3.5 1 2\r\n",
    "an address of another family": b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
    "four of six": b"PROXY TCP6 1.2.3.4 1.2.3.5 1 2\r\n",
    "no address": b"PROXY TCP4 host 1.2.3.5 1 2\r\n",
    "an address in brackets": b"PROXY TCP6 [2001:db8::1] 2001:db8::2 1 2\r\n",
    "a missing word": b"PROXY TCP4 1.2.3.4 1.2.3.5 1\r\n",
    "one word more": b"PROXY TCP4 1.2.3.4 1.2.3.5 1 2 3\r\n",
    "two blanks": b"PROXY TCP4  1.2.3.4 1.2.3.5 1 2\r\n",
    "a port too large": b"PROXY TCP4 1.2.3.4 1.2.3.5 1 65536\r\n",
    "a port with a sign": b"PROXY TCP4 1.2.3.4 1.2.3.5 +1 2\r\n",
    "a bare LF": b"PROXY TCP4 1.2.3.4 1.2.3.5 1 2\n",
    "a line too long": b"PROXY UNKNOWN " + b"x" * 100 + b"\r\n",
    "small letters": b"proxy TCP4 1.2.3.4 1.2.3.5 1 2\r\n",
    "another signature": b"\r\n\r\n\0\r\nQUIX\n" + b"\x21\x11\0\0",
    "version 3": binary(0x31, 0x11, b"\0" * 12),
    "another command": binary(0x22, 0x11, b"\0" * 12),
    "too short for its family": binary(0x21, 0x11, b"\0" * 11),
    "too short for six": binary(0x21, 0x21, b"\0" * 35),
    "too long": binary(0x21, 0x11, b"\0" * 5000),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("pieces", ("at once", "byte by byte"))
def test_a_connection_without_a_good_header_is_cut(proxied: Served, case: str, pieces: str) -> None:
    proxied.upstream.clear()
    sent = REFUSED[case] + get("/told")
    with proxied.gateway.wire() as client:
        client.deliver([sent] if pieces == "at once" else byte_by_byte(sent))
        assert client.rest() == b""
    assert proxied.upstream.whole() == []


def test_the_header_is_under_the_head_s_deadline() -> None:
    with Upstream() as stub, Gateway(
        {"api.json": definition(stub.url)}, env={"FASTGW_HEAD_TIMEOUT": "0.3"}, listen="proxy_protocol"
    ) as gateway, gateway.wire() as client:
        client.send(tcp4(CLIENT)[:20])
        assert client.rest() == b""


def test_connections_are_counted_by_the_address_that_it_tells() -> None:
    env = {"FASTGW_MAX_CONNECTIONS_PER_ADDRESS": "1", "FASTGW_WORKERS": "1"}
    with (
        Upstream() as stub,
        Gateway({"api.json": definition(stub.url)}, env=env, listen="proxy_protocol") as gateway,
        gateway.wire() as one,
        gateway.wire() as another,
        gateway.wire() as second,
    ):
        for client, address in ((one, "203.0.113.1"), (another, "203.0.113.2")):
            client.send(tcp4(address) + get("/told"))
            assert client.answer().status == 200
        second.send(tcp4("203.0.113.1") + get("/told"))
        assert second.rest() == b""


def test_a_fastgw_yaml_asks_for_it() -> None:
    with Upstream() as stub:
        gateway = Gateway({"fastgw.yaml": "", "api.json": definition(stub.url)}, listen=None)
        listener = {"address": f"unix:{gateway.folder}/gw.sock", "proxy_protocol": True}
        gateway.write("fastgw.yaml", several({"one": {"definition": "api.json"}}, listeners=[listener]))
        with gateway, socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{gateway.folder}/gw.sock")
            client.sendall(tcp4(CLIENT) + get("/told", "Connection: close"))
            assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert stub.only("/told").get("X-Source") == CLIENT
