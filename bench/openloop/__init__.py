"""An open-loop load, compiled at start: requests are due at a rate, whatever became of those before.

wrk waits for an answer before it asks again, so a target that stalls is asked less; this one is not fooled.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("openloop.c")
WARNINGS = ("-Wall", "-Wextra", "-Werror")


@dataclass(frozen=True, slots=True)
class Seen:
    """Counts of requests; latencies in microseconds from the time a request was due."""

    due: int
    answered: int
    not_2xx: int
    broken: int
    p50: int
    p99: int
    p999: int
    max: int

    @property
    def errors(self) -> int:
        return self.due - self.answered + self.not_2xx


def build(folder: Path) -> Path:
    """Compile it into folder; subprocess.CalledProcessError when gcc refuses it."""
    program = folder / "openloop"
    subprocess.run(["gcc", "-O2", *WARNINGS, "-o", program, SOURCE], check=True, timeout=60)
    return program


def request(method: str, path: str, port: int, headers: dict[str, str], body: bytes = b"") -> bytes:
    """The bytes that are sent again and again."""
    fields = {"Host": f"127.0.0.1:{port}", **headers}
    if body:
        fields |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def load(program: Path, port: int, rate: int, seconds: int, connections: int, text: bytes) -> Seen:
    """One run. Raises RuntimeError with its words where it could not even connect."""
    command = [str(program), str(port), str(rate), str(seconds), str(connections)]
    done = subprocess.run(command, input=text, capture_output=True, timeout=seconds + 60)
    if done.returncode:
        raise RuntimeError(f"the load ended with {done.returncode}: {done.stderr.decode().strip()}")
    return Seen(**json.loads(done.stdout))
