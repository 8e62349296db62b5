"""Tokens at the door: who is let in, who is not, what they are told, and what the issuer is asked (TRIALS S1)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.client import Wire, eventually
from tests.support.definition import openapi, proxy, several
from tests.support.issuer import IssuerServer
from tests.support.message import Response
from tests.support.process import Gateway
from tests.support.token_attacks import ATTACKS
from tests.support.tokens import ALGORITHMS, AUDIENCE, ISSUER, Signer, kid_of
from tests.support.upstream import Upstream

UNAUTHORIZED = b'{"message":"Unauthorized"}'
POOL = "arn:aws:cognito-idp:eu-west-1:000000000000:userpool/eu-west-1_x"
DOORS = r"^fastgw_(door_[a-z_]+|doors)_total"
LOG = '{"id":"$context.requestId","sub":"$context.authorizer.claims.sub","status":$context.status}'


def needs(operation: dict, name: str, *scopes: str) -> dict:
    return {**operation, "security": [{name: list(scopes)}]}


def jwt_scheme(issuer: str, source: str = "$request.header.Authorization", **more: object) -> dict:
    authorizer = {"type": "jwt", "identitySource": source,
                  "jwtConfiguration": {"issuer": issuer, "audience": [AUDIENCE]}, **more}
    return {"type": "oauth2", "flows": {}, "x-amazon-apigateway-authorizer": authorizer}


def http_api(url: str, issuer: str = ISSUER) -> dict:
    claims = {"append:header.x-sub": "$context.authorizer.claims.sub",
              "append:header.x-groups": "$context.authorizer.claims.groups"}
    up = proxy(f"{url}/up", method="GET")
    up["x-amazon-apigateway-integration"] |= {"payloadFormatVersion": "1.0", "requestParameters": claims}
    document = openapi({
        "/open": {"get": up}, "/private": {"get": needs(up, "token")},
        "/read": {"get": needs(up, "token", "read", "admin")}, "/write": {"get": needs(up, "token", "write")},
        "/query": {"get": needs(up, "asked")}, "/unkept": {"get": needs(up, "unkept")},
    })
    document["components"] = {"securitySchemes": {
        "token": jwt_scheme(issuer), "asked": jwt_scheme(issuer, "$request.querystring.token"),
        "unkept": jwt_scheme(issuer, authorizerResultTtlInSeconds=0),
    }}
    return document


def rest_api(url: str) -> dict:
    up = proxy(f"{url}/up", method="GET", parameters={
        "header.x-sub": "context.authorizer.claims.sub", "header.x-groups": "context.authorizer.claims.groups"})
    document = openapi({
        "/id": {"get": needs(up, "pool")}, "/access": {"get": needs(up, "pool", "read", "admin")},
        "/strict": {"get": needs(up, "bearer")}, "/own": {"get": needs(up, "own", "read")},
    })
    scheme = {"type": "apiKey", "name": "Authorization", "in": "header",
              "x-amazon-apigateway-authtype": "cognito_user_pools"}
    authorizer = {"type": "cognito_user_pools", "providerARNs": [POOL]}
    document["components"] = {"securitySchemes": {
        "pool": {**scheme, "x-amazon-apigateway-authorizer": authorizer},
        "bearer": {**scheme, "x-amazon-apigateway-authorizer": {
            **authorizer, "identityValidationExpression": "Bearer [-A-Za-z0-9_.]+"}},
        "own": {"type": "http", "scheme": "bearer"},
    }}
    return document


def gateway_file(**issuers: dict) -> dict:
    log = {"log": {"format": LOG, "file": "access.log"}}
    return several(
        {"http": {"definition": "http.json", "stages": {"$default": log}},
         "rest": {"definition": "rest.json", "stages": {"$default": log},
                  "authorizers": {"own": {"issuer": ISSUER, "audience": [AUDIENCE]}}}},
        domains={"http.test": [{"api": "http"}], "rest.test": [{"api": "rest"}]},
        issuers=issuers,
    )


@dataclass
class Served:
    gateway: Gateway
    upstream: Upstream
    issuer: IssuerServer
    evil: IssuerServer

    def ask(self, path: str, token: bytes | None = None, host: str = "http.test", *fields: str) -> Response:
        with Wire(self.gateway.port) as wire:
            return asked(wire, path, token, host, *fields)


def asked(wire: Wire, path: str, token: bytes | None, host: str = "http.test", *fields: str) -> Response:
    head = [f"GET {path} HTTP/1.1".encode(), f"Host: {host}".encode(), *(field.encode() for field in fields)]
    if token is not None:
        head.append(b"Authorization: " + token)
    wire.send(b"\r\n".join(head) + b"\r\n\r\n")
    return wire.answer()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with IssuerServer() as issuer, IssuerServer() as evil, Upstream() as upstream:
        file = gateway_file(**{ISSUER: {"jwks": issuer.url + "/pool/jwks.json", "user_pools": [POOL]}})
        files = {"fastgw.yaml": file, "http.json": http_api(upstream.url), "rest.json": rest_api(upstream.url)}
        with Gateway(files) as gateway:
            yield Served(gateway, upstream, issuer, evil)
        assert not evil.asked, "a token has made the gateway ask somebody"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_opens_both_apis(served: Served, algorithm: str) -> None:
    token = Signer(algorithm, kid_of(algorithm))()
    for host, path in (("http", "/private"), ("http", "/read"), ("rest", "/id"), ("rest", "/access")):
        assert served.ask(path, token, f"{host}.test").status == 200


def test_no_attack_gets_in(served: Served) -> None:
    """One status and one body whatever was tried, on the same connections as good requests."""
    served.ask("/private", Signer()())
    seen = len(served.upstream.whole())
    for host, path in (("http.test", "/private"), ("rest.test", "/id")):
        with Wire(served.gateway.port) as wire:
            for name, attack in ATTACKS.items():
                token = attack(served.evil.url)
                answer = asked(wire, path, token, host)
                body = answer.body
                if host == "rest.test" and body == b'{"message":"The incoming token has expired"}':
                    assert "expired" in name or name == "exp is negative", name
                    body = UNAUTHORIZED
                if host == "rest.test" and answer.status == 200:
                    # A user pool's tokens are good whatever client they were made for.
                    assert "client_id" in name or "audience" in name, name
                    seen += 1
                    continue
                assert (answer.status, body) == (401, UNAUTHORIZED), name
                assert b"." not in token or token not in b"".join(value for _, value in answer.headers), name
    assert len(served.upstream.whole()) == seen
    assert len(ATTACKS) >= 60 and not served.evil.asked


def test_what_unknown_ids_make_the_gateway_ask(served: Served) -> None:
    """Once for the keys, once for all ids that are made up within half a minute."""
    served.ask("/private", Signer()())
    for number in range(200):
        assert served.ask("/private", Signer(kid=f"made-up-{number}")()).status == 401
    assert served.issuer.settled()["/pool/jwks.json"] <= 2


def test_a_token_larger_than_a_head_may_be(served: Served) -> None:
    assert served.ask("/private", b"a" * (1 << 20)).status == 431


@pytest.mark.parametrize(("token", "challenge"), [
    (None, "Bearer"),
    (b"", "Bearer"),
    (b"words", 'token contains an invalid number of segments'),
    (Signer()(aud="other"), "the token does not have a valid audience"),
    (Signer()(iss="http://evil.test"), "issuer does not match"),
    (Signer()(exp=1, iat=None), "the token has expired"),
    (Signer(name="stranger")(), "the signature is invalid"),
])
def test_challenges_of_an_http_api(served: Served, token: bytes | None, challenge: str) -> None:
    answer = served.ask("/private", token)
    assert (answer.status, answer.body) == (401, UNAUTHORIZED)
    told = challenge if challenge == "Bearer" else (
        f'Bearer scope="" error="invalid_token" error_description="{challenge}"')
    assert answer.values("www-authenticate") == [told.encode()]


def test_scopes_of_an_http_api(served: Served) -> None:
    token = Signer()(scope="read other")
    for _ in range(2):
        assert served.ask("/read", token).status == 200
        answer = served.ask("/write", token)
        assert (answer.status, answer.body) == (403, b'{"message":"Forbidden"}')
        assert answer.values("www-authenticate") == [
            b'Bearer scope="write" error="insufficient_scope" error_description="the token has none of the scopes"']
        assert served.ask("/private", token).status == 200
    assert served.ask("/write", Signer()(scope=None, scp=["write"])).status == 200
    assert served.ask("/write", Signer()(scope="write-not")).status == 403


def test_refusals_of_a_rest_api(served: Served) -> None:
    for path, token, message in (
        ("/id", None, "Unauthorized"), ("/id", b"words", "Unauthorized"),
        ("/id", Signer()(iss="http://evil.test"), "Unauthorized"),
        ("/id", Signer()(exp=1, iat=None), "The incoming token has expired"),
        ("/access", Signer()(scope="write"), "Unauthorized"),
        ("/access", Signer()(scope=None), "Unauthorized"),
    ):
        answer = served.ask(path, token, "rest.test")
        assert (answer.status, json.loads(answer.body)) == (401, {"message": message})
        assert answer.values("x-amzn-errortype") == [b"UnauthorizedException"]
        assert not answer.values("www-authenticate")


def test_identity_and_access_tokens_of_a_pool(served: Served) -> None:
    """Which of the two a route takes is decided for each route, also when the token is known already."""
    identity, access = (Signer()(token_use=use, aud=None) for use in ("id", "access"))
    for _ in range(2):
        assert served.ask("/id", identity, "rest.test").status == 200
        assert served.ask("/id", access, "rest.test").status == 401
        assert served.ask("/access", access, "rest.test").status == 200
        assert served.ask("/access", identity, "rest.test").status == 401


def test_a_validation_expression_goes_first(served: Served) -> None:
    token = Signer()()
    assert served.ask("/strict", token, "rest.test").status == 401
    assert served.ask("/strict", b"Bearer " + token, "rest.test").status == 200


def test_a_scheme_that_the_fastgw_yaml_gives_an_issuer(served: Served) -> None:
    assert served.ask("/own", Signer()(), "rest.test").status == 200
    for token in (None, Signer()(aud="other"), Signer()(scope="write"), Signer(name="stranger")()):
        assert served.ask("/own", token, "rest.test").status == 401


def test_where_a_token_stands(served: Served) -> None:
    token = Signer()()
    assert served.ask("/private", b"Bearer " + token).status == 200
    assert served.ask("/private", None, "http.test", f"X-Authorization: {token.decode()}").status == 401
    assert served.ask(f"/query?token={token.decode()}").status == 200
    assert served.ask("/query", token).status == 401
    assert served.ask(f"/query?token={token.decode()}&token={token.decode()}").status == 401
    assert served.ask("/private", token, "http.test", f"Authorization: {token.decode()}").status == 401


@pytest.mark.parametrize(("host", "path", "groups"), [
    ("http.test", "/private", b"[a b]"), ("rest.test", "/id", b"a,b"),
])
def test_claims_reach_the_upstream_and_the_log(served: Served, host: str, path: str, groups: bytes) -> None:
    served.upstream.clear()
    sub = f"somebody-of-{host}"
    assert served.ask(path, Signer()(sub=sub, groups=["a", "b"]), host).status == 200
    request = served.upstream.only("/up")
    assert (request.values("x-sub"), request.values("x-groups")) == ([sub.encode()], [groups])
    lines = served.gateway.folder / "access.log"
    eventually(lambda: lines.exists() and sub in lines.read_text(), "the claim in the log")


def test_a_claim_cannot_add_a_header(served: Served) -> None:
    served.upstream.clear()
    answer = served.ask("/private", Signer()(sub="a\r\nX-Evil: 1\r\n\r\nGET /evil HTTP/1.1"))
    requests = [recorded.request for recorded in served.upstream.whole()]
    assert answer.status in (200, 500) and len(requests) <= 1
    assert not any(request.values("x-evil") for request in requests) and served.upstream.unclean == []


def test_clients_cannot_claim_by_themselves(served: Served) -> None:
    served.upstream.clear()
    assert served.ask("/private", Signer()(sub="me"), "http.test", "X_Sub: admin", "x.sub: admin").status == 200
    assert served.upstream.only("/up").values("x-sub") == [b"me"]


def test_a_known_token_opens_no_door(served: Served) -> None:
    """The engine rule: what was verified once is answered without the interpreter."""
    token = Signer()(sub="regular")
    served.ask("/read", token)
    before = served.gateway.metric(DOORS)
    with Wire(served.gateway.port) as wire:
        for number in range(400):
            path, status = (("/read", 200), ("/write", 403), ("/private", 200))[number % 3]
            if number == 0 or path == "/private":
                continue
            wire.send(f"GET {path} HTTP/1.1\r\nHost: http.test\r\nAuthorization: {token.decode()}\r\n\r\n")
            assert wire.answer().status == status
    assert served.gateway.metric(DOORS) == before


def test_what_is_not_kept_is_verified_each_time(served: Served) -> None:
    token = Signer()(sub="unkept")
    before = served.gateway.metric("^fastgw_door_authorize_total")
    for _ in range(3):
        assert served.ask("/unkept", token).status == 200
    assert served.gateway.metric("^fastgw_door_authorize_total") == before + 3


def test_no_token_is_told_anywhere(served: Served) -> None:
    """Not in what is logged, nor by the ops listener: good ones, bad ones, and those in a query."""
    tokens = [Signer()(sub="planted"), Signer(name="stranger")(sub="planted"), b"planted-not-a-token",
              Signer(kid="planted")()]
    for token in tokens:
        served.ask("/private", token)
        served.ask("/id", token, "rest.test")
        served.ask(f"/query?token={token.decode()}")
    log = served.gateway.folder / "access.log"
    eventually(lambda: log.read_text().count("\n") >= 12, "the lines of the log")
    told = [served.gateway.stderr(), log.read_text()]
    told += [served.gateway.ops(f"/{path}")[1] for path in ("metrics", "live", "readyz", "routes", "upstreams")]
    for token in tokens:
        for part in (token, token.rpartition(b".")[2]):
            assert all(part.decode() not in text for text in told)

