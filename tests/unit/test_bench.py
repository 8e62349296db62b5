"""The comparison's own parts: origin, checks, processes, wrk's figures, README's table."""

import contextlib
import dataclasses
import http.client
import json
import shutil
import socket
import subprocess
import sys
import time

import pytest

from bench import openloop, origin, report
from bench.compare import check, load, process, works
from bench.compare.process import Process
from bench.compare.site import Site, free_port

needs_origin = pytest.mark.skipif(origin.missing() is not None, reason=str(origin.missing()))
needs_wrk = pytest.mark.skipif(load.missing() is not None, reason=str(load.missing()))


@pytest.fixture(scope="module")
def origin_port(tmp_path_factory):
    folder = tmp_path_factory.mktemp("origin")
    port = free_port()
    with Process([str(origin.build(folder)), str(port)], 0, folder / "log"):
        deadline = time.monotonic() + 5
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield port


def site(port, folder):
    return Site(folder, port, 0, port, works.PROXY)


def exchange(port, pieces):
    """Send pieces with a pause between; all bytes that come back within a moment."""
    with socket.create_connection(("127.0.0.1", port), timeout=2) as client:
        for piece in pieces:
            client.sendall(piece)
            time.sleep(0.02)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


@needs_origin
def test_origin_answers_requests_in_pieces_and_pipelined(origin_port):
    head = b"POST /a HTTP/1.1\r\nHost: o\r\nContent-Length: 5\r\n\r\n"
    got = exchange(origin_port, [head[:10], head[10:] + b"he", b"lloGET /b HTTP/1.1\r\nHost: o\r\n\r\n"])
    first, second = got.split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert first.endswith(b"\r\n\r\n" + origin.POST_BODY)
    assert second.endswith(b"\r\n\r\n" + origin.GET_BODY)
    assert f"Content-Length: {len(origin.POST_BODY)}\r\n".encode() in first
    assert f"Content-Length: {len(origin.GET_BODY)}\r\n".encode() in second


@needs_origin
def test_origin_refuses_what_it_cannot_frame(origin_port):
    request = b"POST /a HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert exchange(origin_port, [request]).startswith(b"HTTP/1.1 501 ")


@needs_origin
def test_origin_says_what_it_got(origin_port):
    request = b"POST /echo/x HTTP/1.1\r\nHost: o\r\nContent-Length: 2\r\n\r\nhi"
    first, second = exchange(origin_port, [request, request]).split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert first.endswith(b"X-Connection-Requests: 1\r\n\r\n" + request)
    assert second.endswith(b"X-Connection-Requests: 2\r\n\r\n" + request)


@needs_origin
def test_right_answers_pass(origin_port, tmp_path):
    for work in (works.PROXY, works.POST):
        check.right(site(origin_port, tmp_path), work)


@needs_origin
@pytest.mark.parametrize(
    ("work", "complaint"),
    [
        (works.FIXED, 'body b\'{"message":"hello'),
        (dataclasses.replace(works.PROXY, path="/echo"), "body b'GET /echo"),
        (works.routes(10), 'body b\'{"message":"hello'),
    ],
)
def test_wrong_answers_are_named(origin_port, tmp_path, work, complaint):
    with pytest.raises(check.WrongAnswer) as refusal:
        check.right(site(origin_port, tmp_path), work)
    assert complaint in str(refusal.value)


def test_a_closing_target_is_refused():
    near, far = socket.socketpair()
    with near, far:
        far.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        connection = http.client.HTTPConnection("unused")
        connection.sock = near
        with pytest.raises(check.WrongAnswer, match="closes the connection"):
            check.ask(connection, "GET", "/")


def test_a_target_that_ends_is_reported_with_its_last_words(tmp_path):
    ended = Process(["sh", "-c", "echo no such option; exit 3"], 0, tmp_path / "log")
    with ended, pytest.raises(check.WrongAnswer, match="no such option"):
        check.ready(ended, free_port(), 5)


