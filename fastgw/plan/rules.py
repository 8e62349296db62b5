"""What happens to which header field: the drop, remap and identity tables.

Source: Amazon API Gateway developer guide, "Amazon API Gateway important notes", and recorded
answers; RFC 9110 section 7.6.1 for hop-by-hop fields.
"""

DROP_REQUEST, IDENTITY, DROP_ANSWER, REMAP_ANSWER, CORS_ANSWER = 1, 2, 4, 8, 16

REMAP_PREFIX = "x-amzn-Remapped-"

KEY_HEADER = "x-api-key"
"""Carries an API key; it is passed on to the integration as any other field."""

_HOP_BY_HOP = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
]
_REST_REQUEST = [
    "content-length",
    "content-md5",
    "expect",
    "max-forwards",
    "proxy-authenticate",
    "server",
    "www-authenticate",
    "host",
    "content-encoding",
    "via",
    "x-http-method-override",
]
_HTTP_REQUEST = ["content-length", "expect", "host"]
_IDENTITY = [
    "x-amzn-trace-id",
    "x-amzn-apigateway-api-id",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-host",
    "forwarded",
]
_REST_REMAPPED = [
    "connection",
    "content-length",
    "date",
    "server",
    "x-amzn-requestid",
    "x-amz-apigw-id",
    "x-amzn-errortype",
]
_HTTP_DROPPED = ["connection", "content-length", "date", "apigw-requestid"]
_ANSWER_DROPPED = [
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
]
_CORS = [
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-allow-credentials",
    "access-control-expose-headers",
    "access-control-max-age",
]
_NAMED = ["origin", "access-control-request-method", "user-agent", "authorization", "accept", KEY_HEADER]

UNMAPPABLE = frozenset({"connection", "expect", "proxy-authenticate", "te", "via"})
"""Request fields that a REST API's parameter mapping names in vain: the service leaves them out (recorded)."""


def names() -> list[tuple[bytes, int, int]]:
    """(field name in lower case, rule bits for REST APIs, rule bits for HTTP APIs) each."""
    rest: dict[str, int] = {}
    http: dict[str, int] = {}

    def add(fields: list[str], table: dict[str, int], bit: int) -> None:
        for field in fields:
            table[field] = table.get(field, 0) | bit

    for table in (rest, http):
        add(_HOP_BY_HOP, table, DROP_REQUEST)
        add(_IDENTITY, table, IDENTITY)
        add(_ANSWER_DROPPED, table, DROP_ANSWER)
        add(_CORS, table, CORS_ANSWER)
        add(_NAMED, table, 0)
    add(_REST_REQUEST, rest, DROP_REQUEST)
    add(_HTTP_REQUEST, http, DROP_REQUEST)
    add(_REST_REMAPPED, rest, REMAP_ANSWER)
    add(_HTTP_DROPPED, http, DROP_ANSWER)
    return [(name.encode(), rest.get(name, 0), http.get(name, 0)) for name in sorted(rest.keys() | http.keys())]
