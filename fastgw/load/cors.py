"""x-amazon-apigateway-cors of an HTTP API."""

import re

from fastgw.load.answers import TOKEN
from fastgw.load.document import View
from fastgw.load.problem import did_you_mean, shown
from fastgw.load.reader import Reader
from fastgw.load.uri import is_authority
from fastgw.model.api import ANY, METHODS, Cors

_FIELDS = ("allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders", "maxAge", "allowCredentials")
_MAX_AGE = 86_400
_ANY_ORIGIN = ("*", "http://*", "https://*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")


def cors(reader: Reader, view: View | None) -> Cors | None:
    """None where nothing is configured or it is wrong."""
    given = reader.mapping(view)
    if given is None:
        return None
    reader.known_keys(given, _FIELDS, "x-amazon-apigateway-cors")
    origins = _origins(reader, given.get("allowOrigins"))
    credentials = reader.flag(given.get("allowCredentials")) or False
    if credentials and "*" in origins:
        reader.problems.error(given.get("allowCredentials").place, "conflict",
                              'allowCredentials cannot be true while allowOrigins has "*"')
    methods = tuple(method.upper() for method in reader.texts(given.get("allowMethods")))
    for method in methods:
        if method not in (*METHODS, ANY, "*"):
            reader.problems.error(given.get("allowMethods").place, "unknown-value", f"{shown(method)} is no "
                                  f"method{did_you_mean(method, METHODS)}")
    headers = reader.texts(given.get("allowHeaders"))
    exposed = reader.texts(given.get("exposeHeaders"))
    for field, names in (("allowHeaders", headers), ("exposeHeaders", exposed)):
        for name in names:
            if not re.fullmatch(TOKEN, name):
                reader.problems.error(given.get(field).place, "bad-name", f"{shown(name)} is no header name")
    return Cors(origins, methods, headers, exposed, reader.integer(given.get("maxAge"), 0, _MAX_AGE),
                credentials)


def _origins(reader: Reader, view: View | None) -> tuple[str, ...]:
    """Each is compared with a request's Origin as a whole, so that what no browser sends is an error."""
    given = reader.list(view)
    found = []
    for item in given.elements() if given is not None else ():
        origin = reader.text(item)
        if origin is None:
            continue
        if origin not in _ANY_ORIGIN and not _is_origin(origin):
            star = '; "*" stands only alone or after http:// or https://' if "*" in origin else ""
            reader.problems.error(item.place, "bad-name", f"{shown(origin)} is no origin; write "
                                  f"scheme://host or scheme://host:port, without a path{star}")
        found.append(origin)
    return tuple(found)


def _is_origin(text: str) -> bool:
    """RFC 6454 section 6.2: scheme://host[:port]."""
    scheme, separator, authority = text.partition("://")
    return bool(separator) and _SCHEME.fullmatch(scheme) is not None and is_authority(authority)
