"""What a definition may put into the gateway's answers: status, header fields, media type."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fastgw.load.document import View
from fastgw.load.mapping import NAME, Unmapped, of_response, source
from fastgw.load.problem import shown
from fastgw.load.reader import Reader
from fastgw.model.value import Mapped

MIN_STATUS, MAX_STATUS = 200, 599
"""A 1xx would not end the exchange: RFC 9110 section 15.2."""

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
"""RFC 9110 section 5.6.2."""

_MEDIA_TYPE = re.compile(
    rf'{TOKEN}/{TOKEN}(?:[ \t]*;[ \t]*{TOKEN}=(?:{TOKEN}|"(?:[\t !#-\[\]-~]|\\[\t -~])*"))*')

_RANGE = re.compile(rf"(?:\*|{TOKEN})/(?:\*|{TOKEN})")

_FRAMING = "the gateway frames its answers and keeps its connections itself"
_OWN = "the gateway puts its own on every answer"

_RESERVED = {
    **dict.fromkeys(("content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer",
                     "upgrade"), _FRAMING),
    **dict.fromkeys(("date", "x-amzn-requestid", "x-amz-apigw-id", "x-amzn-errortype", "apigw-requestid"),
                    _OWN),
}
"""Fields of a gateway response that no mapping may name, in lower case, and why. RFC 9112 section 6, RFC 9110 section
7.6.1. An integration response may name them: the service sends them under another name."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One family of mapping targets.

    start       what a target begins with; the header's name follows
    noun        what a target is called in messages
    read        reads a right side; raises Unmapped
    reserved    names that cannot be mapped, and why
    """

    start: str
    noun: str
    read: Callable[[str], Mapped]
    reserved: Mapping[str, str] = field(default_factory=dict)


INTEGRATION = Kind("method.response.header.", "response parameter", of_response)
GATEWAY = Kind("gatewayresponse.header.", "gateway response parameter", source, _RESERVED)


def status(reader: Reader, view: View | None) -> int | None:
    """A status that can end an exchange."""
    return reader.integer(view, MIN_STATUS, MAX_STATUS)


def is_media_type(reader: Reader, text: str, view: View) -> bool:
    """Whether text may stand in a Content-Type (RFC 9110 section 8.3.1); reported at view's key."""
    if _MEDIA_TYPE.fullmatch(text):
        return True
    reader.problems.error(view.key_place, "bad-name", f"{shown(text)} is no media type")
    return False


def media_ranges(reader: Reader, view: View | None) -> tuple[str, ...]:
    """binaryMediaTypes in lower case: type/subtype, type/*, */*; "~1" stands for "/", as in the service's paths."""
    found = []
    given = reader.list(view)
    for item in given.elements() if given is not None else ():
        text = reader.text(item)
        if text is None:
            continue
        kind = text.replace("~1", "/").strip().lower()
        if _RANGE.fullmatch(kind) is None:
            reader.problems.error(item.place, "bad-name", f"{shown(text)} is no media type; write type/subtype, "
                                  "type/* or */*")
            continue
        found.append(kind)
    return tuple(found)


def headers(reader: Reader, parameters: View | None, kind: Kind) -> tuple[tuple[str, Mapped], ...]:
    """The entries of a responseParameters; wrong ones are reported and left out."""
    given = reader.mapping(parameters)
    found = [_header(reader, key, view, kind) for key, view in given.items()] if given is not None else ()
    return tuple(header for header in found if header is not None)


def _header(reader: Reader, key: str, view: View, kind: Kind) -> tuple[str, Mapped] | None:
    name = key.removeprefix(kind.start)
    if name == key or not NAME.fullmatch(name):
        reader.problems.error(view.key_place, "bad-mapping", f"{shown(key)} is no {kind.noun}; write "
                              f"{kind.start}NAME, with letters, digits and . _ $ - in the name")
        return None
    if why := kind.reserved.get(name.lower()):
        reader.problems.error(view.key_place, "reserved-header", f"{key}: {name} cannot be mapped: {why}")
        return None
    expression = reader.text(view)
    if expression is None:
        return None
    try:
        return name, kind.read(expression)
    except Unmapped as error:
        reader.problems.error(view.place, "bad-mapping", f"{key}: {error}")
        return None
