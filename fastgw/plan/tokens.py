"""Authorizers that verify tokens -> the engine's AuthPlan."""

import hashlib
from collections.abc import Mapping
from typing import Any

from fastgw.model.api import Api, ApiKind, Route
from fastgw.model.authorizer import JwtAuthorizer
from fastgw.model.gateway import Gateway, Stage
from fastgw.model.issuer import issuers_of
from fastgw.parts.auth.issuers import Issuers
from fastgw.parts.transform.vtl.regex import translated
from fastgw.plan.access import auth_spec, zone

_TIMEOUT_MS = 3_000
"""Of the two documents that an issuer may be asked for, one after the other."""


def token_spec(gateway: Gateway, api: Api, stage: Stage, route: Route, authorizer: JwtAuthorizer, issuers: Issuers,
               variables: Mapping[str, str]) -> dict[str, Any]:
    """See fastgw/_core/access.pxd. Raises ValueError with a place."""
    # Here: only those who verify tokens wait for the libraries, and hold them in memory.
    from fastgw.parts.auth.jwt_authorizer import NO_TOKEN, build, insufficient_scope

    known = issuers_of(authorizer.issuers, authorizer.providers, gateway.issuers)
    http, scopes = api.kind is ApiKind.HTTP, route.access.scopes
    # Whether scopes are asked for decides which tokens are taken; where keys are, which keys are good.
    own = repr((bool(scopes), [(one.name, one.jwks, one.keys) for one in known])).encode()
    return auth_spec(
        (authorizer.source,),
        variables,
        build(authorizer, api.kind, bool(scopes), known, issuers),
        hashlib.blake2b(zone(gateway, api, stage, authorizer) + own, digest_size=16).digest(),
        ttl_seconds=authorizer.ttl_seconds,
        timeout_ms=_TIMEOUT_MS,
        pattern=None if authorizer.validation is None else translated(authorizer.validation).encode(),
        scopes=scopes,
        no_scope="ACCESS_DENIED" if http else "UNAUTHORIZED",
        challenge=insufficient_scope(scopes) if http and scopes else None,
        absent=NO_TOKEN if http else None,
    )
