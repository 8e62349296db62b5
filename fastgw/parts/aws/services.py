"""An integration's URI -> where the service is, and the request that an action or a path of it stands for."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from fastgw.model.service import DEFAULT, Service, ServiceUri
from fastgw.parts.aws.catalog import CATALOG, PATH, QUERY, Entry
from fastgw.parts.aws.sigv4 import encoded, encoded_path
from fastgw.parts.uri import Uri

SUFFIX = {"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn",
          "aws-eusc": "amazonaws.eu"}
"""Partition -> what the names of its hosts end in."""

GLOBAL = frozenset({"budgets", "cloudfront", "iam", "importexport", "route53", "savingsplans", "waf"})
"""Services that are in one place of a partition, under a name without a region."""

HOME = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1", "aws-eusc": "eusc-de-east-1"}
"""Partition -> the region that requests to its global services are signed for."""

OWN_HOST = {("states", "StartSyncExecution"): "sync-"}
"""Actions that a service answers on a host of its own: what its name begins with."""

S3_ACTIONS = {
    "GetObject": ("GET", "{Bucket}/{Key}"),
    "HeadObject": ("HEAD", "{Bucket}/{Key}"),
    "PutObject": ("PUT", "{Bucket}/{Key}"),
    "DeleteObject": ("DELETE", "{Bucket}/{Key}"),
    "ListObjectsV2": ("GET", "{Bucket}?list-type=2"),
    "ListBuckets": ("GET", ""),
}
"""Actions of S3, which has only paths: Bucket and Key come from the URI (action/GetObject&Bucket=b&Key={key})."""

FORM = (b"Content-Type", b"application/x-www-form-urlencoded")

_PLACEHOLDER = re.compile(rb"\{([A-Za-z0-9._-]+)\}")

Pairs = list[tuple[bytes, bytes]]


class Unfilled(ValueError):
    """A placeholder of a URI has no value in this request, or one that would lead elsewhere."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where a service is asked: uri is its group of upstreams; prefix stands before every path; requests are signed
    for region and signing.
    """

    uri: Uri
    region: str
    signing: str
    prefix: bytes = b""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the URI says of every request.

    method  where the URI tells the verb, else None for the integration's own
    path    with its {name} placeholders
    query   names and values, percent-encoded, with placeholders in the values
    headers that a request has unless something was mapped to them
    kind    the protocol, as catalog.Entry has it
    """

    method: bytes | None
    path: bytes
    query: tuple[tuple[bytes, bytes], ...]
    headers: tuple[tuple[bytes, bytes], ...]
    kind: str


def entry_of(uri: ServiceUri) -> Entry:
    """A service of the catalog may have a dot in its name: "streams.dynamodb"."""
    whole = f"{uri.subdomain}.{uri.service}" if uri.subdomain else uri.service
    return CATALOG.get(whole) or CATALOG.get(uri.service) or Entry(PATH, "", uri.service)


def locate(uri: ServiceUri, services: Mapping[str, Service]) -> Location:
    """services: name -> what the operator says of it. Raises ValueError for a partition without hosts."""
    whole = f"{uri.subdomain}.{uri.service}" if uri.subdomain else uri.service
    own = services.get(whole) or services.get(uri.service) or Service(uri.service)
    default = services.get(DEFAULT) or Service(DEFAULT)
    endpoint, region = own.endpoint or default.endpoint, own.region or default.region or uri.region
    signing = entry_of(uri).signing
    if endpoint:
        scheme, _, authority = endpoint.partition("://")
        # An endpoint is one host: a bucket's name moves from the host into the path, where S3 takes it as well.
        bucket = uri.subdomain.encode() if uri.service == "s3" and uri.subdomain else b""
        return Location(Uri(scheme, authority.lower(), "/", ""), region, signing, b"/" + bucket if bucket else b"")
    if uri.partition not in SUFFIX:
        raise ValueError(f"partition {uri.partition!r} has no hosts of its own here; give the service an endpoint")
    suffix = SUFFIX[uri.partition]
    if uri.service in GLOBAL:
        return Location(Uri("https", f"{whole}.{suffix}", "/", ""), HOME[uri.partition], signing)
    action = uri.rest.partition("&")[0] if uri.kind == "action" else ""
    before = OWN_HOST.get((uri.service, action), "")
    return Location(Uri("https", f"{before}{whole}.{region}.{suffix}".lower(), "/", ""), region, signing)


