"""The tokens of some issuers, verified: keys found, signature and claims checked."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

from fastgw.parts.auth.jwks import Keys
from fastgw.parts.auth.jwt import Claims, Refused, Token, bare, check_claims, check_signature, parse, scopes
from fastgw.parts.auth.oidc import Source


@dataclass(frozen=True, slots=True)
class Verified:
    """expires in unix time."""

    claims: Claims
    expires: float
    scopes: tuple[str, ...]


class Verifier:
    """sources: issuer -> its keys. audiences: of which a token must name one; none: any."""

    def __init__(self, sources: Mapping[str, Source], audiences: tuple[str, ...]) -> None:
        self._sources = sources
        self._audiences = audiences
        self._only = next(iter(sources)) if len(sources) == 1 else None

    def verify(self, identity: bytes, now: float) -> Verified | Awaitable[Verified]:
        """identity: what an identity source holds. now: unix time, by the wall clock. Awaitable while keys are being
        asked for. Raises Refused and NoKeys, there or here."""
        token = parse(bare(identity))
        # Of several issuers the token may choose, but only among them.
        issuer = self._only or token.claims.get("iss")
        source = self._sources.get(issuer) if isinstance(issuer, str) else None
        if source is None:
            raise Refused("issuer does not match")
        keys = source.keys(token.kid)
        if isinstance(keys, Keys):
            return self._check(token, keys, issuer, now)
        return self._later(token, keys, issuer, now)

    async def _later(self, token: Token, keys: Awaitable[Keys], issuer: str, now: float) -> Verified:
        return self._check(token, await keys, issuer, now)

    def _check(self, token: Token, keys: Keys, issuer: str, now: float) -> Verified:
        check_signature(token, keys)
        expires = check_claims(token.claims, issuer, self._audiences, now)
        return Verified(token.claims, expires, scopes(token.claims))
