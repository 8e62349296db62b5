"""$context: the service's names of a request's variables, and what a template finds under them."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache

from fastgw._core.step import Failure, Request
from fastgw.errors import CODE
from fastgw.model.api import Api, Route
from fastgw.model.authorizer import JwtAuthorizer
from fastgw.parts.env import Env
from fastgw.parts.transform.vtl.values import QuietMap

ENGINE_NAMES = {
    "requestId": "REQUEST_ID",
    "extendedRequestId": "EXTENDED_ID",
    "awsEndpointRequestId": "REQUEST_ID",
    "httpMethod": "METHOD",
    "path": "PATH",
    "resourcePath": "RESOURCE",
    "routeKey": "ROUTE_KEY",
    "stage": "STAGE",
    "apiId": "API_ID",
    "protocol": "PROTOCOL",
    "identity.clientCert.clientCertPem": "CERT_PEM",
    "identity.clientCert.subjectDN": "CERT_SUBJECT",
    "identity.clientCert.issuerDN": "CERT_ISSUER",
    "identity.clientCert.serialNumber": "CERT_SERIAL",
    "identity.clientCert.validity.notBefore": "CERT_NOT_BEFORE",
    "identity.clientCert.validity.notAfter": "CERT_NOT_AFTER",
    "tlsVersion": "TLS_VERSION",
    "cipherSuite": "TLS_CIPHER",
    "identity.sourceIp": "SOURCE_IP",
    "identity.userAgent": "USER_AGENT",
    "requestTime": "TIME_CLF",
    "requestTimeEpoch": "TIME_MS",
    "domainName": "HOST",
    "domainPrefix": "HOST_LABEL",
    "error.message": "ERROR_MESSAGE",
    "error.messageString": "ERROR_MESSAGE",
    "error.responseType": "ERROR_TYPE",
    "error.validationErrorString": "ERROR_DETAIL",
    "identity.apiKey": "KEY",
    "identity.apiKeyId": "KEY_NAME",
    "fastgw.limitLevel": "LEVEL",
    "status": "STATUS",
    "wafResponseCode": "GUARD_ANSWER",
    "webaclArn": "GUARD_ID",
}
"""$context name -> the engine's name of the same."""

_SIGNED = frozenset(f"identity.{name}" for name in (
    "accountId", "caller", "cognitoAuthenticationProvider", "cognitoAuthenticationType", "cognitoIdentityId",
    "cognitoIdentityPoolId", "principalOrgId", "user", "userArn",
))
"""What a signature says of the caller."""


def of_caller(name: str) -> bool:
    """Whether $context.name is what an authorizer or a signature says of the caller."""
    return name.startswith("authorizer.") or name in _SIGNED


def authorizer_kind(api: Api, route: Route) -> str:
    """What the events of HTTP APIs call those who tell who calls a route: "lambda", "jwt", "iam"; "" for nobody."""
    if route.access is None:
        return ""
    if route.access.iam:
        return "iam"
    jwt = any(isinstance(one, JwtAuthorizer) and one.name == route.access.authorizer for one in api.authorizers)
    return "jwt" if jwt else "lambda"


_IDENTITY = (
    "cognitoIdentityPoolId", "accountId", "cognitoIdentityId", "caller", "sourceIp", "principalOrgId", "accessKey",
    "cognitoAuthenticationType", "cognitoAuthenticationProvider", "userArn", "userAgent", "user",
)
_TOP = (
    "resourcePath", "httpMethod", "extendedRequestId", "requestTime", "path", "protocol", "stage", "domainPrefix",
    "requestTimeEpoch", "requestId", "domainName", "apiId",
)
"""What a request has without an authorizer, in the service's order (recorded)."""


@lru_cache(maxsize=65_536)
def short_id(*parts: str) -> str:
    """Ten letters and digits that stand for a resource or a deployment: the same in each process and run."""
    number = int.from_bytes(hashlib.blake2b("\0".join(parts).encode(), digest_size=8).digest())
    digits = "abcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(digits[number // 36**place % 36] for place in range(10))


class Overrides(QuietMap):
    """One map of requestOverride or responseOverride. An override is final: the second to one name ends the request.

    Source: developer guide, "Use a mapping template to override an API's request and response parameters".
    """

    def __setitem__(self, name: str, value: object) -> None:
        if name in self:
            raise Failure(CODE["API_CONFIGURATION_ERROR"], detail=f"{name} is overridden twice")
        super().__setitem__(name, value)


def _quiet(told: Mapping[str, object]) -> QuietMap:
    """A copy for templates, which may write to it."""
    return QuietMap({name: _quiet(value) if isinstance(value, Mapping) else value for name, value in told.items()})


def client_certificate(request: Request) -> dict[str, object] | None:
    """What the client's certificate says, as events and $context.identity.clientCert have it; None without one."""
    get = request.context
    if not get("CERT_PEM"):
        return None
    return {
        "clientCertPem": get("CERT_PEM"),
        "subjectDN": get("CERT_SUBJECT"),
        "issuerDN": get("CERT_ISSUER"),
        "serialNumber": get("CERT_SERIAL"),
        "validity": {"notBefore": get("CERT_NOT_BEFORE"), "notAfter": get("CERT_NOT_AFTER")},
    }


def variables(request: Request, env: Env) -> dict[str, object]:
    """$context of one request: a template may write to it, and the templates after it see what was written."""
    get = request.context
    found: dict[str, object] = {name: get(ENGINE_NAMES[name]) for name in _TOP}
    found["requestTimeEpoch"] = int(get("TIME_MS"))
    identity: dict[str, object] = dict.fromkeys(_IDENTITY)
    caller = request.caller
    identity |= {name: caller[f"identity.{name}"] for name in _IDENTITY if f"identity.{name}" in caller}
    identity["sourceIp"] = get("SOURCE_IP")
    identity["userAgent"] = get("USER_AGENT") or None
    if env.route.key:
        identity["apiKey"], identity["apiKeyId"] = get("KEY"), get("KEY_NAME")
    if certificate := client_certificate(request):
        identity["clientCert"] = QuietMap(certificate | {"validity": QuietMap(certificate["validity"])})
    found["resourceId"] = short_id(env.api.id, env.route.path)
    found["accountId"] = env.account
    found["deploymentId"] = short_id(env.api.id, env.stage.name, "deployment")
    found["identity"] = QuietMap(identity)
    if request.told is not None:
        found["authorizer"] = _quiet(request.told)
    found["requestOverride"] = QuietMap(path=Overrides(), header=Overrides(), querystring=Overrides())
    found["responseOverride"] = Overrides(header=Overrides())
    return found
