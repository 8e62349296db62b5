"""Tokens: what is taken, and what is not (TRIALS S1)."""

import json
import time

import pytest

from fastgw.parts.auth.base64url import NotBase64Url, decode
from fastgw.parts.auth.jwks import Keys, read_keys
from fastgw.parts.auth.jwt import LEEWAY, MAX_TOKEN, Refused, bare, parse, scopes
from fastgw.parts.auth.oidc import Fixed
from fastgw.parts.auth.verifier import Verified, Verifier
from tests.support.token_attacks import ATTACKS, TOO_LARGE
from tests.support.tokens import (
    ALGORITHMS,
    AUDIENCE,
    ISSUER,
    Signer,
    every_key,
    jwk,
    key_set,
    kid_of,
    private_key,
    rsa_key,
)

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def keys() -> Keys:
    return read_keys(json.dumps(every_key()).encode())


@pytest.fixture(scope="module")
def verifier(keys: Keys) -> Verifier:
    return Verifier({ISSUER: Fixed(keys)}, (AUDIENCE,))


def taken(verifier: Verifier, token: bytes, now: float | None = None) -> Verified:
    found = verifier.verify(token, time.time() if now is None else now)
    assert isinstance(found, Verified)
    return found


def why(verifier: Verifier, token: bytes, now: float | None = None) -> str:
    with pytest.raises(Refused) as refused:
        verifier.verify(token, time.time() if now is None else now)
    return refused.value.why


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_is_taken(verifier: Verifier, algorithm: str) -> None:
    found = taken(verifier, Signer(algorithm, kid_of(algorithm))())
    assert found.claims["sub"] == "somebody" and found.scopes == ("read",)


@pytest.mark.parametrize(("algorithm", "kid", "good"), [
    ("EdDSA", "Ed448", True), ("Ed448", "Ed448", True), ("Ed25519", "EdDSA", True), ("Ed25519", "Ed448", False),
    ("Ed448", "EdDSA", False),
])
def test_edwards_curves(verifier: Verifier, algorithm: str, kid: str, good: bool) -> None:
    token = Signer(algorithm, kid, key=private_key(kid))()
    if good:
        taken(verifier, token)
    else:
        assert why(verifier, token) == "no key of the issuer fits the token"


def test_there_are_enough_attacks() -> None:
    assert len(ATTACKS) >= 60


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_is_taken(verifier: Verifier, attack: str) -> None:
    assert why(verifier, ATTACKS[attack](NOWHERE))


def test_size_is_looked_at_first(verifier: Verifier) -> None:
    assert why(verifier, TOO_LARGE) == "the token is too large"
    assert why(verifier, b"." * (MAX_TOKEN + 1)) == "the token is too large"


@pytest.mark.parametrize(("identity", "token"), [
    (b"a.b.c", b"a.b.c"), (b"Bearer a.b.c", b"a.b.c"), (b"bearer a.b.c", b"a.b.c"), (b"BEARER   a.b.c", b"a.b.c"),
    (b"Basic a.b.c", b"Basic a.b.c"), (b"Bearer", b"Bearer"), (b"Bearer ", b""), (b"Bearera.b.c", b"Bearera.b.c"),
])
def test_the_token_of_an_identity(identity: bytes, token: bytes) -> None:
    assert bare(identity) == token


@pytest.mark.parametrize(("changes", "told"), [
    ({"aud": "other"}, "the token does not have a valid audience"),
    ({"iss": "http://evil.test"}, "issuer does not match"),
    ({"exp": 1}, "the token has expired"),
])
def test_reasons_are_the_services_where_they_are_known(verifier: Verifier, changes: dict, told: str) -> None:
    assert why(verifier, Signer()(**changes)) == told


def test_the_form_is_told(verifier: Verifier) -> None:
    assert why(verifier, b"not-a-token") == "token contains an invalid number of segments"


