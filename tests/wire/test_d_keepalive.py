"""TRIALS D1 and D2: upstreams that close idle keep-alive connections cost no GET and hardly a POST."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import eventually, get
from tests.support.definition import pass_through
from tests.support.load import Load, wrk
from tests.support.nginx import Nginx
from tests.support.process import Gateway
from tests.support.upstream import Exchange, Upstream

CLOSERS = {
    "after-3-ms": {"idle_close": 0.003},
    "after-3-answers": {"answers_per_connection": 3},
    "after-1-answer": {"answers_per_connection": 1},
}
POST = get("/d2", method="POST", body=b"hello")


@pytest.fixture(params=CLOSERS)
def closer(request: pytest.FixtureRequest) -> Iterator[tuple[Gateway, Upstream]]:
    options: dict = CLOSERS[request.param]
    with (
        Upstream(keep_bodies=False, record=False, **options) as stub,
        Gateway({"api.json": pass_through(stub.url)}) as gateway,
    ):
        yield gateway, stub
        assert stub.unclean == []


def until(load: Load, count: int) -> None:
    with load:
        eventually(lambda: load.answered + sum(load.failures.values()) >= count, f"{count} answers", 60)


def test_d1_get(closer: tuple[Gateway, Upstream]) -> None:
    gateway, _ = closer
    load = Load(gateway.port, 16, get("/d1"), b"/d1")
    until(load, 4000)
    assert load.failures == {}


def test_d2_post(closer: tuple[Gateway, Upstream]) -> None:
    """At most one in a thousand; and none is ever sent twice."""
    gateway, stub = closer
    load = Load(gateway.port, 16, POST, b"")
    stub.default = empty
    until(load, 4000)
    assert sum(load.failures.values()) <= 0.001 * load.answered
    seen = sum(connection.requests for connection in stub.connections)
    assert seen <= load.answered + sum(load.failures.values()) + 16


async def empty(exchange: Exchange) -> None:
    await exchange.reply(200)


@pytest.mark.trial
@pytest.mark.parametrize("directive", ("keepalive_timeout 3ms;", "keepalive_requests 3;"))
def test_d1_full(directive: str) -> None:
    with (
        Nginx(f"{directive} location / {{ return 200 ok; }}") as origin,
        Gateway({"api.json": pass_through(origin.url)}) as gateway,
    ):
        result = wrk(f"http://127.0.0.1:{gateway.port}/d1", 5).wait()
        assert result.failed() == 0 and result.requests > 1000


@pytest.mark.trial
@pytest.mark.parametrize("directive", ("keepalive_timeout 3ms;", "keepalive_requests 3;"))
def test_d2_full(directive: str, tmp_path: Path) -> None:
    script = tmp_path / "post.lua"
    script.write_text('wrk.method = "POST"\nwrk.body = "hello"\n')
    with (
        Nginx(f"{directive} location / {{ return 200 ok; }}") as origin,
        Gateway({"api.json": pass_through(origin.url)}) as gateway,
    ):
        result = wrk(f"http://127.0.0.1:{gateway.port}/d2", 5, script=str(script)).wait()
        assert result.failed() <= 0.001 * result.requests
