"""JSON Web Key sets -> public keys. RFC 7517, RFC 7518 section 6, RFC 8037 section 2."""

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from fastgw.parts.auth.algorithms import ALGORITHMS, PublicKey, kind_of
from fastgw.parts.auth.base64url import NotBase64Url, decode
from fastgw.parts.auth.strict_json import NotStrict, read_object

MAX_BYTES = 150_000
"""Of a set; the service's."""

MAX_KEYS = 256
MAX_KID = 512

MIN_RSA_BITS, MAX_RSA_BITS = 2048, 8192
"""RFC 7518 section 3.3; a check with a larger key would cost more than a caller may make us spend."""

MAX_EXPONENT_BITS = 33
"""For the same reason: 65537 has 17, and 2**32 + 1 is the largest in use."""

_CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
_EDWARDS = {"Ed25519": ed25519.Ed25519PublicKey, "Ed448": ed448.Ed448PublicKey}


class BadKeys(ValueError):
    """It is no key set. The message never holds a piece of it."""


@dataclass(frozen=True, slots=True)
class Key:
    """algorithms: those that its kind allows, and its own "alg" where it has one."""

    kid: str
    algorithms: frozenset[str]
    public: PublicKey


class Keys:
    """The usable keys of one set. Two keys may have one id if no algorithm is for both (RFC 7517 section 4.5)."""

    def __init__(self, keys: tuple[Key, ...]) -> None:
        self._by_use: dict[tuple[str, str], PublicKey] = {}
        for key in keys:
            for algorithm in key.algorithms:
                self._by_use.setdefault((key.kid, algorithm), key.public)
        self._ids = frozenset(key.kid for key in keys)

    def __len__(self) -> int:
        return len(self._ids)

    def has(self, kid: str) -> bool:
        return kid in self._ids

    def find(self, kid: str, algorithm: str) -> PublicKey | None:
        """The key of an id for one algorithm of ALGORITHMS; None also where the key is for another."""
        return self._by_use.get((kid, algorithm))


def read_keys(text: bytes) -> Keys:
    """A set without the keys that are broken, weak, private in kind, without an id, or not for signatures: one of
    them must not lock out who has a good one. Raises BadKeys for what is no set, or has no usable key."""
    if len(text) > MAX_BYTES:
        raise BadKeys(f"a key set has at most {MAX_BYTES:,} bytes")
    try:
        given = read_object(text).get("keys")
    except NotStrict as error:
        raise BadKeys(f"a key set is a JSON object: {error}") from None
    if not isinstance(given, list):
        raise BadKeys('a key set has a list "keys"')
    found = tuple(key for entry in given[:MAX_KEYS] if isinstance(entry, dict) and (key := _key(entry)) is not None)
    if not found:
        raise BadKeys("the key set has no usable key: an id, a kind that signatures can be checked with, RSA from 2048 "
                      "bits on")
    return Keys(found)


def _key(entry: Mapping[str, object]) -> Key | None:
    kid, alg, use, operations = (entry.get(name) for name in ("kid", "alg", "use", "key_ops"))
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID or use not in (None, "sig"):
        return None
    if operations is not None and not (isinstance(operations, list) and "verify" in operations):
        return None
    try:
        public = _public(entry)
    except (ValueError, NotBase64Url):
        return None
    if public is None:
        return None
    kind = kind_of(public)
    allowed = frozenset(name for name, algorithm in ALGORITHMS.items() if kind in algorithm.kinds)
    if alg is not None:
        allowed = allowed & {alg} if isinstance(alg, str) else frozenset()
    return Key(kid, allowed, public) if allowed else None


def _public(entry: Mapping[str, object]) -> PublicKey | None:
    """Raises ValueError for numbers that are no key."""
    kind, curve = entry.get("kty"), entry.get("crv")
    if kind == "RSA":
        n, e = _number(entry.get("n")), _number(entry.get("e"))
        if not MIN_RSA_BITS <= n.bit_length() <= MAX_RSA_BITS or e.bit_length() > MAX_EXPONENT_BITS or not n & 1:
            return None
        return rsa.RSAPublicNumbers(e, n).public_key()
    if kind == "EC" and isinstance(curve, str) and curve in _CURVES:
        size = (_CURVES[curve].key_size + 7) // 8
        x, y = _bytes(entry.get("x")), _bytes(entry.get("y"))
        if len(x) != size or len(y) != size:
            return None
        return ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), _CURVES[curve]).public_key()
    if kind == "OKP" and isinstance(curve, str) and curve in _EDWARDS:
        return _EDWARDS[curve].from_public_bytes(_bytes(entry.get("x")))
    return None


def _bytes(given: object) -> bytes:
    if not isinstance(given, str):
        raise NotBase64Url
    return decode(given.encode("ascii", "replace"))


def _number(given: object) -> int:
    return int.from_bytes(_bytes(given))
