"""TRIALS E2 and E5: many idle connections, and more clients than descriptors."""

import contextlib
import resource
import socket
import time
from collections.abc import Iterator

import pytest

from tests.support.client import Hangs, Wire, eventually, get
from tests.support.definition import mock, openapi, pass_through
from tests.support.process import Gateway, cpu_seconds, memory
from tests.support.upstream import Upstream

REQUEST = get("/fixed")
DOCUMENT = openapi({"/fixed": {"get": mock(200, "{}")}})


@contextlib.contextmanager
def many_descriptors(wanted: int) -> Iterator[None]:
    """Raises the soft limit of this process, which the gateway inherits; skips where that is refused."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"at most {hard} open files here, {wanted} needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def asked_once(port: int) -> socket.socket:
    """A keep-alive connection that has had one answer."""
    client = socket.create_connection(("127.0.0.1", port), timeout=15)
    client.sendall(REQUEST)
    received = b""
    while not received.endswith(b"{}"):
        received += client.recv(4096)
    return client


def idle_connections(count: int) -> None:
    with many_descriptors(count + 500), Gateway({"api.json": DOCUMENT}) as gateway:
        for client in [asked_once(gateway.port) for _ in range(100)]:
            client.close()
        eventually(gateway.idle, "the warm-up's connections gone")
        (worker,) = gateway.workers()
        before = memory(worker)["Pss"]
        clients = [asked_once(gateway.port) for _ in range(count)]
        each = (memory(worker)["Pss"] - before) / count
        for client in clients[:: max(1, count // 20)]:
            client.sendall(REQUEST)
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
        for client in clients:
            client.close()
        # A hundred pages of slack for what the allocator rounds up, which is not per connection.
        assert each <= 1024 + 100 * 4096 / count, f"{each:.0f} bytes a connection"


def test_e2_idle_connections() -> None:
    idle_connections(3000)


@pytest.mark.trial
def test_e2_idle_connections_full() -> None:
    idle_connections(10_000)


def out_of_descriptors(cpu: float, back: float) -> None:
    """1,500 clients under ulimit -n 300: quiet while full, visible on the ops listener, well again when clients go.

    cpu: most of a core that the worker may use while full; back: seconds until it serves again.
    """
    limit = ("sh", "-c", 'ulimit -n 300; exec "$@"', "sh")
    with many_descriptors(2000), Gateway({"api.json": DOCUMENT}, wrap=limit) as gateway:
        clients = []
        for _ in range(1500):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", gateway.port))
            clients.append(client)
        (worker,) = gateway.workers()
        eventually(lambda: gateway.metric("^fastgw_connections_accepted_total") > 200, "the gateway full")
        lines, used, began = gateway.stderr().count("\n"), cpu_seconds(worker), time.monotonic()
        time.sleep(2)
        elapsed = time.monotonic() - began
        assert (cpu_seconds(worker) - used) / elapsed < cpu
        assert gateway.stderr().count("\n") - lines <= elapsed + 1
        assert gateway.ops("/healthz")[0] == 200
        for client in clients:
            client.close()
        eventually(lambda: served(gateway), "served again", back)


def test_e5_out_of_descriptors() -> None:
    out_of_descriptors(cpu=0.25, back=10)


@pytest.mark.trial
def test_e5_full() -> None:
    out_of_descriptors(cpu=0.1, back=1)


def test_e5_upstreams_can_be_reached_while_full() -> None:
    """Descriptors are kept from clients, so that those which are in get their answers."""
    limit = ("sh", "-c", 'ulimit -n 300; exec "$@"', "sh")
    with (
        Upstream() as stub,
        many_descriptors(1000),
        Gateway({"api.json": pass_through(stub.url)}, wrap=limit) as gateway,
        Wire(gateway.port) as wire,
    ):
        clients = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(400)]
        eventually(lambda: gateway.metric("^fastgw_connections_refused_total") > 100, "the gateway full")
        assert wire.request(get("/x")).status == 200
        for client in clients:
            client.close()


def served(gateway: Gateway) -> bool:
    try:
        with Wire(gateway.port, patience=1) as wire:
            return wire.request(REQUEST).status == 200
    except (OSError, Hangs, AssertionError):
        return False
