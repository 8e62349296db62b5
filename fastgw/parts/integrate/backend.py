"""Who answers an integration's request: what the walk gives a backend, and what it asks of one."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Protocol

from fastgw._core.step import Call, Reply, Request


@dataclass(slots=True)
class Outgoing:
    """A request after its integration request: mapped, templated, converted.

    method  the integration's own verb, else the client's
    path    value of each {name} of the integration's URI, percent-encoded as it is to stand there
    query   (name, value) each, percent-encoded, to be added to the URI's own
    headers as they are to be sent, without Host, framing and connection fields
    """

    method: bytes
    path: Mapping[str, bytes]
    query: list[tuple[bytes, bytes]]
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Backend(Protocol):
    """One kind of integration that makes a call. Both functions run on the loop and must not block."""

    def request(self, outgoing: Outgoing, request: Request) -> Call | Awaitable[Call]:
        """The exchange to make; awaitable while something is missing for it, as credentials are at first. Raises
        step.Failure where it cannot be made."""

    def outcome(self, reply: Reply) -> str:
        """What selection patterns are held against: the status in digits, or the message of a function's error."""
