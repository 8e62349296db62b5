"""The load: wrk in a closed loop, pinned beside the origin."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.compare.process import pinned
from bench.compare.works import Work

SCRIPT = Path(__file__).with_name("load.lua")
ERRORS = ("connect", "read", "write", "timeout", "status")


class LoadFailed(Exception):
    """The load met an error answer or none: the run does not count."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What wrk saw: seconds it ran, latencies in microseconds."""

    requests: int
    seconds: float
    p50: int
    p99: int


def missing() -> str | None:
    """Why there is no load here, or None."""
    for program, package in (("wrk", "wrk"), ("taskset", "util-linux"), ("setpriv", "util-linux")):
        if not shutil.which(program):
            return f"{program} is not installed (apt install {package})"
    return None


class Load:
    """One wrk run in the background; finish() waits for it."""

    def __init__(self, work: Work, port: int, connections: int, seconds: int, core: int):
        request = [work.method, work.body.decode(), *(word for header in work.headers for word in header)]
        options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
        url = f"http://127.0.0.1:{port}{work.path}"
        self.limit = seconds + 20
        self.popen = subprocess.Popen(
            pinned(core, ["wrk", *options, "-s", str(SCRIPT), url, "--", *request]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()

    def finish(self) -> Outcome:
        """Its outcome; LoadFailed when any request went wrong, or wrk overran its time by 20 s."""
        try:
            text, _ = self.popen.communicate(timeout=self.limit)
        except subprocess.TimeoutExpired:
            raise LoadFailed(f"wrk did not end within {self.limit} s") from None
        return outcome(text)


def outcome(text: str) -> Outcome:
    """Read wrk's output; LoadFailed when it reports errors or no requests."""
    line = next((line for line in text.splitlines() if line.startswith("{")), None)
    if line is None:
        raise LoadFailed(f"wrk gave no result: {text.strip()[-300:]}")
    seen = json.loads(line)
    errors = {kind: seen[kind] for kind in ERRORS if seen[kind]}
    if errors or not seen["requests"]:
        raise LoadFailed(f"{seen['requests']} requests, errors {errors}")
    return Outcome(seen["requests"], seen["microseconds"] / 1e6, seen["p50"], seen["p99"])
