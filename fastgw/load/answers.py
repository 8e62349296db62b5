"""What a definition may put into the gateway's own answers: status, header fields, media type."""

import re
from dataclasses import dataclass

from fastgw.load.document import View
from fastgw.load.mapping import NAME, Unmapped, source
from fastgw.load.problem import shown
from fastgw.load.reader import Reader
from fastgw.model.value import RequestParameter, Source

MIN_STATUS, MAX_STATUS = 200, 599
"""A 1xx would not end the exchange: RFC 9110 section 15.2."""

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
"""RFC 9110 section 5.6.2."""

_MEDIA_TYPE = re.compile(
    rf'{TOKEN}/{TOKEN}(?:[ \t]*;[ \t]*{TOKEN}=(?:{TOKEN}|"(?:[\t !#-\[\]-~]|\\[\t -~])*"))*')

_FRAMING = "the gateway frames its answers and keeps its connections itself"
_OWN = "the gateway puts its own on every answer"

_RESERVED = {
    **dict.fromkeys(("content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer",
                     "upgrade"), _FRAMING),
    **dict.fromkeys(("date", "x-amzn-requestid", "x-amz-apigw-id", "x-amzn-errortype", "apigw-requestid"),
                    _OWN),
}
"""Fields no mapping may name, in lower case, and why. RFC 9112 section 6, RFC 9110 section 7.6.1."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One family of mapping targets.

    start       what a target begins with; the header's name follows
    noun        what a target is called in messages
    no_backend  why a backend's response cannot be mapped
    forgiving   a source that is known but not served leaves the header out instead of being an error
    echoes      whether the request's own values may be mapped
    """

    start: str
    noun: str
    no_backend: str
    forgiving: bool
    echoes: bool


MOCK = Kind("method.response.header.", "response parameter",
            "a MOCK has no backend whose response could be mapped", forgiving=True, echoes=False)
GATEWAY = Kind("gatewayresponse.header.", "gateway response parameter",
               "this is a backend's response, and none was asked", forgiving=False, echoes=True)


def status(reader: Reader, view: View | None) -> int | None:
    """A status that can end an exchange."""
    return reader.integer(view, MIN_STATUS, MAX_STATUS)


def is_media_type(reader: Reader, text: str, view: View) -> bool:
    """Whether text may stand in a Content-Type (RFC 9110 section 8.3.1); reported at view's key."""
    if _MEDIA_TYPE.fullmatch(text):
        return True
    reader.problems.error(view.key_place, "bad-name", f"{shown(text)} is no media type")
    return False


def headers(reader: Reader, parameters: View | None, kind: Kind) -> tuple[tuple[str, Source], ...]:
    """The entries of a responseParameters; wrong ones are reported and left out."""
    given = reader.mapping(parameters)
    found = [_header(reader, key, view, kind) for key, view in given.items()] if given is not None else ()
    return tuple(header for header in found if header is not None)


def _header(reader: Reader, key: str, view: View, kind: Kind) -> tuple[str, Source] | None:
    name = key.removeprefix(kind.start)
    if name == key or not NAME.fullmatch(name):
        reader.problems.error(view.key_place, "bad-mapping", f"{shown(key)} is no {kind.noun}; write "
                              f"{kind.start}NAME, with letters, digits and . _ $ - in the name")
        return None
    if why := _RESERVED.get(name.lower()):
        reader.problems.error(view.key_place, "reserved-header", f"{key}: {name} cannot be mapped: {why}")
        return None
    expression = reader.text(view)
    if expression is None:
        return None
    try:
        value = source(expression)
        if value is None:
            raise Unmapped(kind.no_backend, unserved=True)
        if isinstance(value, RequestParameter) and not kind.echoes:
            raise Unmapped("a request's values cannot be mapped to a response, as in the service")
    except Unmapped as error:
        left_out = error.unserved and kind.forgiving
        report = reader.problems.warning if left_out else reader.problems.error
        report(view.place, "bad-mapping", f"{key}: {error}{'; the header is not sent' * left_out}")
        return None
    return name, value
