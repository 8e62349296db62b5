"""wrk against a gateway, and what it counted."""

import re
import shutil
import subprocess
from dataclasses import dataclass

import pytest

WRK = shutil.which("wrk")


@dataclass(frozen=True)
class Report:
    requests: int
    non_2xx: int
    socket_errors: int

    @property
    def failed(self) -> int:
        return self.non_2xx + self.socket_errors


class Load:
    """wrk for some seconds, started at once; report() waits for its end."""

    def __init__(self, port: int, path: str, seconds: int, connections: int = 32) -> None:
        if not WRK:
            pytest.skip("wrk is not installed")
        command = [WRK, "-t1", f"-c{connections}", f"-d{seconds}s", f"http://127.0.0.1:{port}{path}"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def report(self) -> Report:
        text, _ = self._process.communicate()
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        return Report(
            requests=int(re.search(r"(\d+) requests in", text)[1]),
            non_2xx=int(bad[1]) if bad else 0,
            socket_errors=sum(map(int, errors.groups())) if errors else 0,
        )
