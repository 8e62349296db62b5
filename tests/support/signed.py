"""Signed requests for tests: a table of keys, and requests as bytes or as parts."""

import calendar
import time
from dataclasses import dataclass, replace

from fastgw._core.probe_signature import Request, Verdict
from fastgw._core.signature_keys import Signatures
from fastgw.plan.signatures import scheme

SKEW = 300


@dataclass(frozen=True)
class Message:
    """A request as it stands on the wire, in parts; body None: it has not come."""

    verb: bytes
    path: bytes
    query: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes | None = b""

    def verify(self, signatures: Signatures, now: int) -> Verdict:
        return Request(self.verb, self.path, self.query, list(self.fields), self.body).verify(signatures, now)

    def with_field(self, name: bytes, value: bytes | None) -> "Message":
        """value None takes the field out."""
        kept = tuple(field for field in self.fields if field[0].lower() != name.lower())
        return replace(self, fields=kept if value is None else (*kept, (name, value)))


def parse(text: str) -> Message:
    """A request as the cases of conformance write it: lines end with LF, a blank at their start goes on with a field."""
    head, _, body = text.encode().partition(b"\n\n")
    first, *lines = head.split(b"\n")
    verb, _, rest = first.partition(b" ")
    target = rest.rpartition(b" ")[0]
    path, _, query = target.partition(b"?")
    fields: list[tuple[bytes, bytes]] = []
    for line in lines:
        if line.startswith(b" "):
            fields[-1] = (fields[-1][0], fields[-1][1] + b"\n" + line)
        else:
            name, _, value = line.partition(b":")
            fields.append((name, value))
    return Message(verb, path, query, tuple(fields), body)


def table(access_key: str, secret: str, token: str = "", *, region: str = "us-east-1", service: str = "execute-api",
          normalizes: bool = True, skew: float = SKEW, roles: tuple[tuple[bytes, int], ...] = (),
          session_key: bytes = b"") -> Signatures:
    keys = [(access_key.encode(), secret.encode(), token.encode(), 0)]
    return Signatures(scheme(region, skew, service, normalizes), keys, list(roles), session_key)


def seconds(stamp: str) -> int:
    """Of "2015-08-30T12:36:00Z" or "20150830T123600Z"."""
    form = "%Y-%m-%dT%H:%M:%SZ" if "-" in stamp else "%Y%m%dT%H%M%SZ"
    return calendar.timegm(time.strptime(stamp, form))
