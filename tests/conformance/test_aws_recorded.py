"""Exchanges recorded against the real service: each definition is served, each request sent, each backend played.

Evidence A is compared with what AWS answered and sent on (aws_snapshot, minus snapshot_skip_paths); of evidence B only
the status and what the recorded test asserts are known to hold: status and body. DIFFERENT names the cases that are
not equal, and why; docs/conformance.md is made of it.
"""

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.conftest import Served
from tests.support.conformance_page import DIFFERENT, page
from tests.support.definition import several
from tests.support.message import Request, Response
from tests.support.process import Gateway
from tests.support.recorded import (
    APIS,
    CASES,
    CONNECTION,
    Skips,
    octets,
    player,
    recorded_from_aws,
    same,
    same_as_emulated,
    same_forwarded,
    same_headers,
    wire_request,
)
from tests.support.upstream import Upstream

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"


def services(url: str) -> dict[str, object]:
    """Every service of AWS is the stub."""
    return {"services": {"default": {"endpoint": url}}, "credentials": {"roles": "own"}}


KEY = "key-of-the-cases"


def keys(api: str) -> dict[str, object]:
    """What opens the stages of an API that requires keys: the one that its cases send."""
    mine = [case for case in CASES if case["api"] == api]
    (value,) = {value for case in mine for name, value in case["request"]["headers"] if name == "x-api-key"}
    stages = [{"api": api, "stage": name} for name in sorted({case["stage"] for case in mine})]
    return {"plans": {"recorded": {"stages": stages}}, "keys": {KEY: {"value": value, "plans": ["recorded"]}}}


@pytest.fixture(scope="module")
def recorded() -> Iterator[Served]:
    """One gateway with every API, each under its own execute-api host."""
    with Upstream() as stub:
        apis: dict[str, dict] = {}
        for case in CASES:
            section = apis.setdefault(
                case["api"], {"definition": f"{case['api']}.json", "id": case["api"], "stages": {}}
            )
            section["stages"][case["stage"]] = {"variables": case["stage_variables"]}
        (keyed,) = (name for name in apis if "securitySchemes" in APIS[name].get("components", {}))
        files: dict[str, object] = {
            "fastgw.yaml": several(apis, domains={}, **keys(keyed), **services(stub.url))
        }
        for name in apis:
            files[f"{name}.json"] = json.dumps(APIS[name]).replace("{{upstream}}", stub.url)
        account = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
        with Gateway(files, env=account) as gateway:
            yield Served(gateway, stub)
            assert stub.unclean == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"].replace(" ", "-"))
def test_aws_recorded(case: dict, recorded: Served) -> None:
    recorded.upstream.clear()
    if case["id"].endswith("test_api_key_required_for_methods#3"):
        recorded.gateway.tell("keys", "disable", KEY)   # as the recorded test did in between
    for call in case["backend"]:
        recorded.upstream.default = player(call)
    answer = recorded.fetch(wire_request(case))
    forwarded = [whole.request for whole in recorded.upstream.whole()]
    try:
        compare(case, answer, forwarded)
    except AssertionError as error:
        if case["id"] not in DIFFERENT:
            raise
        pytest.xfail(f"{DIFFERENT[case['id']]}: {error}")
    assert case["id"] not in DIFFERENT, "equal, and said to differ"


def compare(case: dict, answer: Response, forwarded: list[Request]) -> None:
    assert len(forwarded) == len(case["backend"])
    assert answer.status == case["expected"]["status"]
    if recorded_from_aws(case):
        compare_with_aws(case, answer, forwarded)
    else:
        if forwarded:
            same_as_emulated(forwarded[0], case["backend"][0])
        compare_bodies(case, answer)


def compare_bodies(case: dict, answer: Response) -> None:
    expected = octets(case["expected"]["body"])
    if answer.status >= 400 and expected.startswith(b'{"message"'):
        assert json.loads(answer.body) == json.loads(expected)
    else:
        assert answer.body == expected


def compare_with_aws(case: dict, answer: Response, forwarded: list[Request]) -> None:
    snapshot = next(iter(case["aws_snapshot"].values()))
    skips = Skips.of(case)
    if case.get("aws_service") == ["sqs"]:
        compare_message(case["aws_snapshot"], forwarded[0], skips)
    elif isinstance(snapshot, str):
        assert answer.body.decode() in (snapshot, json.dumps(snapshot))
    elif "etag" in snapshot:
        assert (answer.body, answer.get("etag")) == (content(snapshot["content"]), snapshot["etag"])
    elif case["backend"] and case["backend"][0]["kind"] == "lambda":
        compare_function(snapshot, answer, forwarded[0], skips)
    elif forwarded:
        compare_exchange(snapshot, answer, forwarded[0], skips)
    elif set(snapshot) == {"body", "status_code"}:
        assert answer.status == snapshot["status_code"]
        if isinstance(snapshot["body"], str):
            assert answer.body == content(snapshot["body"])
        else:
            same(snapshot["body"], json.loads(answer.body), skips)
    elif "response-headers" in snapshot:
        same_headers(answer, snapshot["response-headers"], skips, CONNECTION | {"x-amzn-trace-id"})
        assert json.loads(answer.body) == snapshot["body"]
    else:
        same(snapshot, json.loads(answer.body), skips)


def content(text: str) -> bytes:
    """Bytes as the recording writes them."""
    return ast.literal_eval(text)


def compare_exchange(snapshot: dict, answer: Response, request: Request, skips: Skips) -> None:
    """A backend that told what it got."""
    if isinstance(snapshot.get("body"), dict):
        assert answer.status == snapshot.get("status_code", answer.status)
        same(snapshot["body"], json.loads(answer.body), skips)
        return
    got = snapshot.get("content", snapshot)
    same_forwarded(request, got, skips)
    headers = snapshot.get("response-headers") or (snapshot.get("headers") if "content" in snapshot else None)
    if headers:
        same_headers(answer, headers, skips, CONNECTION | {"x-amzn-trace-id"})


def compare_function(snapshot: dict, answer: Response, request: Request, skips: Skips) -> None:
    """A function that answered with its event, or with what the integration response makes of its result."""
    event = json.loads(request.body)
    if "response-headers" in snapshot:
        same(snapshot["headers"], event["headers"], skips)
        same_headers(answer, snapshot["response-headers"], skips, CONNECTION)
    elif "requestContext" in snapshot.get("content", snapshot):
        same(snapshot.get("content", snapshot), event, skips)
    elif "statusCode" in snapshot:
        assert answer.status == snapshot["statusCode"]
        same(snapshot["body"], json.loads(answer.body), skips)
    else:
        same(snapshot, json.loads(answer.body), skips)


def compare_message(snapshots: dict, request: Request, skips: Skips) -> None:
    """What was found in the queue afterwards."""
    if "sqs-messages" in snapshots:
        (message,) = snapshots["sqs-messages"]
        same(message["Body"], json.loads(request.body)["MessageBody"], skips)
        return
    form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    same(snapshots["sqs-message-body"], form["MessageBody"], skips)
    ((name, value),) = snapshots["sqs-message-attributes"].items()
    assert form["MessageAttribute.1.Name"] == name
    assert form["MessageAttribute.1.Value.DataType"] == value["DataType"]
    assert form["MessageAttribute.1.Value.StringValue"] == value["StringValue"]


def test_the_page_is_in_step() -> None:
    """UPDATE_GOLDEN=1 writes it anew."""
    text = page(CASES)
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(text)
    assert PAGE.read_text() == text