def test_stop_leaves_no_descendant(tmp_path):
    script = "trap '' TERM; sh -c 'trap \"\" TERM; while :; do sleep 30; done' & wait"
    running = Process(["sh", "-c", script], 0, tmp_path / "log")
    deadline = time.monotonic() + 5
    while len(running.tree()) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    family = running.tree()
    assert len(family) >= 3
    assert process.cpu(family).total < 5
    assert process.memory(family).rss >= process.memory(family[:1]).pss > 0
    running.stop(patience=0.2)
    assert [pid for pid in family if process.start_time(pid)] == []


def test_stop_finds_who_outlived_its_parent(tmp_path):
    running = Process(["sh", "-c", "sleep 60 & sleep 60 & exit 0"], 0, tmp_path / "log")
    running.popen.wait(timeout=5)
    orphans = running.tree()
    assert len(orphans) == 2
    running.stop(patience=0.2)
    assert [pid for pid in orphans if process.start_time(pid)] == []


def test_cpu_counts_what_a_process_burns(tmp_path):
    with Process(["sh", "-c", "while :; do :; done"], 0, tmp_path / "log") as busy:
        before = process.cpu(busy.tree())
        deadline = time.monotonic() + 20
        while (process.cpu(busy.tree()) - before).total < 0.05:
            assert time.monotonic() < deadline
            time.sleep(0.05)


WRK = {"requests": 10, "microseconds": 2_000_000, "p50": 5, "p99": 9, "max": 9}
CLEAN = dict.fromkeys(load.ERRORS, 0)


def test_outcome_is_read():
    text = "Running 2s test\n" + json.dumps(WRK | CLEAN) + "\n"
    assert load.outcome(text) == load.Outcome(10, 2.0, 5, 9)


@pytest.mark.parametrize("text", ["unable to connect", json.dumps(WRK | CLEAN | {"requests": 0})])
def test_no_result_is_a_failed_load(text):
    with pytest.raises(load.LoadFailed):
        load.outcome(text)


@pytest.mark.parametrize("kind", load.ERRORS)
def test_any_error_is_a_failed_load(kind):
    with pytest.raises(load.LoadFailed, match=kind):
        load.outcome(json.dumps(WRK | CLEAN | {kind: 1}))


@needs_wrk
@needs_origin
def test_load_posts_what_the_work_says(origin_port):
    with load.Load(works.POST, origin_port, 1, 1, 0) as running:
        assert running.finish().requests > 0


