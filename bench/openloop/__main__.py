"""python -m bench.openloop: 10,000 requests a second, open loop, with everything on; beside the bare origin.

Everything: 200 routes, 10,000 API keys, five levels of buckets, a 1 KB body checked against a model, an
access-log line, metrics, and the origin behind it. The exit status is 1 when a request failed.
"""

import argparse
import dataclasses
import datetime
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import openloop, report
from bench.compare import machine, process
from bench.compare.targets.fastgw import Fastgw
from bench.openloop import everything
from bench.openloop.everything import serving

WARM_SECONDS = 2


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.openloop", description=__doc__)
    parser.add_argument("--rate", type=int, default=10_000, help="requests a second (%(default)s)")
    parser.add_argument("--seconds", type=int, default=60, help="length of a run (%(default)s)")
    parser.add_argument("--connections", type=int, default=128, help="client connections (%(default)s)")
    parser.add_argument("--rounds", type=int, default=1, help="runs of origin and gateway in turn (%(default)s)")
    parser.add_argument("--output", type=Path, help="result file (bench/results/open-loop-DATE-MACHINE.json)")
    return parser.parse_args()


def measured(chosen: argparse.Namespace, folder: Path) -> dict[str, Any]:
    load = openloop.build(folder)
    with serving(folder) as served:
        ports = {"origin": served.origin_port, "fastgw": served.site.port}
        texts = {name: everything.request(port) for name, port in ports.items()}
        for name, port in ports.items():
            openloop.load(load, port, chosen.rate, WARM_SECONDS, chosen.connections, texts[name])
        runs = []
        for _ in range(chosen.rounds):
            for name, port in ports.items():
                before = process.cpu(served.gateway.tree())
                seen = openloop.load(load, port, chosen.rate, chosen.seconds, chosen.connections, texts[name])
                spent = (process.cpu(served.gateway.tree()) - before).total
                runs.append({"target": name, "cpu_seconds": spent, **dataclasses.asdict(seen)})
                print(runs[-1], file=sys.stderr, flush=True)
    return {"runs": runs, "versions": machine.versions([Fastgw()])}


def main() -> int:
    chosen = arguments()
    now = datetime.datetime.now(datetime.UTC)
    with tempfile.TemporaryDirectory(prefix="fastgw-bench-", dir=process.memory_folder()) as folder:
        result = measured(chosen, Path(folder))
    facts = machine.machine()
    result |= {
        "started": now.isoformat(timespec="seconds"),
        "command": " ".join(["python -m bench.openloop", *sys.argv[1:]]),
        "rate": chosen.rate, "seconds": chosen.seconds, "connections": chosen.connections, "machine": facts,
    }  # fmt: skip
    default = report.RESULTS / "open-loop" / f"{now:%Y-%m-%d}-{machine.machine_class(facts)}.json"
    file = chosen.output or default
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    print(report.open_loop(result))
    failed = any(run["due"] != run["answered"] or run["not_2xx"] or run["broken"] for run in result["runs"])
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
