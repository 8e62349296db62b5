"""`fastgw demo notes`: IAM role, required query parameters, input to DynamoDB call, result to API response.

And the same by a Lambda function.
"""

import importlib.util
import json
import os
import shlex
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from fastgw.cli.demo import NOTES_LINES
from tests.support.process import ROOT, alive, children, environment
from tests.support.services import dynalite, moto


class Notes:
    """A running demo, by its URL."""

    def __init__(self, calls: list[list[str]], url: str, way: str = "") -> None:
        self.calls, self.url, self.way = calls, url, way

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict]:
        data = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        asked = urllib.request.Request(f"{self.url}{self.way}{path}", data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(asked, timeout=20) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())


@pytest.fixture(scope="module", params=["moto", "dynalite"])
def demo(request: pytest.FixtureRequest) -> Iterator[Notes]:
    {"moto": moto, "dynalite": dynalite}[request.param]()       # skips where it is not installed
    command = [sys.executable, "-m", "fastgw", "demo", "notes", "--store", request.param, "--listen", "127.0.0.1:0",
               "--ops", "off", "--workers", "1"]
    bare = {name: value for name, value in environment({}).items() if not name.startswith("AWS_")}
    process = subprocess.Popen(command, cwd=ROOT, env=bare, stdout=subprocess.PIPE, text=True)
    calls: list[list[str]] = []
    while len(calls) < len(NOTES_LINES):
        line = process.stdout.readline()
        if not line:
            pytest.fail(f"the demo ended with {process.wait()}")
        if "curl" in line:
            calls.append(shlex.split(line.partition("  # ")[0]))
    family = [process.pid, *children(process.pid)]
    url = next(word for word in calls[0] if word.startswith("http"))
    yield Notes(calls, url.partition("/notes")[0])
    os.kill(process.pid, signal.SIGINT)
    try:
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.stdout.close()
    assert not any(alive(pid) for pid in family)


@pytest.fixture(params=["", "/by-function"], ids=["templates", "function"])
def notes(request: pytest.FixtureRequest, demo: Notes) -> Notes:
    """Each way to the table; the first leaves it as it found it."""
    if request.param and importlib.util.find_spec("boto3") is None:
        pytest.skip("boto3 is not installed (pip install .[dev])")
    return Notes(demo.calls, demo.url, request.param)


def given(words: list[str]) -> tuple[str, str, object]:
    """Method, path and body of a line, as curl would send them."""
    url = next(word for word in words if word.startswith("http"))
    method = words[words.index("-X") + 1] if "-X" in words else "GET"
    body = json.loads(words[words.index("--json") + 1]) if "--json" in words else None
    return method, "/" + url.split("/", 3)[3].removeprefix("by-function/"), body


def test_the_lines(notes: Notes) -> None:
    answers = [notes.ask(*given(call)) for call in notes.calls]
    milk = {"author": "kim", "id": "1", "text": "milk"}
    assert answers == [
        (200, {"message": "done"}),
        (200, {"message": "done"}),
        (200, milk),
        (200, milk),
        (400, {"message": "Missing required request parameters: [author]"}),
        (200, {"notes": [milk], "next": {"author": "kim", "after": "1"}}),
        (200, {"message": "done"}),
        (404, {"message": "no such note"}),
        (200, {"message": "done"}),
        (200, {"notes": [milk | {"text": "oat milk"}]}),
    ]
    assert notes.ask("DELETE", "/notes/1?author=kim") == (200, {"message": "done"})


def test_a_note_that_is_not_there(notes: Notes) -> None:
    assert notes.ask("GET", "/notes/none?author=kim") == (404, {"message": "no such note"})
    assert notes.ask("DELETE", "/notes/none?author=kim") == (200, {"message": "done"})


@pytest.mark.parametrize("path", ["/notes", "/notes?author=", "/notes/1", "/notes/1?author=%20"])
def test_the_author_is_required(notes: Notes, path: str) -> None:
    assert notes.ask("GET", path) == (400, {"message": "Missing required request parameters: [author]"})


def test_a_note_is_checked(notes: Notes) -> None:
    for body in ({}, {"text": ""}, {"text": "a", "more": 1}, {"text": 5}):
        assert notes.ask("PUT", "/notes/1?author=ann", body) == (400, {"message": "Invalid request body"})


@pytest.mark.parametrize("text", [
    'a "quoted" line\nand another\t\\', "it's", "ümläut €", '", "id": {"S": "other"}, "x": {"S": "', "#if(true)$x#end",
    "${stageVariables.table}", "</script>", "\u2028",
])
def test_no_text_breaks_out_of_its_place(notes: Notes, text: str) -> None:
    assert notes.ask("PUT", "/notes/odd?author=ann", {"text": text})[0] == 200
    assert notes.ask("GET", "/notes/odd?author=ann") == (200, {"author": "ann", "id": "odd", "text": text})
    assert notes.ask("DELETE", "/notes/odd?author=ann")[0] == 200


def test_no_name_breaks_out_of_its_place(notes: Notes) -> None:
    path = "/notes/a%22b'c%20%C3%BC?author=x%22,%22y"
    assert notes.ask("PUT", path, {"text": "t"})[0] == 200
    assert notes.ask("GET", path) == (200, {"author": 'x","y', "id": "a\"b'c ü", "text": "t"})
    assert notes.ask("DELETE", path)[0] == 200
    assert notes.ask("GET", path)[0] == 404


def test_every_page(notes: Notes) -> None:
    wanted = [f"{number:02}" for number in range(7)]
    for number in wanted:
        assert notes.ask("PUT", f"/notes/{number}?author=pat", {"text": number})[0] == 200
    for path in ("/notes?author=pat&limit=3", "/everything?limit=3"):
        found: list[str] = []
        after = ""
        for _ in range(20):
            status, page = notes.ask("GET", path + after)
            assert status == 200
            assert len(page["notes"]) <= 3
            found += [note["id"] for note in page["notes"] if note["author"] == "pat"]
            if "next" not in page:
                break
            author = "" if path.startswith("/notes") else f"&author={page['next']['author']}"
            after = f"{author}&after={page['next']['after']}"
        assert sorted(found) == wanted
    for number in wanted:
        assert notes.ask("DELETE", f"/notes/{number}?author=pat")[0] == 200
