"""Clients that others wrote: curl, h2load, and Python's h2."""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded

from fastgw._core.nghttp2 import nghttp2_missing
from tests.conftest import Served
from tests.support.definition import pass_through
from tests.support.process import Gateway
from tests.support.upstream import Upstream

if nghttp2_missing():
    pytest.skip(f"HTTP/2 is off: {nghttp2_missing()}", allow_module_level=True)


@pytest.fixture(scope="module")
def plain() -> Iterator[Served]:
    with Upstream() as stub, Gateway({"api.json": pass_through(stub.url)}, listen="http2") as gateway:
        yield Served(gateway, stub)
        assert stub.unclean == []


def program(name: str, package: str) -> str:
    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed (apt install {package})")
    return found


def curl(*arguments: str) -> tuple[str, bytes]:
    """HTTP version and body."""
    command = [program("curl", "curl"), "-sS", "--max-time", "30", "-w", "\n%{http_version}", *arguments]
    ran = subprocess.run(command, capture_output=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    body, _, version = ran.stdout.rpartition(b"\n")
    return version.decode(), body


def test_curl(plain: Served, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{plain.gateway.port}/curl"
    assert curl("--http2-prior-knowledge", url) == ("2", b"/curl")
    assert curl("--http2", url) == ("1.1", b"/curl")            # asks for Upgrade: h2c
    large = tmp_path / "large"
    large.write_bytes(bytes(range(256)) * 8000)
    assert curl("--http2-prior-knowledge", "--data-binary", f"@{large}", url) == ("2", large.read_bytes())
    upload = ("--http2-prior-knowledge", "-H", "Content-Length:", "-X", "POST", "-T", str(large), url)
    assert curl(*upload) == ("2", large.read_bytes())


def test_h2load(plain: Served) -> None:
    command = [program("h2load", "nghttp2-client"), "-n2000", "-c4", "-m50", f"http://127.0.0.1:{plain.gateway.port}/load"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "2000 succeeded, 0 failed, 0 errored" in ran.stdout, ran.stdout
    assert re.search("status codes: 2000 2xx", ran.stdout)
    plain.gateway.wait_idle()


def test_h2_of_python(plain: Served) -> None:
    """It checks what the server sends as strictly as the RFC does."""
    connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    body = b"x" * 100_000
    with socket.create_connection(("127.0.0.1", plain.gateway.port), 30) as sock:
        connection.initiate_connection()
        head = [(":method", "POST"), (":path", "/python"), (":scheme", "http"), (":authority", "a")]
        for number in (1, 3, 5):
            connection.send_headers(number, head)
        sock.sendall(connection.data_to_send())
        left, got, ended, statuses = dict.fromkeys((1, 3, 5), body), dict.fromkeys((1, 3, 5), b""), set(), []
        while len(ended) < 3:
            for number, rest in left.items():
                while rest and (room := min(connection.local_flow_control_window(number), 16_384, len(rest))):
                    connection.send_data(number, rest[:room], end_stream=room == len(rest))
                    rest = left[number] = rest[room:]
            sock.sendall(connection.data_to_send())
            data = sock.recv(65536)
            assert data
            for event in connection.receive_data(data):
                match event:
                    case ResponseReceived():
                        statuses.append(dict(event.headers)[":status"])
                    case DataReceived():
                        got[event.stream_id] += event.data
                        connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    case StreamEnded():
                        ended.add(event.stream_id)
        connection.close_connection()
        sock.sendall(connection.data_to_send())
    assert statuses == ["200"] * 3
    assert got == dict.fromkeys((1, 3, 5), body)
