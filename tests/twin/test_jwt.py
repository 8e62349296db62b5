"""Tokens against joserfc: what is taken is good to it too, and what is good to it is taken, unless a rule of ours says
why not."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from fastgw.parts.auth.jwks import read_keys
from fastgw.parts.auth.jwt import MAX_TOKEN, Refused, parse
from fastgw.parts.auth.oidc import Fixed
from fastgw.parts.auth.strict_json import NotStrict, read_object
from fastgw.parts.auth.verifier import Verified, Verifier
from tests.support.tokens import ALGORITHMS, AUDIENCE, ISSUER, Signer, every_key, kid_of

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")

NOW = 1_000_000
KEYS = every_key()
THEIRS = KeySet.import_key_set(KEYS)
OURS = Verifier({ISSUER: Fixed(read_keys(json.dumps(KEYS).encode()))}, (AUDIENCE,))
GOOD = {"iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 100, "iat": NOW - 100, "sub": "somebody"}
TOKENS = [Signer(algorithm, kid_of(algorithm))(payload=GOOD) for algorithm in ALGORITHMS]


def ours(token: bytes) -> Verified | None:
    try:
        found = OURS.verify(token, NOW)
    except Refused:
        return None
    assert isinstance(found, Verified)
    return found


def signed(token: bytes) -> bytes | None:
    """The payload, where joserfc takes the signature."""
    try:
        return jws.deserialize_compact(token, THEIRS, algorithms=list(ALGORITHMS)).payload
    except (JoseError, ValueError, TypeError):
        return None


def claimed(claims: dict) -> bool:
    """Whether joserfc takes the claims."""
    registry = JWTClaimsRegistry(now=NOW, leeway=60, iss={"essential": True, "value": ISSUER},
                                 aud={"essential": True, "value": AUDIENCE}, exp={"essential": True})
    try:
        registry.validate(claims)
    except (JoseError, ValueError, TypeError):
        return False
    return True


def theirs(token: bytes) -> dict | None:
    payload = signed(token)
    try:
        claims = None if payload is None else json.loads(payload)
    except ValueError:
        return None
    return claims if isinstance(claims, dict) and claimed(claims) else None


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A good token with a few bytes changed, taken out, doubled or put in."""
    token = draw(st.sampled_from(TOKENS))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(token) - 1)) if token else 0
        kind = draw(st.sampled_from(["change", "remove", "double", "insert", "part"]))
        if kind == "change":
            token = token[:at] + draw(st.binary(min_size=1, max_size=1)) + token[at + 1:]
        elif kind == "remove":
            token = token[:at] + token[at + draw(st.integers(1, 4)):]
        elif kind == "double":
            token = token[:at] + token[at:at + 8] * 2 + token[at + 8:]
        elif kind == "insert":
            token = token[:at] + draw(st.sampled_from([b".", b"=", b" ", b"A", b"-", b"\0", b"eyJ"])) + token[at:]
        else:
            parts = token.split(b".")
            parts[draw(st.integers(0, len(parts) - 1))] = draw(st.sampled_from(TOKENS)).split(b".")[draw(
                st.integers(0, 2))]
            token = b".".join(parts)
    return token


@settings(max_examples=300, deadline=None)
@given(mutated())
def test_what_is_taken_is_good_to_joserfc(token: bytes) -> None:
    found = ours(token)
    if found is not None:
        assert theirs(token) == found.claims


times = st.one_of(st.sampled_from([NOW - 61, NOW - 59, NOW, NOW + 60, NOW + 61, 0, -1, 2**53, NOW + 0.5]),
                  st.integers(0, 2**54), st.text(max_size=3), st.none(), st.booleans(), st.lists(st.integers()))
names = st.one_of(st.sampled_from([ISSUER, AUDIENCE, "other", ""]), st.none(), st.integers(), st.booleans())
payloads = st.fixed_dictionaries(
    {"iss": st.one_of(st.just(ISSUER), names), "aud": st.one_of(st.just(AUDIENCE), names, st.lists(names, max_size=3)),
     "exp": st.one_of(st.just(NOW + 100), times)},
    optional={"nbf": times, "iat": times, "more": st.recursive(names, st.lists, max_leaves=4)},
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ALGORITHMS), payloads)
def test_claims_are_judged_alike(algorithm: str, payload: dict) -> None:
    token = Signer(algorithm, kid_of(algorithm))(payload=payload)
    if ours(token) is not None:
        assert theirs(token) == payload
    elif theirs(token) is not None:
        assert _stricter(payload), payload


def _stricter(payload: dict) -> bool:
    """Rules of ours beyond joserfc's: dates are plain numbers, a day is over when it is over, lists hold texts."""
    dates = [payload[name] for name in ("exp", "nbf", "iat") if name in payload]
    if any(isinstance(date, bool) or not isinstance(date, int | float) or abs(date) >= 2**53 for date in dates):
        return True
    audience = payload["aud"]
    return payload["exp"] == NOW - 60 or (isinstance(audience, list) and not all(isinstance(a, str) for a in audience))


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), mutated()))
def test_parsing_ends_in_a_token_or_a_refusal(text: bytes) -> None:
    try:
        token = parse(text)
    except Refused as refused:
        assert refused.why.isascii() and len(refused.why) < 80 and '"' not in refused.why
    else:
        assert len(text) <= MAX_TOKEN and text.startswith(token.signed)


values = st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.text(),
                                st.floats(allow_nan=False, allow_infinity=False)),
                      lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.text(), values), st.booleans())
def test_objects_are_read_as_json_says(given: dict, escaped: bool) -> None:
    assert read_object(json.dumps(given, ensure_ascii=escaped).encode()) == given


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_bytes_are_an_object_or_are_not(text: bytes) -> None:
    try:
        found = read_object(text)
    except NotStrict:
        return
    assert json.loads(text) == found