@needs_wrk
@needs_origin
@pytest.mark.parametrize(
    ("script", "given"),
    [
        ("get_mix.lua", ["/a", "/b"]),
        ("post_json.lua", ["/a", "1024"]),
        ("pipeline.lua", ["/a", "8"]),
        ("random_routes.lua", ["/v1/service-%d/items/42", "100"]),
    ],
)
def test_wire_scripts_run(origin_port, script, given):
    wrk = ["wrk", "-t1", "-c2", "-d1s", "-s", str(report.HOME / "bench" / "wire" / script)]
    command = [*wrk, f"http://127.0.0.1:{origin_port}", "--", *given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert " requests in " in done.stdout, done.stdout + done.stderr
    assert "Non-2xx" not in done.stdout
    assert "Socket errors" not in done.stdout


def run(target, turn, cpu_user, work="fixed", count=0, held=0):
    return {
        "work": work, "count": count, "connections": 64, "target": target, "round": turn, "held": held,
        "requests": 1_000_000, "seconds": 2.0, "cpu_user": cpu_user, "cpu_system": 0.0, "other_cpu": 0.1,
        "p50": 400, "p99": 1200, "rss": 20 * 2**20, "pss": 10 * 2**20,
    }  # fmt: skip


RESULT = {
    "started": "2001-02-03T04:05:06+00:00",
    "command": "python -m bench.compare",
    "options": {"rounds": 3, "seconds": 2},
    "machine": {"cpu": "Some CPU", "cores": 2, "kernel": "6.1"},
    "versions": {"nginx": "1.0"},
    "absent": {"envoy": "envoy is not installed"},
    "refused": [{"work": "post", "target": "haproxy", "reason": "status 500\nmore"}],
    "runs": [
        # The machine slows down in the last rounds: ratios of one round stay, medians of each would not.
        *[run("fastgw", turn, cost) for turn, cost in enumerate((6.0, 12.0, 12.0))],
        *[run("nginx", turn, cost) for turn, cost in enumerate((8.0, 16.0, 8.0))],
        run("nginx", 0, 8.0, "routes", 10),
        run("nginx", 0, 10.0, "routes", 1000),
        run("nginx", 0, 8.0, "idle"),
        run("nginx", 0, 9.0, "idle", held=1000),
    ],
    "idle": [{"target": "nginx", "held": 1000, "alive": 1000, "pss_before": 0, "pss_after": 512_000}],
}


def test_report_renders_medians_and_ratios_of_the_same_round():
    text = report.rendered(RESULT)
    for line in (
        "| work | fastgw | nginx |",
        "| fixed, 64 connections | 12.0 (0.75) | 8.0 |",
        "| fixed, 64 connections | 500,000 | 500,000 |",
        "| fixed, 64 connections | 0.40 / 1.20 | 0.40 / 1.20 |",
        "| fixed, 64 connections | 20 / 10 | 20 / 10 |",
        "| 10 | 8.00 (1.00) |",
        "| 1,000 | 10.00 (1.25) |",
        "| nginx | 1,000 | 0.50 | 1.12 |",
        "Left out: envoy (envoy is not installed).",
        "Refused: haproxy at post (status 500).",
        "Repeat with `python -m bench.compare`.",
    ):
        assert line in text.splitlines()


def test_newest_is_the_one_started_last(tmp_path):
    assert report.newest(tmp_path) is None
    for name, started in (("b", "2001-01-01T00:00:00+00:00"), ("a", "2001-01-02T00:00:00+00:00")):
        (tmp_path / f"{name}.json").write_text(json.dumps({"started": started}))
    assert report.newest(tmp_path) == {"started": "2001-01-02T00:00:00+00:00"}


def test_table_is_placed_between_the_markers():
    text = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    assert report.placed(text, "new") == f"before\n{report.BEGIN}\nnew\n{report.END}\nafter\n"
    with pytest.raises(ValueError, match="no markers"):
        report.placed("no marker", "new")


@pytest.mark.skipif(not report.README.exists(), reason="this copy of the tree has no README.md")
def test_readme_shows_the_newest_result():
    text = report.README.read_text()
    assert text == report.placed(text, report.whole())


@pytest.mark.skipif(not shutil.which("gcc"), reason="gcc is not installed")
def test_origin_compiles_without_a_warning(tmp_path):
    command = ["gcc", "-O2", *origin.WARNINGS, "-Wconversion", "-o", tmp_path / "origin", origin.SOURCE]
    assert subprocess.run(command, capture_output=True, timeout=60).stderr == b""


CLOSING_SERVER = """
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as listening:
    print(listening.getsockname()[1], flush=True)
    for number in range(1_000_000):
        client, _ = listening.accept()
        with client:
            served = 0
            while (data := client.recv(65536)) and served < 5:
                for _ in range(data.count(b"\\r\\n\\r\\n")):
                    served += 1
                    close = b"Connection: close\\r\\n" if served == 5 and number % 2 else b""
                    client.sendall(b"HTTP/1.1 200 OK\\r\\n" + close + b"Content-Length: 2\\r\\n\\r\\nok")
"""


def test_the_open_loop_counts_every_answer_of_a_server_that_closes(tmp_path):
    """It closes after five answers, with and without a word; then the idle one is asked again on a new connection."""
    program = openloop.build(tmp_path)
    with subprocess.Popen([sys.executable, "-c", CLOSING_SERVER], stdout=subprocess.PIPE, text=True) as server:
        port = int(server.stdout.readline())
        try:
            seen = openloop.load(program, port, 100, 1, 1, openloop.request("GET", "/", port, {}))
        finally:
            server.kill()
    assert (seen.due, seen.not_2xx) == (100, 0)
    assert seen.answered + seen.broken == 100
    assert seen.answered >= 90
