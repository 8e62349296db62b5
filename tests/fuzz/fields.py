"""What holds for the header fields of every message that is taken."""

import re

from fastgw._core.probe import Message

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
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
