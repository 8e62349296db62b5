"""Replies of functions in pieces (responseTransferMode STREAM): passed on as they come, cut where they break."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import eventually
from tests.support.definition import INTEGRATION, openapi, several
from tests.support.message import Unclean
from tests.support.process import Gateway

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed (Debian: nodejs)")

HANDLER = """\
const { existsSync } = require("node:fs");
const until = async (file) => { while (!existsSync(file)) await new Promise((go) => setTimeout(go, 5)); };

exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
  const what = event.path.slice(1);
  if (what === "early") throw new Error("before the head");
  if (what === "bare") { stream.write("no head at all"); stream.end(); return; }
  if (what === "nothing") return;
  const headers = { "X-A": "1", "Content-Type": "text/event-stream" };
  const head = { statusCode: 201, headers, cookies: ["a=1", "b=2"] };
  const out = awslambda.HttpResponseStream.from(stream, head);
  out.write("first;");
  if (what === "exit") { await until(event.body); process.exit(1); }
  if (what === "throw") { await until(event.body); throw new Error("in the middle"); }
  if (what === "wait") await until(event.body);
  if (what === "large") for (let n = 0; n < 200; n++) out.write(Buffer.alloc(50000, 120));
  out.write("last");
  out.end();
});
exports.whole = async (event) => ({ statusCode: 200, body: "whole" });
"""


def streamed(function: str, mode: str = "STREAM") -> dict:
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/{function}/response-streaming-invocations"
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": uri, "responseTransferMode": mode}
    return {"responses": {}, INTEGRATION: integration}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    function = {"code": ".", "handler": "index.handler", "runtime": "nodejs20.x", "timeout": 30, "memory": 512}
    files = {
        "fastgw.yaml": several(
            {"api": {"definition": "api.json"}},
            functions={"pieces": function, "whole": {**function, "handler": "index.whole"}},
        ),
        "api.json": openapi({"/{what}": {"any": streamed("pieces")}, "/whole": {"get": streamed("whole")}}),
        "index.js": HANDLER,
    }
    with Gateway(files) as running:
        yield running


def post(path: str, body: str = "") -> str:
    return f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n{body}"


def test_pieces_go_out_as_they_come(gateway: Gateway, tmp_path: Path) -> None:
    with gateway.wire() as wire:
        wire.send(post("/wait", str(tmp_path / "go")))
        eventually(lambda: wire._more() and b"first;" in wire.received, "the first piece", 15)
        assert b"last" not in wire.received
        (tmp_path / "go").touch()
        answer = wire.answer("POST")
    assert (answer.status, answer.body, answer.complete) == (201, b"first;last", True)
    assert answer.get("x-a") == "1"
    assert answer.get("content-type") == "text/event-stream"
    assert answer.values("set-cookie") == [b"a=1", b"b=2"]
    assert answer.get("x-amzn-trace-id")


def test_a_large_reply_comes_whole(gateway: Gateway) -> None:
    answer = gateway.fetch(post("/large"))
    assert answer.status == 201
    assert answer.body == b"first;" + b"x" * 10_000_000 + b"last"


@pytest.mark.parametrize("path", ["/early", "/bare", "/nothing", "/whole"])
def test_a_reply_without_a_head_is_malformed(gateway: Gateway, path: str) -> None:
    answer = gateway.fetch(post(path) if path != "/whole" else f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (answer.status, answer.body) == (502, b'{"message":"Internal server error"}')


@pytest.mark.parametrize("path", ["/throw", "/exit"])
def test_a_reply_that_breaks_off_is_cut(gateway: Gateway, path: str, tmp_path: Path) -> None:
    with gateway.wire() as wire:
        wire.send(post(path, str(tmp_path / "go")))
        eventually(lambda: wire._more() and b"first;" in wire.received, "the first piece", 15)
        (tmp_path / "go").touch()
        with contextlib.suppress(Unclean):
            assert not wire.answer("POST").complete
        assert wire.ended


def test_a_client_that_leaves_ends_the_stream_and_not_the_function(gateway: Gateway, tmp_path: Path) -> None:
    with gateway.wire() as wire:
        wire.send(post("/wait", str(tmp_path / "go")))
        eventually(lambda: wire._more() and b"first;" in wire.received, "the first piece", 15)
        wire.reset()
    gateway.wait_idle()
    (tmp_path / "go").touch()
    assert gateway.fetch(post("/other")).body == b"first;last"
