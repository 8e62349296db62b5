"""Access-log files of a running gateway: rotation, reloads, killed and stopped processes."""

import json
import os
import signal
from collections import Counter
from pathlib import Path

from tests.support.client import Wire, eventually, get
from tests.support.definition import mock, openapi, several
from tests.support.load import Load
from tests.support.process import Gateway, children, command_line

DOCUMENT = openapi({"/fixed/{id}": {"get": mock(200, "{}")}})
ASK = get("/fixed/1")


def logging(**sections: object) -> dict:
    log = {"format": "$context.requestId $context.status $context.path", "file": "a.log"}
    return several({"pets": {"definition": "api.json"}}, **{"log": log, **sections})


def gateway(file: dict | None = None, **env: str) -> Gateway:
    return Gateway({"fastgw.yaml": file or logging(), "api.json": DOCUMENT}, env=env)


def lines(*paths: Path) -> list[list[str]]:
    """The lines of files, each of three words; no id is there twice."""
    text = "".join(path.read_text() for path in paths if path.exists())
    assert not text or text.endswith("\n")
    found = [line.split(" ") for line in text.splitlines()]
    assert all(len(words) == 3 and words[1].isdigit() for words in found)
    assert max(Counter(words[0] for words in found).values(), default=1) == 1
    return found


def control(pid: int) -> int:
    found = [child for child in children(pid) if b"fastgw.control.process" in command_line(child)]
    assert len(found) == 1
    return found[0]


def asked(served: Gateway) -> float:
    return served.metric("^fastgw_requests_total")


def settled(served: Gateway, pattern: str) -> None:
    """Every request has its line in one of the files."""
    served.wait_idle()
    eventually(lambda: len(lines(*served.folder.glob(pattern))) == asked(served), "a line for every request")


def test_renamed_under_load_and_sigusr1() -> None:
    """No line is lost, and none is there twice."""
    with gateway(FASTGW_WORKERS="2") as served:
        current, moved = served.folder / "a.log", [served.folder / f"moved.log.{n}" for n in range(5)]
        with Load(served.port, 8, ASK, b"{}") as load:
            for to in moved:
                eventually(lambda: current.exists() and len(lines_so_far(current)) > 200, "lines")
                current.rename(to)
                os.kill(served.pid, signal.SIGUSR1)
                eventually(current.exists, "the file anew")
        assert load.failures == {}
        settled(served, "*.log*")


