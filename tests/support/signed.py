"""Signed requests for tests: a table of keys, and requests as bytes or as parts."""

import calendar
import hashlib
import hmac
import time
from dataclasses import dataclass, replace

from fastgw._core.probe_signature import Request, Verdict
from fastgw._core.signature_keys import Signatures
from fastgw.parts.aws.sigv4 import canonical_path, canonical_query, canonical_request, signature, string_to_sign
from fastgw.plan.signatures import scheme

SKEW = 300
CHUNKED = b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


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


def parse(text: str | bytes) -> Message:
    """A request as the cases of conformance write it: lines end with LF, one that begins with a blank goes on."""
    text = text.encode() if isinstance(text, str) else text
    head, _, body = text.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    verb, _, rest = first.partition(b" ")
    target = rest.rpartition(b" ")[0]
    path, _, query = target.partition(b"?")
    fields: list[tuple[bytes, bytes]] = []
    for line in lines:
        if line.startswith(b" ") and fields:
            fields[-1] = (fields[-1][0], fields[-1][1] + b"\n" + line)
        else:
            name, _, value = line.partition(b":")
            fields.append((name, value))
    return Message(verb, path, query, tuple(fields), body)


def table(access_key: str, secret: str, token: str = "", *, region: str = "us-east-1", service: str = "execute-api",
          normalizes: bool = True, skew: float = SKEW, roles: tuple[tuple[bytes, int], ...] = (),
          session_key: bytes = b"") -> Signatures:
    keys = [(access_key.encode(), secret.encode(), token.encode(), 0)]
    rows = [(name, most, row) for row, (name, most) in enumerate(roles)]
    return Signatures(scheme(region, skew, service, normalizes), keys, rows, [], session_key)


def seconds(stamp: str) -> int:
    """Of "2015-08-30T12:36:00Z" or "20150830T123600Z"."""
    form = "%Y-%m-%dT%H:%M:%SZ" if "-" in stamp else "%Y%m%dT%H%M%SZ"
    return calendar.timegm(time.strptime(stamp, form))


# --- a signer of our own words, for what botocore does not sign

def sign(message: Message, access_key: str, secret: str, at: int, *, region: str = "us-east-1",
         service: str = "execute-api", digest: bytes | None = None) -> Message:
    """With an Authorization field. digest: the payload's line; None is that of the body."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    message = message.with_field(b"X-Amz-Date", stamp.encode())
    digest = hashlib.sha256(message.body or b"").hexdigest().encode() if digest is None else digest
    path, query = canonical_path(message.path, service), canonical_query(message.query)
    names, canonical = canonical_request(message.verb, path, query, message.fields, digest)
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    mark = signature(secret, scope, string_to_sign(stamp, scope, canonical))
    value = f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names}, Signature={mark}"
    return message.with_field(b"Authorization", value.encode())


def in_chunks(message: Message, pieces: list[bytes], access_key: str, secret: str, at: int, *,
              coding: str = "aws-chunked", **options: str) -> Message:
    """The message with a body of signed chunks."""
    length = str(sum(map(len, pieces))).encode()
    for name, value in ((b"X-Amz-Content-Sha256", CHUNKED), (b"X-Amz-Decoded-Content-Length", length),
                        (b"Content-Encoding", coding.encode())):
        message = message.with_field(name, value)
    message = sign(message, access_key, secret, at, digest=CHUNKED, **options)
    last = dict(message.fields)[b"Authorization"].rpartition(b"=")[2].decode()
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    scope = f"{stamp[:8]}/{options.get('region', 'us-east-1')}/{options.get('service', 'execute-api')}/aws4_request"
    body = b""
    for piece in (*pieces, b""):
        text = "\n".join(("AWS4-HMAC-SHA256-PAYLOAD", stamp, scope, last, hashlib.sha256(b"").hexdigest(),
                          hashlib.sha256(piece).hexdigest()))
        last = signature(secret, scope, text.encode())
        body += f"{len(piece):x};chunk-signature={last}\r\n".encode() + piece + b"\r\n"
    return replace(message, body=body)


def session(key: bytes, role: str, name: str, issued: int, expires: int, access_key: str) -> tuple[str, str]:
    """(secret, token) of a session, by the words of signature_keys.pxd."""
    told = f"fastgw1/{role}/{name}/{issued}/{expires}/{access_key}"
    token = f"{told}/{hmac.digest(key, b'token/' + told.encode(), 'sha256').hex()}"
    return hmac.digest(key, b"secret/" + token.encode(), "sha256").hex()[:40], token
