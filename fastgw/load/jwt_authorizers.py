"""x-amazon-apigateway-authorizer of the types that verify tokens, jwt and cognito_user_pools -> model.JwtAuthorizer."""

import re

from fastgw.load.document import View
from fastgw.load.mapping import NAME
from fastgw.load.problem import shown
from fastgw.load.reader import Reader
from fastgw.model.api import ApiKind
from fastgw.model.authorizer import MAX_TTL, JwtAuthorizer
from fastgw.model.issuer import DISCOVERY, ISSUER, USER_POOL, pool_issuer
from fastgw.model.value import RequestParameter
from fastgw.parts.transform.selection import SelectionPattern

JWT, USER_POOLS = "jwt", "cognito_user_pools"
TYPES = (JWT, USER_POOLS)

MAX_AUDIENCES, MAX_SCOPES, MAX_POOLS = 50, 10, 10
"""The service's; of scopes, for one route."""

SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,256}")
"""RFC 6749 section 3.3."""

_SOURCES = {
    JWT: re.compile(rf"\$?request\.(header|querystring)\.({NAME.pattern})"),
    USER_POOLS: re.compile(rf"method\.request\.(header)\.({NAME.pattern})"),
}
_ALLOWED = {JWT: "$request.header.NAME and $request.querystring.NAME", USER_POOLS: "method.request.header.NAME"}
_FIELDS = {
    JWT: ("type", "identitySource", "jwtConfiguration", "authorizerResultTtlInSeconds"),
    USER_POOLS: ("type", "identitySource", "providerARNs", "identityValidationExpression",
                 "authorizerResultTtlInSeconds"),
}


def read_jwt_authorizer(reader: Reader, name: str, kind: str, scheme: View, given: View,
                        api: ApiKind) -> JwtAuthorizer | None:
    """kind: one of TYPES. scheme: the security scheme; given: its x-amazon-apigateway-authorizer. None where it cannot
    be used; what is wrong is told."""
    if (kind == JWT) != (api is ApiKind.HTTP):
        other = USER_POOLS if kind == JWT else JWT
        reader.problems.error(given.place, "unknown-value", f"{'a REST' if kind == JWT else 'an HTTP'} API has no "
                              f"authorizers of type {kind}; write {other}")
        return None
    reader.known_keys(given, _FIELDS[kind], f"an authorizer of type {kind}", strict=True)
    source = _source(reader, kind, scheme, given)
    ttl = given.get("authorizerResultTtlInSeconds")
    seconds = reader.integer(ttl, 0, MAX_TTL) if ttl is not None else None
    kept = {} if seconds is None else {"ttl_seconds": seconds}
    if kind == JWT:
        issuer, audiences = _issuer(reader, scheme, given), _audiences(reader, given)
        if source is None or issuer is None or not audiences:
            return None
        return JwtAuthorizer(name, (issuer,), given.key_place, source, audiences, **kept)
    pools = _pools(reader, given)
    if source is None or not pools:
        return None
    validation = _validation(reader, given.get("identityValidationExpression"))
    issuers = tuple(pool_issuer(pool) for pool in pools)
    return JwtAuthorizer(name, issuers, given.key_place, source, (), validation, pools, **kept)


def read_scopes(reader: Reader, given: View) -> tuple[str, ...]:
    """Scopes that a route asks for."""
    found = reader.texts(given)
    if len(found) > MAX_SCOPES:
        reader.problems.error(given.place, "too-many", f"{len(found)} scopes; a route has at most {MAX_SCOPES}")
    for scope in found:
        if SCOPE.fullmatch(scope) is None:
            reader.problems.error(given.place, "bad-scope", f"{shown(scope)} is no scope: 1 to 256 visible ASCII "
                                  "characters without quotation mark and backslash")
    return found


