"""x-amazon-apigateway-gateway-responses: what an API answers instead of the defaults."""

import json

from fastgw.errors import TYPES
from fastgw.load import answers
from fastgw.load.document import View
from fastgw.load.mapping import Unmapped, text
from fastgw.load.problem import did_you_mean, shown
from fastgw.load.reader import Reader
from fastgw.model.integration import GatewayResponse
from fastgw.model.value import Context, RequestParameter, Source, Text

_FIXED = "REQUEST_TOO_LARGE"
_RESPONSE_FIELDS = ("statusCode", "responseParameters", "responseTemplates")

_FROM_REQUEST = ("path", "domainName", "domainPrefix", "identity.userAgent")
"""Context variables whose text the client chooses."""


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
    return GatewayResponse(
        kind,
        entry.place,
        answers.status(reader, _present(entry, "statusCode")),
        answers.headers(reader, _present(entry, "responseParameters"), answers.GATEWAY),
        _templates(reader, reader.mapping(_present(entry, "responseTemplates"))),
    )


def _present(view: View, key: str) -> View | None:
    found = view.get(key)
    return found if found is not None and found.value is not None else None


def _templates(reader: Reader, templates: View | None) -> tuple[tuple[str, Text], ...]:
    found = []
    for kind, view in templates.items() if templates is not None else ():
        value = view.value
        template = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if not answers.is_media_type(reader, kind, view):
            continue
        try:
            filled = text(reader.params.put_known(template) if value is not None else "")
        except Unmapped as error:
            reader.problems.error(view.place, "bad-mapping", f"template for {kind}: {error}")
            continue
        _mention_unescaped(reader, kind, view, filled)
        found.append((kind, filled))
    return tuple(found)


def _mention_unescaped(reader: Reader, kind: str, view: View, template: Text) -> None:
    """Values are escaped for JSON only: elsewhere a client could write markup into the answer."""
    if "json" in kind:
        return
    names = dict.fromkeys(name for part in template.parts if (name := _from_request(part)))
    if names:
        reader.problems.warning(view.place, "unescaped", f"template for {kind}: {', '.join(names)} stands there "
                                "as the client sent it; only a JSON template escapes what it puts in")


def _from_request(source: Source) -> str:
    """The source as a template names it where the client chooses its text, else nothing."""
    match source:
        case RequestParameter(location, name, multi):
            return f"$method.request.{'multivalue' * multi}{location}.{name}"
        case Context(name) if name in _FROM_REQUEST:
            return f"$context.{name}"
    return ""
