"""Signature algorithms of tokens, each bound to the one kind of key it is for.

Sources: RFC 7518 section 3, RFC 8037 section 3.1, RFC 9864, RFC 8725 section 3.1. "none" and the HS family are not
here: a public key is no secret, so nobody who holds it has proven anything.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey
Verify = Callable[[PublicKey, bytes, bytes], None]
"""(key, signature, what was signed); raises InvalidSignature."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """kinds: the kinds of keys that it may be used with, by kind_of()."""

    kinds: frozenset[str]
    verify: Verify


def kind_of(key: PublicKey) -> str:
    """"RSA", the name of the curve, "Ed25519" or "Ed448"."""
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.curve.name
    return "Ed25519" if isinstance(key, ed25519.Ed25519PublicKey) else "Ed448"


def _rs(digest: hashes.HashAlgorithm) -> Algorithm:
    scheme = padding.PKCS1v15()
    return Algorithm(frozenset({"RSA"}), lambda key, signature, signed: key.verify(signature, signed, scheme, digest))


def _ps(digest: hashes.HashAlgorithm) -> Algorithm:
    """The salt is as long as the digest: RFC 7518 section 3.5."""
    scheme = padding.PSS(padding.MGF1(digest), digest.digest_size)
    return Algorithm(frozenset({"RSA"}), lambda key, signature, signed: key.verify(signature, signed, scheme, digest))


def _es(curve: ec.EllipticCurve, digest: hashes.HashAlgorithm) -> Algorithm:
    """A signature is r and s, each as long as the curve's order: RFC 7518 section 3.4. DER is none."""
    size = (curve.key_size + 7) // 8
    scheme = ec.ECDSA(digest)

    def verify(key: PublicKey, signature: bytes, signed: bytes) -> None:
        if len(signature) != 2 * size:
            raise InvalidSignature
        r, s = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
        key.verify(encode_dss_signature(r, s), signed, scheme)

    return Algorithm(frozenset({curve.name}), verify)


def _ed(*kinds: str) -> Algorithm:
    return Algorithm(frozenset(kinds), lambda key, signature, signed: key.verify(signature, signed))


_SIZES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}

ALGORITHMS: dict[str, Algorithm] = {
    **{f"RS{size}": _rs(digest) for size, digest in _SIZES.items()},
    **{f"PS{size}": _ps(digest) for size, digest in _SIZES.items()},
    "ES256": _es(ec.SECP256R1(), hashes.SHA256()),
    "ES384": _es(ec.SECP384R1(), hashes.SHA384()),
    "ES512": _es(ec.SECP521R1(), hashes.SHA512()),
    "EdDSA": _ed("Ed25519", "Ed448"),
    "Ed25519": _ed("Ed25519"),
    "Ed448": _ed("Ed448"),
}
"""By the name in a token's header, in exactly this spelling."""
