"""Which fields of a request reach a REST API's HTTP_PROXY upstream, as naive Python.

Written from RFC 9110 section 7.6.1, the service's list of dropped fields and TRIALS C1 and C2, not from the engine.
"""

Field = tuple[str, str]

HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "proxy-authorization", "te", "trailer", "upgrade",
              "http2-settings"}
DROPPED = {"content-md5", "max-forwards", "proxy-authenticate", "server", "www-authenticate", "content-encoding", "via"}
IDENTITY = {"x-amzn-trace-id", "x-amzn-apigateway-api-id", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-port",
            "x-forwarded-host", "forwarded"}
ACTED_ON = {"host", "connection", "content-length", "transfer-encoding", "expect", "keep-alive", "origin",
            "access-control-request-method", "user-agent", "authorization", "cookie", "range", "if-match",
            "if-none-match", "if-modified-since", "if-unmodified-since", "accept-encoding", "cache-control", "expires",
            "age", "vary", "set-cookie", "content-encoding", "content-type"}
"""A gateway that acts on a field must not let through another spelling, which an upstream could take for it."""
NEVER_BY_CONNECTION = {"authorization"}


def folded(name: str) -> str:
    """What a lenient reader may take a name for."""
    return name.lower().replace("_", "-").replace(".", "-")


def listed(fields: list[Field]) -> set[str]:
    """Names in Connection."""
    values = [value for name, value in fields if name.lower() == "connection"]
    return {member.strip().lower() for value in values for member in value.split(",")} - {""}


def forwarded(fields: list[Field]) -> list[Field]:
    """The client's fields that go on, in their order."""
    by_connection = listed(fields) - NEVER_BY_CONNECTION
    return [(name, value) for name, value in fields if goes_on(name, by_connection)]


def goes_on(name: str, by_connection: set[str]) -> bool:
    exact = name.lower()
    if folded(name) in IDENTITY or exact in HOP_BY_HOP or exact in DROPPED or exact in by_connection:
        return False
    return exact in ACTED_ON or folded(name) not in ACTED_ON