def _source(reader: Reader, kind: str, scheme: View, given: View) -> RequestParameter | None:
    """Where the token is: in the header Authorization where nothing else is said, or that of an apiKey scheme."""
    view = given.get("identitySource")
    if view is not None and isinstance(view.value, list) and len(view.value) == 1:
        view = next(iter(view.elements()))
    if view is not None and view.value is None:
        view = None
    text = reader.text(view)
    if view is not None and text is None:
        return None
    if not text:
        header = reader.text(scheme.get("name")) if scheme.get("in") is not None else None
        return RequestParameter("header", header or "Authorization")
    found = _SOURCES[kind].fullmatch(text.strip())
    if found is None:
        reader.problems.error(view.place, "bad-source", f"identitySource {shown(text)} of an authorizer of type {kind} "
                              f"must be one expression; allowed are {_ALLOWED[kind]}")
        return None
    return RequestParameter(found[1], found[2])


def _validation(reader: Reader, view: View | None) -> str | None:
    text = reader.text(view) or None
    if text is not None:
        try:
            SelectionPattern(text)
        except ValueError as error:
            reader.problems.error(view.place, "bad-pattern", f"identityValidationExpression {shown(text)}: {error}")
    return text


def _issuer(reader: Reader, scheme: View, given: View) -> str | None:
    """Of jwtConfiguration, or of an openIdConnect scheme's URL."""
    configured = reader.mapping(given.get("jwtConfiguration"))
    if configured is not None:
        reader.known_keys(configured, ("issuer", "audience"), "jwtConfiguration", strict=True)
    view = configured.get("issuer") if configured is not None else None
    if view is None and scheme.get("openIdConnectUrl") is not None:
        view = scheme.get("openIdConnectUrl")
        text = reader.text(view)
        if text is not None and not text.endswith(DISCOVERY):
            reader.problems.error(view.place, "bad-issuer", f"openIdConnectUrl {shown(text)} must end in {DISCOVERY}")
            return None
        text = text.removesuffix(DISCOVERY) if text is not None else None
    elif view is None:
        reader.problems.error(given.place, "missing-field", "an authorizer of type jwt needs jwtConfiguration: issuer")
        return None
    else:
        text = reader.text(view)
    return check_issuer(reader, text, view)


def check_issuer(reader: Reader, text: str | None, view: View) -> str | None:
    if text is None or ISSUER.fullmatch(text):
        return text
    reader.problems.error(view.place, "bad-issuer", f"issuer {shown(text)} must be https:// with a host, perhaps a "
                          "port and a path, exactly as tokens have it in iss")
    return None


def _audiences(reader: Reader, given: View) -> tuple[str, ...]:
    configured = given.get("jwtConfiguration")
    view = configured.get("audience") if configured is not None else None
    found = reader.texts(view)
    if view is None or not view.value or "" in found:
        reader.problems.error((view or given).place, "missing-field", "an authorizer of type jwt needs "
                              "jwtConfiguration: audience, of which a token must name one")
        return ()
    if len(found) > MAX_AUDIENCES:
        reader.problems.error(view.place, "too-many", f"{len(found)} audiences; at most {MAX_AUDIENCES}")
    return found


def _pools(reader: Reader, given: View) -> tuple[str, ...]:
    view = given.get("providerARNs")
    found = reader.texts(view)
    if view is None or not view.value:
        reader.problems.error((view or given).place, "missing-field", "an authorizer of type cognito_user_pools needs "
                              "providerARNs")
        return ()
    if len(found) > MAX_POOLS:
        reader.problems.error(view.place, "too-many", f"{len(found)} user pools; at most {MAX_POOLS}")
    bad = [arn for arn in found if USER_POOL.fullmatch(arn) is None]
    for arn in bad:
        reader.problems.error(view.place, "bad-arn", f"{shown(arn)} is no user pool's ARN: "
                              "arn:aws:cognito-idp:REGION:ACCOUNT:userpool/ID")
    return () if bad else tuple(dict.fromkeys(found))