def test_the_order_of_the_checks(verifier: Verifier) -> None:
    """Key, signature, issuer, audience, exp, nbf, iat: what is mended one after the other."""
    wrong = {"iss": "http://evil.test", "aud": "other", "exp": 1, "nbf": 2**40, "iat": 2**40}
    seen = [why(verifier, Signer(kid="unknown", name="stranger")(**wrong)),
            why(verifier, Signer(name="stranger")(**wrong))]
    for name in ("iss", "aud", "exp", "nbf", "iat"):
        seen.append(why(verifier, Signer()(**wrong)))
        del wrong[name]
    assert seen == ["no key of the issuer fits the token", "the signature is invalid", "issuer does not match",
                    "the token does not have a valid audience", "the token has expired", "the token is not valid yet",
                    "the token was issued in the future"]
    taken(verifier, Signer()(**wrong))


def test_clocks_may_differ_by_the_leeway(verifier: Verifier) -> None:
    token = Signer()(exp=10_000, nbf=5_000, iat=5_000)
    assert taken(verifier, token, 10_000 + LEEWAY - 1).expires == 10_000
    assert taken(verifier, token, 5_000 - LEEWAY).expires == 10_000
    assert why(verifier, token, 10_000 + LEEWAY) == "the token has expired"
    assert why(verifier, token, 5_000 - LEEWAY - 1) == "the token is not valid yet"


def test_only_what_was_once_good_is_expired(verifier: Verifier) -> None:
    for changes, expired in (({"exp": 1}, True), ({"exp": None}, False), ({"aud": "other", "exp": 1}, False)):
        with pytest.raises(Refused) as refused:
            verifier.verify(Signer()(**changes), time.time())
        assert refused.value.expired is expired


@pytest.mark.parametrize("changes", [
    {"aud": [AUDIENCE]}, {"aud": ["other", AUDIENCE]}, {"aud": None, "client_id": AUDIENCE}, {"exp": 2**40 + 0.5},
    {"iat": None}, {"nbf": 0}, {"sub": None},
])
def test_what_is_taken_besides(verifier: Verifier, changes: dict) -> None:
    taken(verifier, Signer()(**changes))


def test_no_audience_asked_for_takes_any(keys: Keys) -> None:
    anybodys = Verifier({ISSUER: Fixed(keys)}, ())
    taken(anybodys, Signer()(aud="other"))
    taken(anybodys, Signer()(aud=None))


def test_a_token_chooses_among_the_issuers_alone(keys: Keys) -> None:
    """Two pools: the keys of one are not good for the other's tokens."""
    second = read_keys(json.dumps(key_set(jwk(rsa_key("stranger"), "RS256"))).encode())
    both = Verifier({ISSUER: Fixed(keys), "http://second.test": Fixed(second)}, ())
    taken(both, Signer()())
    taken(both, Signer(name="stranger", issuer="http://second.test")())
    assert why(both, Signer(issuer="http://second.test")()) == "the signature is invalid"
    assert why(both, Signer(issuer="http://third.test")()) == "issuer does not match"
    assert why(both, Signer()(payload="{}")) == "issuer does not match"


@pytest.mark.parametrize(("claims", "found"), [
    ({"scope": "a b"}, ("a", "b")), ({"scp": ["a", "b"]}, ("a", "b")), ({"scp": "a"}, ("a",)), ({}, ()),
    ({"scope": "a", "scp": "b"}, ("a",)), ({"scope": "", "scp": "b"}, ()), ({"scope": 7}, ()), ({"scp": ["a", 7]}, ()),
])
def test_scopes(claims: dict, found: tuple) -> None:
    assert scopes(claims) == found


def test_nothing_is_made_of_what_is_not_read() -> None:
    """The pieces of a token that were checked are the pieces that were signed."""
    token = Signer()()
    read = parse(token)
    assert read.signed + b"." + token.rpartition(b".")[2] == token


@pytest.mark.parametrize("text", [b"YQ==", b"YQ=", b"YR", b"Y", b"Y Q", b"YQ\n", b"+_", b"/w", b"\xff", b"YQ!!"])
def test_base64url_has_one_spelling(text: bytes) -> None:
    with pytest.raises(NotBase64Url):
        decode(text)


@pytest.mark.parametrize(("text", "data"), [(b"", b""), (b"YQ", b"a"), (b"_w", b"\xff"), (b"-A", b"\xf8")])
def test_base64url(text: bytes, data: bytes) -> None:
    assert decode(text) == data