def lines_so_far(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_rotated_by_size_under_load() -> None:
    with gateway(FASTGW_WORKERS="2", FASTGW_LOG_ROTATE_BYTES="40000", FASTGW_LOG_ROTATE_KEEP="1000") as served:
        with Load(served.port, 8, ASK, b"{}") as load:
            eventually(lambda: (served.folder / "a.log.5").exists(), "five renamed files")
        assert load.failures == {}
        settled(served, "a.log*")


def test_lines_are_dropped_and_counted_when_nobody_reads() -> None:
    """The control process is stopped: requests are served on, and what found no room is counted."""
    with gateway(FASTGW_LOG_BUFFER_BYTES="262144") as served:
        assert served.fetch(ASK).status == 200
        settled(served, "a.log")
        victim = control(served.pid)
        os.kill(victim, signal.SIGSTOP)
        try:
            with Wire(served.port) as wire:
                for _ in range(80):
                    wire.send(ASK * 100)
                    assert all(wire.answer().status == 200 for _ in range(100))
        finally:
            os.kill(victim, signal.SIGCONT)
        served.wait_idle()
        dropped = served.metric("^fastgw_log_dropped_total")
        assert 0 < dropped < 8001
        eventually(lambda: len(lines(served.folder / "a.log")) == 8001 - dropped, "what had room")
        assert served.metric("^fastgw_log_lines_total") == 8001 - dropped


def test_a_killed_worker_loses_no_line_that_it_wrote() -> None:
    with gateway() as served:
        with Wire(served.port) as wire:
            os.kill(control(served.pid), signal.SIGSTOP)
            wire.send(ASK * 100)
            assert all(wire.answer().status == 200 for _ in range(100))
            os.kill(served.workers()[0], signal.SIGKILL)
        os.kill(control(served.pid), signal.SIGCONT)
        eventually(lambda: served.ops("/readyz")[0] == 200, "readiness")
        eventually(lambda: len(lines(served.folder / "a.log")) == 100, "the lines of the dead worker")
        assert served.fetch(ASK).status == 200
        eventually(lambda: len(lines(served.folder / "a.log")) == 101, "the line of its successor")


def test_the_successor_of_the_control_process_goes_on() -> None:
    with gateway(FASTGW_WORKERS="2") as served:
        with Load(served.port, 8, ASK, b"{}") as load:
            for _ in range(3):
                answered = load.answered
                eventually(lambda before=answered: load.answered > before + 300, "traffic between kills")
                victim = control(served.pid)
                os.kill(victim, signal.SIGKILL)
                eventually(lambda gone=victim: gone not in children(served.pid), "its end")
                eventually(lambda: is_ready(served), "its successor", 20)
        assert load.failures == {}
        served.wait_idle()
        wanted = asked(served) - served.metric("^fastgw_log_dropped_total")     # while there was no successor

        def written() -> bool:
            text = (served.folder / "a.log").read_text()
            return text.endswith("\n") and len({line.split()[0] for line in text.splitlines()}) == wanted

        eventually(written, "a line for every request")
        assert all(len(line.split(" ")) == 3 for line in (served.folder / "a.log").read_text().splitlines())


def is_ready(served: Gateway) -> bool:
    try:
        return served.ops("/readyz")[0] == 200
    except OSError:
        return False


def test_everything_is_written_at_the_end() -> None:
    served = gateway()
    with served, Wire(served.port) as wire:
        wire.send(ASK * 500)
        assert all(wire.answer().status == 200 for _ in range(500))
        wire.close()
        served.wait_idle()
        os.kill(served.pid, signal.SIGTERM)
        assert served.exited() == 0
        assert len(lines(served.folder / "a.log")) == 500


def test_a_reload_goes_on_and_may_change_the_log() -> None:
    with gateway(FASTGW_WORKERS="2") as served:
        first, second = served.folder / "a.log", served.folder / "b.log"
        with Load(served.port, 4, ASK, b"{}") as load:
            eventually(lambda: load.answered > 100, "traffic")
            assert served.reload().returncode == 0
            log = {"format": "$context.extendedRequestId $context.status $context.routeKey", "file": "b.log"}
            served.write("fastgw.yaml", logging(log=log))
            assert served.reload().returncode == 0
            before = load.answered
            eventually(lambda: load.answered > before + 100, "traffic")
        assert load.failures == {}
        served.wait_idle()
        eventually(lambda: count(first) + count(second) == asked(served), "a line for every request")
        assert count(first) >= 100 and count(second) >= 100


def count(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_a_log_that_cannot_be_opened_refuses_a_reload() -> None:
    with gateway() as served:
        served.write("fastgw.yaml", logging(log={"preset": "json", "file": "no/such/a.log"}))
        told = served.reload()
        assert told.returncode == 1
        assert "fastgw.yaml:8:2: error: " in told.stdout + told.stderr
        assert "no/such/a.log: no such file or directory" in told.stdout + told.stderr
        assert served.fetch(ASK).status == 200
        eventually(lambda: count(served.folder / "a.log") == 1, "the old log")


def test_standard_output() -> None:
    with gateway(logging(log={"preset": "json", "file": "-"})) as served:
        served.fetch(get("/fixed/out"))
        found = eventually(lambda: [line for line in served.stderr().splitlines() if "/fixed/out" in line], "the line")
        assert json.loads(found[0])["status"] == 200  # type: ignore[index]
