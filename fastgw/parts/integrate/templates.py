"""Templates by media type: which one fits a message, and what it makes of it."""

import logging
import time
from collections.abc import Mapping
from types import MappingProxyType

from fastgw._core.step import Failure
from fastgw.errors import CODE
from fastgw.model.integration import NEVER, WHEN_NO_MATCH, Templates
from fastgw.parts.integrate.incoming import JSON, Incoming, Message, octets
from fastgw.parts.transform.inputs import UTIL, Input
from fastgw.parts.transform.vtl import BodyError, Limits, RenderError, Template, compile_template

NO_JSON = "Could not parse request body into json"
"""What the service answers to a body that a request template cannot read (memory)."""

TOLD_EVERY = 1.0
"""Seconds between two lines of the log about one template: a client must not be able to fill the log."""

_log = logging.getLogger("fastgw")


Made = Template | bytes
"""A compiled template, or the text of one that says the same each time."""


def compiled(templates: Templates, name: str, limits: Limits) -> dict[str, Made]:
    return {
        kind: compile_template(source, f"{name} ({kind})", limits) if "$" in source or "#" in source else octets(source)
        for kind, source in templates
    }


def for_request(templates: Mapping[str, Made], media_type: str, passthrough: str) -> Made | None:
    """The template of a request's body; None passes it on as it is. Raises Failure where nothing may pass: 415."""
    found = templates.get(media_type)
    if found is not None or passthrough == WHEN_NO_MATCH:
        return found
    if passthrough == NEVER or templates:
        raise Failure(CODE["UNSUPPORTED_MEDIA_TYPE"])
    return None


def for_response(templates: Mapping[str, Made], accepted: str) -> tuple[str, Made | None]:
    """Media type and template of an answer: what the client accepts first, else JSON, else the first one defined."""
    for kind in (accepted, JSON):
        if kind in templates:
            return kind, templates[kind]
    for kind, template in templates.items():
        return kind, template
    return JSON, None


def render(
    template: Made,
    incoming: Incoming,
    message: Message,
    context: dict[str, object],
    variables: Mapping[str, str],
    more: Mapping[str, object] = MappingProxyType({}),
) -> bytes:
    """What a template makes of a message's body; more are variables beside the service's own.

    Raises Failure: 400 where the client's own body is not the JSON that the template reads, else 500. The log says why.
    """
    if isinstance(template, bytes):
        return template
    given = Input(message.content, *incoming.maps())
    values = {"input": given, "util": UTIL, "context": context, "stageVariables": dict(variables), **more}
    try:
        return octets(template.render(values))
    except RenderError as error:
        if isinstance(error, BodyError) and message is incoming:
            raise Failure(CODE["BAD_REQUEST_BODY"], NO_JSON, str(error)) from error
        _told(template, incoming, error)
        raise Failure(CODE["API_CONFIGURATION_ERROR"], detail=str(error)) from error


def _told(template: Template, incoming: Incoming, error: RenderError) -> None:
    now = time.monotonic()
    if now >= template.told + TOLD_EVERY:
        template.told = now
        _log.error("%s (request %s)", error, incoming.request.context("REQUEST_ID"))
