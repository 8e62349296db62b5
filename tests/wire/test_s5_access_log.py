"""The access log: one valid line for each request, whatever bytes came in (trial S5)."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.dom import minidom

import pytest

from tests.support.client import Wire, eventually, get
from tests.support.definition import mock, openapi, proxy, several
from tests.support.latin import ONE_AS_LATIN1
from tests.support.process import Gateway
from tests.support.upstream import Upstream, pause

XML = (
    '<request id="$context.requestId" path="$context.path" agent="$context.identity.userAgent">'
    "$context.status</request>"
)
CSV = '$context.requestId,"$context.path","$context.identity.userAgent",$context.status'
LOGS = {
    "json": {"preset": "json"},
    "aws": {"preset": "aws"},
    "clf": {"preset": "clf"},
    "combined": {"preset": "combined"},
    "xml": {"format": XML},
    "csv": {"format": CSV},
}
SECRETS = ("Authorization: Bearer open-sesame-1", "X-Api-Key: open-sesame-2", "Cookie: sid=open-sesame-3")
SECRET_QUERY = "token=open-sesame-4"

HOSTILE = {
    "quotes": b"a\"b'c\\d",
    "json": b'","status":200,"x":"',
    "xml": b"--><a>&amp;&lt;]]>",
    "utf-8": "é 日本 \U0001f600".encode(),
    "u+2028": "a\u2028b\u2029c\u0085d\u202ee\ufefff\u200bg".encode(),
    "lone surrogate": b"\xed\xa0\x80 \xed\xbf\xbf",
    "not utf-8": bytes(range(0x80, 0x100)),
    "overlong": b"\xc0\xaf\xe0\x80\xaf\xf4\x90\x80\x80",
    "tab": b"a\tb",
    "long": b"Mozilla " * 1500,
    "long and not utf-8": b"\xff" * 12_000,
    "percent": b"%s%n%d%%",
    "variable": b"$context.requestId ${jndi:ldap://x}",
}
REFUSED = {
    "escape": b"GET /a HTTP/1.1\r\nHost: a\r\nUser-Agent: \x1b[31mred\x1b]0;x\x07\r\n\r\n",
    "bare cr": b"GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n",
    "bare lf": b"GET /a HTTP/1.1\r\nHost: a\r\nX: 1\n2\r\n\r\n",
    "nul": b"GET /a HTTP/1.1\r\nHost: a\r\nUser-Agent: a\0b\r\n\r\n",
    "delete": b"GET /a\x7f\x08 HTTP/1.1\r\nHost: a\r\n\r\n",
    "high path": b"GET /\x80\xff\xe2\x80\xa8 HTTP/1.1\r\nHost: a\r\n\r\n",
    "quoted path": b'GET /"\\\' HTTP/1.1\r\nHost: a\r\n\r\n',
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)),
    "method": b"\"GET\" / HTTP/1.1\r\nHost: a\r\n\r\n",
    "long path": b"GET /" + b"a%22" * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "query": b"GET /a?token=open-sesame-5 HTTP/1.1\r\nHost: a\r\nBad\x01: x\r\n\r\n",
}


@dataclass
class Logged:
    gateway: Gateway
    upstream: Upstream

    def text(self, name: str) -> bytes:
        return (self.gateway.folder / f"{name}.log").read_bytes()

    def lines(self, name: str, before: int, count: int = 1) -> list[bytes]:
        """The lines after the first `before` bytes, once there are `count`."""
        eventually(lambda: self.text(name)[before:].count(b"\n") >= count, f"{count} lines in {name}.log")
        text = self.text(name)[before:]
        assert text.endswith(b"\n") and text.count(b"\n") == count, text
        return text.split(b"\n")[:-1]


@pytest.fixture(scope="module")
def logged() -> Iterator[Logged]:
    with Upstream(record=False) as stub:
        stub.behaviours["/slow"] = pause(30)
        document = openapi(
            {
                "/fixed/{id}": {"any": mock(200, '{"a":1}')},
                "/up/{id}": {"any": proxy(f"{stub.url}/up")},
                "/slow": {"any": proxy(f"{stub.url}/slow")},
            }
        )
        stages = {name: {"log": {**log, "file": f"{name}.log"}} for name, log in LOGS.items()}
        file = several(
            {"pets": {"definition": "api.json", "stages": stages}},
            domains={"gw.test": [{"api": "pets"}]},
            log={"preset": "json", "file": "none.log"},
        )
        with Gateway({"fastgw.yaml": file, "api.json": document}) as gateway:
            yield Logged(gateway, stub)


def clean(line: bytes) -> str:
    """The line as text; no byte of it moves a cursor or ends a line for any reader."""
    assert len(line) < 65_536
    text = line.decode()
    assert text.splitlines() == [text]
    assert not re.search("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]", text)
    return text


QUOTED = re.compile(r'"[^"]*"|\[[^\]]*\]|[^" ]+')


def read(name: str, line: bytes) -> dict[str, object]:
    """What the line says of path, agent and status."""
    text = clean(line)
    if name == "json":
        found = json.loads(text)
        return {"path": found["path"], "agent": found["userAgent"], "status": found["status"]}
    if name == "aws":
        found = json.loads(text)
        return {"status": int(found["status"])}
    if name == "xml":
        root = minidom.parseString(text).documentElement
        return {"agent": root.getAttribute("agent"), "status": int(root.firstChild.data)}
    if name == "csv":
        assert text.count('"') == 4 and text.count("\n") == 0
        _, path, agent, status = re.fullmatch(r'([^,]*),"([^"]*)","([^"]*)",(.*)', text).groups()
        return {"path": path, "agent": agent, "status": int(status)}
    fields = QUOTED.findall(text)
    assert len(fields) == {"clf": 7, "combined": 9}[name], text
    return {"status": int(fields[5]), "path": fields[4].split(" ")[1]}


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("kind", HOSTILE)
def test_s5_one_valid_line(logged: Logged, name: str, kind: str) -> None:
    before = len(logged.text(name))
    agent = HOSTILE[kind]
    sent = b"".join(
        (
            f"GET /{name}/up/%22%0d%0a%1b?{SECRET_QUERY} HTTP/1.1\r\nHost: gw.test\r\n".encode(),
            b"Referer: http://r/" + agent[:2000] + b"\r\nUser-Agent: " + agent + b"\r\n\r\n",
        )
    )
    with Wire(logged.gateway.port) as wire:
        status = wire.request(sent).status
    (line,) = logged.lines(name, before)
    found = read(name, line)
    assert found["status"] == status
    assert found.get("path", f"/{name}/up/%22%0d%0a%1b") == f"/{name}/up/%22%0d%0a%1b"
    if name == "json" and len(agent) < 1500:
        assert found["agent"] == agent.decode(errors=ONE_AS_LATIN1)
    if len(agent) > 10_000 and "agent" in found:
        assert found["agent"].endswith("[cut]") and len(found["agent"]) < 4000


@pytest.mark.parametrize("kind", REFUSED)
def test_s5_refused(logged: Logged, kind: str) -> None:
    """What reaches no stage is in the gateway's own log."""
    before = len(logged.text("none"))
    with Wire(logged.gateway.port) as wire:
        wire.deliver([REFUSED[kind]])
        status = wire.answer().status
    (line,) = logged.lines("none", before)
    assert status >= 400 and read("json", line)["status"] == status
    found = json.loads(line)
    assert found["stage"] is None and found["errorMessage"] and found["ip"] == "127.0.0.1"
    assert found["requestId"]


