"""What routes ask of their callers: security schemes with their authorizers."""

from fastgw.load.exports.spelt import Unspeakable, filled
from fastgw.load.names import AUTHORIZER, AUTHTYPE
from fastgw.model.api import ApiKind
from fastgw.model.authorizer import Authorizer, IdentitySource, JwtAuthorizer, RequestAuthorizer
from fastgw.model.function import function_of
from fastgw.model.value import Context, RequestParameter

SIGNED = {"type": "apiKey", "name": "Authorization", "in": "header", AUTHTYPE: "awsSigv4"}
"""The scheme of routes whose requests are signed."""


def scheme(authorizer: Authorizer, kind: ApiKind, whole: bool) -> dict[str, object]:
    """whole: with the service's extensions. Raises Unspeakable."""
    if isinstance(authorizer, JwtAuthorizer):
        return _token_scheme(authorizer, kind, whole)
    if not isinstance(authorizer, RequestAuthorizer) or function_of(authorizer.uri) is None:
        raise Unspeakable("no function of the service")
    first = next((source for source in authorizer.sources if isinstance(source, RequestParameter)), None)
    header = first.name if first is not None and first.location == "header" else "Authorization"
    found: dict[str, object] = {"type": "apiKey", "name": filled(header), "in": "header"}
    if whole:
        found |= {AUTHTYPE: "custom", AUTHORIZER: _extension(authorizer, kind)}
    return found


def _extension(authorizer: RequestAuthorizer, kind: ApiKind) -> dict[str, object]:
    http = kind is ApiKind.HTTP
    given = {
        "type": authorizer.kind.lower(),
        "authorizerUri": filled(authorizer.uri),
        "authorizerCredentials": filled(authorizer.credentials) if authorizer.credentials else None,
        "identitySource": ", ".join(_source(source, http) for source in authorizer.sources) or None,
        "identityValidationExpression": filled(authorizer.validation) if authorizer.validation else None,
        "authorizerResultTtlInSeconds": authorizer.ttl_seconds,
        "authorizerPayloadFormatVersion": authorizer.payload if http else None,
        "enableSimpleResponses": authorizer.simple if http else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _token_scheme(authorizer: JwtAuthorizer, kind: ApiKind, whole: bool) -> dict[str, object]:
    http = kind is ApiKind.HTTP
    if (authorizer.validation is not None) if http else not authorizer.providers:
        raise Unspeakable("one that the service does not know")
    given: dict[str, object] = {
        "identitySource": _source(authorizer.source, http),
        "identityValidationExpression": filled(authorizer.validation) if authorizer.validation else None,
        "authorizerResultTtlInSeconds": authorizer.ttl_seconds,
    }
    if http:
        found: dict[str, object] = {"type": "oauth2", "flows": {}}
        given |= {"type": "jwt", "jwtConfiguration": {
            "issuer": filled(authorizer.issuers[0]), "audience": [filled(one) for one in authorizer.audiences]}}
    else:
        found = {"type": "apiKey", "name": filled(authorizer.source.name), "in": "header"}
        found |= {AUTHTYPE: "cognito_user_pools"} if whole else {}
        given |= {"type": "cognito_user_pools", "providerARNs": [filled(one) for one in authorizer.providers]}
    if whole:
        found[AUTHORIZER] = {name: value for name, value in given.items() if value is not None}
    return found


def _source(source: IdentitySource, http: bool) -> str:
    if isinstance(source, RequestParameter):
        return f"{'$request' if http else 'method.request'}.{source.location}.{filled(source.name)}"
    start = "context" if isinstance(source, Context) else "stageVariables"
    return f"{'$' if http else ''}{start}.{source.name}"
