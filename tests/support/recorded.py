"""Exchanges recorded against the real service: read, sent, played by a stub, compared."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_plus, urlsplit

from tests.support.message import Request, Response
from tests.support.shared import load
from tests.support.upstream import scripted

CASES: list[dict] = load("conformance/aws_recorded_cases.json")["cases"]
APIS: dict[str, dict] = load("conformance/aws_recorded_apis.json")

ANYTHING = re.compile(r"<[^<>]*>|datetime|1{12}|request-time-epoch")
"""What the recording's authors wrote in place of values that differ from run to run; their account among them."""
STUB_ADDS = frozenset((
    "host", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "x-amzn-tls-cipher-suite",
    "x-amzn-tls-version",
))
"""Request headers that the recording's own backend put in, or that hold its address."""
EDGE = re.compile(r"CloudFront-.*|Via|X-Amz-Cf-Id", re.IGNORECASE)
"""Header fields of the content network in front of the service's edge-optimised endpoints."""
FRAMING = frozenset({"connection", "content-length", "transfer-encoding"})
"""The gateway streams where the service buffers: a chunked request stays chunked, and says so itself."""
TRACE = frozenset({"x-amzn-trace-id", "x-amzn-apigateway-api-id"})
"""Sent by the service, and left out of the older recordings."""
CONNECTION = frozenset({"connection", "content-length", "transfer-encoding", "date"})
"""Response headers that belong to the recording's own connection."""
SIGNED = frozenset({"authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"})
"""What a signature puts on a request to a service; the recordings' were made by an emulator."""


def recorded_from_aws(case: dict) -> bool:
    return case["evidence"].startswith("A")


def octets(body: dict | None) -> bytes:
    """A recorded body."""
    if body is None:
        return b""
    return base64.b64decode(body["b64"]) if "b64" in body else body["text"].encode()


def wire_request(case: dict) -> bytes:
    """The recorded request as bytes; a chunked one without a body has the empty last chunk. What stands behind a "#"
    never left the recording's client.
    """
    request, host = case["request"], f"{case['api']}.execute-api.localhost"
    lines = [f"{request['method']} {request['target'].partition('#')[0]} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in request["headers"]]
    body = octets(request["body"])
    if any(name.lower() == "transfer-encoding" for name, _ in request["headers"]):
        content = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    else:
        content = body
        lines += [f"Content-Length: {len(body)}"] if body else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content


def played(call: dict) -> bytes:
    """What the stub answers in place of the recorded backend."""
    if call["kind"] == "lambda":
        body = json.dumps(call["result"] if call["ok"] else call.get("result", call.get("error"))).encode()
        lines = ["HTTP/1.1 200 OK", "Content-Type: application/json"]
        lines += [] if call["ok"] else ["X-Amz-Function-Error: Unhandled"]
    else:
        reply = call["reply"]
        body = octets(reply["body"])
        lines = [f"HTTP/1.1 {reply['status']} OK"]
        lines += [f"{name}: {value}" for name, value in reply["headers"] if name.lower() != "content-length"]
    return ("\r\n".join([*lines, f"Content-Length: {len(body)}"]) + "\r\n\r\n").encode() + body


def player(call: dict):
    return scripted(played(call))


@dataclass(frozen=True)
class Skips:
    """snapshot_skip_paths: what the recording's authors leave out of the comparison."""

    names: frozenset[str]

    @classmethod
    def of(cls, case: dict) -> "Skips":
        return cls(frozenset(path.rpartition(".")[2].lower() for path in case["snapshot_skip_paths"]))

    def __contains__(self, name: str) -> bool:
        return name.lower() in self.names


def fits(wanted: str, found: object) -> bool:
    """Whether a value is the recorded one, where the recording says anything of it."""
    pieces = [re.escape(piece) for piece in ANYTHING.split(wanted)]
    return re.fullmatch("(?s:.+)".join(pieces), found if isinstance(found, str) else json.dumps(found)) is not None


def differences(wanted: object, found: object, skips: Skips, at: str = "$") -> Iterator[str]:
    """Where found is not what was recorded."""
    if isinstance(wanted, str) and ANYTHING.search(wanted):
        if not fits(wanted, found):
            yield f"{at} is {found!r}, recorded {wanted!r}"
        return
    if isinstance(wanted, dict | list) and isinstance(found, str):
        found = json.loads(found)
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name in sorted({*wanted, *found}):
            if name in skips or EDGE.fullmatch(name):
                continue
            if name not in found:
                yield f"{at}.{name} is missing"
            elif name not in wanted:
                yield f"{at}.{name} is too much: {found[name]!r}"
            else:
                yield from differences(wanted[name], found[name], skips, f"{at}.{name}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from differences(one, other, skips, f"{at}[{number}]")
    elif wanted != found:
        yield f"{at} is {found!r}, recorded {wanted!r}"


def same(wanted: object, found: object, skips: Skips) -> None:
    told = list(differences(wanted, found, skips))
    assert not told, told


def same_headers(seen: Request | Response, wanted: dict[str, str], skips: Skips, left_out: frozenset[str]) -> None:
    for name, value in wanted.items():
        if name in skips or name.lower() in left_out:
            continue
        found = [item.decode("latin-1") for item in seen.values(name)]
        assert len(found) == 1 and fits(value, found[0]), f"{name} of {seen.raw!r}"


def same_forwarded(request: Request, content: dict, skips: Skips) -> None:
    """What the recording's backend says it got."""
    same_headers(request, content["headers"], skips, STUB_ADDS)
    extra = {name for name in request.names() - {name.lower() for name in content["headers"]} if name not in skips}
    assert not extra - STUB_ADDS - TRACE - FRAMING, request.raw
    if "args" in content:
        given: dict[str, list[str]] = {}
        for item in filter(None, request.query.split("&")):
            name, _, value = item.partition("=")
            given.setdefault(unquote_plus(name), []).append(unquote_plus(value))
        assert {name: ",".join(values) for name, values in given.items()} == content["args"]
    if "method" in content:
        assert (request.method, request.path) == (content["method"], content["path"])
    if content.get("data"):
        assert json.loads(request.body) == content["data"]


def same_as_emulated(request: Request, call: dict) -> None:
    """Method, target and body of what an emulator sent to its backend in this case."""
    if call["kind"] == "lambda":
        return
    url = urlsplit(call["url"].replace("{{upstream}}", "http://upstream"))
    assert (request.method, request.path) == (call["method"], url.path)
    assert sorted(filter(None, request.query.split("&"))) == sorted(filter(None, url.query.split("&")))
    if "{{" not in str(call["body"]):
        assert request.body == octets(call["body"])
