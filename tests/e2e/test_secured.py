"""`fastgw demo secured`: its lines, asked with curl as they are printed; and its secrets are told nowhere."""

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fastgw.cli.demo import SECURED_LINES
from tests.support.process import ROOT, UnixHTTP, alive, children, environment

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed (apt install curl)")

OPS = ("/metrics", "/upstreams", "/routes", "/config", "/firewall", "/keys", "/plans", "/usage", "/healthz",
       "/readyz", "/live")


@dataclass(frozen=True, slots=True)
class Demo:
    lines: list[str]
    folder: Path
    ops: str
    output: Path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("secured") / "secured"
    shutil.copytree(ROOT / "examples" / "secured", folder, ignore=shutil.ignore_patterns("keys"))
    ops, output = str(folder / "ops.sock"), folder / "output.txt"
    command = [sys.executable, "-m", "fastgw", "demo", "secured", "--example", str(folder), "--workers", "1",
               "--listen", "127.0.0.1:0 tls", "--ops", f"unix:{ops}", "--set", "log_level=debug"]
    lines: list[str] = []
    with output.open("w") as told:
        process = subprocess.Popen(command, cwd=ROOT, env=environment({}), stdout=subprocess.PIPE, stderr=told,
                                   text=True)
        while len(lines) < len(SECURED_LINES):
            line = process.stdout.readline()
            if not line:
                pytest.fail(f"the demo ended with {process.wait()}:\n{output.read_text()}")
            if line.startswith("  curl "):
                lines.append(line.partition("  # ")[0].strip())
    family = [process.pid, *children(process.pid)]
    yield Demo(lines, folder, ops, output)
    os.kill(process.pid, signal.SIGINT)
    try:
        assert process.wait(30) == 0, output.read_text()
    finally:
        process.kill()
        process.stdout.close()
    assert not any(alive(pid) for pid in family)


def asked(line: str) -> tuple[int, str]:
    """Status and body of what a line of the demo gets, in a shell as its reader has one."""
    done = subprocess.run(["sh", "-c", f"{line} --silent --show-error --max-time 20"], capture_output=True, text=True,
                          timeout=30)
    assert done.returncode == 0, (line, done.stderr)
    head, _, body = done.stdout.replace("\r\n", "\n").partition("\n\n")
    return int(head.split()[1]), body


EXPECTED = (
    (200, '"authorizer":null'),
    (401, '{"message":"Unauthorized"}'),
    (200, '"sub":"kim"'),
    (200, '"pass":"front-door"'),
    (403, '{"message":"Forbidden"}'),
    (200, "user/alice"),
    (403, '{"message":"Forbidden"}'),
    (200, "partner"),
    (403, "Forbidden"),
)


def test_the_lines(demo: Demo) -> None:
    for line, (status, words) in zip(demo.lines, EXPECTED, strict=True):
        got, body = asked(line)
        assert (got, words in body.replace(" ", "")) == (status, True), (line, got, body)


def test_without_its_certificate_a_partner_is_nobody(demo: Demo) -> None:
    line = next(line for line in demo.lines if "--cert" in line)
    done = subprocess.run(["sh", "-c", re.sub(r"--cert \S+ --key \S+", "", line)], capture_output=True, text=True,
                          timeout=30)
    assert done.returncode != 0 or " 421 " in done.stdout.splitlines()[0]


def test_secrets_are_told_nowhere(demo: Demo) -> None:
    """Not by the log, the metrics, nor anything that the ops listener answers."""
    for line in demo.lines:
        asked(line)
    keys = demo.folder / "keys"
    token = (keys / "token.txt").read_text()
    planted = {"token": token, "its signature": token.rpartition(".")[2], "secret": (keys / "alice.secret").read_text(),
               "pass": "front-door", "server's key": (keys / "server.key").read_text().splitlines()[1]}
    told = {"output": demo.output.read_text()}
    for path in OPS:
        connection = UnixHTTP(demo.ops)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            told[path] = answer.read().decode()
        except http.client.HTTPException as error:
            pytest.fail(f"{path}: {error!r}")
        finally:
            connection.close()
    assert 'fastgw_requests_total' in told["/metrics"]
    found = {(name, place) for name, secret in planted.items() for place, text in told.items() if secret in text}
    assert not found
