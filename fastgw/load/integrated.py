"""x-amazon-apigateway-integration -> Integrated: types whose requests and answers are worked on."""

import json
from dataclasses import dataclass

from fastgw.load import answers
from fastgw.load.document import View
from fastgw.load.problem import shown
from fastgw.load.reader import Reader
from fastgw.model.integration import (
    CONVERT_TO_BINARY,
    CONVERT_TO_TEXT,
    NEVER,
    WHEN_NO_MATCH,
    WHEN_NO_TEMPLATES,
    Integrated,
    IntegrationResponse,
    ParameterMapping,
    Templates,
    Unserved,
)
from fastgw.model.place import Place
from fastgw.model.upstream_tls import TlsConfig
from fastgw.model.value import Source
from fastgw.parts.transform.selection import SelectionPattern
from fastgw.parts.transform.vtl import TemplateError, compile_template

DEFAULT = "default"
"""The key of the integration response that is taken where no pattern fits."""

MAX_TEMPLATE = 307_200
"""Bytes of one template, as in the service."""

MIN_TIMEOUT_MS, MAX_TIMEOUT_MS = 50, 900_000
"""The service's own ceiling, 29,000, is only the gateway-wide setting's default here."""

BEHAVIORS = (WHEN_NO_MATCH, WHEN_NO_TEMPLATES, NEVER)
CONVERSIONS = (CONVERT_TO_BINARY, CONVERT_TO_TEXT)


@dataclass(frozen=True, slots=True)
class Basics:
    """What the caller has read of an integration."""

    type: str
    method: str | None
    uri: str
    mappings: tuple[ParameterMapping, ...]
    timeout_ms: int | None
    cache_keys: tuple[Source, ...] | None = None
    cache_namespace: str | None = None
    tls: TlsConfig | None = None


class _BadTemplate(Exception):
    """A template that cannot be compiled; it has been reported."""


def integrated(reader: Reader, view: View, basics: Basics, place: Place) -> Integrated | Unserved:
    """The whole of it; what is wrong is reported. With a template that cannot be compiled the route answers 500, as in
    the service, which looks at a template when a request needs it.
    """
    try:
        return _integrated(reader, view, basics, place)
    except _BadTemplate:
        return Unserved(f"{basics.type} with a broken template", place)


def _integrated(reader: Reader, view: View, basics: Basics, place: Place) -> Integrated:
    given = view.get("credentials")
    return Integrated(
        basics.type,
        basics.method,
        basics.uri,
        place,
        reader.text(given) if given is not None else None,
        basics.timeout_ms,
        basics.mappings,
        templates(reader, view.get("requestTemplates")),
        reader.name(view.get("passthroughBehavior"), BEHAVIORS) or WHEN_NO_MATCH,
        reader.name(view.get("contentHandling"), CONVERSIONS),
        () if basics.type.endswith("_PROXY") else responses(reader, view.get("responses")),
        cache_keys=basics.cache_keys,
        cache_namespace=basics.cache_namespace,
        tls=basics.tls,
    )


def responses(reader: Reader, view: View | None) -> tuple[IntegrationResponse, ...]:
    given = reader.mapping(view)
    found = [_response(reader, key, entry) for key, entry in given.items()] if given is not None else ()
    return tuple(response for response in found if response is not None)


def _response(reader: Reader, key: str, entry: View) -> IntegrationResponse | None:
    if reader.mapping(entry) is None:
        return None
    pattern = None if key == DEFAULT else key
    if pattern is not None:
        try:
            SelectionPattern(pattern)
        except ValueError as error:
            reader.problems.error(entry.key_place, "bad-pattern",
                                  f"response pattern {shown(pattern)} is no regular expression: {error}")
            return None
    if entry.get("statusCode") is None:
        reader.problems.error(entry.place, "missing-field", f"integration response {shown(key)} has no statusCode")
    status = answers.status(reader, entry.get("statusCode"))
    return IntegrationResponse(
        pattern,
        status or 500,
        entry.key_place,
        answers.headers(reader, entry.get("responseParameters"), answers.INTEGRATION),
        templates(reader, entry.get("responseTemplates")),
        reader.name(entry.get("contentHandling"), CONVERSIONS),
    )


def templates(reader: Reader, view: View | None) -> Templates:
    """(media type, template) each. Raises _BadTemplate."""
    given = reader.mapping(view)
    found = []
    for kind, entry in given.items() if given is not None else ():
        text = template_text(reader, entry)
        if text is None or not answers.is_media_type(reader, kind, entry):
            continue
        if len(text.encode()) > MAX_TEMPLATE:
            reader.problems.error(entry.place, "too-large", f"the template for {kind} has {len(text.encode()):,} "
                                  f"bytes; at most {MAX_TEMPLATE:,} are served")
            continue
        try:
            compile_template(text, kind)
        except TemplateError as error:
            reader.problems.warning(entry.place, "bad-template", f"the template for {kind} is broken at {error}; its "
                                    "route answers 500 Internal server error")
            raise _BadTemplate from None
        found.append((kind.partition(";")[0].strip().lower(), text))
    return tuple(found)


def template_text(reader: Reader, entry: View) -> str | None:
    """A template as text; JSON that is written out instead stands for its own text."""
    text = entry.value
    if text is None:
        return ""
    if isinstance(text, dict | list):
        text = json.dumps(text, ensure_ascii=False)
    if not isinstance(text, str):
        reader.problems.error(entry.place, "wrong-type", f"the template for {entry.name} must be a text, "
                              f"found {shown(entry.value)}")
        return None
    return reader.params.put_known(text)