def shape(uri: ServiceUri) -> Shape:
    """Raises ValueError for an action that the service does not have."""
    entry = entry_of(uri)
    if uri.kind == "path":
        path, _, query = uri.rest.partition("?")
        return Shape(None, b"/" + _open(path.lstrip("/"), encoded_path), tuple(_pairs(query)), (), PATH)
    action, _, parameters = uri.rest.partition("&")
    if not re.fullmatch(r"[A-Za-z0-9]+", action):
        raise ValueError(f"{action!r} is no action of {uri.service}")
    given = _pairs(parameters)
    if uri.service == "s3":
        return _s3(action, given)
    if entry.protocol == PATH:
        raise ValueError(f"{uri.service} has no actions; write {uri.service}:path/PATH")
    if entry.protocol == QUERY:
        named = [(b"Action", action.encode()), (b"Version", entry.target.encode())]
        return Shape(None, b"/", (*named, *given), (FORM,), QUERY)
    headers = ((b"X-Amz-Target", f"{entry.target}.{action}".encode()),
               (b"Content-Type", f"application/x-amz-{entry.protocol}".encode()))
    return Shape(None, b"/", tuple(given), headers, entry.protocol)


def _s3(action: str, given: Pairs) -> Shape:
    if action not in S3_ACTIONS:
        raise ValueError(f"action {action!r} of s3 is not served; served are {', '.join(S3_ACTIONS)}, and s3:path/PATH")
    method, template = S3_ACTIONS[action]
    path, _, query = template.partition("?")
    values = dict(given)

    def value(found: re.Match[bytes]) -> bytes:
        if found[1] not in values:
            raise ValueError(f"action {action} needs {found[1].decode()}; write s3:action/{action}&Bucket=...")
        return values.pop(found[1])

    filled = _PLACEHOLDER.sub(value, path.encode())
    return Shape(method.encode(), b"/" + filled, (*_pairs(query), *values.items()), (), PATH)


def _pairs(text: str) -> Pairs:
    pairs = [pair.partition("=") for pair in text.split("&") if pair]
    return [(encoded(name.encode()), _open(value, encoded)) for name, _, value in pairs]


def fill_path(path: bytes, values: Mapping[str, bytes]) -> bytes:
    """The path of one request. Raises Unfilled.

    A value may be several segments (a key of S3), but none that leads upwards: the gateway's own rights are at stake,
    not the client's.
    """
    if b"{" not in path:
        return path
    filled = _fill(path, values, encoded_path)
    if any(segment in (b".", b"..") for segment in filled.split(b"/")):
        raise Unfilled("a path parameter holds a dot segment")
    return filled


def fill_query(pairs: Iterable[tuple[bytes, bytes]], values: Mapping[str, bytes]) -> Pairs:
    """Raises Unfilled."""
    return [(name, _fill(value, values, encoded) if b"{" in value else value) for name, value in pairs]


def _fill(text: bytes, values: Mapping[str, bytes], encode: Callable[[bytes], bytes]) -> bytes:
    def value(found: re.Match[bytes]) -> bytes:
        given = values.get(found[1].decode())
        if given is None:
            raise Unfilled(f"{found[0].decode()} has no value")
        return encode(given)

    return _PLACEHOLDER.sub(value, text)


def _open(text: str, encode: Callable[[bytes], bytes]) -> bytes:
    """Encoded but for its placeholders."""
    parts = _PLACEHOLDER.split(text.encode())
    return b"".join(b"{%b}" % part if number % 2 else encode(part) for number, part in enumerate(parts))
