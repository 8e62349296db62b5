"""The names a definition may use: extensions, $context variables, verbs."""

from fastgw.model.api import METHODS

PREFIX = "x-amazon-apigateway-"
ANY_METHOD = PREFIX + "any-method"
INTEGRATION = PREFIX + "integration"
INTEGRATIONS = PREFIX + "integrations"
AUTHORIZER = PREFIX + "authorizer"
AUTHTYPE = PREFIX + "authtype"

ROOT_EXTENSIONS = (
    "api-key-source", "binary-media-types", "cors", "documentation", "endpoint-access-mode",
    "endpoint-configuration", "gateway-responses", "importexport-version", "minimum-compression-size",
    "policy", "request-validator", "request-validators", "security-policy", "tag-value",
)
OPERATION_EXTENSIONS = ("auth", "integration", "request-validator")
EXTENSIONS = frozenset(PREFIX + name for name in (
    *ROOT_EXTENSIONS, *OPERATION_EXTENSIONS, "any-method", "authorizer", "authtype", "integrations",
))
"""Every extension the service documents, with its prefix."""

VERBS = {verb.lower(): verb for verb in METHODS}

_IDENTITY = (
    "accountId", "apiKey", "apiKeyId", "caller", "clientCert.clientCertPem", "clientCert.issuerDN",
    "clientCert.serialNumber", "clientCert.subjectDN", "clientCert.validity.notAfter",
    "clientCert.validity.notBefore", "cognitoAuthenticationProvider", "cognitoAuthenticationType",
    "cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId", "sourceIp", "user", "userAgent",
    "userArn", "vpcId", "vpceId",
)
CONTEXT = frozenset((
    "accountId", "apiId", "authorizer.principalId", "awsEndpointRequestId",
    "customDomain.basePathMatched", "deploymentId",
    "domainName", "domainPrefix", "error.message", "error.messageString", "error.responseType",
    "error.validationErrorString", "extendedRequestId", "fastgw.limitLevel", "httpMethod", "isCanaryRequest", "path",
    "protocol", "requestId", "requestTime", "requestTimeEpoch", "resourceId", "resourcePath", "routeKey",
    "stage", "status", "cipherSuite", "tlsVersion", "wafResponseCode", "webaclArn", "xrayTraceId",
    *(f"identity.{name}" for name in _IDENTITY),
))
"""$context names that can be known outside an authorizer. Source: SPEC, "$context"; those of "fastgw." are ours."""

LOG_ONLY = frozenset((
    *(f"{phase}.{name}" for phase in ("authorize", "authenticate", "waf") for name in ("error", "latency", "status")),
    *(f"authorizer.{name}" for name in ("error", "integrationLatency", "integrationStatus", "latency", "requestId",
                                        "status")),
    *(f"integration.{name}" for name in ("error", "integrationStatus", "latency", "requestId", "status")),
    "integrationErrorMessage", "integrationLatency", "integrationStatus", "responseLatency", "responseLength",
    "fastgw.cache", "fastgw.referer",
))
"""$context names that only an access log may use. Source: SPEC, "$context"; those below "fastgw." are our own."""


def is_context(name: str) -> bool:
    """Authorizers add names of their own below "authorizer."."""
    return name in CONTEXT or name.startswith("authorizer.")
