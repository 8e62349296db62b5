"""Authorizers that verify tokens, behind the engine's door in this process."""

import json
from dataclasses import replace
from typing import Any

import pytest

from fastgw._core.step import Answer, Failure, Request
from fastgw.model.api import Api, ApiKind, Route
from fastgw.model.authorizer import Access, JwtAuthorizer
from fastgw.model.gateway import Gateway, Stage
from fastgw.model.integration import Unserved
from fastgw.model.issuer import Issuer
from fastgw.model.place import Place
from fastgw.model.value import RequestParameter
from fastgw.observe import layout
from fastgw.parts.auth.issuers import Issuers
from fastgw.parts.auth.jwks import read_keys
from fastgw.parts.auth.jwt_authorizer import HttpApiJwt, TokenAuthorizer, UserPools
from fastgw.parts.auth.oidc import Fixed
from fastgw.parts.auth.verifier import Verifier
from fastgw.parts.env import Env
from fastgw.parts.integrate.lambda_event import event_maker
from fastgw.plan.access import access_spec
from fastgw.settings import Settings
from tests.support.door import Doors, looped, plan_of
from tests.support.tokens import AUDIENCE, ISSUER, Signer, every_key, jwk, key_set, rsa_key

PLACE = Place("api.json", 1, 1)
KEYS = json.dumps(every_key()).encode()
NOW = 1_000_000.0


def made(kind: type[TokenAuthorizer], scoped: bool = False, ttl: float = 300.0) -> TokenAuthorizer:
    verifier = Verifier({ISSUER: Fixed(read_keys(KEYS))}, ())
    return kind(verifier, ttl, scoped, lambda: NOW)


def told(authorizer: TokenAuthorizer, **claims: Any) -> Any:
    return authorizer(Request(), (Signer()(**{"exp": NOW + 1_000, "iat": NOW, **claims}),))


@pytest.mark.parametrize(("scoped", "scopes"), [(False, None), (True, ["read"])])
def test_what_an_http_api_tells(scoped: bool, scopes: list | None) -> None:
    allowed = told(made(HttpApiJwt, scoped), groups=["a", "b"], admin=True)
    assert allowed.told["scopes"] == scopes
    assert allowed.told["claims"]["groups"] == "[a b]" and allowed.told["claims"]["exp"] == "1001000"
    assert allowed.values["authorizer.claims.admin"] == "true"
    assert allowed.scopes == ("read",) and allowed.principal is None


def test_what_a_rest_api_tells() -> None:
    allowed = told(made(UserPools), groups=["a", "b"])
    assert set(allowed.told) == {"claims"} and allowed.told["claims"]["groups"] == "a,b"
    assert allowed.values["authorizer.claims.exp"] == "Mon Jan 12 14:03:20 UTC 1970"


@pytest.mark.parametrize(("left", "ttl", "kept"), [(1_000, 300, 300), (100, 300, 100), (-30, 300, 0), (1_000, 0, 0)])
def test_a_decision_is_kept_no_longer_than_the_token_is_good(left: int, ttl: int, kept: int) -> None:
    assert told(made(HttpApiJwt, ttl=ttl), exp=NOW + left).ttl_seconds == kept


@pytest.mark.parametrize(("use", "scoped", "good"), [
    ("id", False, True), ("access", False, False), ("access", True, True), ("id", True, False), (None, False, True),
    (None, True, True),
])
def test_uses_of_a_pools_tokens(use: str | None, scoped: bool, good: bool) -> None:
    if good:
        assert told(made(UserPools, scoped), token_use=use)
    else:
        with pytest.raises(Failure) as failure:
            told(made(UserPools, scoped), token_use=use)
        assert (failure.value.message, failure.value.challenge) == (None, None)
    assert told(made(HttpApiJwt, scoped), token_use=use)


def test_a_failure_tells_no_piece_of_the_token() -> None:
    for kind in (HttpApiJwt, UserPools):
        for identity in (b"secret-one", b"Bearer secret.secret.secret", Signer(kid="secret")(), b"\xffsecret" * 9):
            with pytest.raises(Failure) as failure:
                made(kind)(Request(), (identity,))
            assert "secret" not in f"{failure.value}{failure.value.detail}{failure.value.challenge}"


