"""Where a route sends another method than the client's, the method that was sent decides.

It decides whether an answer has a body, and whether a request may be sent again.
"""

import asyncio
from collections.abc import Iterator

import pytest

from tests.conftest import Served
from tests.support.client import eventually, get
from tests.support.definition import openapi, proxy
from tests.support.process import Gateway
from tests.support.upstream import Exchange, Upstream

HIDDEN = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"
"""A body that would be an answer to whoever is served next on that connection."""


def late(head: str):
    """An answer whose body comes in a segment of its own."""

    async def answer(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.write(f"{head}\r\nContent-Length: {len(HIDDEN)}\r\n\r\n")
        await asyncio.sleep(0.05)
        await exchange.write(HIDDEN)

    return answer


async def closes_when_reused(exchange: Exchange) -> None:
    await exchange.body()
    if exchange.connection.requests > 1:
        exchange.close()
    else:
        await exchange.reply(200, b"once")


@pytest.fixture(scope="module")
def routes() -> Iterator[Served]:
    with Upstream() as stub:
        stub.on("/late", late("HTTP/1.1 200 OK"))
        stub.on("/none", late("HTTP/1.1 204 No Content"))
        stub.on("/once", closes_when_reused)
        paths = {
            "/late": {"head": proxy(f"{stub.url}/late", method="GET")},
            "/none": {"get": proxy(f"{stub.url}/none")},
            "/asks-head": {"get": proxy(f"{stub.url}/asks-head", method="HEAD")},
            "/once": {"get": proxy(f"{stub.url}/once", method="POST")},
            "/next": {"get": proxy(f"{stub.url}/next")},
        }
        with Gateway({"api.json": openapi(paths)}, env={"FASTGW_UPSTREAM_CONNECTIONS": "1"}) as gateway:
            yield Served(gateway, stub)


@pytest.mark.parametrize(("method", "path", "status"), [("HEAD", "/late", 200), ("GET", "/none", 204)])
def test_a_late_body_reaches_nobody(routes: Served, method: str, path: str, status: int) -> None:
    with routes.wire() as first, routes.wire() as second:
        before = len(routes.upstream.to(path))
        first.send(get(path, method=method))
        eventually(lambda: len(routes.upstream.to(path)) > before, "the first request upstream")
        second.send(get("/next"))
        answer = first.answer(method)
        assert (answer.status, answer.body) == (status, b"")
        assert second.answer().body == b"/next"
        assert first.request(get("/next")).body == b"/next"


def test_a_head_for_a_get(routes: Served) -> None:
    with routes.wire() as wire:
        answer = wire.request(get("/asks-head"))
        assert (answer.status, answer.body) == (200, b"")
        assert wire.request(get("/next")).body == b"/next"


def test_a_post_for_a_get_is_not_sent_twice(routes: Served) -> None:
    with routes.wire() as wire:
        for _ in range(3):
            before = len(routes.upstream.to("/once"))
            wire.request(get("/next"))
            answer = wire.request(get("/once"))
            assert len(routes.upstream.to("/once")) == before + 1
            assert answer.status in (200, 502)
