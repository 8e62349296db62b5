"""python -m bench.instructions: instructions in user mode that each part of the engine takes for one turn.

They are counted by valgrind, so a noisy machine does not matter: the count of a long loop less that of an
empty one, over its turns. The exit status is 1 when a part is over its budget (bench/micro/parts.py).
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from bench.micro.parts import HOME, PARTS, REFERENCE, Part, built

TURNS = 2000
COUNT = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]


def counted(probe: Path, part: Part, turns: int) -> int:
    """Instructions of a whole process that runs the part so many times."""
    command = [*COUNT, sys.executable, "-m", "bench.micro.parts", str(probe), part.name, str(turns)]
    # The same hash seed, so that the interpreter's own work is the same in both processes.
    environment = {"PYTHONHASHSEED": "0", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=HOME, env=environment, check=True)
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if found is None:
        raise RuntimeError(f"valgrind gave no count:\n{done.stderr}")
    return int(found[1].replace(",", ""))


def main() -> int:
    if not shutil.which("valgrind"):
        print("valgrind is not installed (apt install valgrind)", file=sys.stderr)
        return 2
    probe = built()
    counted(probe, REFERENCE, 0)  # the first run writes the interpreter's caches
    start = counted(probe, REFERENCE, 0)
    over = 0
    for part in (REFERENCE, *PARTS):
        count = (counted(probe, part, TURNS) - start) / TURNS
        over += count > part.instructions
        print(f"{part.name:30} {count:8.0f}  budget {part.instructions}", flush=True)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
