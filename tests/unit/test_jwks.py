"""Key sets: good keys are used, others left out."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from fastgw.parts.auth.algorithms import ALGORITHMS
from fastgw.parts.auth.jwks import MAX_BYTES, BadKeys, read_keys
from tests.support.tokens import b64, every_key, jwk, number, private_key, rsa_key

GOOD = jwk(rsa_key(), "good")


def read(*entries: object) -> object:
    return read_keys(json.dumps({"keys": [GOOD, *entries]}).encode())


def without(entry: dict, *names: str, **changes: object) -> dict:
    return {name: value for name, value in {**entry, **changes}.items() if name not in names}


def off_curve() -> dict:
    found = jwk(private_key("ES256"), "x")
    return {**found, "y": found["x"]}


BAD = {
    "a text": "key",
    "no kty": without(GOOD, "kty", kid="x"),
    "a secret": {"kty": "oct", "k": b64(b"secret"), "kid": "x"},
    "no kid": without(GOOD, "kid"),
    "kid empty": {**GOOD, "kid": ""},
    "kid a number": {**GOOD, "kid": 1},
    "for encryption": {**GOOD, "kid": "x", "use": "enc"},
    "for signing alone": {**GOOD, "kid": "x", "key_ops": ["sign"]},
    "key_ops a text": {**GOOD, "kid": "x", "key_ops": "verify"},
    "for another algorithm": {**GOOD, "kid": "x", "alg": "RSA-OAEP"},
    "for a MAC": {**GOOD, "kid": "x", "alg": "HS256"},
    "for an EC algorithm": {**GOOD, "kid": "x", "alg": "ES256"},
    "alg a list": {**GOOD, "kid": "x", "alg": ["RS256"]},
    "1,024 bits": jwk(rsa_key("small", 1024), "x"),
    "16,384 bits": {**GOOD, "kid": "x", "n": number((1 << 16_383) + 1)},
    "an even modulus": {**GOOD, "kid": "x", "n": number(1 << 2047)},
    "exponent 1": {**GOOD, "kid": "x", "e": number(1)},
    "exponent even": {**GOOD, "kid": "x", "e": number(4)},
    "a large exponent": {**GOOD, "kid": "x", "e": number((1 << 200) + 1)},
    "no modulus": without(GOOD, "n", kid="x"),
    "a modulus that is no base64url": {**GOOD, "kid": "x", "n": GOOD["n"] + "="},
    "a modulus beyond ASCII": {**GOOD, "kid": "x", "n": "\u00e4" + GOOD["n"]},
    "not on its curve": off_curve(),
    "an unknown curve": jwk(ec.generate_private_key(ec.SECP256K1()), "x"),
    "no curve": without(jwk(private_key("ES256"), "x"), "crv"),
    "a short coordinate": {**jwk(private_key("ES256"), "x"), "x": b64(bytes(31))},
    "X25519": {**jwk(private_key("EdDSA"), "x"), "crv": "X25519"},
    "a short Ed25519 key": {**jwk(private_key("EdDSA"), "x"), "x": b64(bytes(31))},
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_key_is_left_out(bad: str) -> None:
    keys = read(BAD[bad])
    assert len(keys) == 1 and keys.has("good") and not keys.has("x")


def test_every_kind() -> None:
    keys = read_keys(json.dumps(every_key()).encode())
    assert len(keys) == 6
    fitting = {"RS256": {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}, "ES256": {"ES256"},
               "ES384": {"ES384"}, "ES512": {"ES512"}, "EdDSA": {"EdDSA", "Ed25519"}, "Ed448": {"EdDSA", "Ed448"}}
    for kid, algorithms in fitting.items():
        for algorithm in (*ALGORITHMS, "HS256", "none"):
            assert (keys.find(kid, algorithm) is not None) == (algorithm in algorithms), (kid, algorithm)


def test_an_algorithm_of_its_own() -> None:
    keys = read({**GOOD, "kid": "x", "alg": "PS256", "use": "sig", "key_ops": ["verify"]})
    assert keys.find("x", "PS256") is not None and keys.find("x", "RS256") is None


def test_one_id_for_two_kinds() -> None:
    keys = read(jwk(private_key("ES256"), "good"))
    assert keys.find("good", "RS256") is not None and keys.find("good", "ES256") is not None
    assert keys.find("good", "RS256") is not keys.find("good", "ES256")


@pytest.mark.parametrize("text", [
    b"", b"{}", b"[]", b"keys", b'{"keys":{}}', b'{"keys":[]}', b'{"keys":[{}]}', b'{"keys":[],"keys":[]}', b"\xff",
    b'{"keys":[' + b"[" * 50_000, b"<html>",
])
def test_no_key_set(text: bytes) -> None:
    with pytest.raises(BadKeys):
        read_keys(text)


def test_size() -> None:
    text = json.dumps({"keys": [GOOD]}).encode()
    assert len(read_keys(text + b" " * (MAX_BYTES - len(text)))) == 1
    with pytest.raises(BadKeys, match="150,000"):
        read_keys(text + b" " * (MAX_BYTES - len(text) + 1))
