"""The failure table: what can end a request early, and what each answers.

One row per gateway-response type of the service, plus the rows of the HTTP layer that the
service handles before its own types apply. Source: Amazon API Gateway developer guide,
"Gateway response types", and recorded answers.
"""

from dataclasses import dataclass
from enum import Enum


class Blame(Enum):
    CLIENT = "client"
    GATEWAY = "gateway"
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True)
class Failure:
    """code: position in the table, stable within one build, the engine's number for it.

    type       gateway-response type that an API may customise, or "" where it may not
    status     default status; None means the caller's
    message    default $context.error.message, None prints as null
    error_type value of x-amzn-ErrorType, or "" for none
    http_message   body message of an HTTP API (v2), whose bodies are fixed
    """

    name: str
    type: str
    status: int
    message: str | None
    error_type: str
    blame: Blame
    http_message: str = ""


_C, _G, _U = Blame.CLIENT, Blame.GATEWAY, Blame.UPSTREAM

FAILURES: tuple[Failure, ...] = (
    # The HTTP layer: no API has been chosen yet, or the message itself is refused.
    Failure("BAD_MESSAGE", "", 400, "Bad Request", "BadRequestException", _C, "Bad Request"),
    Failure("REQUEST_TIMEOUT", "", 408, "Request Timeout", "RequestTimeoutException", _C, "Request Timeout"),
    Failure("URI_TOO_LONG", "", 414, "Request-URI Too Long", "RequestEntityTooLargeException", _C,
            "URI Too Long"),
    Failure("HEADERS_TOO_LARGE", "", 431, "Request Header Fields Too Large", "BadRequestException", _C,
            "Request Header Fields Too Large"),
    Failure("EXPECTATION_FAILED", "", 417, "Expectation Failed", "BadRequestException", _C,
            "Expectation Failed"),
    Failure("METHOD_NOT_ALLOWED", "", 405, "Method Not Allowed", "BadRequestException", _C,
            "Method Not Allowed"),
    Failure("METHOD_NOT_IMPLEMENTED", "", 501, "Not Implemented", "BadRequestException", _C,
            "Not Implemented"),
    Failure("VERSION_NOT_SUPPORTED", "", 505, "HTTP Version Not Supported", "BadRequestException", _C,
            "HTTP Version Not Supported"),
    Failure("NO_SUCH_API", "", 403, "Forbidden", "ForbiddenException", _C, "Not Found"),
    Failure("OVERLOADED", "", 503, "Service Unavailable", "ServiceUnavailableException", _G,
            "Service Unavailable"),
    Failure("REQUEST_TOO_LARGE", "REQUEST_TOO_LARGE", 413, "Request Too Long",
            "RequestEntityTooLargeException", _C, "Request Entity Too Large"),
    # Routing.
    Failure("MISSING_ROUTE", "MISSING_AUTHENTICATION_TOKEN", 403, "Missing Authentication Token",
            "MissingAuthenticationTokenException", _C, "Not Found"),
    Failure("RESOURCE_NOT_FOUND", "RESOURCE_NOT_FOUND", 404, "Resource not found", "NotFoundException", _C,
            "Not Found"),
    # Access.
    Failure("ACCESS_DENIED", "ACCESS_DENIED", 403, "User is not authorized to access this resource",
            "AccessDeniedException", _C, "Forbidden"),
    Failure("AUTHORIZER_CONFIGURATION_ERROR", "AUTHORIZER_CONFIGURATION_ERROR", 500, None,
            "AuthorizerConfigurationException", _G, "Internal Server Error"),
    Failure("AUTHORIZER_FAILURE", "AUTHORIZER_FAILURE", 500, None, "AuthorizerConfigurationException", _G,
            "Internal Server Error"),
    Failure("EXPIRED_TOKEN", "EXPIRED_TOKEN", 403, "The security token included in the request is expired",
            "ExpiredTokenException", _C, "Forbidden"),
    Failure("INVALID_API_KEY", "INVALID_API_KEY", 403, "Forbidden", "ForbiddenException", _C, "Forbidden"),
    Failure("INVALID_SIGNATURE", "INVALID_SIGNATURE", 403,
            "The request signature we calculated does not match the signature you provided.",
            "InvalidSignatureException", _C, "Forbidden"),
    Failure("QUOTA_EXCEEDED", "QUOTA_EXCEEDED", 429, "Limit Exceeded", "LimitExceededException", _C,
            "Too Many Requests"),
    Failure("THROTTLED", "THROTTLED", 429, "Too Many Requests", "TooManyRequestsException", _C,
            "Too Many Requests"),
    Failure("UNAUTHORIZED", "UNAUTHORIZED", 401, "Unauthorized", "UnauthorizedException", _C, "Unauthorized"),
    Failure("WAF_FILTERED", "WAF_FILTERED", 403, "Forbidden", "ForbiddenException", _C, "Forbidden"),
    # Validation and transformation.
    Failure("BAD_REQUEST_BODY", "BAD_REQUEST_BODY", 400, "Invalid request body", "BadRequestException", _C,
            "Bad Request"),
    Failure("BAD_REQUEST_PARAMETERS", "BAD_REQUEST_PARAMETERS", 400, "Missing required request parameters",
            "BadRequestException", _C, "Bad Request"),
    Failure("UNSUPPORTED_MEDIA_TYPE", "UNSUPPORTED_MEDIA_TYPE", 415, "Unsupported Media Type",
            "BadRequestException", _C, "Unsupported Media Type"),
    # Integration.
    Failure("API_CONFIGURATION_ERROR", "API_CONFIGURATION_ERROR", 500, "Internal server error",
            "InternalServerErrorException", _G, "Internal Server Error"),
    Failure("INTEGRATION_FAILURE", "INTEGRATION_FAILURE", 504, "Network error communicating with endpoint",
            "InternalServerErrorException", _U, "Service Unavailable"),
    Failure("INTEGRATION_BAD_ANSWER", "INTEGRATION_FAILURE", 502, "Internal server error",
            "InternalServerErrorException", _U, "Internal Server Error"),
    Failure("INTEGRATION_TIMEOUT", "INTEGRATION_TIMEOUT", 504, "Endpoint request timed out",
            "InternalServerErrorException", _U, "Service Unavailable"),
    Failure("UPSTREAM_OVERLOADED", "INTEGRATION_FAILURE", 503, "Service Unavailable",
            "ServiceUnavailableException", _U, "Service Unavailable"),
    # TLS: the connection is not that of the host that the request names (RFC 9110 section 15.5.20).
    Failure("MISDIRECTED", "", 421, "Misdirected Request", "BadRequestException", _C, "Misdirected Request"),
    # Signed requests. Their messages say more where more is known: see fastgw/plan/signatures.py.
    Failure("UNSIGNED", "MISSING_AUTHENTICATION_TOKEN", 403, "Missing Authentication Token",
            "MissingAuthenticationTokenException", _C, "Forbidden"),
    Failure("INCOMPLETE_SIGNATURE", "INVALID_SIGNATURE", 403, "The request signature is incomplete.",
            "IncompleteSignatureException", _C, "Forbidden"),
    Failure("UNKNOWN_CLIENT", "INVALID_SIGNATURE", 403, "The security token included in the request is invalid.",
            "UnrecognizedClientException", _C, "Forbidden"),
)

CODE = {failure.name: code for code, failure in enumerate(FAILURES)}

DEFAULT_4XX, DEFAULT_5XX = "DEFAULT_4XX", "DEFAULT_5XX"
TYPES = (*dict.fromkeys(f.type for f in FAILURES if f.type), DEFAULT_4XX, DEFAULT_5XX)
"""Every gateway-response type a definition may name. REQUEST_TOO_LARGE may be named but not changed."""
