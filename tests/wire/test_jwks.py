"""Keys of issuers over a real network: rotation, outage, floods, reloads (TRIALS S2)."""

import json
from collections.abc import Iterator

import pytest

from tests.support.client import Wire, eventually
from tests.support.definition import openapi, several
from tests.support.issuer import IssuerServer
from tests.support.process import Gateway
from tests.support.tokens import AUDIENCE, ISSUER, Signer, b64, claims, every_key, jwk, key_set, private_key

NEW = {**every_key(), "keys": [*every_key()["keys"], jwk(private_key("ES256", "new"), "new")]}
TROUBLES = {
    "500": 500,
    "garbage": b"<html>not now</html>",
    "large": b'{"keys":[' + b" " * 150_001 + b"]}",
    "empty": {"keys": []},
    "redirect": (302, {"Location": "/elsewhere"}),
    "slow": None,
}


def scheme(issuer: str) -> dict:
    return {"type": "oauth2", "flows": {}, "x-amazon-apigateway-authorizer": {
        "type": "jwt", "identitySource": "$request.header.Authorization",
        "jwtConfiguration": {"issuer": issuer, "audience": [AUDIENCE]}}}


def document(issuers: dict[str, str]) -> dict:
    """An HTTP API with a route for each issuer, by name."""
    up = {"x-amazon-apigateway-integration": {"type": "http_proxy", "httpMethod": "GET", "payloadFormatVersion": "1.0",
                                              "uri": "http://127.0.0.1:1/"}}
    found = openapi({f"/{name}": {"get": {**up, "security": [{name: []}]}} for name in issuers})
    found["components"] = {"securitySchemes": {name: scheme(issuer) for name, issuer in issuers.items()}}
    return found


def file(**sections: object) -> dict:
    return several({"a": {"definition": "api.json"}}, **sections)


LET_IN = 504
"""Nobody listens behind the routes: what is let in ends there."""


def status(gateway: Gateway, path: str, token: bytes) -> int:
    return gateway.fetch(f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {token.decode()}\r\n\r\n").status


class Pool:
    """One of many issuers of one server."""

    def __init__(self, server: IssuerServer, name: str) -> None:
        self.server, self.name = server, name
        self.issuer = f"{server.url}/{name}"
        self.discovery, self.jwks = f"/{name}/.well-known/openid-configuration", f"/{name}/keys"
        server.documents[self.discovery] = {"issuer": self.issuer, "jwks_uri": server.url + self.jwks}
        server.documents[self.jwks] = every_key()

    def token(self, kid: str = "ES256", name: str = "", **changes: object) -> bytes:
        return Signer("ES256", kid, name, self.issuer)(**changes)

    @property
    def asked(self) -> tuple[int, int]:
        return self.server.asked[self.discovery], self.server.asked[self.jwks]


def test_a_file_of_keys_is_read_at_each_reload() -> None:
    issuers = {ISSUER: {"jwks": "keys.json"}}
    with Gateway({"fastgw.yaml": file(issuers=issuers), "api.json": document({"a": ISSUER}),
                  "keys.json": every_key()}) as gateway:
        old, new = Signer("ES256", "ES256")(), Signer("ES256", "new", "new")()
        assert [status(gateway, "/a", token) for token in (old, new)] == [LET_IN, 401]
        gateway.write("keys.json", key_set(jwk(private_key("ES256", "new"), "new")))
        assert gateway.reload().returncode == 0
        assert [status(gateway, "/a", token) for token in (old, new)] == [401, LET_IN]
        gateway.write("keys.json", {"keys": []})
        refused = gateway.reload()
        assert refused.returncode != 0 and "fastgw.yaml:" in refused.stderr + refused.stdout
        assert [status(gateway, "/a", token) for token in (old, new)] == [401, LET_IN]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Gateway, dict[str, Pool]]]:
    with IssuerServer() as server:
        names = [*TROUBLES, "rotated", "flooded", "never", "other", "reloaded", "silent"]
        pools = {name: Pool(server, name) for name in names}
        with Gateway({"fastgw.yaml": file(),
                      "api.json": document({name: pool.issuer for name, pool in pools.items()})}) as gateway:
            yield gateway, pools


