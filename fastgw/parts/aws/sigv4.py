"""Signature Version 4: signs requests to services.

Source: AWS General Reference, "Signature Version 4 signing process". The canonical forms are those of the request as
it stands on the wire, so path and query are to be percent-encoded as `encoded_path` and `encoded_query` do: a service
decodes what it gets and encodes it again before it compares.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote_from_bytes, unquote_to_bytes

from fastgw.parts.aws.credentials import Credentials

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = b"UNSIGNED-PAYLOAD"
"""Instead of a body's digest, in X-Amz-Content-Sha256: the body is not signed."""

SINGLE_ENCODED = frozenset({"s3", "s3-outposts", "s3-object-lambda", "s3express"})
"""Services whose path is signed as it stands on the wire, neither normalized nor encoded once more, and that want the
body's digest in a header of its own."""

OWN = frozenset({b"authorization", b"x-amz-date", b"x-amz-security-token"})
"""Header fields that signing writes; a request is signed without any of its own."""

_UNRESERVED = "-_.~"
_PLAIN_PATH = re.compile(rb"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?")
"""A path that no normalization or encoding changes."""
_BLANKS = re.compile(rb" +")

Fields = list[tuple[bytes, bytes]]


def sign(method: bytes, host: bytes, path: bytes, query: bytes, headers: Fields, body: bytes,
         credentials: Credentials, region: str, service: str, now: float) -> Fields:
    """The header fields to add to a request. now is unix time.

    Signed are Host, Content-Type and X-Amz-*: what a service may act on. Anything else may change on the way.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    added: Fields = [(b"X-Amz-Date", stamp.encode())]
    if credentials.session_token:
        added.append((b"X-Amz-Security-Token", credentials.session_token.encode()))
    digest = _given_digest(headers)
    if digest is None:
        digest = hashlib.sha256(body).hexdigest().encode()
        if service in SINGLE_ENCODED:
            added.append((b"X-Amz-Content-Sha256", digest))
    signed = [(b"host", host), *(field for field in headers if _is_signed(field[0])), *added]
    names, canonical = canonical_request(method, canonical_path(path, service), canonical_query(query), signed, digest)
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    mark = signature(credentials.secret_key, scope, string_to_sign(stamp, scope, canonical))
    value = f"{ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={mark}"
    added.append((b"Authorization", value.encode()))
    return added


def _given_digest(headers: Fields) -> bytes | None:
    """X-Amz-Content-Sha256 where the request already has it."""
    return next((value for name, value in headers if name.lower() == b"x-amz-content-sha256"), None)


def _is_signed(name: bytes) -> bool:
    name = name.lower()
    return name == b"content-type" or name.startswith(b"x-amz-")


def canonical_request(method: bytes, path: bytes, query: bytes, signed: Iterable[tuple[bytes, bytes]],
                      digest: bytes) -> tuple[str, bytes]:
    """(SignedHeaders, canonical request) of a request whose path and query are canonical."""
    values: dict[bytes, list[bytes]] = {}
    for name, value in signed:
        values.setdefault(name.lower(), []).append(_trimmed(value))
    names = sorted(values)
    fields = b"".join(b"%b:%b\n" % (name, b",".join(values[name])) for name in names)
    listed = b";".join(names)
    return listed.decode(), b"\n".join((method, path, query, fields, listed, digest))


def _trimmed(value: bytes) -> bytes:
    value = value.strip()
    return _BLANKS.sub(b" ", value) if b"  " in value else value


def string_to_sign(stamp: str, scope: str, canonical: bytes) -> bytes:
    return f"{ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}".encode()


def signature(secret: str, scope: str, text: bytes) -> str:
    """scope is date/region/service/aws4_request."""
    return hmac.digest(_key(secret, scope), text, "sha256").hex()


@lru_cache(maxsize=256)
def _key(secret: str, scope: str) -> bytes:
    """The signing key of one day, region and service."""
    key = b"AWS4" + secret.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def canonical_path(path: bytes, service: str) -> bytes:
    """Of a path as it stands on the wire."""
    if service in SINGLE_ENCODED or _PLAIN_PATH.fullmatch(path):
        return path or b"/"
    return quote_from_bytes(_without_dots(path), safe="/" + _UNRESERVED).encode()


def _without_dots(path: bytes) -> bytes:
    """Dot segments resolved and empty ones left out."""
    kept: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            del kept[-1:]
        elif segment not in (b"", b"."):
            kept.append(segment)
    end = b"/" if kept and path.endswith(b"/") else b""
    return b"/" + b"/".join(kept) + end


def canonical_query(query: bytes) -> bytes:
    """Every pair encoded alike and in order."""
    return encoded_query(sorted(_pair(pair) for pair in query.split(b"&") if pair)) if query else b""


def _pair(pair: bytes) -> tuple[bytes, bytes]:
    name, _, value = pair.partition(b"=")
    return encoded(name), encoded(value)


def encoded_query(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Of names and values that are percent-encoded as `encoded` does."""
    return b"&".join(b"%b=%b" % pair for pair in pairs)


def encoded(text: bytes) -> bytes:
    """A name or value of a query in the one spelling that services sign; + stays a plus (%2B)."""
    return quote_from_bytes(unquote_to_bytes(text), safe=_UNRESERVED).encode()


def encoded_text(text: str) -> bytes:
    """The same of a text that is not encoded yet."""
    return quote_from_bytes(text.encode("utf-8", "surrogateescape"), safe=_UNRESERVED).encode()


def encoded_path(path: bytes) -> bytes:
    """A path in the one spelling that services sign; an encoded slash stays one."""
    if _PLAIN_PATH.fullmatch(path):
        return path
    return b"/".join(encoded(segment) for segment in path.split(b"/"))
