"""Who decides whether a request may reach a route."""

import re
from dataclasses import dataclass

from fastgw.model.place import Place
from fastgw.model.value import Context, RequestParameter, StageVariable

ACCOUNT_ID = re.compile(r"[0-9]{12}")

IdentitySource = RequestParameter | Context | StageVariable
"""Where one part of a caller's identity is read; a request without it is 401."""

MAX_TTL = 3_600
"""Seconds for which a decision may be kept; the service's."""


@dataclass(frozen=True, slots=True)
class RequestAuthorizer:
    """One that is asked about a request: a function, or an HTTP endpoint.

    kind         "TOKEN" is given the one identity alone, "REQUEST" the request
    uri          that invokes the function (fastgw.model.function.function_of), or http://...;
                 ${stageVariables.name} is filled in from the stage
    sources      all of them must be there; a TOKEN authorizer has one, a header field
    validation   regular expression in Java's spelling that the whole of a TOKEN authorizer's identity must fit, or None
    ttl_seconds  for which a decision is kept for its identity; 0 keeps none
    payload      "1.0" or "2.0": format of an HTTP API's event
    simple       the answer of format 2.0 is {isAuthorized, context}, not a policy
    credentials  ARN of the role to invoke the function as, or None
    """

    name: str
    kind: str
    uri: str
    place: Place
    sources: tuple[IdentitySource, ...] = ()
    validation: str | None = None
    ttl_seconds: int = 300
    payload: str = "1.0"
    simple: bool = False
    credentials: str | None = None


@dataclass(frozen=True, slots=True)
class JwtAuthorizer:
    """One that verifies tokens itself: jwt of HTTP APIs, cognito_user_pools of REST APIs.

    issuers      whose tokens are taken: one of an HTTP API, of a REST API one for each user pool
    audiences    of which a token must name one; empty: any
    source       where the token is
    validation   as of RequestAuthorizer
    providers    ARNs of the user pools, in the order of issuers; empty for an HTTP API
    ttl_seconds  for which a decision is kept at most; never beyond the token's own end
    """

    name: str
    issuers: tuple[str, ...]
    place: Place
    source: IdentitySource
    audiences: tuple[str, ...] = ()
    validation: str | None = None
    providers: tuple[str, ...] = ()
    ttl_seconds: int = 300


Authorizer = RequestAuthorizer | JwtAuthorizer


@dataclass(frozen=True, slots=True)
class Access:
    """What a route asks of its callers.

    authorizer  name of one of its API's, or None
    iam         requests are signed
    scopes      of which a token must hold one; empty: none is needed
    """

    authorizer: str | None = None
    iam: bool = False
    scopes: tuple[str, ...] = ()
