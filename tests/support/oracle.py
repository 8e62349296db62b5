"""Which requests a client's bytes may lawfully turn into: the upper bound of what is forwarded.

A reader of its own, from RFC 9112 and the parser rules of DESIGN.md section 5. The gateway may
refuse more than it; it may never forward what is not in `lawful`.
"""

import re
from dataclasses import dataclass
from typing import Literal

from tests.support.message import Body, Request, Unclean, parse_request_head, request_framing

BLANK_LINES = 2
"""Empty lines before a request line that the gateway reads over (RFC 9112 section 2.2 asks for one)."""

Tail = Literal["end", "incomplete", "error", "closed"]


@dataclass(frozen=True)
class Reading:
    """lawful: complete requests in order. tail: what stands after the last of them, begun with tail_method."""

    lawful: tuple[Request, ...]
    tail: Tail
    reason: str = ""
    tail_method: str = ""


def read_client(data: bytes) -> Reading:
    """Reads a whole client stream as the strictest recipient would."""
    lawful: list[Request] = []
    while True:
        if data.startswith(b"\r\n" * (BLANK_LINES + 1)):
            return _broken_off(lawful, data, "error", "empty lines")
        while data.startswith(b"\r\n"):
            data = data[2:]
        if not data:
            return Reading(tuple(lawful), "end")
        if not lawful_so_far(data):
            return _broken_off(lawful, data, "error", "line structure")
        head, found, rest = data.partition(b"\r\n\r\n")
        if not found:
            return _broken_off(lawful, data, "incomplete")
        try:
            request = parse_request_head(one_reading(head))
            body = Body(request_framing(request), extensions=True)
            body.feed(rest)
        except Unclean as problem:
            return _broken_off(lawful, data, "error", str(problem))
        if not body.done:
            return _broken_off(lawful, data, "incomplete")
        lawful.append(Request(request.start, request.headers, request.raw, bytes(body.data), body.trailers))
        if not request.keeps_alive:
            return Reading(tuple(lawful), "closed")
        data = body.rest


def _broken_off(lawful: list[Request], data: bytes, tail: Tail, reason: str = "") -> Reading:
    return Reading(tuple(lawful), tail, reason, data.partition(b" ")[0].decode("latin-1"))


def lawful_so_far(data: bytes) -> bool:
    """False when the head in front of these bytes can no longer become a lawful one."""
    head = data.partition(b"\r\n\r\n")[0]
    lines = head.replace(b"\r\n", b"").removesuffix(b"\r")
    return b"\n" not in lines and b"\0" not in lines


def one_reading(head: bytes) -> bytes:
    """Rewrites what RFC 9112 lets a recipient repair in one way only: a higher minor version (2.3),
    a Content-Length with leading zeros or repeated in its list (6.3)."""
    head = re.sub(rb"^([^\r\n]* HTTP/1\.)[2-9](\r\n|$)", rb"\g<1>1\2", head)
    return re.sub(
        rb"(?i)(\r\ncontent-length:[ \t]*)0*([0-9]+)(?:[ \t]*,[ \t]*0*\2)*(?=[ \t]*(?:\r\n|$))",
        rb"\1\2",
        head,
    )
