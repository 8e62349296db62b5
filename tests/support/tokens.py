"""Keys, key sets and tokens, made by hand: what a library would refuse to make is what the tests need."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ISSUER = "http://issuer.test/pool"
AUDIENCE = "the-api"

DIGESTS = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, size: int = 0) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8))


def rsa_key(name: str = "", bits: int = 2048) -> rsa.RSAPrivateKey:
    return _rsa_key(name, bits)


@cache
def _rsa_key(name: str, bits: int) -> rsa.RSAPrivateKey:
    """One for each name: making them takes its time."""
    return rsa.generate_private_key(65537, bits)


def private_key(kind: str, name: str = "") -> object:
    """One that an algorithm is for, or "Ed448"; the same for the same name."""
    return rsa_key(name) if kind[:2] in ("RS", "PS") else _other_key(kind, name)


@cache
def _other_key(kind: str, name: str) -> object:
    if kind in CURVES:
        return ec.generate_private_key(CURVES[kind])
    return ed448.Ed448PrivateKey.generate() if kind == "Ed448" else ed25519.Ed25519PrivateKey.generate()


def jwk(key: object, kid: str, **members: object) -> dict:
    """The public half of a private key."""
    public = key.public_key()
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = public.public_numbers()
        own = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        numbers, size = public.public_numbers(), (key.key_size + 7) // 8
        name = {256: "P-256", 384: "P-384", 521: "P-521"}.get(key.key_size, key.curve.name)
        own = {"kty": "EC", "crv": name, "x": number(numbers.x, size), "y": number(numbers.y, size)}
    else:
        name = "Ed25519" if isinstance(key, ed25519.Ed25519PrivateKey) else "Ed448"
        own = {"kty": "OKP", "crv": name, "x": b64(public.public_bytes_raw())}
    return {**own, "kid": kid, **members}


def signature(key: object, algorithm: str, signed: bytes) -> bytes:
    digest = DIGESTS.get(algorithm[2:])
    if algorithm.startswith("RS"):
        return key.sign(signed, padding.PKCS1v15(), digest)
    if algorithm.startswith("PS"):
        return key.sign(signed, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    if algorithm.startswith("ES"):
        size = (key.key_size + 7) // 8
        r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(digest)))
        return r.to_bytes(size) + s.to_bytes(size)
    return key.sign(signed)


def claims(**changes: object) -> dict:
    """Those of a good token; a change to None takes one away."""
    now = int(time.time())
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "somebody", "iat": now - 10, "exp": now + 3600, "scope": "read"}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def join(header: str | bytes, payload: str | bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """A token of a header and a payload as they are."""
    parts = [part.encode() if isinstance(part, str) else part for part in (header, payload)]
    signed = ".".join(b64(part) for part in parts).encode()
    return signed + b"." + b64(sign(signed)).encode()


@dataclass(frozen=True)
class Signer:
    """Signs with one key of an issuer."""

    algorithm: str = "RS256"
    kid: str = "RS256"
    name: str = ""
    issuer: str = ISSUER
    key: object = field(default=None)

    def __call__(self, payload: dict | str | None = None, header: dict | str | None = None, **changes: object) -> bytes:
        """A token; changes are claims'. header: members beside alg and kid, or the whole of it."""
        if payload is None:
            payload = claims(**{"iss": self.issuer, **changes})
        if not isinstance(header, str):
            whole = {"alg": self.algorithm, "kid": self.kid, **(header or {})}
            header = json.dumps({name: value for name, value in whole.items() if value is not None})
        text = payload if isinstance(payload, str) else json.dumps(payload)
        return join(header, text, self.sign)

    def sign(self, signed: bytes) -> bytes:
        return signature(self.key or private_key(self.algorithm, self.name), self.algorithm, signed)


def key_set(*entries: dict) -> dict:
    return {"keys": list(entries)}


def every_key() -> dict:
    """A set with one key for each kind, under the ids RS256, ES256, ES384, ES512, EdDSA and Ed448."""
    kinds = ("RS256", "ES256", "ES384", "ES512", "EdDSA", "Ed448")
    return key_set(*(jwk(private_key(kind), kind) for kind in kinds))


def kid_of(algorithm: str) -> str:
    """The id in every_key() of a key that an algorithm is for."""
    return "RS256" if algorithm[:2] in ("RS", "PS") else algorithm
