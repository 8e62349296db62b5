"""What a route asks of its callers -> the engine's AuthPlan."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from fastgw._core.pcre import Whole
from fastgw._core.step import Authorize
from fastgw.errors import CODE
from fastgw.model.api import Api, ApiKind, Route
from fastgw.model.authorizer import Authorizer, IdentitySource, JwtAuthorizer, RequestAuthorizer
from fastgw.model.gateway import Gateway, Stage
from fastgw.model.issuer import issuers_of
from fastgw.model.value import RequestParameter
from fastgw.parts.arn import stage_arn
from fastgw.parts.auth.function_authorizer import TIMEOUT_MS, FunctionAuthorizer
from fastgw.parts.auth.http_authorizer import HttpAuthorizer
from fastgw.parts.auth.issuers import Issuers
from fastgw.parts.env import Env
from fastgw.parts.transform.vtl.regex import translated
from fastgw.plan.ops import RAW, Op, context, of_source, text

_ISSUER_TIMEOUT_MS = 3_000
"""Of the two documents that an issuer may be asked for, one after the other."""

_SLACK_MS = 1000
"""An exchange's own deadline comes after that of its authorizer's calls, which know better what to answer."""


def arn_ops(gateway: Gateway, api: Api, stage: Stage) -> list[Op]:
    """What policies call a request; parts.arn.method_arn says the same of one in hand."""
    return resource_ops(stage_arn(gateway.region, gateway.account_id, api.id, stage.name))


def resource_ops(stage: str) -> list[Op]:
    """stage: of parts.arn.stage_arn()."""
    return [text(stage), context("METHOD"), context("RESOURCE_PATH")]


def zone(gateway: Gateway, api: Api, stage: Stage, authorizer: Authorizer) -> bytes:
    """16 bytes that tell the decisions of an authorizer from all others: of its stage, of its configuration, of what
    the stage fills in."""
    said = [(f.name, repr(getattr(authorizer, f.name))) for f in fields(authorizer) if f.name != "place"]
    whole = (gateway.account_id, gateway.region, api.id, stage.name, stage.variables, type(authorizer).__name__, said)
    return hashlib.blake2b(repr(whole).encode(), digest_size=16).digest()


def auth_spec(
    sources: Sequence[IdentitySource],
    variables: Mapping[str, str],
    authorize: Authorize,
    zone: bytes,
    *,
    ttl_seconds: int = 0,
    timeout_ms: int,
    pattern: bytes | None = None,
    scopes: Sequence[str] = (),
    no_scope: str = "ACCESS_DENIED",
    challenge: str | None = None,
    absent: str | None = None,
) -> dict[str, Any]:
    """See fastgw/_core/access.pxd. variables: the stage's; timeout_ms: of the authorizer's own calls. Raises ValueError
    for a pattern that cannot be compiled."""
    return {
        "zone": zone,
        "parts": [_part(source, variables) for source in sources],
        "ttl_ms": ttl_seconds * 1000,
        "timeout_ms": timeout_ms + _SLACK_MS,
        "pattern": None if pattern is None else Whole(pattern),
        "scopes": [scope.encode() for scope in scopes],
        "no_scope": CODE[no_scope],
        "challenge": None if challenge is None else challenge.encode(),
        "absent": None if absent is None else absent.encode(),
        "authorize": authorize,
    }


def _part(source: IdentitySource, variables: Mapping[str, str]) -> tuple[str, bytes | list[Op]]:
    """A program without ops, of a variable that the stage does not set, has no value: 401."""
    if isinstance(source, RequestParameter):
        return ("header" if source.location == "header" else "query", source.name.encode())
    op = of_source(source, variables, (), RAW)
    return "program", [] if op is None else [op]


def access_spec(gateway: Gateway, route: Route, env: Env, issuers: Issuers) -> dict[str, Any] | None:
    """What a route asks; None where everybody may call. Raises ValueError with the place for an authorizer that cannot
    be served."""
    access = route.access
    if access is None or access.iam:
        return None
    authorizer = next((one for one in env.api.authorizers if one.name == access.authorizer), None)
    if isinstance(authorizer, RequestAuthorizer):
        return _asked(gateway, authorizer, env)
    if isinstance(authorizer, JwtAuthorizer):
        return _verified(gateway, authorizer, access.scopes, env, issuers)
    raise ValueError(f"{route.place}: error: what {route.name} asks of its callers is not served")


def _asked(gateway: Gateway, authorizer: RequestAuthorizer, env: Env) -> dict[str, Any]:
    made = (FunctionAuthorizer if authorizer.uri.startswith("arn:") else HttpAuthorizer)(authorizer, env)
    return auth_spec(
        authorizer.sources,
        env.variables,
        made,
        zone(gateway, env.api, env.stage, authorizer),
        ttl_seconds=authorizer.ttl_seconds,
        timeout_ms=TIMEOUT_MS[env.api.kind],
        pattern=None if authorizer.validation is None else translated(authorizer.validation).encode(),
    )


def _verified(gateway: Gateway, authorizer: JwtAuthorizer, scopes: tuple[str, ...], env: Env,
              issuers: Issuers) -> dict[str, Any]:
    # Here: only those who verify tokens wait for the libraries, and hold them in memory.
    from fastgw.parts.auth.jwt_authorizer import NO_TOKEN, build, insufficient_scope

    known = issuers_of(authorizer.issuers, authorizer.providers, gateway.issuers)
    http = env.api.kind is ApiKind.HTTP
    # Whether scopes are asked for decides which tokens are taken; where keys are, which keys are good.
    own = repr((bool(scopes), [(one.name, one.jwks, one.keys) for one in known])).encode()
    return auth_spec(
        (authorizer.source,),
        env.variables,
        build(authorizer, env.api.kind, bool(scopes), known, issuers),
        hashlib.blake2b(zone(gateway, env.api, env.stage, authorizer) + own, digest_size=16).digest(),
        ttl_seconds=authorizer.ttl_seconds,
        timeout_ms=_ISSUER_TIMEOUT_MS,
        pattern=None if authorizer.validation is None else translated(authorizer.validation).encode(),
        scopes=scopes,
        no_scope="ACCESS_DENIED" if http else "UNAUTHORIZED",
        challenge=insufficient_scope(scopes) if http and scopes else None,
        absent=NO_TOKEN if http else None,
    )
