"""Exchanges recorded against the real service, for the APIs that need only HTTP_PROXY, fixed MOCK answers, validators.

Evidence A is compared with what AWS answered and sent on (aws_snapshot, minus snapshot_skip_paths); of
evidence B only the status and the body are known to hold.
"""

import json
import re
from collections.abc import Iterator
from urllib.parse import unquote_plus

import pytest

from tests.conftest import Served
from tests.support.definition import several
from tests.support.message import Request, Response
from tests.support.process import Gateway
from tests.support.shared import load
from tests.support.upstream import Upstream, scripted

CASES: list[dict] = load("conformance/aws_recorded_cases.json")["cases"]
APIS: dict[str, dict] = load("conformance/aws_recorded_apis.json")
STUB_ADDS = {
    "host",
    "x-forwarded-for",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-amzn-tls-cipher-suite",
    "x-amzn-tls-version",
    "user-agent",
}
"""Request headers that the recording's own backend put in, or that hold its address."""
FRAMING = {"connection", "content-length", "transfer-encoding"}
"""The gateway streams where the service buffers: a chunked request stays chunked, and says so itself."""
TRACE = {"x-amzn-trace-id", "x-amzn-apigateway-api-id"}
"""Sent by the service, and left out of the older recordings."""
CONNECTION = {"connection", "content-length", "transfer-encoding", "date"}
"""Response headers that belong to the recording's own connection."""


def integrations(node: object) -> list[dict]:
    if isinstance(node, dict):
        own = node.get("x-amazon-apigateway-integration")
        return ([own] if own else []) + [found for value in node.values() for found in integrations(value)]
    if isinstance(node, list):
        return [found for item in node for found in integrations(item)]
    return []


def has_template(node: object) -> bool:
    return bool(re.search(r"[$#]", json.dumps(node)))


def needs(api: dict) -> str | None:
    """The part of the gateway that an API needs and this version does not have."""
    for integration in integrations(api):
        kind = integration["type"].lower()
        if kind == "http":
            return "templates (next issue)"
        if kind in ("aws", "aws_proxy"):
            return "functions and services (later issue)"
        if kind == "mock":
            responses = [response.get("responseTemplates") for response in integration["responses"].values()]
            if has_template(integration.get("requestTemplates")) or has_template(responses):
                return "templates (next issue)"
    if "securitySchemes" in api.get("components", {}):
        return "API keys (later issue)"
    return None


def wire_request(case: dict) -> bytes:
    """The recorded request as bytes; a chunked one without a body has the empty last chunk."""
    request, host = case["request"], f"{case['api']}.execute-api.localhost"
    lines = [f"{request['method']} {request['target']} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in request["headers"]]
    body = (request["body"] or {}).get("text", "").encode()
    if any(name.lower() == "transfer-encoding" for name, _ in request["headers"]):
        content = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    else:
        content = body
        lines += [f"Content-Length: {len(body)}"] if body else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content


def recorded_reply(reply: dict) -> bytes:
    body = reply["body"]["text"].encode()
    lines = [f"HTTP/1.1 {reply['status']} OK"]
    lines += [f"{name}: {value}" for name, value in reply["headers"] if name.lower() != "content-length"]
    return ("\r\n".join([*lines, f"Content-Length: {len(body)}"]) + "\r\n\r\n").encode() + body


def skipped_names(case: dict) -> set[str]:
    """Header names that the recording's authors leave out of the comparison."""
    return {
        path.rpartition("headers.")[2].lower() for path in case["snapshot_skip_paths"] if "headers." in path
    }


def compare_headers(seen: Request | Response, wanted: dict[str, str], skip: set[str]) -> None:
    for name, value in wanted.items():
        if name.lower() in skip:
            continue
        found = [item.decode("latin-1") for item in seen.values(name)]
        if value.startswith("<"):
            assert found, f"{name} is missing from {seen.raw!r}"
        else:
            assert found == [value], f"{name} of {seen.raw!r}"


def compare_forwarded(request: Request, content: dict, skip: set[str]) -> None:
    """What the recording's backend says it got."""
    compare_headers(request, content["headers"], skip | STUB_ADDS)
    extra = request.names() - {name.lower() for name in content["headers"]} - skip - STUB_ADDS - TRACE
    assert not extra - FRAMING, request.raw
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


def compare_with_aws(case: dict, answer: Response, forwarded: list[Request]) -> None:
    (snapshot,) = case["aws_snapshot"].values()
    skip = skipped_names(case)
    if "status_code" in snapshot:
        assert answer.status == snapshot["status_code"]
    if "content" in snapshot:
        compare_forwarded(forwarded[0], snapshot["content"], skip)
    elif "headers" in snapshot and "response-headers" in snapshot:
        compare_forwarded(forwarded[0], {"headers": snapshot["headers"]}, skip)
    headers = snapshot.get("response-headers") or (snapshot.get("headers") if "content" in snapshot else None)
    if headers:
        compare_headers(answer, headers, skip | CONNECTION | {"x-amzn-trace-id"})
    if not case["backend"] and isinstance(snapshot.get("body"), dict):
        assert json.loads(answer.body) == snapshot["body"]
    if not case["backend"] and "body" not in snapshot and "content" not in snapshot:
        assert json.loads(answer.body) == snapshot


@pytest.fixture(scope="module")
def recorded() -> Iterator[Served]:
    """One gateway with every API that can be run, each under its own execute-api host."""
    run = [case for case in CASES if not needs(APIS[case["api"]])]
    with Upstream() as stub:
        apis: dict[str, dict] = {}
        for case in run:
            section = apis.setdefault(
                case["api"], {"definition": f"{case['api']}.json", "id": case["api"], "stages": {}}
            )
            section["stages"][case["stage"]] = {"variables": case["stage_variables"]}
        files: dict[str, object] = {"fastgw.yaml": several(apis, domains={})}
        for name in apis:
            files[f"{name}.json"] = json.dumps(APIS[name]).replace("{{upstream}}", stub.url)
        with Gateway(files) as gateway:
            yield Served(gateway, stub)
            assert stub.unclean == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"].replace(" ", "-"))
def test_aws_recorded(case: dict, request: pytest.FixtureRequest) -> None:
    if missing := needs(APIS[case["api"]]):
        pytest.skip(f"needs {missing}")
    served: Served = request.getfixturevalue("recorded")
    served.upstream.clear()
    for call in case["backend"]:
        served.upstream.default = scripted(recorded_reply(call["reply"]))
    answer = served.fetch(wire_request(case))
    forwarded = [whole.request for whole in served.upstream.whole()]
    assert len(forwarded) == len(case["backend"])
    assert answer.status == case["expected"]["status"]
    if case["evidence"].startswith("A"):
        compare_with_aws(case, answer, forwarded)
    else:
        assert answer.body.decode() == case["expected"]["body"]["text"]


def test_the_share_that_is_run() -> None:
    """Counts what is skipped, and why, so that it can only shrink."""
    reasons = [needs(APIS[case["api"]]) for case in CASES]
    counted = {reason: reasons.count(reason) for reason in set(reasons)}
    assert counted == {
        None: 19,
        "templates (next issue)": 33,
        "functions and services (later issue)": 90,
        "API keys (later issue)": 3,
    }
