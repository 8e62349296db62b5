"""Upstream connections: families, pooling, limits and their order; and listeners of other families."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import Served
from tests.support.client import Wire, eventually, get
from tests.support.definition import mock, openapi, pass_through, several
from tests.support.process import Gateway, reserve_port
from tests.support.upstream import Exchange, Upstream, echo

AUTHORITY = "backend.test"


def configured(**options: object) -> dict[str, object]:
    """Everything to http://backend.test/, which the fastgw.yaml says where to find."""
    return {
        "fastgw.yaml": several({"shop": {"definition": "api.json"}}, upstreams={AUTHORITY: options}),
        "api.json": pass_through(f"http://{AUTHORITY}"),
    }


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on loopback here")


def test_unix_socket(tmp_path: Path) -> None:
    with (
        Upstream(address=f"unix:{tmp_path}/up.sock") as stub,
        Gateway(configured(address=stub.address)) as gateway,
        gateway.wire() as wire,
    ):
        for number in range(5):
            assert wire.request(get(f"/x{number}")).body == f"/x{number}".encode()
        assert wire.request(get("/post", method="POST", body=b"hello")).body == b"hello"
        assert stub.only("/x0").get("Host") == AUTHORITY
        assert len(stub.connections) <= 2


@needs_ipv6
@pytest.mark.parametrize("literal", (True, False))
def test_ipv6(literal: bool) -> None:
    with Upstream(address="::1") as stub:
        files = {"api.json": pass_through(stub.url)} if literal else configured(address=stub.authority)
        with Gateway(files) as gateway:
            assert gateway.fetch(get("/six")).body == b"/six"
        assert stub.only("/six").get("Host") == (stub.authority if literal else AUTHORITY)


def test_a_name_is_resolved() -> None:
    with Upstream() as stub, Gateway({"api.json": pass_through(f"http://localhost:{stub.port}")}) as gateway:
        assert gateway.fetch(get("/named")).body == b"/named"
        assert stub.only("/named").get("Host") == f"localhost:{stub.port}"


def test_an_unknown_name_is_504() -> None:
    document = pass_through("http://no-such-name.invalid", timeout_ms=3000)
    with Gateway({"api.json": document}) as gateway, gateway.wire() as wire:
        assert [wire.request(get("/x")).status for _ in range(2)] == [504, 504]


def test_connections_are_reused() -> None:
    with Upstream() as stub, Gateway({"api.json": pass_through(stub.url)}) as gateway:
        for number in range(30):
            assert gateway.fetch(get(f"/{number}")).status == 200
        assert len(stub.connections) == 1


def test_idle_connections_are_closed() -> None:
    with Upstream() as stub, Gateway(configured(address=stub.authority, pool_idle=0.3)) as gateway:
        gateway.fetch(get("/x"))
        eventually(lambda: stub.open_connections() == 0, "the idle connection closed")
        assert gateway.fetch(get("/y")).body == b"/y"


class Held:
    """A behaviour that keeps its requests until released."""

    def __init__(self, stub: Upstream) -> None:
        self.stub = stub
        self.gate: asyncio.Event | None = None
        self.order: list[str] = []

    async def __call__(self, exchange: Exchange) -> None:
        self.gate = self.gate or asyncio.Event()
        self.order.append(exchange.request.path)
        await self.gate.wait()
        await echo(exchange)

    def release(self) -> None:
        """Lets go of all, once the first has come."""
        gate = eventually(lambda: self.gate, "a request held upstream")
        self.stub.call(gate.set)  # type: ignore[attr-defined]


@pytest.fixture
def narrow() -> Iterator[tuple[Served, Held]]:
    """Two connections to the upstream, and three requests may wait."""
    with Upstream() as stub:
        held = Held(stub)
        stub.default = held
        with Gateway(configured(address=stub.authority, max_connections=2, max_pending=3)) as gateway:
            yield Served(gateway, stub), held


def test_limits_on_connections_and_waiters(narrow: tuple[Served, Held]) -> None:
    """Two are served, three wait their turn in order, the sixth is refused at once."""
    served, held = narrow
    with ExitStack() as stack:
        wires = []
        for number in range(5):
            wires.append(stack.enter_context(served.wire()))
            wires[-1].send(get(f"/{number}"))
            eventually(lambda count=number + 1: served.gateway.live()["exchanges"] == count, "it is in hand")
        eventually(lambda: len(held.order) == 2, "two upstream")
        refused = served.fetch(get("/refused"))
        assert (refused.status, refused.body) == (503, b'{"message":"Service Unavailable"}')
        held.release()
        assert [wire.answer().body for wire in wires] == [f"/{n}".encode() for n in range(5)]
    assert held.order[2:] == ["/2", "/3", "/4"]
    assert len(served.upstream.connections) == 2


def test_a_waiter_that_leaves_gives_up_its_place(narrow: tuple[Served, Held]) -> None:
    served, held = narrow
    with ExitStack() as stack:
        wires = [stack.enter_context(served.wire()) for _ in range(5)]
        for number, wire in enumerate(wires):
            wire.send(get(f"/{number}"))
            eventually(lambda count=number + 1: served.gateway.live()["exchanges"] == count, "it is in hand")
        wires[3].reset()
        eventually(lambda: served.gateway.live()["exchanges"] == 4, "the waiter gone")
        last = stack.enter_context(served.wire())
        last.send(get("/last"))
        eventually(lambda: served.gateway.live()["exchanges"] == 5, "another in its place")
        held.release()
        assert [wires[n].answer().body for n in (0, 1, 2, 4)] == [b"/0", b"/1", b"/2", b"/4"]
        assert last.answer().body == b"/last"
    assert "/3" not in held.order


def test_a_cold_burst_fills_connections_and_places(narrow: tuple[Served, Held]) -> None:
    """Five at once are two connections and three places, also before a connection is made."""
    served, held = narrow
    with served.wire() as first, ExitStack() as stack:
        wires = [stack.enter_context(served.wire()) for _ in range(5)]
        for wire in wires:
            wire.send(get("/held"))
        eventually(lambda: len(held.order) == 2, "two upstream")
        assert first.request(get("*", method="OPTIONS")).status == 204
        held.release()
        assert [wire.answer().status for wire in wires] == [200] * 5


def test_the_upstreams_page_shows_the_pool() -> None:
    with Upstream() as stub, Gateway({"api.json": pass_through(stub.url)}) as gateway:
        gateway.fetch(get("/x"))
        status, text = gateway.ops("/upstreams")
        assert status == 200 and str(stub.port) in text


def test_unix_listener(tmp_path: Path) -> None:
    path = tmp_path / "gw.sock"
    with Gateway(
        {"api.json": openapi({"/m": {"get": mock(200, '"m"')}})}, arguments=("--listen", f"unix:{path}")
    ) as gateway:
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(path))
        client.sendall(get("/m", "Connection: close"))
        received = b""
        while part := client.recv(65536):
            received += part
        client.close()
        assert received.startswith(b"HTTP/1.1 200 ") and received.endswith(b'"m"')
        assert gateway.idle()


@needs_ipv6
def test_several_listeners() -> None:
    held = reserve_port()
    port = held.getsockname()[1]
    listen = f"127.0.0.1:{port},[::1]:{port}"
    with Gateway({"api.json": openapi({"/m": {"get": mock(200, '"m"')}})}, arguments=("--listen", listen)):
        for host in ("127.0.0.1", "::1"):
            with Wire(port, host=host) as wire:
                assert wire.request(get("/m")).body == b'"m"'
    held.close()