def test_s5_a_path_in_many_segments(logged: Logged) -> None:
    before = len(logged.text("none"))
    with Wire(logged.gateway.port) as wire:
        wire.deliver([b"GE", b"T /a/b", b"c?token=open-sesame-6 HT", b"TP/1.1\r\nUser-Agent: x\r\n\r\n"])
        assert wire.answer().status == 400
    (line,) = logged.lines("none", before)
    assert (json.loads(line)["path"], json.loads(line)["httpMethod"]) == ("/a/bc", "GET")


def test_nothing_of_an_earlier_request_is_in_a_line(logged: Logged) -> None:
    """An exchange's memory is used again: a head that was refused has no field of its predecessor."""
    before = len(logged.text("none"))
    for _ in range(3):
        logged.gateway.fetch(get("/json/fixed/predecessor", "User-Agent: predecessor"))
        with Wire(logged.gateway.port) as wire:
            wire.send(b"\x16\x03")
            assert wire.answer().status == 400
    for line in logged.lines("none", before, 3):
        assert b"predecessor" not in line


def test_one_line_for_each_of_many(logged: Logged) -> None:
    before = len(logged.text("json"))
    kinds = [("/json/fixed/1", 200), ("/json/up/1", 200), ("/json/nowhere", 403)] * 100
    with Wire(logged.gateway.port) as wire:
        wire.send(b"".join(get(path) for path, _ in kinds))
        ids = [wire.answer().get("x-amzn-requestid") for _ in kinds]
    found = [json.loads(line) for line in logged.lines("json", before, len(kinds))]
    assert [(line["path"], line["status"]) for line in found] == kinds
    assert [line["requestId"] for line in found] == ids


def test_an_aborted_request_is_499(logged: Logged) -> None:
    before = len(logged.text("json"))
    wire = Wire(logged.gateway.port)
    wire.send(get("/json/slow"))
    eventually(lambda: logged.gateway.live()["upstreams"] > 0, "the request upstream")
    wire.reset()
    (line,) = logged.lines("json", before)
    found = json.loads(line)
    assert (found["status"], found["integrationStatus"], found["responseLength"]) == (499, None, 0)


def test_numbers(logged: Logged) -> None:
    before = len(logged.text("json"))
    logged.gateway.fetch(get("/json/up/1", method="POST", body=b"x" * 5000))
    logged.gateway.fetch(get("/json/up/1", method="HEAD"))
    posted, headed = (json.loads(line) for line in logged.lines("json", before, 2))
    assert (posted["responseLength"], posted["integrationStatus"]) == (5000, 200)
    assert 0 <= posted["integrationLatency"] <= posted["responseLatency"]
    assert headed["responseLength"] == 0


def test_no_secret_is_in_any_log(logged: Logged) -> None:
    for name in LOGS:
        before = len(logged.text(name))
        logged.gateway.fetch(get(f"/{name}/up/1?{SECRET_QUERY}", f"Referer: http://r/?{SECRET_QUERY}", *SECRETS))
        logged.lines(name, before)
    for path in logged.gateway.folder.glob("*.log"):
        assert b"open-sesame" not in path.read_bytes(), path
