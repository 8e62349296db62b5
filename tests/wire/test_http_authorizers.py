"""Authorizers at a URL: up, down, slow, malformed; named in the fastgw.yaml."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.authorizers import policy
from tests.support.certificates import Authority, root, server
from tests.support.client import eventually, get
from tests.support.definition import openapi, proxy, several
from tests.support.message import Response
from tests.support.process import Gateway, reserve_port
from tests.support.tls_servers import server_context
from tests.support.upstream import Exchange, Upstream

ALLOWED = {"isAuthorized": True}


@dataclass
class Served:
    gateway: Gateway
    backend: Upstream
    oracle: Upstream

    def says(self, status: int, body: object) -> None:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()

        async def answer(exchange: Exchange) -> None:
            await exchange.body()
            await exchange.reply(status, text, "Content-Type: application/json")

        self.oracle.on("/check", answer)

    def ask(self, token: str | None = "me", path: str = "/a") -> Response:
        return self.gateway.fetch(get(path, *([f"X-Token: {token}"] if token is not None else [])))


def files(backend: str, oracle: str, nowhere: int) -> dict[str, object]:
    schemes = {name: {"type": "http", "scheme": "bearer"} for name in ("corp", "each", "down")}
    backend_of = proxy(f"{backend}/up", parameters={"header.X-User": "context.authorizer.user"})
    api = openapi({
        "/a": {"get": {**backend_of, "security": [{"corp": []}]}},
        "/b/{id}": {"get": {**backend_of, "security": [{"each": []}]}},
        "/down": {"get": {**backend_of, "security": [{"down": []}]}},
        "/open": {"get": backend_of},
    }) | {"components": {"securitySchemes": schemes}}
    source = ["method.request.header.X-Token"]
    authorizers = {"corp": {"url": f"{oracle}/check?by=fastgw", "identity": source, "ttl": 60},
                   "each": {"url": f"{oracle}/check", "identity": source, "ttl": 0},
                   "down": {"url": f"http://127.0.0.1:{nowhere}/check"}}
    return {"fastgw.yaml": several({"api": {"definition": "api.json", "authorizers": authorizers}}), "api.json": api}


@pytest.fixture
def served() -> Iterator[Served]:
    with (
        reserve_port() as nobody, Upstream() as backend, Upstream() as oracle,
        Gateway(files(backend.url, oracle.url, nobody.getsockname()[1])) as gateway,
    ):
        yield Served(gateway, backend, oracle)


def test_decisions_of_a_url(served: Served) -> None:
    served.says(200, {"isAuthorized": True, "context": {"user": "ann"}})
    assert [served.ask().status for _ in range(3)] == [200] * 3
    assert {request.get("X-User") for request in served.backend.to("/up")} == {"ann"}
    [asked] = served.oracle.to("/check")
    assert (asked.method, asked.target) == ("POST", "/check?by=fastgw")
    event = json.loads(asked.body)
    assert (event["type"], event["path"], event["headers"]["X-Token"]) == ("REQUEST", "/a", "me")
    served.says(200, {"principalId": "bob", "policyDocument": policy(resource=event["methodArn"])})
    assert served.ask("bob").status == 200
    assert served.ask(None).status == 401
    assert len(served.oracle.to("/check")) == 2
    assert served.ask("eve", "/b/1").status == 403, "the policy names another method"
    table = [
        (200, {"isAuthorized": False}, 403), (401, b"", 401), (403, b"", 403), (404, ALLOWED, 500), (500, ALLOWED, 500),
        (302, ALLOWED, 500), (204, b"", 500), (200, b"", 500), (200, b"{", 500), (200, b"[]", 500), (200, b"true", 500),
        (200, {"isAuthorized": 1}, 500), (200, {"isAuthorized": None}, 500), (200, {}, 500),
        (200, {"principalId": "x"}, 500), (200, b'{"isAuthorized": true' + b" " * (1 << 20) + b"}", 500),
        (200, b"[" * 100_000, 500), (200, b'{"isAuthorized": true, "context": {"user": "\xff"}}', 500),
    ]
    for status, body, expected in table:
        served.says(status, body)
        assert served.ask("table", "/b/1").status == expected, (status, body[:40] if isinstance(body, bytes) else body)
    reached = len(served.backend.whole())
    served.says(200, ALLOWED)
    assert served.ask("table", "/b/1").status == 200
    assert len(served.backend.whole()) == reached + 1


def test_an_authorizer_that_is_down_lets_nobody_new_in(served: Served) -> None:
    async def cut(exchange: Exchange) -> None:
        exchange.reset()

    served.says(200, ALLOWED)
    assert served.ask("known").status == 200
    served.oracle.on("/check", cut)
    for path, token in (("/a", "new"), ("/down", None)):
        answer = served.ask(token, path)
        assert (answer.status, answer.body) == (500, b'{"message":null}')
    assert served.ask("known").status == 200
    assert served.ask(path="/open").status == 200


def test_a_slow_authorizer(served: Served) -> None:
    async def never(exchange: Exchange) -> None:
        await exchange.body()
        await asyncio.sleep(600)

    served.oracle.on("/check", never)
    with served.gateway.wire() as wire:
        wire.send(get("/a", "X-Token: me"))
        eventually(lambda: served.oracle.to("/check"), "the question")
        assert served.ask(path="/open").status == 200
        wire.reset()
    eventually(lambda: served.gateway.live()["calls"] == 0, "the question given up")


@pytest.mark.parametrize("trusted", (True, False))
def test_over_tls_only_who_is_trusted_is_asked(trusted: bool) -> None:
    issued = server() if trusted else Authority("Stranger").issue("127.0.0.1")
    with reserve_port() as nobody, Upstream() as backend, Upstream(tls=server_context(issued)) as oracle:
        given = files(backend.url, oracle.url, nobody.getsockname()[1])
        given["fastgw.yaml"]["upstreams"] = {oracle.authority: {"tls": {"ca_file": "ca.pem"}}}  # type: ignore[index]
        with Gateway({**given, "ca.pem": root().pem.decode()}) as gateway:
            served = Served(gateway, backend, oracle)
            served.says(200, ALLOWED)
            assert served.ask().status == (200 if trusted else 500)
        assert len(oracle.to("/check")) == len(backend.to("/up")) == (1 if trusted else 0)
