"""The origin behind every measured gateway, compiled at start.

It is C because the origin shares a core with the load generator: beside `return 200` in nginx it
costs about an eighth less per request, and it can say what a gateway sent (/echo).
"""

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("origin.c")
WARNINGS = ("-Wall", "-Wextra", "-Werror")

GET_BODY = b'{"message":"hello, client"}\n'
POST_BODY = b'{"received":true}\n'


def missing() -> str | None:
    """Why the origin cannot be built here, or None."""
    return None if shutil.which("gcc") else "gcc is not installed (apt install gcc libc6-dev)"


def build(folder: Path) -> Path:
    """Compile the origin into folder; subprocess.CalledProcessError when gcc refuses it."""
    program = folder / "origin"
    subprocess.run(["gcc", "-O2", *WARNINGS, "-o", program, SOURCE], check=True, timeout=60)
    return program