@pytest.mark.parametrize(("kind", "payload", "scoped", "told_as"), [
    (HttpApiJwt, "2.0", True, {"jwt": {"claims": {"sub": "ann"}, "scopes": ["read"]}}),
    (HttpApiJwt, "2.0", False, {"jwt": {"claims": {"sub": "ann"}, "scopes": None}}),
    (HttpApiJwt, "1.0", True, {"claims": {"sub": "ann"}, "scopes": ["read"]}),
    (UserPools, "1.0", False, {"claims": {"sub": "ann"}}),
])
def test_events(kind: type[TokenAuthorizer], payload: str, scoped: bool, told_as: dict) -> None:
    of = ApiKind.HTTP if kind is HttpApiJwt else ApiKind.REST
    authorizer = JwtAuthorizer("token", (ISSUER,), PLACE, RequestParameter("header", "Authorization"))
    route = Route("GET", "/a", Unserved("x", PLACE), PLACE, access=Access("token"))
    api = Api("pets", "abc", of, (route,), PLACE, authorizers=(authorizer,))
    env = Env(api, STAGE, route, {}, (), Settings(), None, None, account="000000000000")
    allowed = told(made(kind, scoped), sub="ann")
    allowed.told["claims"] = {"sub": allowed.told["claims"]["sub"]}
    request = Request(told=allowed.told, caller=allowed.values, context={"TIME_MS": "1", "METHOD": "GET"})
    event = json.loads(event_maker(payload, env)(request))
    assert event["requestContext"]["authorizer"] == told_as


# --- in the engine

HTTP = Api("pets", "abc", ApiKind.HTTP, (), PLACE)
REST = Api("pets", "abc", ApiKind.REST, (), PLACE)
STAGE = Stage("pets", "$default")


def spec(api: Api = HTTP, *scopes: str, keys: bytes = KEYS, **own: Any) -> dict[str, Any]:
    authorizer = JwtAuthorizer("token", (ISSUER,), PLACE, RequestParameter("header", "Authorization"), **{
        "audiences": (AUDIENCE,) if api is HTTP else (), **own})
    route = Route("GET", "/a", Unserved("x", PLACE), PLACE, access=Access("token", scopes=scopes))
    api = replace(api, authorizers=(authorizer,))
    gateway = Gateway((api,), (STAGE,), (), issuers=(Issuer(ISSUER, keys=keys, place=PLACE),))
    found = access_spec(gateway, route, Env(api, STAGE, route, {}, (), Settings(), None, None), Issuers())
    assert found is not None
    return found


def served(auth: dict[str, Any], api: Api = HTTP) -> Doors:
    return Doors(plan_of({"/a": who}.items(), 10_000, auth=auth, http_api=api is HTTP))


def who(request: Request) -> Answer:
    return Answer(200, body=request.caller.get("authorizer.claims.sub", "nobody").encode())


def bearer(token: bytes) -> str:
    return f"Authorization: Bearer {token.decode()}"


@looped
async def test_a_token_is_verified_once() -> None:
    async with served(spec()) as doors:
        client = await doors.client()
        token = Signer()(sub="ann")
        for _ in range(5):
            assert await client.ask("/a", bearer(token)) == (200, b"ann")
        assert doors.cell(layout.H_DOOR_AUTHORIZE) == 1
        assert (await client.ask("/a", bearer(token[:-2])))[0] == 401
        assert doors.cell(layout.H_DOOR_AUTHORIZE) == 2


@looped
async def test_a_refused_token_is_verified_each_time() -> None:
    """Nothing is kept of it: who sends many must not push out the decisions of others."""
    async with served(spec()) as doors:
        client = await doors.client()
        for _ in range(3):
            assert (await client.ask("/a", bearer(Signer(name="stranger")())))[0] == 401
        assert doors.engine.live()["decisions"] == 0


@looped
async def test_scopes_are_the_routes() -> None:
    async with served(spec(HTTP, "write")) as doors:
        client = await doors.client()
        assert (await client.ask("/a", bearer(Signer()(scope="read write"))))[0] == 200
        for _ in range(2):
            assert (await client.ask("/a", bearer(Signer()(scope="read", exp=2**40))))[0] == 403
        assert doors.cell(layout.H_DOOR_AUTHORIZE) == 2
    async with served(spec(REST, "write"), REST) as doors:
        assert (await (await doors.client()).ask("/a", bearer(Signer()(scope="read"))))[0] == 401


@looped
async def test_a_new_key_file_makes_old_decisions_void() -> None:
    token = Signer()()
    async with served(spec()) as doors:
        client = await doors.client()
        assert (await client.ask("/a", bearer(token)))[0] == 200
        other = json.dumps(key_set(jwk(rsa_key("stranger"), "RS256"))).encode()
        doors.swap(plan_of({"/a": who}.items(), 10_000, auth=spec(keys=other), http_api=True))
        assert (await client.ask("/a", bearer(token)))[0] == 401


def test_zones_are_apart() -> None:
    variants = [spec(), spec(HTTP, "read"), spec(REST), spec(REST, "read"), spec(audiences=("x",)),
                spec(ttl_seconds=1), spec(keys=json.dumps(key_set(jwk(rsa_key("stranger"), "x"))).encode())]
    assert len({one["zone"] for one in variants}) == len(variants)
    assert spec(HTTP, "read")["zone"] == spec(HTTP, "write")["zone"]


def test_keys_that_are_none_are_told_with_their_place() -> None:
    with pytest.raises(ValueError, match=r"api\.json:1:1: error: a key set has a list"):
        spec(keys=b"{}")
