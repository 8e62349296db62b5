"""Authorizers that verify tokens: jwt of HTTP APIs, cognito_user_pools of REST APIs.

Nothing of a refused token is told but why it is refused, in words of our own; nothing of any token is logged.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping

from fastgw._core.step import Allowed, Failure, Request
from fastgw.errors import CODE
from fastgw.model.api import ApiKind
from fastgw.model.authorizer import JwtAuthorizer
from fastgw.model.issuer import Issuer
from fastgw.parts.auth.claims import printed_in_http_api, printed_in_rest_api
from fastgw.parts.auth.issuers import Issuers
from fastgw.parts.auth.jwks import BadKeys
from fastgw.parts.auth.jwt import Refused
from fastgw.parts.auth.oidc import NoKeys
from fastgw.parts.auth.verifier import Verified, Verifier

_UNAUTHORIZED = CODE["UNAUTHORIZED"]


class TokenAuthorizer(ABC):
    """Called by the engine for an identity that it knows no decision of.

    ttl      seconds for which a decision may be kept; it is never kept beyond the token's own end
    scoped   whether the route asks for scopes
    """

    def __init__(self, verifier: Verifier, ttl: float, scoped: bool, clock: Callable[[], float] = time.time) -> None:
        self._verifier = verifier
        self._ttl = ttl
        self._scoped = scoped
        self._clock = clock

    def __call__(self, request: Request, identity: tuple[bytes, ...]) -> Allowed | Awaitable[Allowed]:
        """Raises Failure, there or here."""
        try:
            found = self._verifier.verify(identity[0], self._clock())
        except (Refused, NoKeys) as error:
            raise self.failure(error) from None
        return self._allowed(found) if isinstance(found, Verified) else self._later(found)

    async def _later(self, coming: Awaitable[Verified]) -> Allowed:
        try:
            found = await coming
        except (Refused, NoKeys) as error:
            raise self.failure(error) from None
        return self._allowed(found)

    def _allowed(self, found: Verified) -> Allowed:
        told, values = self.told(found)
        named = {f"authorizer.claims.{name}": value for name, value in values.items()}
        left = max(0.0, min(found.expires - self._clock(), self._ttl))
        return Allowed(values=named, told=told, scopes=found.scopes, ttl_seconds=left)

    @abstractmethod
    def failure(self, error: Refused | NoKeys) -> Failure:
        """What a caller whose token is not taken is answered."""

    @abstractmethod
    def told(self, found: Verified) -> tuple[Mapping[str, object], Mapping[str, str]]:
        """($context.authorizer, the claims as they are printed). Raises Failure."""


class HttpApiJwt(TokenAuthorizer):
    """The reason goes into the challenge, as in the service."""

    def failure(self, error: Refused | NoKeys) -> Failure:
        return Failure(_UNAUTHORIZED, detail=str(error), challenge=invalid_token(str(error)))

    def told(self, found: Verified) -> tuple[Mapping[str, object], Mapping[str, str]]:
        printed = printed_in_http_api(found.claims)
        scopes = list(found.scopes) if self._scoped else None
        return {"claims": printed, "scopes": scopes}, printed


class UserPools(TokenAuthorizer):
    """An identity token where the route asks for no scopes, an access token where it does; a token of another issuer,
    which does not say what it is, is taken for either."""

    def failure(self, error: Refused | NoKeys) -> Failure:
        expired = isinstance(error, Refused) and error.expired
        return Failure(_UNAUTHORIZED, "The incoming token has expired" if expired else None, str(error))

    def told(self, found: Verified) -> tuple[Mapping[str, object], Mapping[str, str]]:
        if found.claims.get("token_use") == ("id" if self._scoped else "access"):
            raise self.failure(Refused("a token of this use is not taken here"))
        printed = printed_in_rest_api(found.claims)
        return {"claims": printed}, printed


NO_TOKEN = "Bearer"
"""The challenge where there is no token at all: RFC 6750 section 3."""


def invalid_token(why: str) -> str:
    """The challenge of a token that is not taken, in the service's spelling."""
    return f'Bearer scope="" error="invalid_token" error_description="{why}"'


def insufficient_scope(scopes: Iterable[str]) -> str:
    """The challenge of a token without any of the scopes: RFC 6750 section 3.1."""
    return (f'Bearer scope="{" ".join(scopes)}" error="insufficient_scope" '
            'error_description="the token has none of the scopes"')


def build(authorizer: JwtAuthorizer, kind: ApiKind, scoped: bool, known: Iterable[Issuer],
          issuers: Issuers) -> TokenAuthorizer:
    """known: as issuers_of gives them. Raises ValueError, with its place, for keys in a file that are none."""
    sources = {}
    for issuer in known:
        try:
            sources[issuer.name] = issuers.source(issuer)
        except BadKeys as error:
            raise ValueError(f"{issuer.place}: error: {error}") from None
    of_kind = HttpApiJwt if kind is ApiKind.HTTP else UserPools
    return of_kind(Verifier(sources, authorizer.audiences), authorizer.ttl_seconds, scoped)
