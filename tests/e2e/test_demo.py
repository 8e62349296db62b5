"""`fastgw demo`, which is what `make run` starts: its lines do what they say."""

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from fastgw.cli.demo import LINES
from tests.support.process import ROOT, alive, children, environment


@pytest.fixture
def demo():
    arguments = ["demo", "--listen", "127.0.0.1:0", "--ops", "off", "--workers", "1"]
    command = [sys.executable, "-m", "fastgw", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, env=environment({}), stdout=subprocess.PIPE, text=True)
    calls = []
    while len(calls) < len(LINES):
        line = process.stdout.readline()
        if not line:
            pytest.fail(f"the demo ended with {process.wait()}")
        if "curl" in line:
            calls.append(re.search(r"(http://\S+)(?: -H 'x-api-key: ([^']*)')?(?: --json '([^']*)')?", line).groups())
    family = [process.pid, *children(process.pid)]
    yield calls
    os.kill(process.pid, signal.SIGINT)
    try:
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.stdout.close()
    assert not any(alive(pid) for pid in family)


def ask(url, key, body):
    """As curl asks; --json says what the body is."""
    headers = {"Content-Type": "application/json"} if body else {}
    if key:
        headers["x-api-key"] = key
    asked = urllib.request.Request(url, data=body.encode() if body else None, headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_lines(demo):
    proxied, fixed, refused, keyed, keyless, added, wrong = [ask(*call) for call in demo]
    assert proxied[0] == 200 and "Rex" in proxied[1]
    assert fixed[0] == 200 and "ok" in fixed[1]
    assert refused[0] == 404 and "No such page" in refused[1]
    assert keyed[0] == 200 and "Rex" in keyed[1]
    assert keyless == (403, '{"message":"Forbidden"}')
    assert added[0] == 201 and '"id": "4"' in added[1]
    assert wrong == (400, '{"message":"Invalid request body"}')
