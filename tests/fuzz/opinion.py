"""What holds for every message that is taken, and h11 as the second opinion on it."""

import re

import h11

from fastgw._core.probe import Message

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_TRAILERS = re.compile(rb"\r\n0+(?:;[^\r\n]*)?\r\n\r\n\Z")
_VALUE = re.compile(rb"(?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?")


def clean(message: Message) -> bool:
    """Names and values by RFC 9110 section 5, without white space around them."""
    return all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in message.fields)


def values(message: Message, name: bytes) -> list[bytes]:
    return [value for field, value in message.fields if field.lower() == name]


def agree(message: Message, others: list[tuple[bytes, bytes]]) -> bool:
    """h11 read the same fields; it writes the one coding it knows in lower case."""

    def known(name: bytes, value: bytes) -> tuple[bytes, bytes]:
        return name, value.lower() if name.lower() == b"transfer-encoding" else value

    return others == [known(name, value) for name, value in message.fields]


def body_of(connection: h11.Connection, raw: bytes, message: Message) -> bytes | None:
    """The body as h11 reads it from raw behind the head; None where it waits for more. Raises what h11 raises."""
    body = b""
    try:
        while isinstance(event := connection.next_event(), h11.Data):
            body += bytes(event.data)
    except h11.RemoteProtocolError:
        # It holds trailers to the rules of heads; here they are dropped unread.
        if message.framing != "chunked" or message.result != "done" or _NO_TRAILERS.search(raw):
            raise
        return body
    return body if isinstance(event, h11.EndOfMessage) else None
