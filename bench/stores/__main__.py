"""python -m bench.stores: one cache shared by the workers, or one for each? Compiled, in a model of both.

The figures behind docs/cache.md: CPU of a look-up, and hits of the same traffic with the same memory in all. Keys are
drawn by Zipf's law. Run it alone on the machine; rounds are interleaved, the median is kept.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import report
from bench.compare import machine

SOURCE = Path(__file__).with_name("stores.c")
KEYS, SKEW, LOOKUPS = 100_000, 0.9, 2_000_000
ENTRIES = (4096, 32_768)  # of 1 KiB, in all processes together
PROCESSES = (1, 2)


def looked(program: Path, mode: str, processes: int, entries: int) -> dict[str, float]:
    command = [program, mode, processes, KEYS, entries, SKEW, LOOKUPS]
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=300)
    return json.loads(done.stdout)


def measured(program: Path, rounds: int) -> list[dict[str, Any]]:
    cases = [(mode, p, e) for p in PROCESSES for e in ENTRIES for mode in ("private", "shared")]
    seen = {case: [] for case in cases}
    for _ in range(rounds):
        for case in cases:
            seen[case].append(looked(program, *case))
    return [
        {"store": mode, "processes": processes, "entries": entries}
        | {name: statistics.median(one[name] for one in seen[mode, processes, entries]) for name in ("hits", "ns")}
        for mode, processes, entries in cases
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.stores", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (%(default)s)")
    parser.add_argument("--output", type=Path, help="result file (bench/results/stores/DATE-MACHINE.json)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fastgw-stores-") as folder:
        program = Path(folder) / "stores"
        warnings = ("-Wall", "-Wextra", "-Werror")
        subprocess.run(["gcc", "-O2", *warnings, "-o", program, SOURCE, "-lm"], check=True, timeout=60)
        rows = measured(program, chosen.rounds)
    facts, today = machine.machine(), time.strftime("%Y-%m-%d", time.gmtime())
    result = {
        "started": today, "command": " ".join(["python -m bench.stores", *sys.argv[1:]]), "machine": facts,
        "keys": KEYS, "skew": SKEW, "lookups": LOOKUPS, "rows": rows,
    }  # fmt: skip
    file = chosen.output or report.RESULTS / "stores" / f"{today}-{machine.machine_class(facts)}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    for row in rows:
        print(row)
    return 0


if __name__ == "__main__":
    sys.exit(main())
