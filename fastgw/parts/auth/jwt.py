"""JSON Web Tokens: read, and verified. RFC 7515, RFC 7519; the advice of RFC 8725.

A token's header chooses among the keys of its issuer, and nothing else: no key, certificate or address in it is ever
looked at. Whatever is refused is told in a few words of our own; they go to the caller, as in the service.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from cryptography.exceptions import InvalidSignature

from fastgw.parts.auth.algorithms import ALGORITHMS, PublicKey
from fastgw.parts.auth.base64url import NotBase64Url, decode
from fastgw.parts.auth.strict_json import NotStrict, read_object

MAX_TOKEN = 16_384
"""Bytes; looked at before anything else is done with one."""

MAX_SIGNATURE = 2_048
"""Bytes in base64url; that of the largest key has 1,366."""

USUAL_HEADER = 512
"""Bytes in base64url of headers that are remembered."""

LEEWAY = 60.0
"""Seconds by which clocks may differ."""

Claims = Mapping[str, object]


class Refused(Exception):
    """Why a token is not taken, in words that a caller may read. expired: for that reason alone."""

    def __init__(self, why: str, expired: bool = False) -> None:
        super().__init__(why)
        self.why, self.expired = why, expired


@dataclass(frozen=True, slots=True)
class Token:
    """One that can be read; nothing of it is verified yet."""

    algorithm: str
    kid: str
    claims: Claims
    signed: bytes
    signature: bytes


class Finder(Protocol):
    """The keys of an issuer."""

    def find(self, kid: str, algorithm: str) -> PublicKey | None: ...


def bare(identity: bytes) -> bytes:
    """The token in an identity source: that alone, or after "Bearer" in any case and blanks (RFC 9110 section 11.4)."""
    return identity[7:].lstrip(b" ") if identity[:7].lower() == b"bearer " else identity


def parse(text: bytes) -> Token:
    """Raises Refused."""
    if len(text) > MAX_TOKEN:
        raise Refused("the token is too large")
    parts = text.split(b".", 3)
    if len(parts) != 3:
        raise Refused("token contains an invalid number of segments")
    if len(parts[2]) > MAX_SIGNATURE:
        raise Refused("the token is malformed")
    try:
        claims, signature = read_object(decode(parts[1])), decode(parts[2])
        algorithm, kid = (_known_header if len(parts[0]) <= USUAL_HEADER else _header)(parts[0])
    except (NotBase64Url, NotStrict):
        raise Refused("the token is malformed") from None
    return Token(algorithm, kid, claims, text[:len(parts[0]) + 1 + len(parts[1])], signature)


def _header(part: bytes) -> tuple[str, str]:
    """(alg, kid). Raises Refused, NotBase64Url, NotStrict."""
    header = read_object(decode(part))
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise Refused("signing method is invalid")
    if "crit" in header or "b64" in header:
        # No extension is understood here, so what asks for one must be refused: RFC 7515 section 4.1.11.
        raise Refused("the token asks for an extension")
    if not isinstance(kid, str) or not kid:
        raise Refused("the token has no kid")
    return algorithm, kid


_known_header = lru_cache(256)(_header)
"""All tokens by one key have one header."""


def check_signature(token: Token, keys: Finder) -> None:
    """Raises Refused where no key of that id is for that algorithm, or the signature is not of that key."""
    key = keys.find(token.kid, token.algorithm)
    if key is None:
        raise Refused("no key of the issuer fits the token")
    try:
        ALGORITHMS[token.algorithm].verify(key, token.signature, token.signed)
    except InvalidSignature:
        raise Refused("the signature is invalid") from None


def check_claims(claims: Claims, issuer: str, audiences: tuple[str, ...], now: float) -> float:
    """When the token expires, in unix time. now likewise, by the wall clock. No audiences: any will do.

    Raises Refused. The order is the service's.
    """
    if claims.get("iss") != issuer:
        raise Refused("issuer does not match")
    if audiences and not _meant_for(claims, audiences):
        raise Refused("the token does not have a valid audience")
    expires = _time(claims, "exp")
    if expires is None or expires + LEEWAY <= now:
        raise Refused("the token has expired", expired=expires is not None)
    for name, told in (("nbf", "the token is not valid yet"), ("iat", "the token was issued in the future")):
        start = _time(claims, name)
        if start is not None and start - LEEWAY > now:
            raise Refused(told)
    return expires


def _meant_for(claims: Claims, audiences: tuple[str, ...]) -> bool:
    """client_id counts only where there is no aud, as in the service."""
    given = claims["aud"] if "aud" in claims else claims.get("client_id")
    named = given if isinstance(given, list) and "aud" in claims else [given]
    return all(isinstance(name, str) for name in named) and any(name in audiences for name in named)


def _time(claims: Claims, name: str) -> float | None:
    """A NumericDate; None where there is none. Raises Refused for what is no number."""
    given = claims.get(name)
    if name not in claims:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not abs(given) < 2**53:
        raise Refused(f"{name} is not a number of seconds")
    return float(given)


def scopes(claims: Claims) -> tuple[str, ...]:
    """Those of scope, or of scp where there is no scope: words of a text (RFC 8693 section 4.2), or a list."""
    given = claims["scope"] if "scope" in claims else claims.get("scp")
    if isinstance(given, str):
        return tuple(given.split())
    if isinstance(given, list) and all(isinstance(word, str) for word in given):
        return tuple(given)
    return ()