def test_a_new_key_is_live_after_one_fetch(served: tuple) -> None:
    gateway, pool = served[0], served[1]["rotated"]
    assert status(gateway, "/rotated", pool.token()) == LET_IN
    assert pool.asked == (1, 1)
    pool.server.documents[pool.jwks] = NEW
    for number in range(5):
        assert status(gateway, "/rotated", pool.token("new", "new", sub=f"{number}")) == LET_IN
        assert status(gateway, "/rotated", pool.token(sub=f"old-{number}")) == LET_IN
    assert pool.asked == (1, 2)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_old_keys_stay_in_use(served: tuple, trouble: str) -> None:
    """Tokens that were never seen are verified by the last keys, while the issuer is asked once and in vain."""
    gateway, pool = served[0], served[1][trouble]
    assert status(gateway, f"/{trouble}", pool.token()) == LET_IN
    pool.server.documents[pool.jwks] = TROUBLES[trouble]
    for number in range(5):
        assert status(gateway, f"/{trouble}", pool.token("new", "new", sub=f"{number}")) == 401
        assert status(gateway, f"/{trouble}", pool.token(sub=f"old-{number}")) == LET_IN
    assert pool.asked == (1, 2)
    assert pool.server.asked["/elsewhere"] == 0
    assert gateway.stderr().count(f"issuer {pool.issuer}:") == 1


def test_a_flood_of_ids_that_are_made_up(served: tuple) -> None:
    """10,000 tokens, each with an id of its own: one more fetch."""
    gateway, pool = served[0], served[1]["flooded"]
    assert status(gateway, "/flooded", pool.token()) == LET_IN
    payload, signed = b64(json.dumps(claims(iss=pool.issuer)).encode()), b64(bytes(64))
    with Wire(gateway.port) as wire:
        for batch in range(100):
            heads = [b64(json.dumps({"alg": "ES256", "kid": f"{batch}-{one}"}).encode()) for one in range(100)]
            wire.send("".join(f"GET /flooded HTTP/1.1\r\nHost: a\r\nAuthorization: {head}.{payload}.{signed}\r\n\r\n"
                              for head in heads))
            assert {wire.answer().status for _ in heads} == {401}
    assert pool.asked == (1, 2)
    assert status(gateway, "/flooded", pool.token(sub="after")) == LET_IN


def test_no_keys_at_all(served: tuple) -> None:
    """Refused with the service's words; all who ask meanwhile wait for one search, and it is not repeated at once."""
    gateway, pool = served[0], served[1]["never"]
    pool.server.documents[pool.discovery] = 503
    answers = []
    for _ in range(20):
        request = f"GET /never HTTP/1.1\r\nHost: a\r\nAuthorization: {pool.token().decode()}\r\n\r\n"
        answers.append(gateway.fetch(request))
    assert {answer.status for answer in answers} == {401}
    assert {answer.get("www-authenticate") for answer in answers} == {
        'Bearer scope="" error="invalid_token" error_description="OIDC discovery endpoint communication error"'}
    assert pool.asked[0] <= 3 and pool.asked[1] == 0
    pool.server.documents[pool.discovery] = {"issuer": pool.issuer, "jwks_uri": pool.server.url + pool.jwks}
    eventually(lambda: status(gateway, "/never", pool.token()) == LET_IN, "the keys are found")


def test_another_issuers_document(served: tuple) -> None:
    gateway, pool = served[0], served[1]["other"]
    pool.server.documents[pool.discovery] = {"issuer": "http://evil.test", "jwks_uri": pool.server.url + pool.jwks}
    assert status(gateway, "/other", pool.token()) == 401
    assert pool.asked[1] == 0


def test_a_reload_asks_nobody(served: tuple) -> None:
    gateway, pool = served[0], served[1]["reloaded"]
    assert status(gateway, "/reloaded", pool.token()) == LET_IN
    assert gateway.reload().returncode == 0
    assert status(gateway, "/reloaded", pool.token(sub="after")) == LET_IN
    assert pool.asked == (1, 1)


def test_nothing_is_left_of_a_search_that_does_not_end(served: tuple) -> None:
    """A client that leaves, then (after this last test) a gateway that ends, while an issuer is silent."""
    gateway, pool = served[0], served[1]["silent"]
    pool.server.documents[pool.discovery] = None
    with Wire(gateway.port) as wire:
        wire.send(f"GET /silent HTTP/1.1\r\nHost: a\r\nAuthorization: {pool.token().decode()}\r\n\r\n")
        eventually(lambda: pool.asked[0] == 1, "the issuer is asked")
