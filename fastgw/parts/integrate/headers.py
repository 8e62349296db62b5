"""Which header fields pass an integration, which do not, and which come out under another name.

Source: developer guide, "Amazon API Gateway important notes" and "HTTP headers"; where recorded answers say otherwise,
they win.
"""

UNSEEN = frozenset((
    b"connection", b"content-length", b"content-md5", b"expect", b"max-forwards", b"proxy-authenticate", b"server",
    b"te", b"transfer-encoding", b"trailer", b"upgrade", b"www-authenticate",
))
"""Fields of a client's request that no mapping, template or backend gets to see."""

_HOP_BY_HOP = frozenset((
    b"connection", b"keep-alive", b"proxy-connection", b"proxy-authorization", b"te", b"trailer",
    b"transfer-encoding", b"upgrade", b"http2-settings",
))
"""RFC 9110 section 7.6.1, with what clients send for the same ends."""

_OURS = frozenset((
    b"x-amzn-trace-id", b"x-amzn-apigateway-api-id", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-port",
    b"x-forwarded-host", b"forwarded",
))
"""Fields in which the gateway says who is calling: a client's own are never passed on."""

NOT_PROXIED = UNSEEN | _HOP_BY_HOP | _OURS | {b"host", b"content-encoding", b"via", b"x-http-method-override"}
"""Fields of a request that HTTP_PROXY does not pass on."""

_LEFT_OUT = frozenset({b"connection", b"expect", b"proxy-authenticate", b"te"})
_LEFT_OUT_OF = {
    "HTTP": _LEFT_OUT | {b"via"},
    "HTTP_PROXY": _LEFT_OUT | {b"via"},
    "AWS": _LEFT_OUT | {b"referer"},
}

REMAPPED = b"x-amzn-Remapped-"
_REMAPPED_OF_PROXY = frozenset((
    b"connection", b"content-length", b"date", b"server", b"x-amzn-requestid", b"x-amz-apigw-id", b"x-amzn-errortype",
))
_REMAPPED = _REMAPPED_OF_PROXY | {
    b"authorization", b"content-md5", b"expect", b"host", b"max-forwards", b"proxy-authenticate", b"trailer",
    b"upgrade", b"user-agent", b"www-authenticate",
}

Fields = list[tuple[bytes, bytes]]


def left_out(type: str, name: bytes) -> bool:
    """Whether a mapped header is left out of the request without a word."""
    return name.lower() in _LEFT_OUT_OF.get(type, _LEFT_OUT)


def answered_as(type: str, name: bytes) -> bytes | None:
    """The name under which a client gets a field of an answer; None: not at all."""
    lower = name.lower()
    if lower in (_REMAPPED_OF_PROXY if type.endswith("_PROXY") else _REMAPPED):
        return REMAPPED + name
    return None if lower in _HOP_BY_HOP else name


def answered(type: str, fields: Fields) -> Fields:
    """The fields of an answer as the client gets them."""
    return [(sent, value) for name, value in fields if (sent := answered_as(type, name)) is not None]
