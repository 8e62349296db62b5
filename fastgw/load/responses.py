"""x-amazon-apigateway-gateway-responses and x-amazon-apigateway-cors."""

import json

from fastgw.errors import TYPES
from fastgw.load.document import View
from fastgw.load.mapping import GATEWAY_TARGET, TOKEN, Unmapped, source, text
from fastgw.load.problem import did_you_mean, shown
from fastgw.load.reader import Reader
from fastgw.model.api import ANY, METHODS, Cors
from fastgw.model.integration import GatewayResponse
from fastgw.model.value import Source, Text

_FIXED = "REQUEST_TOO_LARGE"
_RESPONSE_FIELDS = ("statusCode", "responseParameters", "responseTemplates")
_CORS_FIELDS = ("allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders", "maxAge", "allowCredentials")
_MAX_AGE = 86_400


def gateway_responses(reader: Reader, view: View | None) -> tuple[GatewayResponse, ...]:
    """Entries in the order of the definition; wrong ones are reported and left out."""
    given = reader.mapping(view)
    found = []
    for kind, entry in given.items() if given is not None else ():
        if kind not in TYPES:
            reader.problems.error(entry.key_place, "unknown-value", f"{shown(kind)} is no gateway response "
                                  f"type{did_you_mean(kind, TYPES)}")
        elif kind == _FIXED:
            reader.problems.warning(entry.key_place, "no-effect",
                                    f"gateway response {_FIXED} cannot be changed; it is ignored")
        elif reader.mapping(entry) is not None:
            found.append(_gateway_response(reader, kind, entry))
    return tuple(found)


def _gateway_response(reader: Reader, kind: str, entry: View) -> GatewayResponse:
    reader.known_keys(entry, _RESPONSE_FIELDS, "a gateway response")
    status = entry.get("statusCode")
    return GatewayResponse(
        kind,
        entry.place,
        reader.integer(status, 100, 599) if status is not None and status.value is not None else None,
        _headers(reader, reader.mapping(_present(entry, "responseParameters"))),
        _templates(reader, reader.mapping(_present(entry, "responseTemplates"))),
    )


def _present(view: View, key: str) -> View | None:
    found = view.get(key)
    return found if found is not None and found.value is not None else None


def _headers(reader: Reader, parameters: View | None) -> tuple[tuple[str, Source], ...]:
    headers = []
    for key, view in parameters.items() if parameters is not None else ():
        found = GATEWAY_TARGET.match(key)
        if found is None or not TOKEN.match(found[1]):
            reader.problems.error(view.key_place, "bad-mapping", f"{shown(key)} is no gateway response "
                                  "parameter; write gatewayresponse.header.NAME")
            continue
        expression = reader.text(view)
        if expression is None:
            continue
        try:
            value = source(expression)
            if value is None:
                raise Unmapped(f"{shown(expression)} is a backend's response, and none was asked")
        except Unmapped as error:
            reader.problems.error(view.place, "bad-mapping", f"{key}: {error}")
            continue
        headers.append((found[1], value))
    return tuple(headers)


def _templates(reader: Reader, templates: View | None) -> tuple[tuple[str, Text], ...]:
    found = []
    for kind, view in templates.items() if templates is not None else ():
        value = view.value
        template = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if not TOKEN.match(kind.replace("/", "", 1)):
            reader.problems.error(view.key_place, "bad-name", f"{shown(kind)} is no media type")
            continue
        try:
            found.append((kind, text(reader.params.put_known(template) if value is not None else "")))
        except Unmapped as error:
            reader.problems.error(view.place, "bad-mapping", f"template for {kind}: {error}")
    return tuple(found)


def cors(reader: Reader, view: View | None) -> Cors | None:
    """None where nothing is configured or it is wrong."""
    given = reader.mapping(view)
    if given is None:
        return None
    reader.known_keys(given, _CORS_FIELDS, "x-amazon-apigateway-cors")
    origins = reader.texts(given.get("allowOrigins"))
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
            if not TOKEN.match(name):
                reader.problems.error(given.get(field).place, "bad-name", f"{shown(name)} is no header name")
    for origin in origins:
        if not origin.isascii() or not origin.isprintable() or " " in origin:
            reader.problems.error(given.get("allowOrigins").place, "bad-name",
                                  f"{shown(origin)} is no origin")
    return Cors(origins, methods, headers, exposed, reader.integer(given.get("maxAge"), 0, _MAX_AGE),
                credentials)
